"""/agency/<slug>/availability: every listing's starts as a calendar, blackouts, one start."""

from typing import Any
from uuid import UUID

from flask import flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts.permissions import may, require
from marketplace.core import web
from marketplace.core.db import db
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.typed import long_text
from marketplace.desk.frame import frame
from marketplace.listings import availability, availability_page
from marketplace.listings.availability_forms import (
    a_day,
    a_number,
    added_words,
    need_day,
    read_bulk,
)

calendar = web.Room("availability", __name__, side="agency", url_prefix="/agency/<slug>")

Answer = str | tuple[str, int] | BaseResponse


def _frame() -> dict[str, Any]:
    return frame() | {"may_edit": may(web.actor().role, "listings.edit")}


@calendar.get("/availability")
def grid(slug: str) -> Answer:
    """A quarter of Mondays by listing."""
    return _grid(slug, {})


def _grid(slug: str, errors: dict[str, str], status: int = 200, form: str = "") -> Answer:
    asked = request.args.get("page", "1")
    number = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 6 else 1
    start = a_day(request.args.get("from", ""))
    found = availability_page.grid(
        db.session(), f"/agency/{slug}/availability", start, number, request.args.get("listing", "")
    )
    sent = request.form if errors else None
    return web.render(
        "agency/availability.html",
        status=status,
        **_frame(),
        **found,
        **availability_page.forms(found, sent, form, request.args),
        errors=errors,
        wrong=form,
    )


@calendar.post("/availability/starts")
def add(slug: str) -> Answer:
    """Add starts of one listing in bulk."""
    require(web.actor(), "listings.edit")
    session = db.session()
    try:
        rotation = availability_page.chosen_listing(session, request.form.get("listing", ""))
        wanted = read_bulk(request.form)
        added = availability.add_starts(
            session, web.actor(), rotation.id, wanted.days, wanted.seats
        )
    except Invalid as error:
        return _grid(slug, web.undone(error), error.status, "bulk")
    flash(added_words(added), "good" if added.added else "info")
    return web.go(f"/agency/{slug}/availability?from={wanted.days[0]}")


@calendar.post("/availability/blackouts")
def black_out(slug: str) -> Answer:
    """Close days."""
    require(web.actor(), "listings.edit")
    session = db.session()
    try:
        closed = _black_out(session)
    except Invalid as error:
        return _grid(slug, web.undone(error), error.status, "blackout")
    flash(f"Blackout kept. {closed.starts} starts closed; no booking was touched.", "good")
    if closed.booked:
        flash(
            f"{closed.booked} booked seats fall into these days. Talk to each candidate first.",
            "warn",
        )
    return web.go(f"/agency/{slug}/availability?from={closed.blackout.first_day}")


def _black_out(session: Any) -> availability.Closed:
    errors: dict[str, str] = {}
    days: dict[str, Any] = {}
    for name in ("black_first", "black_last"):
        try:
            days[name] = need_day(request.form, name)
        except Invalid as error:
            errors |= error.errors
    kind, _, key = request.form.get("where", "").partition(":")
    found = _uuid(key) if kind in ("site", "attending") else None
    if kind != "all" and found is None:
        errors["where"] = "Choose from the list."
    if errors:
        raise Invalid(errors)
    try:
        return availability.black_out(
            session,
            web.actor(),
            web.membership().agency_id,
            site_id=found if kind == "site" else None,
            attending_id=found if kind == "attending" else None,
            first=days["black_first"],
            last=days["black_last"],
            reason=" ".join(long_text(request.form, "reason", 200).split()),
        )
    except Invalid as error:
        names = {"last": "black_last"}
        raise Invalid({names.get(key, key): said for key, said in error.errors.items()}) from None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@calendar.post("/availability/blackouts/<uuid:key>/lift")
def lift(slug: str, key: UUID) -> Answer:
    """Take a blackout back."""
    opened = availability.lift_blackout(db.session(), web.actor(), key)
    flash(f"Taken back. {opened} starts are open again.", "good")
    return web.go(f"/agency/{slug}/availability")


# --- one start ----------------------------------------------------------------------------------


@calendar.get("/availability/<uuid:key>")
def start(slug: str, key: UUID) -> Answer:
    """One start: its seats, closing it, opening it."""
    return _start(slug, key, {})


def _start(slug: str, key: UUID, errors: dict[str, str], status: int = 200) -> Answer:
    found = availability_page.start(db.session(), key)
    return web.render(
        "agency/start.html",
        status=status,
        **_frame(),
        s=found,
        seats=request.form.get("seats", str(found["capacity"])),
        url=f"/agency/{slug}/availability/{key}",
        errors=errors,
    )


@calendar.post("/availability/<uuid:key>")
def change(slug: str, key: UUID) -> Answer:
    """More or fewer seats."""
    require(web.actor(), "listings.edit")
    try:
        seats = a_number(request.form, "seats")
        availability.set_seats(db.session(), web.actor(), key, seats)
    except Invalid as error:
        return _start(slug, key, web.undone(error), error.status)
    flash(f"{seats} seats now.", "good")
    return web.go(f"/agency/{slug}/availability/{key}")


@calendar.post("/availability/<uuid:key>/close")
def close(slug: str, key: UUID) -> Answer:
    """Nobody new can ask for this start."""
    availability.close_start(db.session(), web.actor(), key)
    flash("Closed. Bookings go on; nobody new can ask for it.", "info")
    return web.go(f"/agency/{slug}/availability/{key}")


@calendar.post("/availability/<uuid:key>/open")
def reopen(slug: str, key: UUID) -> Answer:
    """Offer the start again."""
    try:
        availability.reopen_start(db.session(), web.actor(), key)
    except Conflict as error:
        db.session().rollback()
        flash(error.message, "warn")
        return web.go(f"/agency/{slug}/availability/{key}")
    flash("Open again.", "good")
    return web.go(f"/agency/{slug}/availability/{key}")
