"""/agency/<slug>/storefront: the editor of an agency's own site, and the widget's snippet."""

from flask import flash, request
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts.forms import text
from marketplace.accounts.permissions import may
from marketplace.bookings import workspace_queries
from marketplace.core import web
from marketplace.core.db import db
from marketplace.core.errors import Invalid
from marketplace.core.typed import long_text
from marketplace.storefront import operations, prose
from marketplace.storefront.operations import Storefront
from marketplace.tenants.models import Agency

workspace = web.Room(
    "storefront_workspace", __name__, side="agency", url_prefix="/agency/<slug>/storefront"
)

Answer = str | tuple[str, int] | BaseResponse


@workspace.get("")
def edit(slug: str) -> Answer:
    """What the site says now."""
    agency = db.session().scalars(select(Agency)).one()
    return _page(slug, operations.storefront(agency), {})


@workspace.post("")
def save(slug: str) -> Answer:
    """Keep it, or show how it would look."""
    typed = Storefront(
        text(request.form, "headline", operations.HEADLINE_LENGTH),
        long_text(request.form, "about", operations.ABOUT_LENGTH),
        text(request.form, "accent", 160),
    )
    try:
        operations.save(db.session(), web.actor(), typed)
    except Invalid as error:
        return _page(slug, typed, error.errors)
    flash("Your site is saved.", "good")
    return web.go(f"/agency/{slug}/storefront")


def _page(slug: str, told: Storefront, errors: dict[str, str]) -> Answer:
    session = db.session()
    return web.render(
        "storefront/edit.html",
        status=422 if errors else 200,
        agency=web.membership(),
        counts=workspace_queries.waiting(session),
        base=f"/agency/{slug}/storefront",
        site=f"{web.config().base_url}/agencies/{slug}",
        script=f"{web.config().base_url}/embed.js",
        told=told,
        preview=prose.html(told.about),
        may_write=may(web.actor().role, "settings.edit"),
        errors=errors,
        limits=operations,
    )
