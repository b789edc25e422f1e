"""/agency/<slug>/storefront: how an agency's own site looks, and the widget's snippet."""

from uuid import UUID

from flask import Response, flash, request
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts.forms import text
from marketplace.core import storage, web
from marketplace.core.db import db
from marketplace.core.errors import Invalid, NotFound
from marketplace.core.typed import long_text
from marketplace.storefront import colours, domains, logos, operations, pictures, prose
from marketplace.storefront import shop as shops
from marketplace.storefront.frame import frame
from marketplace.storefront.operations import Storefront
from marketplace.tenants.models import Agency

workspace = web.Room(
    "storefront_workspace", __name__, side="agency", url_prefix="/agency/<slug>/storefront"
)

Answer = str | tuple[str, int] | BaseResponse


@workspace.get("")
def edit(slug: str) -> Answer:
    """What the site says now."""
    agency = _agency()
    return _page(agency, operations.storefront(agency), _alt(agency), {})


@workspace.post("")
def save(slug: str) -> Answer:
    """Keep text and colour."""
    typed = Storefront(
        text(request.form, "headline", operations.HEADLINE_LENGTH),
        long_text(request.form, "about", operations.ABOUT_LENGTH),
        text(request.form, "accent", 160),
    )
    try:
        operations.save(db.session(), web.actor(), typed)
    except Invalid as error:
        agency = _agency()
        return _page(agency, typed, _alt(agency), error.errors)
    flash("Your site is saved.", "good")
    return web.go(f"/agency/{slug}/storefront")


@workspace.post("/logo")
def save_logo(slug: str) -> Answer:
    """Keep a logo, or only its description when no file is sent."""
    file = request.files.get("logo")
    content = file.read(pictures.MAX_BYTES + 1) if file else b""
    alt = text(request.form, "alt", logos.ALT_LENGTH)
    try:
        logos.save(db.session(), web.actor(), content, alt)
    except Invalid as error:
        agency = _agency()
        return _page(agency, operations.storefront(agency), alt, error.errors)
    flash("Your logo is saved.", "good")
    return web.go(f"/agency/{slug}/storefront")


@workspace.post("/logo/remove")
def remove_logo(slug: str) -> Answer:
    """Show the name in words again."""
    logos.remove(db.session(), web.actor())
    flash("Your logo is removed. Your site shows your name in words.", "info")
    return web.go(f"/agency/{slug}/storefront")


@workspace.get("/logo.png")
def logo(slug: str) -> Answer:
    """The logo for the team, also before the agency is public."""
    found = logos.logo(_agency())
    if found is None:
        raise NotFound
    answer = Response(storage.read(db.session(), UUID(found.file_id)), mimetype="image/png")
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@workspace.get("/theme.css")
def theme(slug: str) -> Answer:
    """The colours for the team's previews, also before the agency is public."""
    told = operations.storefront(_agency())
    answer = Response(colours.stylesheet(told.accent), mimetype="text/css")
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@workspace.get("/preview")
def preview(slug: str) -> Answer:
    """The site's first page as visitors will see it."""
    agency = _agency()
    shop = shops.for_team(db.session(), agency, web.config().base_url)
    cards, total, number, pages = shops.cards(db.session(), slug, 1, 20)
    return web.render(
        "storefront/show.html",
        shop=shop,
        about=prose.html(shop.told.about),
        cards=cards,
        total=total,
        number=number,
        pages=pages if pages < 2 else 1,
        preview={"back": f"/agency/{slug}/storefront", "publish": "", "words": _FIRST},
    )


_FIRST = "This is how visitors see the first page of your site."


def _agency() -> Agency:
    return db.session().scalars(select(Agency)).one()


def _alt(agency: Agency) -> str:
    found = logos.logo(agency)
    return found.alt if found else ""


def _page(agency: Agency, told: Storefront, alt: str, errors: dict[str, str]) -> Answer:
    base_url = web.config().base_url
    return web.render(
        "storefront/edit.html",
        status=422 if errors else 200,
        **frame(agency.slug),
        site=domains.site_url(db.session(), agency, base_url),
        is_public=agency.is_public,
        script=f"{base_url}/embed.js",
        told=told,
        preview_text=prose.html(told.about),
        picture=logos.logo(agency),
        alt=alt,
        logo_hint=pictures.HINT,
        logo_accept=pictures.ACCEPT,
        errors=errors,
        limits=operations,
    )
