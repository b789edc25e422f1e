"""From the database to the index: the facts of published listings, in batches."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core import clock
from marketplace.listings import cities, hard_rules
from marketplace.listings.models import (
    Attending,
    AttendingWeek,
    Block,
    Offering,
    Rotation,
    Site,
)
from marketplace.listings.queries import offered_facts
from marketplace.listings.seats import weeks_of
from marketplace.search.documents import ListingFacts, StartFacts
from marketplace.search.offers import accepted, included
from marketplace.tenants.models import Agency

BATCH = 500
MIN_NOTICE = timedelta(days=7)


def first_bookable_day() -> date:
    """Starts before this day are not offered any more (UTC; the request checks at the site)."""
    return clock.now().date() + MIN_NOTICE


def public_ids(session: Session) -> list[UUID]:
    """Every listing that may be shown (system scope)."""
    return list(
        session.scalars(
            select(Rotation.id)
            .join(Agency, Agency.id == Rotation.agency_id)
            .where(Rotation.public, Agency.is_public)
            .order_by(Rotation.id)
        )
    )


def facts_in_batches(session: Session, ids: Sequence[UUID]) -> Iterator[ListingFacts]:
    """The facts of these listings; those that may not be shown are left out."""
    for start in range(0, len(ids), BATCH):
        yield from facts_of(session, ids[start : start + BATCH])


def facts_of(session: Session, ids: Sequence[UUID]) -> list[ListingFacts]:
    """The facts of one batch: five reads, whatever its size."""
    rows = session.execute(
        select(Rotation, Site, Agency, Attending)
        .join(Site, Site.id == Rotation.site_id)
        .join(Agency, Agency.id == Rotation.agency_id)
        .join(Attending, Attending.id == Rotation.attending_id)
        .where(Rotation.id.in_(ids), Rotation.public, Agency.is_public)
    ).all()
    prices: dict[UUID, dict[int, int]] = defaultdict(dict)
    offered = select(Block).where(Block.rotation_id.in_(ids), Block.retired_at.is_(None))
    for block in session.scalars(offered):
        prices[block.rotation_id][block.weeks] = block.price_cents
    offerings: dict[UUID, list[Offering]] = defaultdict(list)
    wanted = select(Offering).where(
        Offering.rotation_id.in_(ids),
        Offering.start_on >= first_bookable_day(),
        Offering.closed_at.is_(None),
    )
    for offering in session.scalars(wanted.order_by(Offering.start_on)):
        offerings[offering.rotation_id].append(offering)
    pool = _pool(session, {row.Attending.id for row in rows})
    return [
        _facts(
            row.Rotation,
            row.Site,
            row.Agency,
            row.Attending,
            prices=prices[row.Rotation.id],
            starts=_starts(
                row.Attending, offerings[row.Rotation.id], prices[row.Rotation.id], pool
            ),
        )
        for row in rows
        if prices[row.Rotation.id]
    ]


def _pool(session: Session, attendings: set[UUID]) -> dict[tuple[UUID, date], int]:
    rows = session.scalars(select(AttendingWeek).where(AttendingWeek.attending_id.in_(attendings)))
    return {(row.attending_id, row.week): row.capacity - row.taken for row in rows}


def _starts(
    doctor: Attending,
    offerings: list[Offering],
    prices: dict[int, int],
    pool: dict[tuple[UUID, date], int],
) -> tuple[StartFacts, ...]:
    found = []
    for row in offerings:
        left_by_length = {
            length: min(
                row.capacity - row.taken,
                *(
                    pool.get((doctor.id, monday), doctor.weekly_capacity)
                    for monday in weeks_of(row.start_on, length)
                ),
            )
            for length in prices
        }
        open_lengths = tuple(length for length, left in left_by_length.items() if left > 0)
        if open_lengths:
            left = max(left_by_length.values())
            found.append(StartFacts(row.start_on, left, open_lengths))
    return tuple(found)


def _facts(
    rotation: Rotation,
    site: Site,
    agency: Agency,
    doctor: Attending,
    *,
    prices: dict[int, int],
    starts: tuple[StartFacts, ...],
) -> ListingFacts:
    city = cities.city(site.city)
    rated = rotation.rating_count
    return ListingFacts(
        id=str(rotation.id),
        version=rotation.index_version,
        agency=agency.slug,
        agency_name=agency.name,
        title=rotation.title,
        specialty=rotation.specialty,
        hands_on=rotation.level,
        type=rotation.type,
        setting=rotation.setting,
        city=city.slug,
        city_name=city.name,
        state=city.state,
        state_name=city.state_name,
        lat=city.lat,
        lng=city.lng,
        prices=prices,
        starts=starts,
        included=included(rotation),
        accepts=accepted(rotation),
        exams=tuple(rotation.required_exams),
        eligibility=hard_rules.profile_of(offered_facts(rotation, site.state)),
        rating=round(rotation.rating_sum / rated, 2) if rated else None,
        reviews=rated,
        attending=doctor.display_name,
        site=site.name,
        text=rotation.summary,
    )
