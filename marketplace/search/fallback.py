"""Answers from the database while the engine is away: filters, price, start; no words, no counts.

Slower and plainer than the engine, and as exact: the conditions are those of the port. Seats of
an attending's weeks are checked here in Python, because week arithmetic differs between the two
databases; only full weeks are read.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from marketplace.core import reference
from marketplace.listings import cities, hard_rules
from marketplace.listings.models import Attending, AttendingWeek, Block, Offering, Rotation, Site
from marketplace.listings.queries import offered_facts
from marketplace.listings.seats import weeks_of
from marketplace.search.documents import seats_bucket
from marketplace.search.listings import facts_in_batches, first_bookable_day
from marketplace.search.offers import accepted, included
from marketplace.search.port import Hit, Near, Query, Result, Sort
from marketplace.search.weeks import week_of
from marketplace.tenants.models import Agency

_COLUMNS: Mapping[str, Any] = {
    "specialty": Rotation.specialty,
    "hands_on": Rotation.level,
    "type": Rotation.type,
    "setting": Rotation.setting,
    "city": Site.city,
    "state": Site.state,
    "agency": Agency.slug,
}
"""Facets that are one column; the lists (`included`, `accepts`, `exams`) and
`eligibility` are compared here."""
_NEVER = date.max


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What decides whether and where one listing stands."""

    id: UUID
    attending_id: UUID
    level: str
    city: str
    price: int
    weeks: int
    rating: float
    start: date
    metres: float | None


def search(session: Session, query: Query) -> Result:
    """The page of listings that fit everything but the text. Facets are empty, `price` is None."""
    rows = [row for row in session.execute(_matching(query)) if _has_lists(row, query)]
    rows = _with_seats(session, rows, query.filters.get("seats", ()))
    lengths = _lengths(session, query)
    starts = _first_starts(session, query, {row.id: row for row in rows}, lengths)
    found = [
        made
        for row in rows
        if row.id in lengths
        for made in [_candidate(row, *lengths[row.id], starts.get(row.id), query.near)]
        if _fits(made, query)
    ]
    found.sort(key=lambda made: (*_ORDERS[query.sort](made), str(made.id)))
    pages = max(1, -(-len(found) // query.per_page)) if query.per_page else 1
    page = min(query.page, pages)
    shown = found[(page - 1) * query.per_page : page * query.per_page]
    prices = [made.price for made in found]
    return Result(
        total=len(found),
        page=page,
        per_page=query.per_page,
        hits=tuple(Hit(str(made.id), 0, {}, made.metres) for made in shown),
        facets={},
        price=None,
        price_range=(min(prices), max(prices)) if prices else None,
    )


def _matching(query: Query) -> Any:
    wanted: list[ColumnElement[bool]] = [
        Rotation.public.is_(True),
        Site.id == Rotation.site_id,
        Agency.id == Rotation.agency_id,
        Agency.is_public.is_(True),
        Attending.id == Rotation.attending_id,
    ]
    for facet, values in query.filters.items():
        if values and facet in _COLUMNS:
            wanted.append(_COLUMNS[facet].in_(values))
    if query.scope.agency is not None:
        wanted.append(Agency.slug == query.scope.agency)
    return select(
        Rotation.id,
        Rotation.attending_id,
        Rotation.type,
        Rotation.level,
        Rotation.setting,
        Rotation.inclusions,
        Rotation.letter_policy,
        Rotation.accepts,
        Rotation.required_exams,
        Rotation.eligibility,
        Rotation.rating_sum,
        Rotation.rating_count,
        Attending.weekly_capacity,
        Site.city,
        Site.state,
    ).where(*wanted)


def _has_lists(row: Any, query: Query) -> bool:
    wanted = query.filters.get("included", ())
    accepts = query.filters.get("accepts", ())
    exams = query.filters.get("exams", ())
    takes = query.filters.get("eligibility", ())
    return (
        set(wanted) <= set(included(row))
        and (not accepts or not set(accepts).isdisjoint(accepted(row)))
        and (not exams or not set(exams).isdisjoint(row.required_exams))
        and (not takes or eligibility_of(row) in takes)
    )


def _with_seats(session: Session, rows: list[Any], wanted: Sequence[str]) -> list[Any]:
    """Those with so many free seats over all their starts; read only when that is asked."""
    if not wanted:
        return rows
    every = facts_in_batches(session, [row.id for row in rows])
    fits = {
        UUID(facts.id)
        for facts in every
        if seats_bucket(sum(start.seats_left for start in facts.starts)) in wanted
    }
    return [row for row in rows if row.id in fits]


def eligibility_of(row: Any) -> str:
    """The listing's value of the facet `eligibility`."""
    return hard_rules.profile_of(offered_facts(row, row.state))


def eligibility_values(session: Session) -> frozenset[str]:
    """Every value of the facet `eligibility` among what may be shown."""
    return frozenset(eligibility_of(row) for row in session.execute(_matching(Query())))


def _lengths(session: Session, query: Query) -> dict[UUID, tuple[int, int]]:
    """The length that counts and its price, for every listing that has it."""
    wanted = select(Block.rotation_id, Block.weeks, Block.price_cents).where(
        Block.retired_at.is_(None)
    )
    if query.weeks is not None:
        wanted = wanted.where(Block.weeks == query.weeks)
    found: dict[UUID, tuple[int, int]] = {}
    for key, weeks, cents in session.execute(wanted.order_by(Block.weeks.desc())):
        found[key] = (weeks, cents)  # the shortest comes last
    return found


def _first_starts(
    session: Session,
    query: Query,
    rows: Mapping[UUID, Any],
    lengths: Mapping[UUID, tuple[int, int]],
) -> dict[UUID, date]:
    """The first coming start with a seat inside the asked weeks, for each listing that has one."""
    inside = None if query.starts is None else frozenset(query.starts)
    full = _full_weeks(session)
    wanted = select(Offering.rotation_id, Offering.start_on).where(
        Offering.start_on >= first_bookable_day(),
        Offering.closed_at.is_(None),
        Offering.taken < Offering.capacity,
    )
    found: dict[UUID, date] = {}
    for key, start_on in session.execute(wanted.order_by(Offering.start_on)):
        row = rows.get(key)
        if row is None or key in found or key not in lengths:
            continue
        if inside is not None and week_of(start_on) not in inside:
            continue
        weeks = weeks_of(start_on, lengths[key][0])
        pool = full[row.attending_id]
        if all(not pool[week] if week in pool else row.weekly_capacity > 0 for week in weeks):
            found[key] = start_on
    return found


def _full_weeks(session: Session) -> defaultdict[UUID, dict[date, bool]]:
    """Whether each week an attending has set is full."""
    found: defaultdict[UUID, dict[date, bool]] = defaultdict(dict)
    wanted = select(
        AttendingWeek.attending_id,
        AttendingWeek.week,
        AttendingWeek.capacity,
        AttendingWeek.taken,
    ).where(AttendingWeek.week >= first_bookable_day())
    for doctor, week, capacity, taken in session.execute(wanted):
        found[doctor][week] = taken >= capacity
    return found


def _candidate(
    row: Any, weeks: int, price: int, start: date | None, near: Near | None
) -> _Candidate:
    metres = None
    if near is not None:
        place = cities.city(row.city)
        metres = cities.distance_km(near.lat, near.lng, place.lat, place.lng) * 1000
    return _Candidate(
        id=row.id,
        attending_id=row.attending_id,
        level=row.level,
        city=row.city,
        price=price,
        weeks=weeks,
        rating=row.rating_sum / row.rating_count if row.rating_count else 0.0,
        start=start or _NEVER,
        metres=metres,
    )


def _fits(made: _Candidate, query: Query) -> bool:
    return (
        (query.price_min is None or made.price >= query.price_min)
        and (query.price_max is None or made.price <= query.price_max)
        and (query.starts is None or made.start != _NEVER)
        and (query.rating_min is None or round(made.rating, 2) >= query.rating_min)
        and (query.near is None or (made.metres or 0) <= query.near.radius_m)
    )


def _rank(made: _Candidate) -> int:
    return -int(reference.row("hands_on_levels", made.level)["rank"])


_ORDERS: Mapping[Sort, Callable[[_Candidate], Sequence[float]]] = {
    Sort.BEST: lambda made: (-made.rating, made.price),
    Sort.PRICE: lambda made: (made.price,),
    Sort.PRICE_DESC: lambda made: (-made.price,),
    Sort.START: lambda made: (made.start.toordinal(),),
    Sort.HANDS_ON: lambda made: (_rank(made), made.price),
    Sort.RATING: lambda made: (-made.rating,),
    Sort.DISTANCE: lambda made: (made.metres or 0,),
    Sort.VALUE: lambda made: (made.price / made.weeks, _rank(made)),
}
