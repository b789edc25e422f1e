"""The search page and its fragments, the same search as JSON, the open feed."""

import hashlib
from collections.abc import Iterator, Mapping
from uuid import UUID

from flask import (
    Response,
    make_response,
    redirect,
    render_template,
    request,
    stream_with_context,
)
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core import clock, context, kept, web
from marketplace.core.db import db, open_session
from marketplace.core.errors import NotFound
from marketplace.discovery import places
from marketplace.saved.queries import saved_of
from marketplace.search import api, finding, free_text, works_for_me
from marketplace.search.facets import COUNTED, FOLDED
from marketplace.search.finding import Found
from marketplace.search.openapi import document
from marketplace.search.page import compose
from marketplace.search.port import FACETS
from marketplace.search.rows import listings
from marketplace.search.state import SearchState

room = web.Room("search", __name__, "public")
_FORM_ONLY = ("min", "max", "ask")
"""What only a form sends: its answer moves on to the clean address. `ask`: the words were
submitted, so what they say becomes filters; while one types, they are only searched."""
_DOLLARS = (("min", "price_min"), ("max", "price_max"))
"""Fields of the form in whole dollars, and the parameters in cents that they become."""


@room.get("/rotations")
def find() -> BaseResponse:
    """The page, or its results when htmx asks for a part."""
    catalog = finding.known(db.session())
    state = SearchState.parse(_args(), catalog)
    if "ask" in request.args:
        state = free_text.read(state, clock.now().date())
    if not web.is_fragment() and any(name in request.args for name in _FORM_ONLY):
        return redirect(finding.address(state), 302)
    on_map = state.view == "map"
    who = works_for_me.who(_person(), state)
    found = finding.find(
        db.session(), state, catalog, COUNTED, with_rows=not on_map, candidate=who.facts
    )
    form = ("ask" in request.args, _all_cities(), _typed(), sorted(_unfolded()))
    answer = kept.answer((found.tag(), form), lambda: _rendered(found, who))
    if web.is_fragment():
        answer.headers["HX-Push-Url"] = finding.address(found.state)
    return answer


@room.get("/rotations/cities")
def cities() -> BaseResponse:
    """The cities that match what is typed (`find`), or all of them (`cities=all`), counted under
    the rest of the search. A whole page when a person opens the address."""
    catalog = finding.known(db.session())
    state = SearchState.parse(_args(), catalog)
    if not web.is_fragment():
        return redirect(f"/rotations?{request.query_string.decode('ascii', 'ignore')}", 302)
    who = works_for_me.who(_person(), state)
    found = finding.find(
        db.session(), state, catalog, ("city",), with_rows=False, candidate=who.facts
    )
    shown = compose(found, typed=_typed(), all_cities=_all_cities())
    return make_response(render_template("search/_city_list.html", found=shown))


@room.get("/rotations/values/<facet>")
def values(facet: str) -> BaseResponse:
    """The values of a long facet, all of them (`more` names it) or the first few, counted under
    the rest of the search. A whole page when a person opens the address."""
    if facet not in FOLDED:
        raise NotFound
    if not web.is_fragment():
        return redirect(f"/rotations?{request.query_string.decode('ascii', 'ignore')}", 302)
    catalog = finding.known(db.session())
    state = SearchState.parse(_args(), catalog)
    facts = works_for_me.who(_person(), state).facts
    found = finding.find(db.session(), state, catalog, (facet,), with_rows=False, candidate=facts)
    shown = compose(found, unfolded=_unfolded())
    return make_response(render_template("search/_values.html", found=shown, f=shown.facets[facet]))


@room.get("/api/v1/rotations")
def api_find() -> BaseResponse:
    """The same search as JSON. Only the address tells about the candidate, never who is signed
    in: everybody gets the same answer."""
    catalog = finding.known(db.session())
    state = SearchState.parse(request.args, catalog)
    facts = works_for_me.who(None, state).facts
    found = finding.find(db.session(), state, catalog, FACETS, candidate=facts)
    tag = found.tag(*state.notes)
    return _known(tag) or _json(api.answer(found, web.config().base_url), tag)


@room.get("/api/v1/rotations/<rotation_id>")
def api_one(rotation_id: str) -> BaseResponse:
    """One published rotation as JSON, for the asked length where it has it."""
    try:
        key = UUID(rotation_id)
    except ValueError:
        raise NotFound from None
    weeks = SearchState.parse(request.args).weeks
    rows = (weeks and listings(db.session(), [key], weeks)) or listings(db.session(), [key])
    if not rows:
        raise NotFound
    value = api.hit(rows[0], web.config().base_url)
    tag = hashlib.blake2b(api.line(value).encode(), digest_size=16).hexdigest()
    return _known(tag) or _json(value, tag)


@room.get("/api/v1/openapi.json")
def openapi() -> BaseResponse:
    """The description of this interface."""
    return _json(document(), "")


@room.get("/feeds/rotations.jsonl")
def feed() -> BaseResponse:
    """Every published rotation, one a line. The body is read while it is sent, in a session of
    its own, because the request's session ends before."""
    stamp = api.feed_stamp(db.session())
    base_url, scope = web.config().base_url, context.public()

    def lines() -> Iterator[str]:
        with open_session(scope, readonly=True) as session:
            yield from api.feed(session, base_url)

    answer = Response(stream_with_context(lines()), mimetype=api.NDJSON)
    answer.set_etag(hashlib.blake2b(f"{stamp}{base_url}".encode()).hexdigest()[:32], weak=True)
    answer.last_modified = api.feed_changed_at(stamp)
    return _open(answer).make_conditional(request)


def _json(value: Mapping[str, object], tag: str) -> Response:
    answer = Response(api.line(value), mimetype="application/json")
    if tag:
        answer.set_etag(tag, weak=True)
    return _open(answer)


def _known(tag: str) -> Response | None:
    """304 when the caller holds this very answer."""
    if not request.if_none_match.contains_weak(tag):
        return None
    answer = _open(Response(status=304))
    answer.set_etag(tag, weak=True)
    return answer


def _open(answer: Response) -> Response:
    """Public data, the same for everyone, from any site; always asked again."""
    answer.headers["Cache-Control"] = "public, max-age=0, must-revalidate"
    answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer


def _person() -> UUID | None:
    viewer = web.viewer()
    return viewer.person_id if viewer else None


def _typed() -> str:
    return request.args.get("find", "").strip()[:60]


def _unfolded() -> frozenset[str]:
    return frozenset(request.args.getlist("more")).intersection(FOLDED)


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


def _rendered(found: Found, who: works_for_me.Who) -> tuple[str, int] | str:
    shown = compose(found, who, typed=_typed(), all_cities=_all_cities(), unfolded=_unfolded())
    return web.render(
        "search/find.html",
        "search/_results.html",
        found=shown,
        s=shown.state,
        q=shown.state.q,
        asked="ask" in request.args,
        saved=saved_of(_person()),
        about=places.of_search(shown.state),
        canonical_url=web.config().base_url + finding.address(shown.state.impersonal),
    )
