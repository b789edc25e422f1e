"""Taking people whom a type does not take by default needs a reason and the platform's yes.

`rotation_types.csv` says whom each type takes. "exception" may be asked for; "no" stays no, because
the rules about candidates refuse them anyway.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.permissions import require
from marketplace.core import audit, clock
from marketplace.core.context import Actor
from marketplace.core.errors import Conflict, Forbidden, Invalid, NotFound
from marketplace.listings import catalog, drafts
from marketplace.listings.draft_models import WiderRequest
from marketplace.listings.models import Rotation


def default_accepts(kind: str) -> list[str]:
    """Whom a type takes when nobody asks for more."""
    found = catalog.rotation_type(kind)
    allowed = (("student", found.students), ("graduate", found.graduates == "yes"))
    return [who for who, fits in allowed if fits]


def is_wider(rotation: Rotation) -> bool:
    """Does the listing take more people than its type does by default?"""
    return bool(set(rotation.accepts) - set(default_accepts(rotation.type)))


def wanted_of(rotation: Rotation) -> dict[str, Any]:
    """What a decision is about; another type, group or basis needs another decision."""
    return {
        "type": rotation.type,
        "accepts": sorted(rotation.accepts),
        "basis": str(rotation.eligibility.get("graduate_legal_basis", "")),
    }


def request_of(session: Session, rotation: Rotation) -> WiderRequest | None:
    """The latest request about exactly what the listing wants now."""
    wanted = wanted_of(rotation)
    rows = session.scalars(
        select(WiderRequest)
        .where(WiderRequest.rotation_id == rotation.id)
        .order_by(WiderRequest.id.desc())
    )
    return next((row for row in rows if row.wanted == wanted), None)


def is_allowed(session: Session, rotation: Rotation) -> bool:
    """Not wider than the default, or the platform agreed to exactly this."""
    if not is_wider(rotation):
        return True
    row = request_of(session, rotation)
    return row is not None and row.state == "approved"


def ask(session: Session, actor: Actor, slug: str) -> WiderRequest:
    """Put the listing's wish before the platform. Asking again for the same is harmless.

    Invalid without a basis; Conflict when nothing is wider, or when it was declined.
    """
    require(actor, "listings.edit")
    rotation = drafts.working(session, slug)
    if not is_wider(rotation):
        raise Conflict("This listing takes nobody beyond the default of its type.", "not_wider")
    wanted = wanted_of(rotation)
    if len(wanted["basis"]) < 20:
        raise Invalid({"graduate_legal_basis": "Say on what basis, in a sentence or two."})
    row = request_of(session, rotation)
    if row is not None:
        if row.state == "declined":
            raise Conflict(
                "The platform declined exactly this. Change the basis first.", "declined"
            )
        return row
    row = WiderRequest(
        rotation_id=rotation.id, agency_id=rotation.agency_id, wanted=wanted, asked_by=actor.name
    )
    session.add(row)
    session.flush()
    audit.record(session, actor, "listing.ask_wider", f"rotation:{slug}", wanted=wanted)
    return row


def decide(session: Session, actor: Actor, key: UUID, *, approve: bool, note: str) -> WiderRequest:
    """The platform's answer (system session). Invalid without a reason; Conflict when answered."""
    if actor.kind != "admin":
        raise Forbidden("Only the platform decides this.")
    row = session.get(WiderRequest, key, with_for_update=True)
    if row is None:
        raise NotFound
    if row.state != "open":
        raise Conflict("This was decided already.", "decided")
    if len(note.strip()) < 5:
        raise Invalid({"note": "Say why, in a few words. The agency reads it."})
    row.state, row.note = "approved" if approve else "declined", note.strip()[:2000]
    row.decided_by, row.decided_at = actor.name, clock.now()
    audit.record(
        session,
        actor,
        f"listing.wider_{row.state}",
        f"rotation:{row.rotation_id}",
        agency_id=row.agency_id,
        note=row.note,
    )
    return row
