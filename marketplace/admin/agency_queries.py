"""Agencies, as the platform sees them: the list with numbers; one with its listings and team."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from marketplace.accounts.models import Membership
from marketplace.bookings.models import Booking
from marketplace.bookings.states import LIVE
from marketplace.core.audit import AuditEntry
from marketplace.core.errors import NotFound
from marketplace.listings.models import Rotation
from marketplace.payments.models import LedgerEntry
from marketplace.tenants.models import AGENCY_STATES, Agency

STATES = AGENCY_STATES
LISTINGS = 200


@dataclass(frozen=True)
class AgencyRow:
    """One agency of the list."""

    slug: str
    name: str
    state: str
    listings: int
    published: int
    bookings: int
    created_at: datetime


def agencies(session: Session, text: str = "", state: str = "") -> tuple[AgencyRow, ...]:
    """The agencies by name, with their numbers."""
    wanted = select(Agency).order_by(Agency.name)
    if text:
        columns = (Agency.name, Agency.slug, Agency.email)
        wanted = wanted.where(or_(*(c.icontains(text, autoescape=True) for c in columns)))
    if state:
        wanted = wanted.where(Agency.state == state)
    rows = session.scalars(wanted.limit(500)).all()
    listed = _by_agency(session)
    booked = {
        row[0]: int(row[1])
        for row in session.execute(
            select(Booking.agency_id, func.count())
            .where(Booking.state.in_(LIVE))
            .group_by(Booking.agency_id)
        )
    }
    return tuple(
        AgencyRow(
            slug=row.slug,
            name=row.name,
            state=row.state,
            listings=listed.get(row.id, (0, 0))[0],
            published=listed.get(row.id, (0, 0))[1],
            bookings=booked.get(row.id, 0),
            created_at=row.created_at,
        )
        for row in rows
    )


def _by_agency(session: Session) -> dict[UUID, tuple[int, int]]:
    found: dict[UUID, tuple[int, int]] = {}
    rows = session.execute(
        select(Rotation.agency_id, Rotation.public, func.count()).group_by(
            Rotation.agency_id, Rotation.public
        )
    )
    for key, public, number in rows:
        total, open_ones = found.get(key, (0, 0))
        found[key] = (total + int(number), open_ones + (int(number) if public else 0))
    return found


@dataclass(frozen=True)
class AgencyPage:
    """One agency: numbers, listings, team, latest acts."""

    agency: Agency
    bookings: tuple[tuple[str, int], ...]
    held_cents: int
    owed_cents: int
    listings: tuple[Rotation, ...]
    listings_in_all: int
    team: tuple[Membership, ...]
    audit: tuple[AuditEntry, ...]


def agency_page(session: Session, slug: str) -> AgencyPage:
    """Everything for one agency's page; NotFound when there is none."""
    agency = session.scalars(select(Agency).where(Agency.slug == slug)).one_or_none()
    if agency is None:
        raise NotFound
    mine = Rotation.agency_id == agency.id
    states = session.execute(
        select(Booking.state, func.count())
        .where(Booking.agency_id == agency.id)
        .group_by(Booking.state)
    ).all()
    sums = {
        row[0]: int(row[1])
        for row in session.execute(
            select(LedgerEntry.account, func.sum(LedgerEntry.amount_cents))
            .where(LedgerEntry.agency_id == agency.id)
            .group_by(LedgerEntry.account)
        )
    }
    listings = session.scalars(
        select(Rotation).where(mine).order_by(Rotation.state, Rotation.title).limit(LISTINGS)
    )
    team = session.scalars(
        select(Membership)
        .where(Membership.agency_id == agency.id, Membership.ended_at.is_(None))
        .order_by(Membership.id)
    )
    acts = session.scalars(
        select(AuditEntry)
        .where(AuditEntry.agency_id == agency.id)
        .order_by(AuditEntry.id.desc())
        .limit(10)
    )
    return AgencyPage(
        agency=agency,
        bookings=tuple(sorted((str(state), int(number)) for state, number in states)),
        held_cents=-sums.get("guest_funds", 0),
        owed_cents=-sums.get("agency_payable", 0),
        listings=tuple(listings),
        listings_in_all=session.scalar(select(func.count()).select_from(Rotation).where(mine)) or 0,
        team=tuple(team),
        audit=tuple(acts),
    )
