"""Listings as the database shows them now: what a card, a line of the API and of the feed say.

The index only proposes ids. Three reads give everything about them, whatever their number; what
this scope may not see is left out. No `join()`: the scope's wall would then have to check every
table (tenants.scope), so tables are named and tied by conditions.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    Date,
    Executable,
    Row,
    Select,
    Uuid,
    bindparam,
    select,
    type_coerce,
)
from sqlalchemy.orm import Session
from sqlalchemy.types import NullType

from marketplace.listings import cities
from marketplace.listings.cities import City
from marketplace.listings.models import Attending, AttendingWeek, Block, Offering, Rotation, Site
from marketplace.listings.seats import weeks_of
from marketplace.search.listings import first_bookable_day
from marketplace.search.offers import included
from marketplace.tenants.models import Agency


@dataclass(frozen=True, slots=True)
class Start:
    """A Monday at the site and the seats left for the asked length."""

    day: date
    seats: int


@dataclass(frozen=True)
class Listing:
    """One published rotation for one length. `weeks` is the asked length, else the shortest;
    `price_cents` and `starts` are those of that length; starts without a seat are left out."""

    id: UUID
    slug: str
    title: str
    specialty: str
    level: str
    type: str
    setting: str
    doctor: str
    site: str
    city: City
    agency: str
    agency_name: str
    included: tuple[str, ...]
    accepts: tuple[str, ...]
    required_exams: tuple[str, ...]
    eligibility: Mapping[str, Any]
    letter_days: int | None
    cancellation: Mapping[str, Any]
    rating_sum: int
    reviews: int
    prices: Mapping[int, int]
    weeks: int
    starts: tuple[Start, ...]

    @property
    def price_cents(self) -> int:
        """All-in price of the length in cents."""
        return self.prices[self.weeks]

    @property
    def told(self) -> tuple[object, ...]:
        """Everything above as plain values, for a validator."""
        plain = [value for key, value in vars(self).items() if key in _PLAIN]
        return (*plain, [(start.day.toordinal(), start.seats) for start in self.starts])

    @cached_property
    def rating(self) -> float | None:
        """Mean of the reviews, two decimals; None without any."""
        return round(self.rating_sum / self.reviews, 2) if self.reviews else None


_PLAIN = frozenset(field.name for field in fields(Listing)) - {"city", "starts"}


def listings(session: Session, ids: Sequence[UUID], weeks: int | None = None) -> list[Listing]:
    """The listings of these ids in the same order, for a block of `weeks` (None: the shortest).

    Left out: what the session's scope may not see, and what no longer has the asked length.
    """
    if not ids:
        return []
    rows = {row.id: row for row in _all(session, _LISTED, ids=ids)}
    prices = _prices(session, ids)
    lengths = {key: weeks or min(held) for key, held in prices.items()}
    starts = starts_of(session, ids, rows.values(), lengths)
    return [
        _listing(row, prices[row.key], starts[row.key], lengths[row.key])
        for row in (rows[key] for key in ids if key in rows)
        if row.key in prices and lengths[row.key] in prices[row.key]
    ]


def _prices(session: Session, ids: Sequence[UUID]) -> dict[Hashable, dict[int, int]]:
    found: dict[Hashable, dict[int, int]] = defaultdict(dict)
    for key, weeks, cents in _all(session, _BLOCKS, ids=ids):
        found[key][weeks] = cents
    return found


def starts_of(
    session: Session,
    ids: Sequence[UUID],
    rows: Collection[Row[Any]],
    weeks: Mapping[Hashable, int],
) -> dict[Hashable, list[Start]]:
    """Coming starts with a seat: the least of the offering's seats and the attending's weeks.
    One read. `rows` have key, attending_id, doctor (that id as `key_of` gives it) and
    weekly_capacity; `weeks` is the length that counts for each key."""
    since = first_bookable_day()
    doctors = list({row.attending_id for row in rows})
    asked = {"ids": ids, "doctors": doctors, "since": since}
    pool: dict[Hashable, dict[date, int]] = {row.doctor: {} for row in rows}
    offered = []
    for key, day, left in _all(session, _SEATS, **asked):
        if key in pool:
            pool[key][day] = left
        else:
            offered.append((key, day, left))
    known = {row.key: (row.weekly_capacity, pool[row.doctor]) for row in rows}
    found: dict[Hashable, list[Start]] = defaultdict(list)
    for key, start_on, left in offered:
        if key not in known or key not in weeks:
            continue
        usual, held = known[key]
        covered = weeks_of(start_on, weeks[key] if held else 1)
        seats = min(left, *(held.get(week, usual) for week in covered))
        if seats > 0:
            found[key].append(Start(start_on, seats))
    return found


def _all(session: Session, statement: Executable, **values: object) -> Sequence[Any]:
    """Every row of one of the statements below."""
    return session.execute(statement, values).all()


def key_of(column: Any) -> Any:
    """An id as the driver gives it: only compared, never read, so it need not become a UUID."""
    return type_coerce(column, NullType())


# Built once: making a statement costs as much as running it.
_IDS: BindParameter[Any] = bindparam("ids", type_=Uuid(), expanding=True)
_SINCE = bindparam("since", type_=Date)
_LISTED: Select[Any] = select(
    Rotation.id,
    key_of(Rotation.id).label("key"),
    Rotation.slug,
    Rotation.title,
    Rotation.specialty,
    Rotation.level,
    Rotation.type,
    Rotation.setting,
    Rotation.inclusions,
    Rotation.letter_policy,
    Rotation.accepts,
    Rotation.required_exams,
    Rotation.eligibility,
    Rotation.cancellation,
    Rotation.rating_sum,
    Rotation.rating_count,
    Rotation.attending_id,
    key_of(Rotation.attending_id).label("doctor"),
    Attending.display_name,
    Attending.weekly_capacity,
    Attending.median_letter_days,
    Site.name.label("site"),
    Site.city,
    Agency.slug.label("agency"),
    Agency.name.label("agency_name"),
).where(
    Rotation.id.in_(_IDS),
    Rotation.public,
    Site.id == Rotation.site_id,
    Attending.id == Rotation.attending_id,
    Agency.id == Rotation.agency_id,
    Agency.is_public,
)
_BLOCKS: Select[Any] = (
    select(key_of(Block.rotation_id), Block.weeks, Block.price_cents)
    .where(Block.rotation_id.in_(_IDS), Block.retired_at.is_(None))
    .order_by(Block.weeks)
)
# Of offerings and of attendings' weeks, in one read: their keys never meet.
_SEATS = (
    select(
        key_of(Offering.rotation_id),
        Offering.start_on.label("day"),
        (Offering.capacity - Offering.taken).label("left"),
    )
    .where(
        Offering.rotation_id.in_(_IDS),
        Offering.start_on >= _SINCE,
        Offering.closed_at.is_(None),
        Offering.taken < Offering.capacity,
    )
    .union_all(
        select(
            key_of(AttendingWeek.attending_id),
            AttendingWeek.week,
            AttendingWeek.capacity - AttendingWeek.taken,
        ).where(
            AttendingWeek.attending_id.in_(bindparam("doctors", type_=Uuid(), expanding=True)),
            AttendingWeek.week >= _SINCE,
        )
    )
    .order_by("day")
)


def _listing(
    row: Row[Any], prices: Mapping[int, int], starts: Sequence[Start], weeks: int
) -> Listing:
    return Listing(
        id=row.id,
        slug=row.slug,
        title=row.title,
        specialty=row.specialty,
        level=row.level,
        type=row.type,
        setting=row.setting,
        doctor=row.display_name.split(",")[0],
        site=row.site,
        city=cities.city(row.city),
        agency=row.agency,
        agency_name=row.agency_name,
        included=included(row),
        accepts=tuple(row.accepts),
        required_exams=tuple(row.required_exams),
        eligibility=row.eligibility,
        letter_days=row.median_letter_days,
        cancellation=row.cancellation,
        rating_sum=row.rating_sum,
        reviews=row.rating_count,
        prices=prices,
        weeks=weeks,
        starts=tuple(starts),
    )


def published(session: Session) -> list[UUID]:
    """Every listing this scope may show, by id."""
    return list(
        session.scalars(
            select(Rotation.id)
            .where(Rotation.public, Agency.id == Rotation.agency_id, Agency.is_public)
            .order_by(Rotation.id)
        )
    )


def in_batches(session: Session, ids: Sequence[UUID], size: int = 500) -> Iterator[list[Listing]]:
    """The listings of many ids, so many at a time."""
    for start in range(0, len(ids), size):
        yield listings(session, ids[start : start + size])


def agency_labels(session: Session) -> dict[str, str]:
    """Slug to name of every agency that may be shown, by name."""
    wanted = select(Agency.slug, Agency.name).where(Agency.is_public).order_by(Agency.name)
    rows = session.execute(wanted).all()
    return {row.slug: row.name for row in rows}
