"""Reads for the attending's dashboard. Sessions carry the attending's scope."""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.bookings import states
from marketplace.bookings.models import Booking
from marketplace.core import clock
from marketplace.core.errors import NotFound
from marketplace.listings.models import Attending, AttendingWeek

WEEKS_SHOWN = 6
UPCOMING = ("accepted", "payment_needed", "confirmed")


@dataclass(frozen=True)
class Week:
    """One week of the attending's pool: seats taken by agency, in a fixed order."""

    start: date
    capacity: int
    taken: tuple[int, ...]


def requests(session: Session, attending_id: UUID) -> tuple[Booking, ...]:
    """What waits for an answer, nearest deadline first."""
    return tuple(
        session.scalars(
            select(Booking)
            .where(
                Booking.attending_id == attending_id,
                Booking.state == "approved",
                Booking.deadline_at > clock.now(),
            )
            .order_by(Booking.deadline_at)
        )
    )


def here(session: Session, attending_id: UUID) -> tuple[Booking, ...]:
    """Who is with the attending, and who should arrive today."""
    today = clock.now().date()
    return tuple(
        session.scalars(
            select(Booking)
            .where(
                Booking.attending_id == attending_id,
                (Booking.state == "active")
                | ((Booking.state == "confirmed") & (Booking.start_on <= today)),
            )
            .order_by(Booking.end_on)
        )
    )


def upcoming(session: Session, attending_id: UUID) -> tuple[Booking, ...]:
    """Who comes later, by first day."""
    today = clock.now().date()
    return tuple(
        session.scalars(
            select(Booking)
            .where(
                Booking.attending_id == attending_id,
                Booking.state.in_(UPCOMING),
                Booking.start_on > today,
            )
            .order_by(Booking.start_on)
            .limit(20)
        )
    )


def completed(session: Session, attending_id: UUID) -> tuple[Booking, ...]:
    """Whose rotation is over, latest first."""
    return tuple(
        session.scalars(
            select(Booking)
            .where(
                Booking.attending_id == attending_id,
                Booking.state.in_(("completed", "closed")),
            )
            .order_by(Booking.end_on.desc())
            .limit(20)
        )
    )


def own(session: Session, attending_id: UUID, reference: str) -> Booking:
    """A booking that this attending was asked about. NotFound for any other, also for one of
    their own as a candidate."""
    if "\0" in reference:  # no text of a database holds it
        raise NotFound
    found = session.scalars(
        select(Booking).where(
            Booking.reference == reference[:40], Booking.attending_id == attending_id
        )
    ).one_or_none()
    if found is None or found.state in ("held", "requested") or _never_approved(found):
        raise NotFound
    return found


def _never_approved(booking: Booking) -> bool:
    """It ended before the agency passed it on: not the attending's business."""
    return booking.decide_token_hash is None


@dataclass(frozen=True)
class Capacity:
    """Weeks of the pool, the agencies in the order of `taken`, and what other weeks have."""

    agencies: tuple[str, ...]
    weeks: tuple[Week, ...]
    usual: int


def weeks(session: Session, attending_id: UUID) -> tuple[Week, ...]:
    """The next weeks of the pool, with the seats that each agency's bookings take."""
    return capacity(session, attending_id, WEEKS_SHOWN).weeks


def capacity(session: Session, attending_id: UUID, number: int) -> Capacity:
    """So many weeks from this one, with the seats that each agency's bookings take."""
    today = clock.now().date()
    first = today - timedelta(days=today.weekday())
    mondays = [first + timedelta(weeks=week) for week in range(number)]
    usual = session.get_one(Attending, attending_id).weekly_capacity
    pool = {
        row.week: row.capacity
        for row in session.scalars(
            select(AttendingWeek).where(
                AttendingWeek.attending_id == attending_id, AttendingWeek.week.in_(mondays)
            )
        )
    }
    rows = session.execute(
        select(Booking.agency_id, Booking.start_on, Booking.weeks, Booking.terms).where(
            Booking.attending_id == attending_id,
            Booking.state.in_(states.SEAT),
            Booking.start_on <= mondays[-1],
            Booking.end_on >= first,
        )
    ).all()
    names = {row.agency_id: str(row.terms["agency"]) for row in rows}
    agencies = sorted(names)
    found = tuple(
        Week(
            monday,
            pool.get(monday, usual),
            tuple(
                sum(
                    row.start_on <= monday < row.start_on + timedelta(weeks=row.weeks)
                    for row in rows
                    if row.agency_id == agency
                )
                for agency in agencies
            ),
        )
        for monday in mondays
    )
    return Capacity(tuple(names[key] for key in agencies), found, usual)
