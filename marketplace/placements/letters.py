"""When a letter of recommendation is due, and which reminder has come (`letter_reminders.csv`)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from marketplace.bookings.models import Booking
from marketplace.core import clock, reference
from marketplace.core.reference import derived
from marketplace.placements.models import Placement

LETTER_DAYS = 28  # where the listing's own policy names none
OPEN = ("asked", "promised")  # neither uploaded nor declined


@dataclass(frozen=True)
class Step:
    """A reminder: to whom, and how many days after the letter was due (negative: before)."""

    slug: str
    to: str
    days: int


@derived
def steps() -> tuple[Step, ...]:
    """Every reminder, the earliest first."""
    found = [
        Step(row["slug"], row["to"], int(row["days_after_due"]))
        for row in reference.rows("letter_reminders")
    ]
    return tuple(sorted(found, key=lambda step: step.days))


def due_on(booking: Booking, placement: Placement) -> date:
    """The last day of a letter by the policy that is frozen into the booking, at the site: so many
    days after the last day. A letter that was asked for or promised only after that has as many
    days from then."""
    policy = booking.terms.get("letter_policy") or {}
    span = timedelta(days=int(policy.get("within_days") or LETTER_DAYS))
    due = booking.end_on + span
    if placement.letter_moved_at is None:
        return due
    moved = placement.letter_moved_at.astimezone(ZoneInfo(booking.time_zone)).date()
    return moved + span if moved > due else due


def reminders(booking: Booking, placement: Placement) -> Iterator[Step]:
    """The newest reminder of each reader whose day has come at the site; none for a letter that
    was uploaded or declined. Steps that were missed are not made up for one by one."""
    if placement.letter_state not in OPEN:
        return
    late = (clock.today(booking.time_zone) - due_on(booking, placement)).days
    newest = {step.to: step for step in steps() if step.days <= late}
    yield from newest.values()
