"""Invariants of bookings and seats."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.bookings import states
from marketplace.bookings.models import Booking, BookingTransition
from marketplace.core import audit, clock
from marketplace.core.checks import Check
from marketplace.listings.models import AttendingWeek, Offering
from marketplace.listings.seats import weeks_of
from marketplace.payments.models import Installment, PaymentPlan

# the sweep runs every few seconds; a deadline this long past means that it does not
OVERDUE_AFTER = timedelta(minutes=10)


def _offering_counts(session: Session) -> list[str]:
    held = (
        select(Booking.offering_id, func.count().label("seats"))
        .where(Booking.state.in_(states.SEAT))
        .group_by(Booking.offering_id)
        .subquery()
    )
    seats = func.coalesce(held.c.seats, 0)
    rows = session.execute(
        select(Offering.id, Offering.taken, seats)
        .outerjoin(held, held.c.offering_id == Offering.id)
        .where((Offering.taken != seats) | (Offering.taken > Offering.capacity))
    )
    return [f"offering {key}: taken {taken}, bookings {count}" for key, taken, count in rows]


def _attending_counts(session: Session) -> list[str]:
    expected: Counter[tuple[UUID, date]] = Counter()
    rows = session.execute(
        select(Booking.attending_id, Booking.start_on, Booking.weeks).where(
            Booking.state.in_(states.SEAT)
        )
    )
    for attending_id, start_on, weeks in rows:
        expected.update((attending_id, monday) for monday in weeks_of(start_on, weeks))
    found = []
    for row in session.scalars(select(AttendingWeek)):
        wanted = expected.pop((row.attending_id, row.week), 0)
        if row.taken != wanted:
            found.append(f"{row.attending_id} {row.week}: taken {row.taken}, bookings {wanted}")
    return found + [f"{who} {week}: no row for {n} bookings" for (who, week), n in expected.items()]


def _live_twice(session: Session) -> list[str]:
    rows = session.execute(
        select(Booking.candidate_id, Booking.offering_id)
        .where(Booking.state.in_(states.LIVE))
        .group_by(Booking.candidate_id, Booking.offering_id)
        .having(func.count() > 1)
    )
    return [f"{row[0]} {row[1]}" for row in rows]


def _plan_price(session: Session) -> list[str]:
    rows = session.scalars(
        select(Booking.reference)
        .join(PaymentPlan, PaymentPlan.id == Booking.plan_id)
        .where(PaymentPlan.total_cents != Booking.price_cents)
    )
    return list(rows)


def _histories(session: Session) -> list[str]:
    """Every history is a legal path of the table and ends in the booking's state."""
    found: list[str] = []
    steps: list[BookingTransition] = []
    current: UUID | None = None
    rows = session.execute(select(Booking.id, Booking.state))
    ends = {row.id: row.state for row in rows}
    query = select(BookingTransition).order_by(BookingTransition.booking_id, BookingTransition.seq)
    for row in session.scalars(query):
        if row.booking_id != current and current is not None:
            found += _broken(current, steps, ends.pop(current))
            steps = []
        current = row.booking_id
        steps.append(row)
    if current is not None:
        found += _broken(current, steps, ends.pop(current))
    return found + [f"{key}: no history" for key in ends]


_LEGAL = {(move.source, move.event, move.target) for move in states.MOVES} | {("", "hold", "held")}


def _broken(key: UUID, steps: Sequence[BookingTransition], end: str) -> list[str]:
    state = ""
    for number, step in enumerate(steps, start=1):
        legal = (step.source, step.event, step.target) in _LEGAL
        if step.seq != number or step.source != state or not legal:
            return [f"{key}: step {step.seq} {step.source} -{step.event}-> {step.target}"]
        state = step.target
    return [] if state == end else [f"{key}: history ends in {state}, booking is {end}"]


def _without_audit(session: Session) -> list[str]:
    subjects = set(session.scalars(select(audit.AuditEntry.subject).distinct()))
    rows = session.scalars(select(Booking.reference))
    return [row for row in rows if f"booking:{row}" not in subjects]


def _overdue(session: Session) -> list[str]:
    flying = select(Installment.plan_id).where(Installment.state.in_(("charging", "unknown")))
    rows = session.scalars(
        select(Booking.reference).where(
            Booking.state.in_(tuple(states.DEADLINE)),
            Booking.deadline_at < clock.now() - OVERDUE_AFTER,
            Booking.plan_id.is_(None) | Booking.plan_id.not_in(flying),
        )
    )
    return list(rows)


def _confirmed_unpaid(session: Session) -> list[str]:
    rows = session.scalars(
        select(Booking.reference)
        .join(Installment, Installment.plan_id == Booking.plan_id)
        .where(
            Booking.state.in_(("confirmed", "active", "completed", "closed")),
            Installment.seq == 0,
            Installment.state != "paid",
        )
    )
    return list(rows)


CHECKS = (
    Check("I3", "seats taken equal bookings that hold one", _offering_counts),
    Check("I3", "attendings' weeks equal bookings in them", _attending_counts),
    Check("I4", "one live booking for a candidate and start", _live_twice),
    Check("I6", "the plan's total is the booking's price", _plan_price),
    Check("I10", "every history is a legal path to the state", _histories),
    Check("I12", "every confirmed booking has its deposit paid", _confirmed_unpaid),
    Check("I14", "every booking has audit entries", _without_audit),
    Check("I19", "no booking stays past its deadline", _overdue),
)
