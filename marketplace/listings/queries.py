"""Reads of listings: what a booking freezes, what the eligibility rules ask, seats left."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Row, Uuid, bindparam, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from marketplace.core import clock
from marketplace.listings import catalog, cities, levels, seasons
from marketplace.listings.models import (
    Attending,
    AttendingWeek,
    Block,
    Rotation,
    Site,
)
from marketplace.listings.policies import preset, terms_from
from marketplace.listings.seats import weeks_of
from marketplace.tenants.models import Agency


def last_day(start_on: date, weeks: int) -> date:
    """The Friday that ends a block which starts on a Monday."""
    return start_on + timedelta(weeks=weeks, days=-3)


def rotation_by_slug(session: Session, slug: str) -> Rotation | None:
    """The rotation of a page's address, as far as this scope may see it."""
    return session.scalars(select(Rotation).where(Rotation.slug == slug)).one_or_none()


def page_of(session: Session, slug: str) -> Rotation | None:
    """The published rotation of a page's address with its agency, site, attending and blocks: two
    reads. No `join()` and no relationship is loaded: the scope's wall would then have to check
    every table (tenants.scope), so tables are tied by conditions."""
    return _whole(session, session.execute(_PAGE, {"slug": slug}).one_or_none())


def whole(session: Session, rotation_id: UUID) -> Rotation | None:
    """A rotation, published or not, with its agency, site, attending and blocks: two reads, as far
    as this scope may see them."""
    return _whole(session, session.execute(_BY_ID, {"rotation_id": rotation_id}).one_or_none())


def _whole(
    session: Session, found: Row[Rotation, Agency, Site, Attending] | None
) -> Rotation | None:
    if found is None:
        return None
    rotation: Rotation = found.Rotation
    for name, value in (
        ("agency", found.Agency),
        ("site", found.Site),
        ("attending", found.Attending),
    ):
        set_committed_value(rotation, name, value)
    blocks = session.scalars(_BLOCKS, {"rotation_id": rotation.id}).all()
    set_committed_value(rotation, "blocks", list(blocks))
    return rotation


# Types are said, because those of foreign keys are known only once every model is imported.
_WHOLE = select(Rotation, Agency, Site, Attending).where(
    Agency.id == Rotation.agency_id,
    Site.id == Rotation.site_id,
    Attending.id == Rotation.attending_id,
)
_PAGE = _WHOLE.where(Rotation.slug == bindparam("slug"), Rotation.public)
_BY_ID = _WHOLE.where(Rotation.id == bindparam("rotation_id", type_=Uuid()))
_BLOCKS = (
    select(Block)
    .where(Block.rotation_id == bindparam("rotation_id", type_=Uuid()), Block.retired_at.is_(None))
    .order_by(Block.weeks)
)
_POOL = select(
    AttendingWeek.week, (AttendingWeek.capacity - AttendingWeek.taken).label("left")
).where(
    AttendingWeek.attending_id == bindparam("attending_id", type_=Uuid()),
    AttendingWeek.week.in_(bindparam("weeks", expanding=True, type_=Date())),
)


def cancellation_of(rotation: Rotation) -> dict[str, Any]:
    """The rotation's cancellation terms as they are frozen: a preset's or its own tiers."""
    found = rotation.cancellation
    terms = preset(str(found["preset"])) if "preset" in found else terms_from(found)
    return dict(terms.as_json())


def frozen_terms(rotation: Rotation, block: Block) -> dict[str, Any]:
    """Everything a candidate accepts, as plain data that no later edit can change."""
    city = cities.city(rotation.site.city)
    return {
        "version": rotation.version,
        "frozen_at": clock.now().isoformat(),
        "rotation_slug": rotation.slug,
        "title": rotation.title,
        "specialty": rotation.specialty,
        "specialty_label": catalog.specialty(rotation.specialty).label,
        "type": rotation.type,
        "type_label": catalog.rotation_type(rotation.type).label,
        "level": rotation.level,
        "level_label": catalog.level(rotation.level).label,
        "setting": rotation.setting,
        "agency": rotation.agency.name,
        "agency_slug": rotation.agency.slug,
        "attending": rotation.attending.display_name,
        "attending_slug": rotation.attending.slug,
        "letter_days": rotation.attending.median_letter_days,
        "site": rotation.site.name,
        "site_kind": rotation.site.kind,
        "city": city.slug,
        "city_label": city.label,
        "state": city.state,
        "time_zone": rotation.site.time_zone,
        "activities": rotation.activities,
        "inclusions": rotation.inclusions,
        "hours_per_week": rotation.hours_per_week,
        "required_documents": rotation.required_documents,
        "letter_policy": rotation.letter_policy,
        "weeks": block.weeks,
        "price_cents": block.price_cents,
        "price_parts": rotation.price_parts,
        "platform_fee_percent": rotation.agency.platform_fee_percent,
        "deposit_percent": rotation.deposit_percent,
        "max_installments": rotation.max_installments,
        "cancellation": cancellation_of(rotation),
        "preapproved": rotation.preapproved,
    }


def offered_facts(listing: Any, state: str) -> dict[str, object]:
    """The rotation.* facts that are written in the listing itself; enough to say whom it takes.

    `listing` is a rotation or a row with its columns type, level, setting, accepts, required_exams
    and eligibility; `state` is the site's, two letters.
    """
    facts: dict[str, object] = {
        "rotation.type": listing.type,
        "rotation.level": listing.level,
        "rotation.setting": listing.setting,
        "rotation.state": state,
        "rotation.accepts": frozenset(listing.accepts),
        "rotation.required_exams": frozenset(listing.required_exams),
        "rotation.vslo_only": False,
    }
    return facts | {f"rotation.{name}": value for name, value in listing.eligibility.items()}


def rotation_facts(rotation: Rotation) -> dict[str, object]:
    """The rotation.* facts of data/profile_fields.csv for the eligibility rules."""
    today = clock.today(rotation.site.time_zone)
    facts: dict[str, object] = {
        "rotation.site_kind": rotation.site.kind,
        "rotation.required_documents": frozenset(rotation.required_documents),
        "rotation.supervisor_npi": rotation.attending.npi,
        "rotation.supervisor_verified": _in_date(rotation.attending.verified_until, today),
        "rotation.scope_cosigned": rotation.signed_version == rotation.version,
        "rotation.scope_activities": frozenset(rotation.activities),
        "rotation.scope_core_items": levels.core_items(list(rotation.activities)),
        "rotation.site_letter_valid": _in_date(rotation.site.letter_until, today),
        "rotation.trainees_per_attending": rotation.trainees_per_attending,
    }
    return facts | offered_facts(rotation, rotation.site.state)


def _in_date(until: date | None, today: date) -> bool:
    return until is not None and until >= today


def booking_facts(
    rotation: Rotation, start_on: date, weeks: int, *, overlaps: bool = False, seats_left: int = 1
) -> dict[str, object]:
    """The booking.*, season.*, agency.* and attending.* facts for one start and length."""
    end = last_day(start_on, weeks)
    today = clock.today(rotation.site.time_zone)
    letter_days = rotation.attending.median_letter_days or seasons.DEFAULT_LETTER_DAYS
    review = seasons.next_review(today)
    facts: dict[str, object] = {
        "booking.start_date": start_on,
        "booking.end_date": end,
        "booking.weeks": weeks,
        "booking.days_to_start": (start_on - today).days,
        "booking.overlaps_other": overlaps,
        "booking.lor_ready_date": seasons.letter_ready_on(end, letter_days),
        "attending.week_seats_left": seats_left,
        "agency.state": rotation.agency.state if rotation.agency.takes_bookings else "suspended",
    }
    if review is not None:
        facts["season.review_opens"] = review.day
    return facts


def seats_left(
    session: Session, rotation: Rotation, offerings: Iterable[Any], weeks: int
) -> dict[UUID, int]:
    """Seats left for a length, by offering: the least of the offering and the attending's weeks.

    One read for all `offerings`: rows with id, start_on, capacity, taken and closed_at. Closed
    ones have none.
    """
    rows = list(offerings)
    mondays = {monday for row in rows for monday in weeks_of(row.start_on, weeks)}
    asked = {"attending_id": rotation.attending_id, "weeks": sorted(mondays)}
    pool = {row.week: row.left for row in session.execute(_POOL, asked)}
    return {row.id: 0 if row.closed_at else least(rotation, row, pool, weeks) for row in rows}


def least(rotation: Rotation, offering: Any, pool: Mapping[date, int], weeks: int) -> int:
    """Seats left for a length: the least of the offering and the attending's weeks. `pool` has what
    is left in the weeks that were asked for before; any other week has the usual seats."""
    usual = rotation.attending.weekly_capacity
    held = (pool.get(monday, usual) for monday in weeks_of(offering.start_on, weeks))
    own: int = offering.capacity - offering.taken
    return max(0, min(own, *held))
