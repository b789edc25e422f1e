"""/agency/<slug>/sites and /attendings: where rotations take place, and who teaches."""

import re
from typing import Any
from uuid import UUID

from flask import flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts.permissions import may, require
from marketplace.core import context, jobs, web
from marketplace.core.db import db, open_session
from marketplace.core.errors import Conflict, Invalid, TooMany
from marketplace.core.typed import long_text
from marketplace.desk.frame import frame
from marketplace.listings import catalog, cities, inviting, place_queries, places
from marketplace.listings.places import Invitation, SiteFacts

places_room = web.Room("places", __name__, side="agency", url_prefix="/agency/<slug>")

Answer = str | tuple[str, int] | BaseResponse


def _frame() -> dict[str, Any]:
    return frame() | {"may_edit": may(web.actor().role, "listings.edit")}


def _line(name: str, limit: int = places.NAME_LENGTH) -> str:
    return " ".join(long_text(request.form, name, limit).split())


# --- sites --------------------------------------------------------------------------------------


@places_room.get("/sites")
def sites(slug: str) -> Answer:
    """The agency's sites."""
    return web.render("agency/sites.html", **_frame(), sites=place_queries.sites(db.session()))


@places_room.get("/sites/new")
def new_site(slug: str) -> Answer:
    """A form for a new site."""
    require(web.actor(), "listings.edit")
    empty = dict.fromkeys(("name", "city", "affiliation"), "")
    empty |= {"kind": "clinic", "setting": "outpatient"}
    empty |= {"then": _then(request.args.get("then", ""))}
    return _site_page(empty, {}, action=f"/agency/{slug}/sites/new")


@places_room.post("/sites/new")
def add_site(slug: str) -> Answer:
    """Make a site."""
    return _save_site(slug, "", f"/agency/{slug}/sites/new")


@places_room.get("/sites/<name>")
def site(slug: str, name: str) -> Answer:
    """One site, to change it."""
    require(web.actor(), "listings.edit")
    row = places.own_site(db.session(), name)
    stored = {
        "name": row.name,
        "kind": row.kind,
        "setting": row.setting,
        "city": cities.city(row.city).label,
        "affiliation": row.affiliation,
        "then": "",
    }
    return _site_page(stored, {}, action=f"/agency/{slug}/sites/{name}", row=row)


@places_room.post("/sites/<name>")
def save_site(slug: str, name: str) -> Answer:
    """Change a site."""
    require(web.actor(), "listings.edit")
    places.own_site(db.session(), name)
    return _save_site(slug, name, f"/agency/{slug}/sites/{name}")


def _save_site(slug: str, name: str, action: str) -> Answer:
    require(web.actor(), "listings.edit")
    sent = {field: _line(field) for field in ("name", "kind", "setting", "city", "affiliation")}
    agency_id = web.membership().agency_id
    try:
        row = places.save_site(db.session(), web.actor(), agency_id, SiteFacts(**sent), name)
    except Invalid as error:
        known = places.own_site(db.session(), name) if name else None
        return _site_page(
            {field: request.form.get(field, "") for field in (*sent, "then")},
            web.undone(error),
            action=action,
            row=known,
            status=error.status,
        )
    flash(f"Saved. {row.name} keeps the time of {cities.city(row.city).label}.", "good")
    then = _then(request.form.get("then", ""))
    back = f"listings/{then}/edit/basics" if then else "sites"
    return web.go(f"/agency/{slug}/{back}")


def _then(name: str) -> str:
    """The listing whose editor sent somebody here; '' for anything that is no listing's name."""
    return name if re.fullmatch(r"[a-z0-9-]{1,160}", name) else ""


def _site_page(
    f: dict[str, str], errors: dict[str, str], *, action: str, row: Any = None, status: int = 200
) -> Answer:
    return web.render(
        "agency/site.html",
        status=status,
        **_frame(),
        f=f,
        errors=errors,
        action=action,
        site=place_queries.site_view(row) if row else None,
        kinds=[("", "Choose"), *places.SITE_KINDS.items()],
        settings=[("", "Choose"), *places.SETTINGS.items()],
        cities=[one.label for one in cities.cities()],
    )


# --- attendings ---------------------------------------------------------------------------------


@places_room.get("/attendings")
def attendings(slug: str) -> Answer:
    """Who teaches for the agency, and what was checked when; who was asked and has not said yes."""
    session = db.session()
    return web.render(
        "agency/attendings.html",
        **_frame(),
        attendings=place_queries.attendings(session),
        asked=place_queries.asked(session),
    )


@places_room.get("/attendings/invite")
def invite_page(slug: str) -> Answer:
    """A form for an invitation."""
    require(web.actor(), "listings.edit")
    return _invite_page({})


def _invite_page(errors: dict[str, str], status: int = 200) -> Answer:
    names = ("npi", "email", "name", "specialty")
    known = sorted(catalog.specialties(), key=lambda one: one.label)
    return web.render(
        "agency/invite.html",
        status=status,
        **_frame(),
        f={name: request.form.get(name, "") for name in names},
        errors=errors,
        specialties=[("", "Choose"), *((one.slug, one.label) for one in known)],
    )


@places_room.post("/attendings/invite")
def invite(slug: str) -> Answer:
    """Invite an attending. People belong to no agency, so this runs in a short session of its
    own, which returns a name."""
    require(web.actor(), "listings.edit")
    wanted = Invitation(
        _line("npi", 40).replace(" ", "").replace("-", ""),
        _line("email", 254),
        _line("name").removeprefix("Dr. "),
        _line("specialty", 60),
    )
    agency_id = web.membership().agency_id
    try:
        with open_session(context.system("invite attending")) as session:
            inviting.invite(session, web.actor(), agency_id, wanted, demo=web.config().demo)
    except Invalid as error:
        return _invite_page(dict(error.errors), error.status)
    except Conflict as error:
        return _invite_page({"npi": error.message}, 422)
    except TooMany as error:
        return _invite_page({"npi": error.message}, error.status)
    jobs.wake(web.config().redis_url)
    flash(f"{_called(wanted)} was asked by e-mail. You read the answer here.", "good")
    return web.go(f"/agency/{slug}/attendings")


def _called(wanted: Invitation) -> str:
    """As the agency itself calls them: what Rounds knows is not said before the yes."""
    return f"Dr. {wanted.name}" if wanted.name else f"The attending with NPI {wanted.npi}"


@places_room.post("/attendings/invitations/<uuid:key>/send")
def send_invitation(slug: str, key: UUID) -> Answer:
    """Send an invitation that waits, or that has ended."""
    inviting.send(db.session(), web.actor(), key)
    flash("Sent. The link works for 14 days.", "good")
    return web.go(f"/agency/{slug}/attendings")


@places_room.post("/attendings/invitations/<uuid:key>/withdraw")
def withdraw_invitation(slug: str, key: UUID) -> Answer:
    """Take an invitation back."""
    inviting.withdraw(db.session(), web.actor(), key)
    flash("Taken back. Whoever opens the link reads that.", "info")
    return web.go(f"/agency/{slug}/attendings")
