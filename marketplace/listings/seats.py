"""Holding and releasing seats: the one place where `taken` changes.

A seat is one offering seat and one of the attending's seats in every week of the block. The
attending's pool is shared by all agencies and no agency can read it, so on PostgreSQL this runs
in two SECURITY DEFINER functions; on SQLite in the same statements under a named exemption.
"""

from datetime import date, timedelta
from functools import cache
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    Date,
    Insert,
    Table,
    Update,
    Uuid,
    bindparam,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from marketplace.core.errors import Conflict
from marketplace.core.events import publish
from marketplace.listings.events import SeatsChanged
from marketplace.listings.models import Attending, AttendingWeek, Offering
from marketplace.tenants.scope import EXEMPT

_SEATS: dict[str, Any] = {EXEMPT: "seats"}
_FULL = {
    "offering_full": "This start is full. Choose another start; we did not hold anything.",
    "attending_full": (
        "This doctor has no free seat in one of these weeks. Choose another start or length."
    ),
}


def weeks_of(start_on: date, weeks: int) -> list[date]:
    """The Mondays that a block covers, in order (locks are taken in this order)."""
    return [start_on + timedelta(weeks=number) for number in range(weeks)]


def hold_seat(
    session: Session, offering_id: UUID, attending_id: UUID, start_on: date, weeks: int
) -> None:
    """Take one seat; Conflict (`offering_full`, `attending_full`) when there is none.

    After a Conflict the transaction must be rolled back: the offering's seat may be counted.
    """
    answer = _call(session, "hold_seat", offering_id, attending_id, weeks_of(start_on, weeks))
    if answer != "held":
        raise Conflict(_FULL[answer], answer)
    publish(session, SeatsChanged(offering_id, attending_id))


def release_seat(
    session: Session, offering_id: UUID, attending_id: UUID, start_on: date, weeks: int
) -> None:
    """Give one seat back; the caller knows that it was held."""
    _call(session, "release_seat", offering_id, attending_id, weeks_of(start_on, weeks))
    publish(session, SeatsChanged(offering_id, attending_id))


def _call(
    session: Session, name: str, offering_id: UUID, attending_id: UUID, mondays: list[date]
) -> str:
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        call = getattr(func, name)(offering_id, literal(mondays, postgresql.ARRAY(Date)))
        answer = str(session.execute(select(call), execution_options=_SEATS).scalar_one())
    else:
        body = _hold_sqlite if name == "hold_seat" else _release_sqlite
        answer = body(session, offering_id, attending_id, mondays)
    _forget_counts(session)
    return answer


def _forget_counts(session: Session) -> None:
    """What this session has read of seats is old now."""
    for row in session.identity_map.values():
        if isinstance(row, (Offering, AttendingWeek)):
            session.expire(row)


def _hold_sqlite(
    session: Session, offering_id: UUID, attending_id: UUID, mondays: list[date]
) -> str:
    taken = session.execute(
        _take_of_offering(), {"offering": offering_id}, execution_options=_SEATS
    )
    if taken.rowcount == 0:  # type: ignore[attr-defined]
        return "offering_full"
    weeks = [{"doctor": attending_id, "monday": monday} for monday in mondays]
    session.execute(_weeks_there(), weeks, execution_options=_SEATS)
    held = session.execute(
        _take_of_weeks(), {"doctor": attending_id, "mondays": mondays}, execution_options=_SEATS
    )
    # fewer are rolled back with the offering's seat
    return "held" if held.rowcount == len(mondays) else "attending_full"  # type: ignore[attr-defined]


@cache
def _take_of_offering() -> Update:
    """One seat of an open offering that has one. Made once, like the two below."""
    seats = cast(Table, Offering.__table__)
    return (
        update(seats)
        .where(
            seats.c.id == bindparam("offering", type_=Uuid()),
            seats.c.taken < seats.c.capacity,
            seats.c.closed_at.is_(None),
        )
        .values(taken=seats.c.taken + 1)
    )


@cache
def _weeks_there() -> Insert:
    """The attending's row of a week, if there is none yet; sent for several weeks at once."""
    pool = cast(Table, AttendingWeek.__table__)
    doctor = cast(Table, Attending.__table__)
    usual = select(
        doctor.c.id, bindparam("monday", type_=Date()), doctor.c.weekly_capacity, literal(0)
    ).where(doctor.c.id == bindparam("doctor", type_=Uuid()))
    names = ["attending_id", "week", "capacity", "taken"]
    return sqlite_insert(pool).from_select(names, usual).on_conflict_do_nothing()


@cache
def _take_of_weeks() -> Update:
    """One seat of each of an attending's weeks that has one."""
    pool = cast(Table, AttendingWeek.__table__)
    return (
        update(pool)
        .where(
            pool.c.attending_id == bindparam("doctor", type_=Uuid()),
            pool.c.week.in_(bindparam("mondays", type_=Date(), expanding=True)),
            pool.c.taken < pool.c.capacity,
        )
        .values(taken=pool.c.taken + 1)
    )


def _release_sqlite(
    session: Session, offering_id: UUID, attending_id: UUID, mondays: list[date]
) -> str:
    seats = cast(Table, Offering.__table__)
    pool = cast(Table, AttendingWeek.__table__)
    session.execute(
        update(seats)
        .where(seats.c.id == offering_id, seats.c.taken > 0)
        .values(taken=seats.c.taken - 1),
        execution_options=_SEATS,
    )
    session.execute(
        update(pool)
        .where(pool.c.attending_id == attending_id, pool.c.week.in_(mondays), pool.c.taken > 0)
        .values(taken=pool.c.taken - 1),
        execution_options=_SEATS,
    )
    return "released"
