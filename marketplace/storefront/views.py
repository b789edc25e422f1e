"""/agencies/<name>: an agency's own site. It sets no cookie; booking is the platform's."""

from dataclasses import replace
from uuid import UUID

from flask import Response, make_response, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core import assets, context, kept, storage, web
from marketplace.core.db import db, open_session
from marketplace.core.errors import NotFound
from marketplace.core.pages import ROOT
from marketplace.search.state import SearchState
from marketplace.storefront import colours, domains, logos, page_operations, prose
from marketplace.storefront import shop as shops
from marketplace.storefront.operations import storefront
from marketplace.storefront.shop import Shop
from marketplace.tenants import hosts

room = web.Room("storefront", __name__, side="public")

SHOWN = 20
IN_WIDGET = 5


@room.get("/agencies/<name>")
def show(name: str) -> BaseResponse:
    """The agency, its text and its rotations."""
    shop = _shop(name)
    state = SearchState.parse(request.args)
    cards, total, number, pages = shops.cards(db.session(), name, state.page, SHOWN)
    return kept.answer(
        (shop, cards, total, number),
        lambda: web.render(
            "storefront/show.html",
            shop=shop,
            about=prose.html(shop.told.about),
            cards=cards,
            total=total,
            number=number,
            pages=pages,
            canonical_url=shop.url,
        ),
    )


@room.get("/agencies/<name>/pages/<page>")
def page(name: str, page: str) -> BaseResponse:
    """One of the agency's own pages. A draft is as good as a missing one."""
    shop = _shop(name)
    agency = shops.agency(db.session(), name)
    found = page_operations.public_page(db.session(), agency.id, page)
    title, text = found.live_title, found.live_text
    return kept.answer(
        (shop, title, text),
        lambda: web.render(
            "storefront/page.html",
            shop=shop,
            here=page,
            title=title,
            text=prose.html(text, "h2"),
            canonical_url=f"{shop.url}/pages/{page}",
        ),
    )


@room.get("/agencies/<name>/theme.css")
def theme(name: str) -> BaseResponse:
    """The agency's colours as tokens."""
    told = storefront(shops.agency(db.session(), name))
    text = colours.stylesheet(told.accent)
    return _file(text, "text/css", shops.short(text))


@room.get("/agencies/<name>/logo-<digest>.png")
def logo(name: str, digest: str) -> BaseResponse:
    """The agency's logo. Its address changes with it, so that it may be kept for ever."""
    agency = shops.agency(db.session(), name)
    found = logos.logo(agency)
    if found is None or found.name != f"logo-{digest}.png":
        raise NotFound
    with open_session(context.agency(agency.id), readonly=True) as session:
        content = storage.read(session, UUID(found.file_id))
    answer = Response(content, mimetype="image/png")
    answer.set_etag(digest)
    answer.headers["Cache-Control"] = assets.ONE_YEAR
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return answer.make_conditional(request)


@room.get("/agencies/<name>/widget")
def widget(name: str) -> BaseResponse:
    """The first listings, made to stand in a frame on the agency's own pages."""
    shop = replace(_shop(name), base=f"/agencies/{name}")
    web.allow_framing()
    cards, total, _, _ = shops.cards(db.session(), name, 1, IN_WIDGET)
    return make_response(
        web.render(
            "storefront/widget.html",
            shop=shop,
            url=f"{web.config().base_url}/agencies/{name}",
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
    return _file(text, "text/javascript", shops.short(text))


@room.get("/hosts/certificate")
def certificate() -> BaseResponse:
    """A proxy asks before it gets a certificate for a host: 200 when it may, 404 when not
    (docs/storefronts.md)."""
    name = request.args.get("domain", "")[:253]
    yes = domains.may_have_certificate(db.session(), name, web.config().base_url)
    return Response("yes\n" if yes else "no\n", 200 if yes else 404, mimetype="text/plain")


def _shop(name: str) -> Shop:
    session = db.session()
    own_host = hosts.FLAG in request.environ
    return shops.shop(
        session, shops.agency(session, name), web.config().base_url, own_host=own_host
    )


def _file(text: str, media_type: str, tag: str) -> BaseResponse:
    answer = Response(text, mimetype=media_type)
    answer.set_etag(tag)
    answer.headers["Cache-Control"] = "public, max-age=300, must-revalidate"
    return answer.make_conditional(request)
