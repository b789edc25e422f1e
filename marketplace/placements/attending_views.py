"""/attending: the attending's dashboard. The same decisions as by the e-mail link, and the
running rotation."""

from typing import Any
from uuid import UUID

from flask import flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.bookings import operations as bookings
from marketplace.bookings import reasons, states
from marketplace.bookings.models import Booking
from marketplace.bookings.workspace_queries import STATUS, due_at
from marketplace.core import clock, context, deadlines, web
from marketplace.core.db import db, open_session
from marketplace.core.errors import Invalid
from marketplace.core.formats import day_short, when
from marketplace.core.typed import long_text
from marketplace.listings import inviting, signing
from marketplace.listings import operations as listings
from marketplace.listings.workspace_queries import to_sign
from marketplace.placements import attending_queries as reads
from marketplace.placements import decision, operations, progress, queries
from marketplace.placements.models import Placement
from marketplace.placements.states import LETTER_WORDS, letter_moves

mine = web.Room("attending", __name__, side="person", url_prefix="/attending")

Answer = str | tuple[str, int] | BaseResponse


def _me() -> UUID:
    return web.attending_id()


def _frame() -> dict[str, Any]:
    waiting = len(reads.requests(db.session(), _me()))
    return {"agency": None, "counts": {"home": waiting}}


@mine.get("")
def home() -> Answer:
    """Requests to answer, who is here, who comes, and what waits for a signature."""
    session, me = db.session(), _me()
    requests, here = reads.requests(session, me), reads.here(session, me)
    placements = queries.of_bookings(session, [row.id for row in here])
    today = clock.now()
    return web.render(
        "placements/attending_home.html",
        agency=None,
        counts={"home": len(requests)},
        title=day_short(today.date()),
        lead=f"{len(requests)} to answer, {len(here)} with you",
        requests=[progress.request_row(row) for row in requests],
        here=[progress.here_row(row, placements.get(row.id)) for row in here],
        upcoming=[progress.coming_row(row) for row in reads.upcoming(session, me)],
        asked_by=_asked_by(),
        to_sign=[_sign_row(row.id) for row in to_sign(session, me)],
        weeks=reads.weeks(session, me),
        letters=[
            row
            for booking in reads.completed(session, me)
            if (row := progress.letter_row(booking, queries.of_booking(session, booking.id)))
        ],
    )


def _asked_by() -> list[str]:
    """Names of agencies that ask to work with the attending."""
    with open_session(context.system("who asks an attending"), readonly=True) as session:
        found = inviting.waiting(session, _me())
    return [one.agency for one in found if one.state == "waiting"]


def _sign_row(signature_id: UUID) -> dict[str, str]:
    session = db.session()
    row = signing.own(session, signature_id, _me())
    values = signing.page_values(session, row, {})
    return {
        "title": values["listing"]["title"],
        "line": f"{values['listing']['agency']} asks you to sign {len(row.declared)} lines.",
        "url": f"/attending/sign/{row.id}",
    }


# --- one booking --------------------------------------------------------------------------------


@mine.get("/bookings/<ref>")
def show(ref: str) -> Answer:
    """One request or placement."""
    return _show(reads.own(db.session(), _me(), ref), {})


def _show(booking: Booking, errors: dict[str, str], status: int = 200) -> Answer:
    session = db.session()
    placement = queries.of_booking(session, booking.id)
    may = progress.may_now(booking, placement)
    title, line = progress.next_words(booking, placement)
    until = decision.undo_until(booking)
    at = due_at(booking)
    words, tone = STATUS[booking.state]
    return web.render(
        "placements/attending_booking.html",
        status=status,
        **_frame(),
        p=decision.request_of(booking),
        state_words=words,
        tone=tone,
        due=deadlines.due(at, clock.now(), booking.time_zone) if at else None,
        title=title,
        line=line,
        url=f"/attending/bookings/{booking.reference}",
        may=may,
        accept_label=decision.accept_label(booking),
        undo_until=when(until, booking.time_zone) if until else "",
        reasons=reasons.ATTENDING_DECLINE,
        steps=progress.steps_of(booking) if decision.standing_of(booking) == "accepted" else [],
        letter=_letter(booking, placement),
        note=request.form.get("note", ""),
        errors=errors,
    )


def _letter(booking: Booking, placement: Placement | None) -> dict[str, Any] | None:
    if placement is None or booking.state not in ("active", "completed", "closed"):
        return None
    status = placement.letter_state
    moves = [(to, progress.LETTER_BUTTONS[to]) for to in letter_moves(status, "attending")]
    return {"words": LETTER_WORDS[status], "moves": moves}


def _back(booking: Booking) -> BaseResponse:
    return web.go(f"/attending/bookings/{booking.reference}")


@mine.post("/bookings/<ref>/accept")
def accept(ref: str) -> Answer:
    """Yes."""
    booking = reads.own(db.session(), _me(), ref)
    bookings.accept(db.session(), web.actor(), booking.id)
    flash("Accepted. You can undo for 15 minutes; nothing is charged before then.", "good")
    return _back(booking)


@mine.post("/bookings/<ref>/undo")
def undo(ref: str) -> Answer:
    """Take the acceptance back."""
    booking = reads.own(db.session(), _me(), ref)
    bookings.undo_accept(db.session(), web.actor(), booking.id)
    flash("Undone. The request waits for your answer again.", "info")
    return _back(booking)


@mine.post("/bookings/<ref>/decline")
def decline(ref: str) -> Answer:
    """No, with a reason that stays with the agency."""
    booking = reads.own(db.session(), _me(), ref)
    try:
        reason = reasons.chosen(reasons.ATTENDING_DECLINE, request.form.get("reason", ""))
    except Invalid as error:
        return _show(booking, dict(error.errors), error.status)
    states.next_state(booking.state, "decline", "attending")
    bookings.decline(db.session(), web.actor(), booking.id, reason=reason)
    flash("Declined. Nobody was charged.", "info")
    return _back(booking)


@mine.post("/bookings/<ref>/check-in")
def check_in(ref: str) -> Answer:
    """The trainee is there."""
    booking = reads.own(db.session(), _me(), ref)
    operations.check_in(db.session(), web.actor(), booking.id)
    flash("Checked in.", "good")
    return _back(booking)


@mine.post("/bookings/<ref>/contest")
def contest(ref: str) -> Answer:
    """The candidate checked in and is not there."""
    booking = reads.own(db.session(), _me(), ref)
    try:
        note = long_text(request.form, "note", 2000)
        operations.contest(db.session(), web.actor(), booking.id, note=note)
    except Invalid as error:
        return _show(booking, dict(error.errors), error.status)
    flash("Recorded. The money stays held; the platform team writes to you.", "info")
    return _back(booking)


@mine.post("/bookings/<ref>/complete")
def complete(ref: str) -> Answer:
    """The rotation is over."""
    booking = reads.own(db.session(), _me(), ref)
    operations.complete(db.session(), web.actor(), booking.id)
    flash("Completed. Thank you for teaching.", "good")
    return _back(booking)


@mine.post("/bookings/<ref>/letter")
def letter(ref: str) -> Answer:
    """The status of the letter; its content never comes here."""
    booking = reads.own(db.session(), _me(), ref)
    operations.set_letter(
        db.session(), web.actor(), booking.id, request.form.get("status", "")[:20]
    )
    flash("Saved. The candidate sees the status.", "good")
    return _back(booking)


# --- signing ------------------------------------------------------------------------------------


@mine.get("/sign/<uuid:key>")
def sign_page(key: UUID) -> Answer:
    """A scope that waits for a signature."""
    return _sign_page(key, {})


def _sign_page(key: UUID, errors: dict[str, str], status: int = 200) -> Answer:
    session = db.session()
    row = signing.own(session, key, _me())
    if row.decision is None:
        listings.refuse_stale(session, row)
    else:
        flash("This list was answered already.", "info")
        return web.go("/attending")
    return web.render(
        "placements/cosign.html",
        status=status,
        **_frame(),
        **signing.page_values(session, row, request.form),
        errors=signing.told(session, row, errors),
        protect=True,
        action=f"/attending/sign/{key}",
        return_url=f"/attending/sign/{key}/return",
    )


@mine.post("/sign/<uuid:key>")
def sign(key: UUID) -> Answer:
    """Sign, when every line is so."""
    row = signing.own(db.session(), key, _me())
    try:
        listings.sign(
            db.session(),
            web.actor(),
            key,
            answers=signing.answers(db.session(), row, request.form),
            sure=request.form.get("sure") == "1",
            full_name=long_text(request.form, "full_name", 120),
        )
    except Invalid as error:
        return _sign_page(key, dict(error.errors), error.status)
    flash("Signed. The agency can publish now.", "good")
    return web.go("/attending")


@mine.post("/sign/<uuid:key>/return")
def send_back(key: UUID) -> Answer:
    """Send the list back with a note."""
    signing.own(db.session(), key, _me())
    try:
        comment = long_text(request.form, "comment", 2000)
        listings.refuse(db.session(), web.actor(), key, comment=comment)
    except Invalid as error:
        return _sign_page(key, dict(error.errors), error.status)
    flash("Sent back. The agency reads your note.", "info")
    return web.go("/attending")
