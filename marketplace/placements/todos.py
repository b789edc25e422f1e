"""What an agency has to do about running and finished rotations, beside its bookings' own steps."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.bookings.models import Booking
from marketplace.core import clock
from marketplace.core.deadlines import Todo, shortened
from marketplace.core.formats import doctor_short, month_day
from marketplace.placements import letters as letters_due
from marketplace.placements.models import Placement

MOST_ALIKE = 4
_EVENING = time(18)


def letters(session: Session) -> list[Todo]:
    """Letters of recommendation that were promised or asked for and are not uploaded."""
    rows = session.execute(
        select(Booking, Placement)
        .join(Placement, Placement.booking_id == Booking.id)
        .where(Placement.letter_state.in_(letters_due.OPEN), Booking.end_on <= clock.now().date())
        .order_by(Booking.end_on, Booking.id)
    )
    found = [_letter(booking, placement) for booking, placement in rows]
    found.sort(key=lambda one: one.at or clock.now())
    return shortened(found, MOST_ALIKE, "letters are not uploaded yet", "/bookings?view=past")


def _letter(booking: Booking, placement: Placement) -> Todo:
    day = letters_due.due_on(booking, placement)
    zone = ZoneInfo(booking.time_zone)
    name = str(booking.candidate.get("name") or "A candidate")
    doctor = doctor_short(str(booking.terms["attending"]))
    said = "promised it" if placement.letter_state == "promised" else "was asked for it"
    return Todo(
        datetime.combine(day, _EVENING, zone),
        f"Letter for {name}: ask {doctor}",
        f"{doctor} {said} · the rotation ended {month_day(booking.end_on)}",
        "Open",
        f"/bookings/{booking.reference}",
        booking.time_zone,
    )


def contested(session: Session) -> list[Todo]:
    """Starts that a candidate contests: the money stays held until that is settled."""
    rows = session.execute(
        select(Booking, Placement.contested_at)
        .join(Placement, Placement.booking_id == Booking.id)
        .where(Placement.contested_at.is_not(None), Booking.state == "active")
        .order_by(Placement.contested_at)
    )
    return [
        Todo(
            at,
            f"{booking.candidate.get('name') or 'A candidate'} contests the start",
            "Your share stays held. The Rounds team writes to you; add a note of what happened",
            "Add a note",
            f"/bookings/{booking.reference}#notes",
            booking.time_zone,
        )
        for booking, at in rows
    ]
