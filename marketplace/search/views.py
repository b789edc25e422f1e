"""The search page, its fragments, the type-ahead of cities."""

import hashlib
from functools import cache
from typing import Any

from flask import Response, current_app, make_response, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core import web
from marketplace.core.db import db
from marketplace.core.pages import ROOT
from marketplace.search import finding
from marketplace.search.facets import COUNTED
from marketplace.search.finding import Found
from marketplace.search.page import compose
from marketplace.search.state import SearchState

room = web.Room("search", __name__, "public")
_DOLLARS = (("min", "price_min"), ("max", "price_max"))
"""Fields of the form in whole dollars, and the parameters in cents that they become."""


@room.get("/rotations")
def find() -> BaseResponse:
    """The page, or its results when htmx asks for a part."""
    catalog = finding.known(db.session())
    state = SearchState.parse(_args(), catalog)
    if not web.is_fragment() and any(name in request.args for name, _ in _DOLLARS):
        return redirect(finding.address(state), 302)
    on_map = state.view == "map"
    found = finding.find(db.session(), state, catalog, COUNTED, with_rows=not on_map)
    answer = _fresh(found) or make_response(_rendered(found))
    if web.is_fragment():
        answer.headers["HX-Push-Url"] = finding.address(found.state)
    if web.viewer() is None:
        answer.set_etag(_tag(found), weak=True)
    return answer


@room.get("/rotations/cities")
def cities() -> BaseResponse:
    """The cities that match what is typed (`find`), or all of them (`cities=all`), counted under
    the rest of the search. A whole page when a person opens the address."""
    catalog = finding.known(db.session())
    state = SearchState.parse(_args(), catalog)
    if not web.is_fragment():
        return redirect(f"/rotations?{request.query_string.decode('ascii', 'ignore')}", 302)
    found = finding.find(db.session(), state, catalog, ("city",), with_rows=False)
    shown = compose(found, typed=_typed(), all_cities=_all_cities())
    return make_response(render_template("search/_city_list.html", found=shown))


def _typed() -> str:
    return request.args.get("find", "").strip()[:60]


def _all_cities() -> bool:
    return request.args.get("cities") == "all"


def _args() -> MultiDict[str, str]:
    """The query string, the form's dollars turned into cents."""
    args = MultiDict(request.args)
    for dollars, cents in _DOLLARS:
        typed = args.pop(dollars, "").strip().replace(",", "").removeprefix("$")
        if typed:
            args[cents] = f"{typed}00" if typed.isdecimal() else typed
    return args


def _rendered(found: Found) -> tuple[str, int] | str:
    shown = compose(found, typed=_typed(), all_cities=_all_cities())
    return web.render(
        "search/find.html",
        "search/_results.html",
        found=shown,
        s=shown.state,
        q=shown.state.q,
        canonical_url=web.config().base_url + finding.address(shown.state),
    )


def _tag(found: Found) -> str:
    """The validator of a guest's answer: all it tells, its form, the chosen theme."""
    theme = request.cookies.get("theme", "")
    return found.tag(str(web.is_fragment()), theme, _typed(), str(_all_cities()), _release())


def _fresh(found: Found) -> Response | None:
    """304 when a guest's browser holds this very answer: nothing is rendered."""
    if web.viewer() is None and request.if_none_match.contains_weak(_tag(found)):
        return Response(status=304)
    return None


@cache
def _release() -> str:
    """Changes with the style sheets, the scripts and the templates of the page."""
    url: Any = current_app.jinja_env.globals["asset_url"]
    made = hashlib.sha256()
    for name in ("app.css", "site.css", "app.js", "icons.svg"):
        made.update(url(name).encode())
    for folder in ("search", "layouts", "components", "."):
        for path in sorted((ROOT / "templates" / folder).glob("*.html")):
            made.update(path.read_bytes())
    return made.hexdigest()[:16]
