"""Bodies of the listings' jobs."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.context import Scope
from marketplace.core.db import open_session
from marketplace.core.jobs import handler, outside_handler
from marketplace.listings import notice, operations, withholding
from marketplace.listings.models import Attending, Rotation
from marketplace.verification import attendings
from marketplace.verification.models import AttendingCheck


@handler("listings.signature_decided")
def signature_decided(session: Session, signature_id: str) -> None:
    """Let a signed scope count."""
    operations.apply_signature(session, UUID(signature_id))


@outside_handler("listings.close_near")
def close_near(scope: Scope) -> None:
    """Close the starts that are nearer than their listing's notice."""
    notice.close_all_near(scope)


@outside_handler("listings.follow_checks")
def follow_checks(scope: Scope) -> None:
    """Close what has ended by a date, open what waits and may, and watch attendings that nobody
    looks up yet. Each agency in its own session."""
    with open_session(scope, readonly=True) as session:
        agencies = withholding.out_of_line(session)
        unwatched = session.execute(
            select(Attending.id, Attending.npi)
            .outerjoin(AttendingCheck, AttendingCheck.attending_id == Attending.id)
            .where(
                Attending.joined_at.is_not(None),
                AttendingCheck.npi.is_(None) | (AttendingCheck.npi != Attending.npi),
            )
            .distinct()
            .limit(100)
        ).all()
    for agency_id in agencies:
        with open_session(scope) as session:
            withholding.follow(session, Rotation.agency_id == agency_id)
    for attending_id, npi in unwatched:
        with open_session(scope) as session:
            attendings.watch(session, attending_id, npi)
