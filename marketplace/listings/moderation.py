"""The platform looks at listings: reports of readers, taking down, giving back.

A listing that is taken down is stopped like one whose papers ended (`standing`): paused, closed to
new requests, its bookings untouched; and given back it opens by itself if nothing else is missing.
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core import audit, clock
from marketplace.core.context import Actor
from marketplace.core.errors import Conflict, Forbidden, Invalid, NotFound
from marketplace.core.events import publish
from marketplace.listings import withholding
from marketplace.listings.events import ListingModerated
from marketplace.listings.models import ListingLook, ListingReport, Rotation
from marketplace.listings.versions import locked

KINDS = {
    "facts": "The facts are not right",
    "not-real": "The doctor or the place does not exist",
    "price": "The price is not what is asked",
    "promise": "It promises what nobody can promise",
    "outside": "They want to talk or be paid outside Rounds",
    "other": "Something else",
}
NOTE_LEAST, NOTE_MOST = 10, 1000


def report(session: Session, actor: Actor, rotation_id: UUID, *, kind: str, note: str) -> None:
    """A signed-in reader says what is wrong (person session). Invalid with a message for each
    field; Conflict while an earlier report of the same person is open."""
    if actor.person_id is None:
        raise Forbidden("Please sign in first.")
    errors = {}
    if kind not in KINDS:
        errors["kind"] = "Choose what is wrong."
    if not NOTE_LEAST <= len(note) <= NOTE_MOST:
        errors["note"] = f"Tell us in {NOTE_LEAST} to {NOTE_MOST} letters what you saw."
    if errors:
        raise Invalid(errors)
    mine = select(ListingReport.id).where(
        ListingReport.rotation_id == rotation_id,
        ListingReport.person_id == actor.person_id,
        ListingReport.decision.is_(None),
    )
    if session.scalar(mine):
        raise Conflict("We have your report already and will look at it.", "reported")
    session.add(
        ListingReport(rotation_id=rotation_id, person_id=actor.person_id, kind=kind, note=note)
    )
    session.flush()


def take_down(session: Session, actor: Actor, rotation_id: UUID, reason: str) -> None:
    """Close a listing for a reason that its agency reads. Conflict when it is down already."""
    rotation = _of_admin(session, actor, rotation_id)
    if rotation.taken_down_at is not None:
        raise Conflict("This listing is taken down already.", "down")
    rotation.taken_down_at, rotation.taken_down_reason = clock.now(), reason
    withholding.follow(session, Rotation.id == rotation.id)
    _decide_reports(session, rotation.id, "upheld")
    _note(session, actor, rotation, "listing.taken_down", reason)
    _tell(session, rotation, reason, taken_down=True)


def restore(session: Session, actor: Actor, rotation_id: UUID, reason: str) -> None:
    """Give a listing back. It opens by itself if it was open and nothing else is missing."""
    rotation = _of_admin(session, actor, rotation_id)
    if rotation.taken_down_at is None:
        raise Conflict("This listing is not taken down.", "not_down")
    rotation.taken_down_at, rotation.taken_down_reason = None, ""
    withholding.follow(session, Rotation.id == rotation.id)
    _note(session, actor, rotation, "listing.restored", reason)
    _tell(session, rotation, reason, taken_down=False)


def looks_fine(session: Session, actor: Actor, rotation_id: UUID, reason: str) -> None:
    """Nothing is wrong with the listing as it is now; its open reports are dismissed."""
    rotation = _of_admin(session, actor, rotation_id)
    _decide_reports(session, rotation.id, "dismissed")
    _note(session, actor, rotation, "listing.looked_at", reason)


def _of_admin(session: Session, actor: Actor, rotation_id: UUID) -> Rotation:
    if actor.kind != "admin":
        raise Forbidden("Only a platform admin decides about listings.")
    rotation = locked(session, rotation_id)
    if rotation.state in ("draft", "archived"):
        raise NotFound
    return rotation


def _decide_reports(session: Session, rotation_id: UUID, decision: str) -> None:
    for row in session.scalars(
        select(ListingReport).where(
            ListingReport.rotation_id == rotation_id, ListingReport.decision.is_(None)
        )
    ):
        row.decision, row.decided_at = decision, clock.now()


def _note(session: Session, actor: Actor, rotation: Rotation, action: str, reason: str) -> None:
    session.merge(ListingLook(rotation_id=rotation.id, looked_at=clock.now(), by_name=actor.name))
    audit.record(
        session,
        actor,
        action,
        f"rotation:{rotation.slug}",
        agency_id=rotation.agency_id,
        reason=reason,
    )


def _tell(session: Session, rotation: Rotation, reason: str, *, taken_down: bool) -> None:
    once = clock.now().isoformat()
    publish(session, ListingModerated(rotation.id, rotation.agency_id, taken_down, reason, once))
