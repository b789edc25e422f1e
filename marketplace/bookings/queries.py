"""Reads of bookings for the candidate's pages. Sessions carry the candidate's scope."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import Date, Uuid, bindparam, cast, null, select
from sqlalchemy.orm import Session

from marketplace.bookings.models import Booking, BookingTransition
from marketplace.bookings.operations import MIN_NOTICE
from marketplace.core import clock
from marketplace.core.errors import NotFound
from marketplace.listings import queries as listings
from marketplace.listings.models import AttendingWeek, Offering, Rotation
from marketplace.payments import queries as payments
from marketplace.payments.queries import ScheduleRow

MONTHS_AHEAD = 12
# what an address may carry; anything else cannot be in the database (PostgreSQL refuses NUL)
_REFERENCE = re.compile(r"[A-Z0-9-]{3,20}")
_SLUG = re.compile(r"[a-z0-9-]{1,200}")


@dataclass(frozen=True)
class Start:
    """A start that can be asked for, with its seats for one length."""

    offering_id: UUID
    date: date
    left: int
    capacity: int


@dataclass(frozen=True)
class Listed:
    """A booking of a candidate with the rows of its plan."""

    booking: Booking
    rows: tuple[ScheduleRow, ...]


def own(session: Session, person_id: UUID, reference: str) -> Booking:
    """The candidate's own booking. NotFound for a missing one and for anybody else's: an
    attending sees bookings too, but not as their candidate."""
    if not _REFERENCE.fullmatch(reference):
        raise NotFound
    found = session.scalars(_OWN, {"reference": reference, "person_id": person_id}).one_or_none()
    if found is None:
        raise NotFound
    return found


# Made once: building a statement costs as much as running it.
_OWN = select(Booking).where(
    Booking.reference == bindparam("reference"),
    Booking.candidate_id == bindparam("person_id", type_=Uuid()),
)


def by_form_key(session: Session, person_id: UUID, form_key: str) -> Booking | None:
    """The booking that this form made before."""
    return session.scalars(
        select(Booking).where(Booking.candidate_id == person_id, Booking.form_key == form_key)
    ).one_or_none()


def history(session: Session, booking: Booking) -> tuple[BookingTransition, ...]:
    """Every step, first to last."""
    return tuple(
        session.scalars(
            select(BookingTransition)
            .where(BookingTransition.booking_id == booking.id)
            .order_by(BookingTransition.seq)
        )
    )


def of_candidate(session: Session, person_id: UUID) -> tuple[Listed, ...]:
    """All bookings of a candidate by their start, with their plans (two reads)."""
    found = session.scalars(
        select(Booking)
        .where(Booking.candidate_id == person_id)
        .order_by(Booking.start_on, Booking.id)
    ).all()
    plans = [row.plan_id for row in found if row.plan_id]
    schedules = payments.schedules(session, plans) if plans else {}
    return tuple(
        Listed(row, schedules.get(row.plan_id, ()) if row.plan_id else ()) for row in found
    )


def public_rotation(session: Session, slug: str) -> Rotation:
    """A published rotation by its address; NotFound otherwise."""
    found = listings.page_of(session, slug) if _SLUG.fullmatch(slug) else None
    if found is None:
        raise NotFound
    return found


def starts(session: Session, rotation: Rotation, weeks: int) -> tuple[Start, ...]:
    """The starts of the coming year that may still be asked for, full ones too (one read)."""
    today = clock.today(rotation.site.time_zone)
    since, until = today + MIN_NOTICE, today + timedelta(days=31 * MONTHS_AHEAD)
    asked = {
        "rotation_id": rotation.id,
        "attending_id": rotation.attending_id,
        "since": since,
        "until": until,
        "last": until + timedelta(weeks=weeks),
    }
    rows = session.execute(_STARTS, asked).all()
    pool = {row.start_on: row.capacity - row.taken for row in rows if row.id is None}
    return tuple(
        Start(row.id, row.start_on, listings.least(rotation, row, pool, weeks), row.capacity)
        for row in rows
        if row.id is not None
    )


# The rotation's offerings, and without an id the attending's weeks that they may cover.
_STARTS = (
    select(Offering.id, Offering.start_on.label("start_on"), Offering.capacity, Offering.taken)
    .where(
        Offering.rotation_id == bindparam("rotation_id", type_=Uuid()),
        Offering.closed_at.is_(None),
        Offering.start_on.between(
            bindparam("since", type_=Date()), bindparam("until", type_=Date())
        ),
    )
    .union_all(
        select(
            cast(null(), Uuid()), AttendingWeek.week, AttendingWeek.capacity, AttendingWeek.taken
        ).where(
            AttendingWeek.attending_id == bindparam("attending_id", type_=Uuid()),
            AttendingWeek.week.between(
                bindparam("since", type_=Date()), bindparam("last", type_=Date())
            ),
        )
    )
    .order_by("start_on")
)


def nearest_free(found: Iterable[Start], wanted: date | None, limit: int = 3) -> tuple[Start, ...]:
    """Starts with a free seat, those nearest to the wanted one, in the order of time."""
    free = [start for start in found if start.left]
    if wanted is not None:
        free.sort(key=lambda start: (abs((start.date - wanted).days), start.date))
    return tuple(sorted(free[:limit], key=lambda start: start.date))
