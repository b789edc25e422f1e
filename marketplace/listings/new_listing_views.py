"""/agency/<slug>/listings/new: a draft, with a site and an attending that may be new."""

from uuid import UUID

from flask import flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts.permissions import require
from marketplace.core import context, jobs, web
from marketplace.core.db import db, open_session
from marketplace.core.errors import Conflict, Invalid, TooMany
from marketplace.desk.frame import frame
from marketplace.listings import (
    catalog,
    cities,
    editor_page,
    inviting,
    making,
    new_listing,
    places,
)
from marketplace.listings.new_listing import DOCTOR_FIELDS, FIRST_WEEKS, SITE_FIELDS, Beginning
from marketplace.listings.places import Invitation

beginning = web.Room("new_listing", __name__, side="agency", url_prefix="/agency/<slug>")

Answer = str | tuple[str, int] | BaseResponse
_USUAL = dict.fromkeys(
    (*(f"site_{name}" for name in SITE_FIELDS), *(f"doctor_{name}" for name in DOCTOR_FIELDS)), ""
) | {"site_kind": "clinic", "site_setting": "outpatient", "price": ""}


@beginning.get("/listings/new")
def new(slug: str) -> Answer:
    """What a listing begins with: type, specialty, attending, site."""
    require(web.actor(), "listings.edit")
    return _page({})


def _page(errors: dict[str, str], status: int = 200, known: UUID | None = None) -> Answer:
    session = db.session()
    options = editor_page.choices(session)
    f = _USUAL | editor_page.usual_choice(session, options)
    f |= {name: value[:300] for name, value in request.form.items()}
    if known:
        f["attending"] = str(known)  # invited by the form that was refused for something else
    return web.render(
        "agency/listing_new.html",
        status=status,
        **frame(),
        **options,
        lines=[(one.label, one.one_line) for one in catalog.rotation_types()],
        kinds=list(places.SITE_KINDS.items()),
        settings=list(places.SETTINGS.items()),
        cities=[one.label for one in cities.cities()],
        first_weeks=FIRST_WEEKS,
        f=f,
        errors=errors,
    )


@beginning.post("/listings/new")
def create(slug: str) -> Answer:
    """Make the draft, and the site and the attending that are new."""
    require(web.actor(), "listings.edit")
    invited: UUID | None = None
    try:
        wanted = new_listing.read(request.form, demo=web.config().demo)
        if wanted.doctor:
            invited = _invited(wanted.doctor)
        made = _made(wanted, wanted.attending_id or invited)
    except Invalid as error:
        return _page(web.undone(error), error.status, invited)
    flash("Draft made, with the defaults of its type. It saves itself as you write.", "good")
    return web.go(f"/agency/{slug}/listings/{made}/edit/basics")


def _invited(wanted: Invitation) -> UUID:
    """Invite, in a short session of its own: people belong to no agency. Somebody new, and whoever
    is on the agency's list already, is simply chosen; whom Rounds knows is asked first."""
    agency_id = web.membership().agency_id
    with open_session(context.system("invite attending")) as session:
        said = "We have asked them. You can choose them here as soon as they say yes."
        try:
            inviting.invite(
                session,
                web.actor(),
                agency_id,
                wanted,
                demo=web.config().demo,
                with_list=True,
            )
        except Invalid as error:
            raise Invalid(new_listing.doctor_errors(error)) from None
        except (Conflict, TooMany) as error:
            said = error.message
        found = new_listing.listed(session, agency_id, wanted.npi)
    jobs.wake(web.config().redis_url)
    if found is None:
        raise Invalid({"doctor_npi": said})
    return found


def _made(wanted: Beginning, attending_id: UUID | None) -> str:
    """The draft's address."""
    session, agency_id = db.session(), web.membership().agency_id
    site_id = wanted.site_id
    if wanted.site:
        try:
            site_id = places.save_site(session, web.actor(), agency_id, wanted.site).id
        except Invalid as error:
            raise Invalid(new_listing.site_errors(error)) from None
    return making.create(
        session,
        web.actor(),
        agency_id,
        specialty=wanted.specialty,
        kind=wanted.kind,
        attending_id=attending_id,
        site_id=site_id,
        prices={FIRST_WEEKS: wanted.price_cents} if wanted.price_cents else None,
    ).slug
