"""Bodies of verification's jobs: look-ups outside of transactions, and what the calendar brings."""

import logging
from datetime import timedelta
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from marketplace.core import clock
from marketplace.core.context import SYSTEM, Scope
from marketplace.core.db import open_session
from marketplace.core.events import publish
from marketplace.core.jobs import outside_handler
from marketplace.tenants.models import Agency
from marketplace.verification import attendings, operations, standing
from marketplace.verification.attendings import Watched
from marketplace.verification.events import EvidenceEnds
from marketplace.verification.models import AttendingCheck, Evidence
from marketplace.verification.sources import WHAT, source

log = logging.getLogger("rounds.verification")
WARN_DAYS = (30, 7)
AT_ONCE = 200


@outside_handler("verification.check_attending")
def check_attending(scope: Scope, attending_id: str) -> None:
    """Look one attending up. Running it again is harmless: it reads and writes what is so now."""
    key = UUID(attending_id)
    with open_session(scope, readonly=True) as session:
        npi = session.scalar(
            select(AttendingCheck.npi).where(AttendingCheck.attending_id == key).limit(1)
        )
    if npi is not None:
        _look_up(scope, Watched(key, npi))


@outside_handler("verification.check_due")
def check_due(scope: Scope) -> None:
    """Look up again whose look-ups are old or failed."""
    with open_session(scope, readonly=True) as session:
        waiting = attendings.due(session)
    for one in waiting:
        _look_up(scope, one)


def _look_up(scope: Scope, one: Watched) -> None:
    today = clock.today("UTC")
    found = [source().look_up(what, one.npi, today) for what in WHAT]
    with open_session(scope) as session:
        attendings.record(session, one.attending_id, one.npi, found)


@outside_handler("verification.kinds_changed")
def kinds_changed(scope: Scope) -> None:
    """The platform asks for other papers: the last day of each agency's papers may be another one.
    Each agency in its own session."""
    with open_session(scope, readonly=True) as session:
        agencies = session.scalars(select(Agency.id).where(Agency.approved_at.is_not(None))).all()
    for agency_id in agencies:
        with open_session(scope) as session:
            standing.refresh(session, standing.locked(session, agency_id))


@outside_handler("verification.expire_due")
def expire_due(scope: Scope) -> None:
    """End what has passed its last day, and warn before that. Each agency in its own session: one
    that fails leaves the others alone and stays due."""
    with open_session(scope, readonly=True) as session:
        agencies = _agencies_due(session)
    for agency_id in agencies:
        try:
            with open_session(scope) as session:
                _bring_up_to_date(session, agency_id)
        except Exception:
            log.exception("evidence could not be brought up to date", extra={"id": agency_id})


def _agencies_due(session: Session) -> list[UUID]:
    """Agencies with a paper that ended or is about to, and those whose own last day passed."""
    today = clock.today("UTC")
    by_paper = select(Evidence.agency_id).where(
        Evidence.state == "accepted",
        or_(
            Evidence.valid_until < today,
            *(
                (Evidence.valid_until <= today + timedelta(days=days))
                & (Evidence.warned_days.is_(None) | (Evidence.warned_days > days))
                for days in WARN_DAYS
            ),
        ),
    )
    by_agency = select(Agency.id).where(Agency.is_public, Agency.verified_until < today)
    return list(session.scalars(by_paper.union(by_agency).limit(AT_ONCE)))


def _bring_up_to_date(session: Session, agency_id: UUID) -> None:
    agency = standing.locked(session, agency_id)
    today = clock.today("UTC")
    rows = session.scalars(
        select(Evidence)
        .where(
            Evidence.agency_id == agency_id,
            Evidence.state == "accepted",
            Evidence.valid_until <= today + timedelta(days=max(WARN_DAYS)),
        )
        .order_by(Evidence.id)
        .with_for_update()
    ).all()
    for row in rows:
        assert row.valid_until is not None
        left = (row.valid_until - today).days
        if left < 0:
            operations.move(session, row, "expire", SYSTEM)
            operations.refresh_site(session, row)
            publish(session, EvidenceEnds(agency_id, row.id, 0))
            continue
        step = min(days for days in WARN_DAYS if left <= days)
        if row.warned_days is None or row.warned_days > step:
            row.warned_days = step
            publish(session, EvidenceEnds(agency_id, row.id, step))
    session.flush()
    standing.refresh(session, agency)
