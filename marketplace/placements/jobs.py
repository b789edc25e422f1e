"""Bodies of the placements' jobs."""

import logging
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from marketplace.bookings.models import Booking
from marketplace.core import clock, context
from marketplace.core.context import Scope
from marketplace.core.db import open_session
from marketplace.core.jobs import handler, outside_handler
from marketplace.payments import operations as payments
from marketplace.payments.models import Release
from marketplace.placements import operations
from marketplace.placements.models import Placement

log = logging.getLogger("rounds.placements")

BATCH = 200


@handler("placements.hold_money")
def hold_money(session: Session, booking_id: str) -> None:
    """A contested start keeps held money held.

    The share of the check-in is written by a row of its own; while that is not done, try later.
    """
    booking = session.get_one(Booking, UUID(booking_id))
    if booking.plan_id is None:
        return
    known = select(Release.id).where(Release.plan_id == booking.plan_id)
    if session.scalar(known) is None:
        raise LookupError("the share of this check-in is not scheduled yet")
    payments.stop_releases(session, booking.plan_id)


@outside_handler("placements.check_in_due")
def check_in_due(scope: Scope) -> None:
    """Where one side was silent for 72 hours, let the other's check-in stand."""
    before = clock.now() - operations.SILENCE
    with open_session(scope, readonly=True) as session:
        due = session.execute(
            select(Placement.booking_id, Placement.agency_id)
            .where(
                Placement.stood_at.is_(None),
                Placement.contested_at.is_(None),
                or_(
                    Placement.candidate_checked_in_at.is_(None)
                    & (Placement.host_checked_in_at <= before),
                    Placement.host_checked_in_at.is_(None)
                    & (Placement.candidate_checked_in_at <= before),
                ),
            )
            .limit(BATCH)
        ).all()
    for booking_id, agency_id in due:
        try:
            with open_session(context.agency(agency_id)) as session:
                operations.let_stand(session, booking_id)
        except Exception:  # the row stays due; it must not hold up the others
            log.exception("check-in row failed", extra={"booking": str(booking_id)})
