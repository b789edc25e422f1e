"""Invariants of verification."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.checks import Check
from marketplace.tenants.models import Agency
from marketplace.verification import standing, states
from marketplace.verification.models import Evidence, VerificationStep


def _undecided(session: Session) -> list[str]:
    """A decision without a reason, a person or a time."""
    rows = session.scalars(
        select(Evidence).where(
            Evidence.state.in_(sorted(states.DECIDED)),
            (Evidence.reason == "") | Evidence.decided_by.is_(None) | Evidence.decided_at.is_(None),
        )
    )
    found = [f"evidence {row.id}: {row.state} without a reason or a person" for row in rows]
    steps = session.scalars(
        select(VerificationStep).where(
            VerificationStep.event.in_(sorted(states.NEEDS_REASON)), VerificationStep.reason == ""
        )
    )
    return found + [f"step {step.id}: {step.event} without a reason" for step in steps]


def _history(session: Session) -> list[str]:
    """A paper whose last step is not the state it is in."""
    last = (
        select(VerificationStep.target)
        .where(VerificationStep.evidence_id == Evidence.id)
        .order_by(VerificationStep.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Evidence.id, Evidence.state, last).where(last.is_(None) | (last != Evidence.state))
    )
    return [f"evidence {key}: is {state}, history says {last}" for key, state, last in rows]


def _standing(session: Session) -> list[str]:
    """An approved agency whose last day is not that of its papers, or that hides or shows wrongly.

    The sweep runs every minute; an end that passed today is its business.
    """
    found = []
    for agency in session.scalars(select(Agency).where(Agency.approved_at.is_not(None))):
        if agency.verified_until != standing.last_day(session, agency.id):
            until = agency.verified_until
            found.append(f"agency {agency.slug}: its last day {until} is not that of its papers")
        if agency.is_public and not agency.is_approved:
            found.append(f"agency {agency.slug}: shown while {agency.state}")
        if agency.is_approved and agency.in_date and not agency.is_public:
            found.append(f"agency {agency.slug}: hidden while {agency.state} and in date")
    return found


def _new_and_shown(session: Session) -> list[str]:
    rows = session.scalars(
        select(Agency).where(Agency.is_public, Agency.state.in_(("new", "suspended")))
    )
    return [f"agency {row.slug} is shown while {row.state}" for row in rows]


CHECKS = (
    Check("V1", "every decision about evidence has a person and a reason", _undecided),
    Check("V2", "the history of every paper ends in its state", _history),
    Check("V3", "every approved agency is open exactly as long as its papers are", _standing),
    Check("V4", "no agency is shown before its approval or while it is stopped", _new_and_shown),
)
