"""The search page, its fragments, the type-ahead of cities."""

import hashlib
from functools import cache
from typing import Any

from flask import Response, current_app, make_response, redirect, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core import web
from marketplace.core.db import db
from marketplace.core.pages import ROOT
from marketplace.search import page as pages
from marketplace.search.page import SearchPage, address

room = web.Room("search", __name__, "public")
_DOLLARS = (("min", "price_min"), ("max", "price_max"))
"""Fields of the form in whole dollars, and the parameters in cents that they become."""


@room.get("/rotations")
def find() -> BaseResponse:
    """The page, or its results when htmx asks for a part."""
    catalog = pages.known(db.session())
    state = pages.read(_args(), catalog)
    if not web.is_fragment() and any(name in request.args for name, _ in _DOLLARS):
        return redirect(address(state), 302)
    shown = pages.compose(db.session(), state, catalog)
    answer = make_response(_unchanged(shown) or _rendered(shown))
    if web.is_fragment():
        answer.headers["HX-Push-Url"] = address(shown.state)
    return _with_tag(answer, shown)


def _args() -> MultiDict[str, str]:
    """The query string, the form's dollars turned into cents."""
    args = MultiDict(request.args)
    for dollars, cents in _DOLLARS:
        typed = args.pop(dollars, "").strip().replace(",", "").removeprefix("$")
        if typed:
            args[cents] = f"{typed}00" if typed.isdecimal() else typed
    return args


def _rendered(shown: SearchPage) -> tuple[str, int] | str:
    canonical = web.config().base_url + address(shown.state)
    return web.render(
        "search/find.html",
        "search/_results.html",
        found=shown,
        s=shown.state,
        q=shown.state.q,
        canonical_url=canonical,
    )


def _tag(shown: SearchPage) -> str:
    """The validator of an anonymous answer: all it shows, its form, the chosen theme."""
    return shown.tag(str(web.is_fragment()), request.cookies.get("theme", ""), _release())


def _unchanged(shown: SearchPage) -> Response | None:
    """304 when a guest's browser holds this very answer: nothing is rendered."""
    if web.viewer() is None and request.if_none_match.contains_weak(_tag(shown)):
        return Response(status=304)
    return None


def _with_tag(answer: Response, shown: SearchPage) -> Response:
    if web.viewer() is None:
        answer.set_etag(_tag(shown), weak=True)
    return answer


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
