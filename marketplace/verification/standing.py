"""What an agency may do: approval, watch, suspension, and the last day of its papers.

The only module that writes `Agency.state`, `kind`, `approved_at`, `verified_until` and `is_public`.
"""

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core import audit, clock
from marketplace.core.context import Actor
from marketplace.core.errors import Conflict, Forbidden, Invalid, NotFound
from marketplace.core.events import publish
from marketplace.tenants.models import Agency
from marketplace.verification import kinds, states
from marketplace.verification.events import StandingChanged
from marketplace.verification.history import write_step
from marketplace.verification.models import Evidence, VerificationStep

CHANGES = ("limit", "lift", "suspend", "reinstate")
MIN_REASON = 10


def change(session: Session, actor: Actor, agency_id: UUID, event: str, reason: str) -> None:
    """Suspend, reinstate, limit or lift, with a reason that the agency reads.

    Forbidden for others than platform admins; Invalid without a reason; Conflict when the agency
    stands differently by now.
    """
    if actor.kind != "admin":
        raise Forbidden("Only a platform admin decides about agencies.")
    if event not in CHANGES:
        raise Invalid({"event": "Choose what to do."})
    if len(reason.strip()) < MIN_REASON:
        raise Invalid({"reason": "Write in a sentence why. The agency reads it."})
    agency = locked(session, agency_id)
    if event == "reinstate" and agency.approved_at is None:
        event = "start_over"
    _move(session, actor, agency, event, reason.strip()[:1000])


def set_kind(session: Session, actor: Actor, agency_id: UUID, kind: str, reason: str) -> None:
    """Say what an agency is: it decides which papers are asked of it, from the next request on.

    Forbidden for others than platform admins; Invalid for an unknown kind or without a reason.
    """
    if actor.kind != "admin":
        raise Forbidden("Only a platform admin decides about agencies.")
    if kind not in {one.slug for one in kinds.agency_kinds()}:
        raise Invalid({"kind": "Choose from the list."})
    if len(reason.strip()) < MIN_REASON:
        raise Invalid({"kind_why": "Write in a sentence why. It stays in the audit log."})
    agency = locked(session, agency_id)
    before, agency.kind = agency.kind, kind
    audit.record(
        session,
        actor,
        "agency.kind",
        f"agency:{agency.slug}",
        agency_id=agency.id,
        source=before,
        target=kind,
        reason=reason.strip()[:1000],
    )
    session.flush()
    refresh(session, agency)


def approve(session: Session, actor: Actor, agency: Agency, reason: str) -> None:
    """Open a new agency. Invalid when a required paper is not accepted."""
    missing = missing_kinds(session, agency.id)
    if missing:
        names = ", ".join(one.label.lower() for one in missing)
        raise Invalid({"event": f"Not accepted yet: {names}. Ask for a revision instead."})
    agency.approved_at = agency.approved_at or clock.now()
    _move(session, actor, agency, "approve", reason)


def refresh(session: Session, agency: Agency) -> None:
    """Bring the last day of its papers, and what follows from it, up to date (flushed rows)."""
    was_open, was_until = agency.is_public, agency.verified_until
    agency.verified_until = last_day(session, agency.id)
    agency.is_public = agency.takes_bookings
    if (was_open, was_until) != (agency.is_public, agency.verified_until):
        session.flush()
        publish(session, StandingChanged(agency.id, None, "", ""))


def missing_kinds(session: Session, agency_id: UUID) -> list[kinds.Kind]:
    """The required kinds of which no paper is accepted and in date."""
    accepted = set(
        session.scalars(
            select(Evidence.kind).where(
                Evidence.agency_id == agency_id, Evidence.state == "accepted"
            )
        )
    )
    asked = kinds.required(session.get_one(Agency, agency_id))
    return [one for one in asked if one.slug not in accepted]


def last_day(session: Session, agency_id: UUID) -> date | None:
    """The last day on which every required paper is valid; None when none of them ends.

    A kind that became required after the approval does not close an agency that never showed one;
    the checklist asks for it. A kind whose last paper was taken back closes it today.
    """
    needed = sorted(one.slug for one in kinds.required(session.get_one(Agency, agency_id)))
    rows = session.execute(
        select(Evidence.kind, Evidence.state, Evidence.valid_until)
        .join(VerificationStep, VerificationStep.evidence_id == Evidence.id)
        .where(
            Evidence.agency_id == agency_id,
            Evidence.kind.in_(needed),
            VerificationStep.event == "accept",
        )
    ).all()
    ends: list[date] = []
    for slug in {row.kind for row in rows}:
        own = [row for row in rows if row.kind == slug]
        days = [row.valid_until for row in own if row.state == "accepted"]
        if None in days:
            continue
        past = [row.valid_until for row in own if row.state == "expired" and row.valid_until]
        closed = max(past, default=clock.today("UTC") - timedelta(days=1))
        ends.append(max((day for day in days if day), default=closed))
    return min(ends, default=None)


def locked(session: Session, agency_id: UUID) -> Agency:
    """The agency, locked and read afresh; NotFound outside the scope."""
    found = session.get(Agency, agency_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound
    return found


def _move(session: Session, actor: Actor, agency: Agency, event: str, reason: str) -> None:
    if event in CHANGES and event not in states.events_from(
        states.AGENCY, agency.state, actor.kind
    ):
        raise Conflict("This agency stands differently by now. Look again.", event)
    move = states.next_state(states.AGENCY, agency.state, event, actor.kind)
    source, agency.state = agency.state, move.target
    agency.is_public = agency.takes_bookings
    step = write_step(
        session, agency, agency.name, actor, event=event, source=source, reason=reason
    )
    audit.record(
        session,
        actor,
        f"agency.{event}",
        f"agency:{agency.slug}",
        agency_id=agency.id,
        source=source,
        target=agency.state,
        reason=reason,
    )
    session.flush()
    publish(session, StandingChanged(agency.id, step, event, reason))
