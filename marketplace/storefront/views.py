"""/agencies/<name>: an agency's own site. It sets no cookie; booking is the platform's."""

import hashlib

from flask import Response, make_response, request
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core import kept, web
from marketplace.core.db import db
from marketplace.core.errors import NotFound
from marketplace.core.pages import ROOT
from marketplace.search import finding
from marketplace.search.page import Card, card
from marketplace.search.state import SearchState
from marketplace.storefront import colours, prose
from marketplace.storefront.operations import storefront
from marketplace.tenants.models import Agency

room = web.Room("storefront", __name__, side="public")

SHOWN = 20
IN_WIDGET = 5


@room.get("/agencies/<name>")
def show(name: str) -> BaseResponse:
    """The agency, its text and its rotations."""
    agency = _agency(name)
    state = SearchState.parse(request.args)
    cards, total, number, pages = _cards(name, state.page, SHOWN)
    told = storefront(agency)
    base = f"/agencies/{name}"
    return kept.answer(
        (agency.name, told, cards, total, number),
        lambda: web.render(
            "storefront/show.html",
            name=agency.name,
            base=base,
            told=told,
            about=prose.html(told.about),
            theme_url=f"{base}/theme.css?v={_short(told.accent)}",
            cards=cards,
            total=total,
            number=number,
            pages=pages,
        ),
    )


@room.get("/agencies/<name>/theme.css")
def theme(name: str) -> BaseResponse:
    """The agency's colours as tokens."""
    text = colours.stylesheet(storefront(_agency(name)).accent)
    return _file(text, "text/css", _short(text))


@room.get("/agencies/<name>/widget")
def widget(name: str) -> BaseResponse:
    """The first listings, made to stand in a frame on the agency's own pages."""
    agency = _agency(name)
    web.allow_framing()
    cards, total, _, _ = _cards(name, 1, IN_WIDGET)
    told = storefront(agency)
    return make_response(
        web.render(
            "storefront/widget.html",
            name=agency.name,
            url=f"{web.config().base_url}/agencies/{name}",
            theme_url=f"/agencies/{name}/theme.css?v={_short(told.accent)}",
            cards=cards,
            total=total,
            viewer=None,
            news=(),
        )
    )


@room.get("/embed.js")
def embed() -> BaseResponse:
    """The script of the widget: it puts a frame in the place of the agency's link."""
    text = (ROOT / "static" / "js" / "embed.js").read_text()
    return _file(text, "text/javascript", _short(text))


def _agency(name: str) -> Agency:
    """The agency of this address, in public scope: what is not public is not found."""
    found = db.session().scalars(select(Agency).where(Agency.slug == name)).one_or_none()
    if found is None or not found.is_public:
        raise NotFound
    return found


def _cards(name: str, page: int, size: int) -> tuple[tuple[Card, ...], int, int, int]:
    """Only this agency's listings: the address decides, nothing that a reader sends."""
    known = finding.known(db.session())
    asked = SearchState(page=page, per_page=size)
    found = finding.find(db.session(), asked, known, (), only_agency=name)
    cards = tuple(card(row, SearchState(), known) for row in found.rows)
    return cards, found.result.total, found.state.page, found.result.pages


def _short(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _file(text: str, media_type: str, tag: str) -> BaseResponse:
    answer = Response(text, mimetype=media_type)
    answer.set_etag(tag)
    answer.headers["Cache-Control"] = "public, max-age=300, must-revalidate"
    return answer.make_conditional(request)
