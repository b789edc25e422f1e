"""Minimum notice: a start closes by itself so many days before it, counted at the site.

It holds at once, also for the live version, as seats and starts do.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.permissions import require
from marketplace.core import audit, clock, context
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.errors import Invalid
from marketplace.core.events import publish
from marketplace.listings.events import RotationChanged
from marketplace.listings.models import Offering, Rotation, Site
from marketplace.listings.versions import locked_all

LEAST_DAYS = 7  # the platform's own (bookings.MIN_NOTICE)
MOST_DAYS = 180


def days_of(rotation: Rotation) -> int:
    """The days before a start of this listing at which it closes."""
    return max(rotation.notice_days, LEAST_DAYS)


def check(days: int) -> None:
    """May a listing have this notice? Invalid (field `notice`) if not."""
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise Invalid({"notice": f"From {LEAST_DAYS} to {MOST_DAYS} days before the start."})


def set_notice(session: Session, actor: Actor, rotation_id: UUID, days: int) -> None:
    """Give a listing this notice; the starts that are nearer close now. Invalid, NotFound."""
    for rotation in set_all(session, actor, {rotation_id: days}):
        publish(session, RotationChanged(rotation.id, rotation.agency_id))


def set_all(session: Session, actor: Actor, wanted: Mapping[UUID, int]) -> list[Rotation]:
    """The same of several listings, days by listing, a few hundred at most. Returns those that
    changed: telling of it (`RotationChanged`) is the caller's."""
    require(actor, "listings.edit")
    for days in wanted.values():
        check(days)
    found = locked_all(session, wanted.keys()).values()
    changed = [one for one in found if one.notice_days != wanted[one.id]]
    for rotation in changed:
        rotation.notice_days = wanted[rotation.id]
        audit.record(
            session,
            actor,
            "listing.notice",
            f"rotation:{rotation.slug}",
            agency_id=rotation.agency_id,
            days=rotation.notice_days,
        )
    _close_near(session, changed)
    return changed


def _close_near(session: Session, rotations: Iterable[Rotation]) -> set[UUID]:
    """Close the starts of locked listings that are nearer than their notice; returns of which."""
    by_id = {rotation.id: rotation for rotation in rotations}
    sites = select(Site.id, Site.time_zone).where(Site.id.in_({r.site_id for r in by_id.values()}))
    zones = {row.id: row.time_zone for row in session.execute(sites)}
    open_starts = select(Offering).where(
        Offering.rotation_id.in_(by_id), Offering.closed_at.is_(None)
    )
    closed = set()
    for offering in session.scalars(open_starts.execution_options(populate_existing=True)):
        rotation = by_id[offering.rotation_id]
        today = clock.today(zones[rotation.site_id])
        if today <= offering.start_on < today + timedelta(days=rotation.notice_days):
            offering.closed_at = clock.now()
            closed.add(rotation.id)
    session.flush()
    return closed


def close_all_near(scope: context.Scope, limit: int = 200) -> int:
    """The starts that came too near since the last look, each listing in its agency's session."""
    today = clock.now().date()
    with open_session(scope, readonly=True) as session:
        rows = session.execute(
            select(Offering.start_on, Rotation.id, Rotation.agency_id, Rotation.notice_days).where(
                Rotation.id == Offering.rotation_id,
                Rotation.notice_days > 0,
                Offering.closed_at.is_(None),
                Offering.start_on >= today,
                Offering.start_on < today + timedelta(days=MOST_DAYS),
            )
        ).all()
    due = {
        (row.id, row.agency_id)
        for row in rows
        if row.start_on < today + timedelta(days=row.notice_days)
    }
    for rotation_id, agency_id in sorted(due)[:limit]:
        with open_session(context.agency(agency_id)) as session:
            for key in _close_near(session, locked_all(session, [rotation_id]).values()):
                publish(session, RotationChanged(key, agency_id))
    return len(due)
