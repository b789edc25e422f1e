"""Writes the history of evidence and of agencies: append-only rows."""

from uuid import UUID

from sqlalchemy.orm import Session

from marketplace.core import ids
from marketplace.core.context import Actor
from marketplace.tenants.models import Agency
from marketplace.verification.models import Evidence, VerificationStep


def write_step(
    session: Session,
    row: Evidence | Agency,
    what: str,
    actor: Actor,
    *,
    event: str,
    source: str,
    reason: str,
) -> UUID:
    """One line of history for a paper or an agency that stands in its new state already."""
    if isinstance(row, Agency):
        agency_id, evidence_id = row.id, None
    else:
        agency_id, evidence_id = row.agency_id, row.id
    key = ids.uuid7()
    session.add(
        VerificationStep(
            id=key,
            agency_id=agency_id,
            evidence_id=evidence_id,
            what=what,
            event=event,
            source=source,
            target=row.state,
            actor_kind=actor.kind,
            actor_id=actor.person_id,
            actor_name=actor.name,
            reason=reason,
        )
    )
    return key
