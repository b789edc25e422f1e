"""/agency/<slug>/storefront/pages and /address: an agency's own pages, and where its site is."""

from urllib.parse import urlsplit
from uuid import UUID

from flask import flash, request
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts.forms import text
from marketplace.accounts.permissions import may, require
from marketplace.core import web
from marketplace.core.db import db
from marketplace.core.errors import Invalid
from marketplace.core.typed import long_text
from marketplace.storefront import domains, page_operations, prose
from marketplace.storefront import shop as shops
from marketplace.storefront.frame import frame
from marketplace.storefront.models import StorefrontPage
from marketplace.storefront.operations import MAY
from marketplace.tenants import hostnames
from marketplace.tenants.models import Agency

site = web.Room("storefront_site", __name__, side="agency", url_prefix="/agency/<slug>/storefront")

Answer = str | tuple[str, int] | BaseResponse


def _pages(slug: str, key: UUID | None = None, tail: str = "") -> str:
    return f"/agency/{slug}/storefront/pages{f'/{key}' if key else ''}{tail}"


def _agency() -> Agency:
    return db.session().scalars(select(Agency)).one()


# --- pages --------------------------------------------------------------------------------------


@site.get("/pages")
def pages(slug: str) -> Answer:
    """Every page in its order, drafts too."""
    rows = page_operations.pages(db.session(), web.membership().agency_id)
    most = page_operations.MOST_PAGES
    agency = _agency()
    site = domains.site_url(db.session(), agency, web.config().base_url)
    return web.render(
        "storefront/pages.html",
        **frame(slug),
        rows=rows,
        most=most,
        site=site if agency.is_public else "",
    )


@site.get("/pages/new")
def new(slug: str) -> Answer:
    """An empty page."""
    require(web.actor(), MAY)
    return _editor(slug, None, {"title": "", "slug": "", "text": ""}, {})


@site.post("/pages")
def add(slug: str) -> Answer:
    """Keep a new page as a draft; then whatever button was pressed."""
    typed = _typed()
    try:
        page = page_operations.add(db.session(), web.actor(), **typed)
        return _done(slug, page)
    except Invalid as error:
        db.session.rollback()
        return _editor(slug, None, typed, error.errors)


@site.get("/pages/<uuid:key>")
def edit(slug: str, key: UUID) -> Answer:
    """What is written, published or not."""
    require(web.actor(), MAY)
    page = page_operations.page(db.session(), key)
    return _editor(slug, page, {"title": page.title, "slug": page.slug, "text": page.text}, {})


@site.post("/pages/<uuid:key>")
def save(slug: str, key: UUID) -> Answer:
    """Keep what is written; then whatever button was pressed."""
    typed = _typed()
    try:
        page = page_operations.save(db.session(), web.actor(), key, **typed)
        return _done(slug, page)
    except Invalid as error:
        db.session.rollback()
        return _editor(slug, page_operations.page(db.session(), key), typed, error.errors)


@site.get("/pages/<uuid:key>/preview")
def preview(slug: str, key: UUID) -> Answer:
    """What is written now, as visitors will see it."""
    page = page_operations.page(db.session(), key)
    writes = may(web.actor().role, MAY)
    return web.render(
        "storefront/page.html",
        shop=shops.for_team(db.session(), _agency(), web.config().base_url),
        here=page.slug,
        title=page.title,
        text=prose.html(page.text, "h2"),
        preview={
            "back": _pages(slug, key if writes else None),
            "publish": _pages(slug, key, "/publish") if writes and _differs(page) else "",
            "words": _words(page),
        },
    )


@site.post("/pages/<uuid:key>/publish")
def publish(slug: str, key: UUID) -> Answer:
    """Show visitors what is written now."""
    try:
        page = page_operations.publish(db.session(), web.actor(), key)
    except Invalid as error:
        page = page_operations.page(db.session(), key)
        typed = {"title": page.title, "slug": page.slug, "text": page.text}
        return _editor(slug, page, typed, error.errors)
    flash(f"“{page.title}” is published.", "good")
    return web.go(_pages(slug))


@site.post("/pages/<uuid:key>/hide")
def hide(slug: str, key: UUID) -> Answer:
    """Take a page back; its text stays."""
    page = page_operations.take_back(db.session(), web.actor(), key)
    flash(f"“{page.title}” is hidden from visitors. Its text is kept.", "info")
    return web.go(_pages(slug))


@site.post("/pages/<uuid:key>/remove")
def remove(slug: str, key: UUID) -> Answer:
    """Delete a page."""
    page_operations.remove(db.session(), web.actor(), key)
    flash("The page is deleted.", "info")
    return web.go(_pages(slug))


@site.post("/pages/<uuid:key>/up")
def up(slug: str, key: UUID) -> Answer:
    """One place further to the front."""
    page_operations.move_up(db.session(), web.actor(), key)
    return web.go(_pages(slug))


def _typed() -> dict[str, str]:
    return {
        "title": text(request.form, "title", page_operations.TITLE_LENGTH),
        "slug": text(request.form, "slug", page_operations.SLUG_LENGTH + 1),
        "text": long_text(request.form, "text", page_operations.TEXT_LENGTH),
    }


def _done(slug: str, page: StorefrontPage) -> Answer:
    wanted = request.form.get("do", "save")
    if wanted == "preview":
        return web.go(_pages(slug, page.id, "/preview"))
    if wanted == "publish":
        page_operations.publish(db.session(), web.actor(), page.id)
        flash(f"“{page.title}” is published.", "good")
        return web.go(_pages(slug))
    flash("Saved as a draft. Visitors see it when you publish it.", "good")
    return web.go(_pages(slug, page.id))


def _differs(page: StorefrontPage) -> bool:
    return not page.is_public or page.is_changed


def _words(page: StorefrontPage) -> str:
    if not page.is_public:
        return "A draft: only your team sees it."
    if page.is_changed:
        return "Visitors still see the version before this one."
    return "Visitors see exactly this."


def _editor(
    slug: str, page: StorefrontPage | None, typed: dict[str, str], errors: dict[str, str]
) -> Answer:
    return web.render(
        "storefront/page_edit.html",
        status=422 if errors else 200,
        **frame(slug),
        own=page,
        f=typed,
        errors=errors,
        limits=page_operations,
    )


# --- address ------------------------------------------------------------------------------------


@site.get("/address")
def address(slug: str) -> Answer:
    """Where the site is, and how to show it on a name of one's own."""
    return _address_page(slug, "", {})


@site.post("/address")
def add_address(slug: str) -> Answer:
    """Ask for a name."""
    typed = text(request.form, "host", 260)
    try:
        found = domains.add(db.session(), web.actor(), typed, web.config().base_url)
    except Invalid as error:
        return _address_page(slug, typed, error.errors)
    flash(f"{found.host} is added. Now put the record into its DNS.", "good")
    return web.go(f"/agency/{slug}/storefront/address#d-{found.id}")


@site.post("/address/<uuid:key>/look")
def look(slug: str, key: UUID) -> Answer:
    """Have the record looked up now."""
    if domains.look_again(db.session(), web.actor(), key):
        flash("We are looking. Reload this page in a few seconds.", "info")
    else:
        flash("We looked a moment ago. Wait a few seconds and try again.", "info")
    return web.go(f"/agency/{slug}/storefront/address#d-{key}")


@site.post("/address/<uuid:key>/remove")
def remove_address(slug: str, key: UUID) -> Answer:
    """Give a name up."""
    domains.remove(db.session(), web.actor(), key)
    flash("The name is removed. Your site is not shown on it any more.", "info")
    return web.go(f"/agency/{slug}/storefront/address")


def _address_page(slug: str, typed: str, errors: dict[str, str]) -> Answer:
    parts = urlsplit(web.config().base_url)
    own = f"{slug}.{parts.netloc}"
    named = hostnames.agency_of(own, web.config().base_url) and not hostnames.is_number(
        parts.hostname
    )
    rows = domains.domains(db.session(), web.membership().agency_id)
    return web.render(
        "storefront/address.html",
        status=422 if errors else 200,
        **frame(slug),
        rows=[(one, *domains.record_of(one)) for one in rows],
        page_url=f"{web.config().base_url}/agencies/{slug}",
        subdomain=f"{parts.scheme}://{own}" if named else "",
        platform_host=parts.hostname or "",
        f=typed,
        errors=errors,
    )
