"""The verbs of a running rotation. The booking's own state moves through `bookings.operations`;
here is what each side said. Lock order: booking, then placement."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.bookings import operations as bookings
from marketplace.bookings.models import Booking
from marketplace.core import audit, clock, context, outbox
from marketplace.core.context import SYSTEM, Actor
from marketplace.core.errors import Conflict, Gone, Invalid, NotFound
from marketplace.core.events import publish
from marketplace.placements import states
from marketplace.placements.events import LetterMoved
from marketplace.placements.models import Placement

Side = Literal["candidate", "host"]
SILENCE = timedelta(hours=72)  # DESIGN 4: then the other side's check-in stands


def side_of(actor_kind: str) -> Side:
    """The candidate is one side; agency, attending and the platform are the other."""
    return "candidate" if actor_kind == "candidate" else "host"


def open_placement(session: Session, booking_id: UUID) -> Placement:
    """The placement of a confirmed booking; made once."""
    found = session.get(Placement, booking_id)
    if found is not None:
        return found
    booking = session.get_one(Booking, booking_id)
    placement = Placement(
        booking_id=booking.id,
        agency_id=booking.agency_id,
        candidate_id=booking.candidate_id,
        attending_id=booking.attending_id,
    )
    session.add(placement)
    session.flush()
    return placement


def check_in(session: Session, actor: Actor, booking_id: UUID) -> Placement:
    """One side says that the rotation has begun; the first one starts it. Repeating is harmless.

    Conflict before the first day, in another state, or when the start is contested.
    """
    booking = bookings.locked(session, booking_id)
    if booking.state == "confirmed":
        bookings.check_in(session, actor, booking_id)  # its event notes this side
        return locked(session, booking_id)
    if booking.state != "active":
        raise Conflict("This booking is not at its start.", f"{booking.state}.check_in")
    placement = locked(session, booking_id)
    if placement.contested_at is not None:
        raise Conflict("The start is contested. The platform team looks at it.", "contested")
    note_check_in(placement, side_of(actor.kind))
    _audit(session, actor, booking, "check_in")
    return placement


def contest(session: Session, actor: Actor, booking_id: UUID, *, note: str) -> Placement:
    """A side that did not check in says that the other's check-in is not so; nothing is paid out.

    Invalid without a note; Conflict when it checked in itself; Gone after 72 hours.
    """
    booking = bookings.locked(session, booking_id)
    if booking.state != "active":
        raise Conflict("There is no check-in to contest.", f"{booking.state}.contest")
    if len(note.strip()) < 10:
        raise Invalid({"note": "Say what happened, in a sentence or two."})
    placement = locked(session, booking_id)
    if placement.contested_at is not None:
        return placement
    if _checked_in(placement, side_of(actor.kind)) is not None:
        raise Conflict("You checked in yourself. Write to the platform team.", "own_check_in")
    if not may_contest(placement, side_of(actor.kind)):
        raise Gone("The 72 hours to contest the start are over.", "contest_over")
    placement.contested_at, placement.contest_note = clock.now(), note.strip()[:2000]
    outbox.enqueue(
        session,
        "placements.hold_money",
        {"booking_id": str(booking.id)},
        scope=context.agency(booking.agency_id),
    )
    _audit(session, actor, booking, "contest")
    return placement


def may_contest(placement: Placement, side: Side) -> bool:
    """May this side still say that the other's check-in is not so?"""
    if placement.contested_at or placement.stood_at or _checked_in(placement, side):
        return False
    return _first(placement) + SILENCE > clock.now()


def complete(session: Session, actor: Actor, booking_id: UUID) -> Placement:
    """One side says that the rotation is over; the first one completes it. Safe to repeat."""
    booking = bookings.locked(session, booking_id)
    if booking.state == "active":
        bookings.complete(session, actor, booking_id)
        return locked(session, booking_id)
    if booking.state not in ("completed", "closed"):
        raise Conflict("This rotation is not running.", f"{booking.state}.complete")
    placement = locked(session, booking_id)
    note_completion(placement, side_of(actor.kind))
    return placement


def set_letter(session: Session, actor: Actor, booking_id: UUID, status: str) -> Placement:
    """Move the letter's status. Conflict when the table has no such step for this actor."""
    booking = bookings.locked(session, booking_id)
    if booking.state not in ("active", "completed", "closed"):
        raise Conflict("A letter is asked for once the rotation runs.", "not_running")
    placement = locked(session, booking_id)
    states.check_letter_move(placement.letter_state, status, actor.kind)
    placement.letter_state, placement.letter_moved_at = status, clock.now()
    _audit(session, actor, booking, f"letter_{status}")
    publish(session, LetterMoved(booking.id, booking.agency_id, status))
    return placement


def let_stand(session: Session, booking_id: UUID) -> None:
    """One side was silent for 72 hours: the other's check-in stands."""
    booking = bookings.locked(session, booking_id)
    placement = locked(session, booking_id)
    both = placement.candidate_checked_in_at and placement.host_checked_in_at
    if placement.contested_at or placement.stood_at or both or booking.state == "confirmed":
        return
    if _first(placement) + SILENCE > clock.now():
        return
    placement.stood_at = clock.now()
    _audit(session, SYSTEM, booking, "check_in_stands")


def note_check_in(placement: Placement, side: Side) -> None:
    """Write when a side checked in, once."""
    if side == "candidate":
        placement.candidate_checked_in_at = placement.candidate_checked_in_at or clock.now()
    else:
        placement.host_checked_in_at = placement.host_checked_in_at or clock.now()


def note_completion(placement: Placement, side: Side) -> None:
    """Write when a side said that it is over, once."""
    if side == "candidate":
        placement.candidate_completed_at = placement.candidate_completed_at or clock.now()
    else:
        placement.host_completed_at = placement.host_completed_at or clock.now()


def locked(session: Session, booking_id: UUID) -> Placement:
    """The placement, locked and read afresh; NotFound outside this scope."""
    session.flush()
    placement = session.scalars(
        select(Placement)
        .where(Placement.booking_id == booking_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if placement is None:
        raise NotFound
    return placement


def _checked_in(placement: Placement, side: Side) -> datetime | None:
    return (
        placement.candidate_checked_in_at if side == "candidate" else placement.host_checked_in_at
    )


def _first(placement: Placement) -> datetime:
    """The earlier check-in; now when there is none, so that no time has passed."""
    known = [at for at in (placement.candidate_checked_in_at, placement.host_checked_in_at) if at]
    return min(known, default=clock.now())


def _audit(session: Session, actor: Actor, booking: Booking, verb: str) -> None:
    audit.record(
        session,
        actor,
        f"placement.{verb}",
        f"booking:{booking.reference}",
        agency_id=booking.agency_id,
    )
