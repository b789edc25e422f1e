"""Listings like another one: of its specialty, nearest in price, with a start that has a seat."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Uuid, bindparam, select
from sqlalchemy.orm import Session

from marketplace.listings import cities
from marketplace.listings.cities import City
from marketplace.listings.models import Attending, Block, Rotation, Site
from marketplace.search.engines import engine
from marketplace.search.port import Query, SearchUnavailable, Sort
from marketplace.search.rows import key_of, starts_of
from marketplace.tenants.models import Agency

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Similar:
    """Another listing with its shortest length, what that costs and its first free start."""

    id: UUID
    slug: str
    specialty: str
    level: str
    doctor: str
    site: str
    city: City
    weeks: int
    price_cents: int
    start: date


def to(session: Session, own: UUID, specialty: str, cents: int) -> list[Similar]:
    """At most three, nearest first; none while the search engine is away.

    `cents` is the price of the listing's shortest block. The engine orders the market by price
    anyway; in the database this would read every price of the specialty.
    """
    dearer = Query(
        filters={"specialty": (specialty,)},
        price_min=cents,
        sort=Sort.PRICE,
        per_page=SHOWN + 1,
        facets=(),
        with_fields=False,
    )
    cheaper = replace(dearer, price_min=None, price_max=cents, sort=Sort.PRICE_DESC)
    try:
        hits = [hit for query in (dearer, cheaper) for hit in engine().search(query).hits]
    except SearchUnavailable:
        return []
    ids = {UUID(hit.id): None for hit in hits if hit.id != str(own)}
    found = _open(session, list(ids)) if ids else []
    return sorted(found, key=lambda one: (abs(one.price_cents - cents), one.id))[:SHOWN]


def _open(session: Session, ids: Sequence[UUID]) -> list[Similar]:
    """Those of the ids that this scope may see and that have a start with a seat: two reads."""
    shortest: dict[Hashable, Row[Any]] = {}
    for row in session.execute(_LISTED, {"ids": ids}):
        shortest.setdefault(row.key, row)
    rows = shortest.values()
    starts = starts_of(session, ids, rows, {row.key: row.weeks for row in rows})
    return [
        Similar(
            id=row.id,
            slug=row.slug,
            specialty=row.specialty,
            level=row.level,
            doctor=row.display_name.split(",")[0],
            site=row.site,
            city=cities.city(row.city),
            weeks=row.weeks,
            price_cents=row.price_cents,
            start=starts[row.key][0].day,
        )
        for row in rows
        if starts[row.key]
    ]


# A row for each length, the shortest first. No `join()`: see search.rows.
_LISTED: Select[Any] = (
    select(
        Rotation.id,
        key_of(Rotation.id).label("key"),
        Rotation.slug,
        Rotation.specialty,
        Rotation.level,
        Rotation.attending_id,
        key_of(Rotation.attending_id).label("doctor"),
        Attending.display_name,
        Attending.weekly_capacity,
        Site.name.label("site"),
        Site.city,
        Block.weeks,
        Block.price_cents,
    )
    .where(
        Rotation.id.in_(bindparam("ids", type_=Uuid(), expanding=True)),
        Rotation.public,
        Site.id == Rotation.site_id,
        Attending.id == Rotation.attending_id,
        Agency.id == Rotation.agency_id,
        Agency.is_public,
        Block.rotation_id == Rotation.id,
        Block.retired_at.is_(None),
    )
    .order_by(Block.weeks)
)
