"""Counts and prices of the published listings of an area, each one grouped read.

Tables are named and tied by conditions instead of `join()`, as in `search.rows`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, distinct, exists, func, select
from sqlalchemy.orm import Session

from marketplace.discovery.places import Area
from marketplace.listings.models import (
    Attending,
    AttendingWeek,
    Block,
    Offering,
    Rotation,
    Site,
)
from marketplace.search.listings import first_bookable_day
from marketplace.tenants.models import Agency

_SHOWN = (
    Rotation.public,
    Agency.is_public,
    Agency.id == Rotation.agency_id,
    Site.id == Rotation.site_id,
)
_COLUMNS: Mapping[str, Any] = {
    "city": Site.city,
    "state": Site.state,
    "specialty": Rotation.specialty,
}


@dataclass(frozen=True)
class Mix:
    """How many listings share these four values."""

    specialty: str
    level: str
    type: str
    state: str
    city: str
    count: int


@dataclass(frozen=True)
class Prices:
    """All-in prices in cents of one length, over `count` listings. `middle` is the median: of an
    even number the lower of the two in the middle, so it is a price that somebody asks."""

    weeks: int
    count: int
    low: int
    middle: int
    high: int


@dataclass(frozen=True)
class Whole:
    """An area in a few numbers; `matching` of `answers` tasks were as the listings said."""

    listings: int
    attendings: int
    agencies: int
    rating_sum: int
    reviews: int
    matching: int
    answers: int


def whole(session: Session, area: Area) -> Whole:
    """The area's totals."""
    row = session.execute(
        select(
            func.count(Rotation.id),
            func.count(distinct(Rotation.attending_id)),
            func.count(distinct(Rotation.agency_id)),
            func.sum(Rotation.rating_sum),
            func.sum(Rotation.rating_count),
            func.sum(Rotation.truth_matching),
            func.sum(Rotation.truth_answers),
        ).where(*_SHOWN, _inside(area))
    ).one()
    return Whole(*(int(value or 0) for value in row))


def mix(session: Session, area: Area) -> tuple[Mix, ...]:
    """What is listed there, by specialty, level, type and city."""
    columns = (Rotation.specialty, Rotation.level, Rotation.type, Site.state, Site.city)
    rows = session.execute(
        select(*columns, func.count()).where(*_SHOWN, _inside(area)).group_by(*columns)
    )
    return tuple(Mix(*row) for row in rows)


def prices(session: Session, area: Area) -> tuple[Prices, ...]:
    """What each length costs there, shortest first."""
    rows = session.execute(
        select(Block.weeks, Block.price_cents, func.count())
        .where(*_SHOWN, _inside(area), Block.rotation_id == Rotation.id)
        .group_by(Block.weeks, Block.price_cents)
        .order_by(Block.weeks, Block.price_cents)
    )
    by_weeks: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for weeks, cents, count in rows:
        by_weeks[weeks].append((cents, count))
    return tuple(_prices(weeks, found) for weeks, found in by_weeks.items())


def _prices(weeks: int, found: Sequence[tuple[int, int]]) -> Prices:
    """`found` is ordered by price."""
    count = sum(n for _, n in found)
    return Prices(weeks, count, found[0][0], median(found), found[-1][0])


def median(found: Iterable[tuple[int, int]]) -> int:
    """The lower median of prices with their counts, cheapest first. Raises `ValueError` without
    any."""
    held = list(found)
    left = (sum(n for _, n in held) + 1) // 2
    for cents, n in held:
        left -= n
        if left <= 0:
            return cents
    raise ValueError("no prices")


def starts(session: Session, area: Area) -> tuple[tuple[date, int], ...]:
    """Coming starts that still have a seat, and how many listings start then; the attending's own
    week must be free too. Soonest first."""
    full = exists().where(
        AttendingWeek.attending_id == Offering.attending_id,
        AttendingWeek.week == Offering.start_on,
        AttendingWeek.taken >= AttendingWeek.capacity,
    )
    rows = session.execute(
        select(Offering.start_on, func.count())
        .where(
            *_SHOWN,
            _inside(area),
            Offering.rotation_id == Rotation.id,
            Offering.start_on >= first_bookable_day(),
            Offering.closed_at.is_(None),
            Offering.taken < Offering.capacity,
            ~full,
        )
        .group_by(Offering.start_on)
        .order_by(Offering.start_on)
    )
    return tuple((day, count) for day, count in rows)


def by_city(session: Session, slugs: Collection[str] | None = None) -> dict[str, int]:
    """Listings by city, of these cities or of all; cities without any are left out."""
    wanted = select(Site.city, func.count()).where(*_SHOWN).group_by(Site.city)
    if slugs is not None:
        wanted = wanted.where(Site.city.in_(slugs))
    return _pairs(session.execute(wanted).all())


def by_specialty(session: Session) -> dict[str, int]:
    """Listings by specialty; those without any are left out."""
    rows = session.execute(
        select(Rotation.specialty, func.count()).where(*_SHOWN).group_by(Rotation.specialty)
    )
    return _pairs(rows.all())


def from_prices(session: Session, column: str) -> dict[str, int]:
    """The least price of any listing in cents, by the values of `city`, `state` or `specialty`."""
    rows = session.execute(
        select(_COLUMNS[column], func.min(Block.price_cents))
        .where(*_SHOWN, Block.rotation_id == Rotation.id)
        .group_by(_COLUMNS[column])
    )
    return _pairs(rows.all())


def attending_slugs(session: Session) -> list[str]:
    """The addresses of attendings who teach a published rotation."""
    rows = session.scalars(
        select(Attending.slug)
        .where(*_SHOWN, Attending.id == Rotation.attending_id)
        .distinct()
        .order_by(Attending.slug)
    )
    return list(rows)


def _pairs(rows: Iterable[Any]) -> dict[str, int]:
    return {str(key): int(number) for key, number in rows}


def _inside(area: Area) -> ColumnElement[bool]:
    found: ColumnElement[bool] = _COLUMNS[area.kind] == area.key
    return found
