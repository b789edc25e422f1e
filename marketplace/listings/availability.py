"""Starts and their seats: added in bulk, closed, opened, made larger and smaller; blackouts.

Seats and closing are live at once, whatever a listing's draft says. `taken` is never touched here,
and capacity never goes below it: one conditional UPDATE decides, so a seat that is taken at the
same moment wins or loses against it cleanly.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace.accounts.permissions import require
from marketplace.core import audit, clock
from marketplace.core.context import Actor
from marketplace.core.errors import Conflict, Invalid, NotFound
from marketplace.core.events import publish
from marketplace.listings import notice
from marketplace.listings.draft_models import Blackout
from marketplace.listings.events import RotationChanged
from marketplace.listings.models import Affiliation, Block, Offering, Rotation, Site
from marketplace.listings.versions import locked

MOST_SEATS = 20
MOST_STARTS = 60  # in one go
MOST_AHEAD = timedelta(days=731)


@dataclass(frozen=True)
class Added:
    """What a bulk of starts became."""

    added: int
    there: int  # existed already
    blacked_out: int


def mondays(first: date, until: date, every: int) -> list[date]:
    """Every `every` weeks from `first` to `until`. Invalid with a message beside each field."""
    errors = {}
    if first.weekday():
        errors["first"] = "A start is a Monday."
    if until < first:
        errors["until"] = "The last day is before the first."
    if not 1 <= every <= 12:
        errors["every"] = "Every 1 to 12 weeks."
    if errors:
        raise Invalid(errors)
    count = min((until - first).days // (7 * every), MOST_STARTS)
    found = [first + timedelta(weeks=every * number) for number in range(count + 1)]
    if len(found) > MOST_STARTS:
        raise Invalid({"until": f"At most {MOST_STARTS} starts in one go."})
    return found


def add_starts(
    session: Session, actor: Actor, rotation_id: UUID, days: Iterable[date], capacity: int
) -> Added:
    """Add starts. Days that are there already stay as they are; blackouts are left out.

    Invalid for a day that is over, too near or too far, and for a capacity out of range.
    """
    require(actor, "listings.edit")
    rotation = locked(session, rotation_id)
    wanted = list(days)
    check_new_starts(rotation, wanted, capacity)
    there = set(
        session.scalars(select(Offering.start_on).where(Offering.rotation_id == rotation.id))
    )
    weeks = _shortest(session, rotation.id)
    black = blackouts_of(session, rotation)
    fresh = [day for day in wanted if day not in there]
    free = [day for day in fresh if not any(covers(one, day, weeks) for one in black)]
    for day in free:
        session.add(new_start(rotation, day, capacity))
    session.flush()
    if free:
        _tell(session, actor, rotation, "starts_added", number=len(free))
    return Added(len(free), len(wanted) - len(fresh), len(fresh) - len(free))


def check_new_starts(rotation: Rotation, starts: Iterable[date], capacity: int) -> None:
    """May these starts be added? Days count in the time of the listing's site.

    Conflict for an archived listing; Invalid for a day that is over, too near or too far, and
    for a capacity out of range.
    """
    if rotation.state == "archived":
        raise Conflict("An archived listing has no new starts. Copy it instead.", "archived")
    check_seats(capacity)
    today = clock.today(rotation.site.time_zone)
    for day in starts:
        if _too_near(rotation, day):
            days = notice.days_of(rotation)
            raise Invalid({"first": f"A start closes {days} days before it. Choose a later one."})
        if day > today + MOST_AHEAD:
            raise Invalid({"until": "At most two years ahead."})


def check_seats(capacity: int, taken: int = 0) -> None:
    """May a start have so many seats? Invalid (field `seats`) if not."""
    if not 1 <= capacity <= MOST_SEATS:
        raise Invalid({"seats": f"From 1 to {MOST_SEATS} seats."})
    if taken > capacity:
        raise Invalid({"seats": f"{taken} are taken. It cannot go below that."})


def new_start(rotation: Rotation, day: date, capacity: int) -> Offering:
    """A checked start, not yet stored."""
    return Offering(
        agency_id=rotation.agency_id,
        rotation_id=rotation.id,
        attending_id=rotation.attending_id,
        public=rotation.public,
        start_on=day,
        capacity=capacity,
    )


def set_seats(session: Session, actor: Actor, offering_id: UUID, capacity: int) -> Offering:
    """Give a start more or fewer seats; Invalid below what is taken."""
    require(actor, "listings.edit")
    offering, rotation = _own(session, offering_id)
    check_seats(capacity)
    changed: Any = session.execute(
        update(Offering)
        .where(Offering.id == offering_id, Offering.taken <= capacity)
        .values(capacity=capacity)
        .execution_options(synchronize_session=False)
    )
    session.refresh(offering)
    if not changed.rowcount:
        check_seats(capacity, offering.taken)
    _tell(session, actor, rotation, "seats", day=str(offering.start_on), capacity=capacity)
    return offering


def close_start(session: Session, actor: Actor, offering_id: UUID) -> Offering:
    """Nobody new can ask for this start; bookings go on. Repeating it is harmless."""
    require(actor, "listings.edit")
    offering, rotation = _own(session, offering_id)
    if offering.closed_at is None:
        offering.closed_at = clock.now()
        _tell(session, actor, rotation, "start_closed", day=str(offering.start_on))
    return offering


def reopen_start(session: Session, actor: Actor, offering_id: UUID) -> Offering:
    """Offer a closed start again. Conflict when it is too near or in a blackout."""
    require(actor, "listings.edit")
    offering, rotation = _own(session, offering_id)
    if offering.closed_at is None:
        return offering
    weeks = _shortest(session, rotation.id)
    check_reopen(rotation, offering.start_on, weeks, blackouts_of(session, rotation))
    offering.closed_at = offering.blackout_id = None
    _tell(session, actor, rotation, "start_opened", day=str(offering.start_on))
    return offering


def check_reopen(rotation: Rotation, day: date, weeks: int, blackouts: Iterable[Blackout]) -> None:
    """May a closed start open again? `weeks` is the listing's shortest length. Conflict if not."""
    if _too_near(rotation, day):
        raise Conflict("This start is too near to open it again.", "near")
    if any(covers(one, day, weeks) for one in blackouts):
        raise Conflict("This start is in a blackout. Take the blackout back first.", "blackout")


# --- blackouts ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Closed:
    """What a blackout touched: starts that closed, and seats in them that are booked and stay."""

    blackout: Blackout
    starts: int
    booked: int


def black_out(
    session: Session,
    actor: Actor,
    agency_id: UUID,
    *,
    site_id: UUID | None,
    attending_id: UUID | None,
    first: date,
    last: date,
    reason: str,
) -> Closed:
    """Start nobody in these days, everywhere or at one site or with one attending.

    Open starts whose shortest length runs into them close; bookings are not touched.
    """
    require(actor, "listings.edit")
    errors = {}
    if last < first:
        errors["last"] = "The last day is before the first."
    if (last - first).days > 366:
        errors["last"] = "At most one year."
    if site_id and _missing(session, Site.id, Site.id == site_id, Site.agency_id == agency_id):
        errors["where"] = "Choose from the list."
    if attending_id and _missing(
        session,
        Affiliation.id,
        Affiliation.attending_id == attending_id,
        Affiliation.agency_id == agency_id,
    ):
        errors["where"] = "Choose from the list."
    if errors:
        raise Invalid(errors)
    row = Blackout(
        agency_id=agency_id,
        site_id=site_id,
        attending_id=attending_id,
        first_day=first,
        last_day=last,
        reason=reason[:200],
    )
    session.add(row)
    session.flush()
    closed, booked, touched = 0, 0, set()
    for offering, rotation in _starts_near(session, row):
        if covers(row, offering.start_on, _shortest(session, rotation.id)):
            offering.closed_at, offering.blackout_id = clock.now(), row.id
            closed, booked = closed + 1, booked + offering.taken
            touched.add((rotation.id, rotation.agency_id))
    session.flush()
    for rotation_id, owner in sorted(touched):
        publish(session, RotationChanged(rotation_id, owner))
    audit.record(session, actor, "listing.blackout", f"blackout:{row.id}", closed=closed)
    return Closed(row, closed, booked)


def _missing(session: Session, column: Any, *where: Any) -> bool:
    return session.scalar(select(column).where(*where)) is None


def _starts_near(session: Session, row: Blackout) -> list[Any]:
    wanted = select(Offering, Rotation).where(
        Rotation.id == Offering.rotation_id,
        Offering.closed_at.is_(None),
        Offering.start_on <= row.last_day,
        Offering.start_on > row.first_day - timedelta(weeks=12),
    )
    if row.site_id:
        wanted = wanted.where(Rotation.site_id == row.site_id)
    if row.attending_id:
        wanted = wanted.where(Rotation.attending_id == row.attending_id)
    return [tuple(found) for found in session.execute(wanted)]


def lift_blackout(session: Session, actor: Actor, key: UUID) -> int:
    """Take a blackout back; the starts that it closed open again, unless they are too near.

    Returns how many opened. NotFound outside the agency.
    """
    require(actor, "listings.edit")
    row = session.get(Blackout, key)
    if row is None:
        raise NotFound
    opened = 0
    for offering in session.scalars(select(Offering).where(Offering.blackout_id == row.id)):
        rotation = session.get_one(Rotation, offering.rotation_id)
        offering.blackout_id = None
        if not _too_near(rotation, offering.start_on):
            offering.closed_at = None
            opened += 1
            publish(session, RotationChanged(rotation.id, rotation.agency_id))
    session.delete(row)
    session.flush()
    audit.record(session, actor, "listing.blackout_lifted", f"blackout:{key}", opened=opened)
    return opened


def blackouts_of(session: Session, rotation: Rotation) -> list[Blackout]:
    """The blackouts that hold for a listing."""
    return [one for one in session.scalars(select(Blackout)) if applies_to(one, rotation)]


def applies_to(row: Blackout, rotation: Rotation) -> bool:
    """Does the blackout hold for a listing?"""
    return row.site_id in (None, rotation.site_id) and row.attending_id in (
        None,
        rotation.attending_id,
    )


def covers(row: Blackout, day: date, weeks: int) -> bool:
    """Does the shortest rotation from this start run into the blackout?"""
    ends = day + timedelta(weeks=weeks, days=-3)
    return day <= row.last_day and ends >= row.first_day


def _shortest(session: Session, rotation_id: UUID) -> int:
    weeks = select(Block.weeks).where(Block.rotation_id == rotation_id, Block.retired_at.is_(None))
    return session.scalar(weeks.order_by(Block.weeks).limit(1)) or 1


def _too_near(rotation: Rotation, day: date) -> bool:
    soonest = clock.today(rotation.site.time_zone) + timedelta(days=notice.days_of(rotation))
    return day < soonest


def _own(session: Session, offering_id: UUID) -> tuple[Offering, Rotation]:
    """A start of this agency, its listing locked first. NotFound for any other."""
    rotation_id = session.scalar(select(Offering.rotation_id).where(Offering.id == offering_id))
    if rotation_id is None:
        raise NotFound
    rotation = locked(session, rotation_id)
    return session.get_one(Offering, offering_id, populate_existing=True), rotation


def _tell(session: Session, actor: Actor, rotation: Rotation, verb: str, **detail: Any) -> None:
    session.flush()
    audit.record(
        session,
        actor,
        f"listing.{verb}",
        f"rotation:{rotation.slug}",
        agency_id=rotation.agency_id,
        **detail,
    )
    publish(session, RotationChanged(rotation.id, rotation.agency_id))
