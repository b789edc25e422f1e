"""Closes listings that the platform's checks stop, and opens them again when nothing does.

A listing that was closed here is `withheld`: paused, and the only kind that opens by itself.
Bookings that exist are left alone. System sessions only.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, false, not_, or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.core import audit, clock
from marketplace.core.context import SYSTEM
from marketplace.core.events import publish
from marketplace.listings.events import ListingsMoved
from marketplace.listings.models import Attending, Rotation, ScopeSignature, Site
from marketplace.listings.operations import missing_for_publish, open_when_ready
from marketplace.listings.standing import SITE_LETTER, stops
from marketplace.tenants.models import OPEN_STATES, Agency
from marketplace.verification import kinds
from marketplace.verification.models import Evidence


def follow(session: Session, condition: ColumnElement[bool]) -> int:
    """Bring the listings of one agency, attending or site in line; returns how many moved."""
    session.flush()
    rows = session.scalars(
        select(Rotation)
        .where(condition, or_(Rotation.state == "published", Rotation.withheld))
        .options(
            joinedload(Rotation.agency),
            joinedload(Rotation.attending),
            joinedload(Rotation.site),
        )
        .order_by(Rotation.id)
        .with_for_update(of=Rotation)
        .execution_options(populate_existing=True)
    ).all()
    moved = [row for row in rows if _follow_one(session, row)]
    session.flush()
    _tell(session, moved)
    open_signed(session, condition)
    return len(moved)


def open_signed(session: Session, condition: ColumnElement[bool]) -> int:
    """Open the signed drafts of one agency, attending or site that only waited for the platform."""
    session.flush()
    rows = session.scalars(
        select(ScopeSignature)
        .join(Rotation, Rotation.id == ScopeSignature.rotation_id)
        .where(
            condition,
            Rotation.state == "draft",
            ScopeSignature.version == Rotation.version,
            ScopeSignature.decision == "signed",
            ScopeSignature.opens_for != "",
        )
        .order_by(ScopeSignature.id)
    ).all()
    return sum(open_when_ready(session, row) for row in rows)


def _follow_one(session: Session, row: Rotation) -> bool:
    stopped = bool(stops(row, clock.today(row.site.time_zone)))
    if row.state == "published" and stopped:
        row.state, row.public, row.withheld = "paused", False, True
        row.updated_at = clock.now()
        return True
    if row.withheld and row.state != "paused":
        row.withheld = False  # archived or opened by hand since
        return False
    if not row.withheld or stopped:
        return False
    row.withheld = False
    if missing_for_publish(session, row):
        return False  # it lacks something else by now; the agency opens it when that is there
    row.state, row.public = "published", True
    row.updated_at = clock.now()
    return True


def _tell(session: Session, moved: Iterable[Rotation]) -> None:
    by_agency: dict[UUID, list[Rotation]] = {}
    for row in moved:
        by_agency.setdefault(row.agency_id, []).append(row)
    for agency_id, rows in by_agency.items():
        closed = sum(1 for row in rows if row.withheld)
        audit.record(
            session,
            SYSTEM,
            "listings.follow_checks",
            f"agency:{agency_id}",
            agency_id=agency_id,
            closed=closed,
            opened=len(rows) - closed,
        )
        publish(session, ListingsMoved(agency_id, tuple(row.id for row in rows)))


def _lacks(kind: kinds.Kind, today: date) -> ColumnElement[bool]:
    """The listing's site has no such paper in date, and the platform asks for one: `stops`, asked
    of the rows."""
    if not (kind.active and kind.required and kind.subject == "site"):
        return false()
    asked: list[ColumnElement[bool]] = [Rotation.setting.in_(kind.settings)]
    if kind.agency_kinds:
        asked.append(Agency.kind.in_(kind.agency_kinds))
    if kind.since:
        asked.append(Agency.created_at >= datetime.combine(kind.since, time.min, UTC))
    there = exists(
        select(Evidence.id).where(
            Evidence.site_id == Site.id,
            Evidence.kind == kind.slug,
            Evidence.state == "accepted",
            Evidence.valid_until.is_(None) | (Evidence.valid_until >= today),
        )
    )
    on_file = Site.letter_until >= today if kind.slug == SITE_LETTER else there
    return and_(*asked, or_(on_file.is_(None), not_(on_file)))


def out_of_line(session: Session) -> list[UUID]:
    """Agencies with a listing that should be closed by now, or that waits to be opened."""
    today = clock.today("UTC")
    stopped = or_(
        Rotation.taken_down_at.is_not(None),
        Agency.state.not_in(OPEN_STATES),
        Agency.verified_until < today,
        Attending.excluded_at.is_not(None),
        (Rotation.type != "research")
        & (Attending.verified_until.is_(None) | (Attending.verified_until < today)),
        *(_lacks(kind, today) for kind in kinds.kinds().values()),
    )
    rows = session.scalars(
        select(Rotation.agency_id)
        .join(Agency, Agency.id == Rotation.agency_id)
        .join(Attending, Attending.id == Rotation.attending_id)
        .join(Site, Site.id == Rotation.site_id)
        .where(((Rotation.state == "published") & stopped) | (Rotation.withheld & ~stopped))
        .distinct()
    )
    return list(rows)
