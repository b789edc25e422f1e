"""What the platform does with an account: end its sign-ins, block it, open it again.

Each needs a reason, which stands in the audit log. An admin's account is never touched here: who
could block admins could lock the platform out of itself.
"""

from uuid import UUID

from sqlalchemy.orm import Session

from marketplace.accounts.models import Person
from marketplace.accounts.operations import revoke_all
from marketplace.core import audit, clock
from marketplace.core.context import Actor
from marketplace.core.errors import Conflict, Forbidden, NotFound


def end_sign_ins(session: Session, actor: Actor, person_id: UUID, reason: str) -> int:
    """Sign a person out everywhere; returns how many browsers that were."""
    person = _somebody(session, actor, person_id)
    number = revoke_all(session, person.id)
    audit.record(
        session,
        actor,
        "sign_in.revoked",
        f"person:{person.id}",
        name=person.name,
        number=number,
        reason=reason,
    )
    return number


def block(session: Session, actor: Actor, person_id: UUID, reason: str) -> None:
    """Nobody comes in with this account from the next request on; bookings stay as they are.
    Conflict when it is blocked already."""
    person = _somebody(session, actor, person_id)
    if person.blocked_at:
        raise Conflict("This account is blocked already.", "blocked")
    person.blocked_at, person.blocked_reason = clock.now(), reason
    revoke_all(session, person.id)
    audit.record(
        session, actor, "person.blocked", f"person:{person.id}", name=person.name, reason=reason
    )


def unblock(session: Session, actor: Actor, person_id: UUID, reason: str) -> None:
    """Let a blocked person sign in again. Conflict when the account is not blocked."""
    person = _somebody(session, actor, person_id)
    if person.blocked_at is None:
        raise Conflict("This account is not blocked.", "not_blocked")
    person.blocked_at, person.blocked_reason = None, ""
    audit.record(
        session, actor, "person.unblocked", f"person:{person.id}", name=person.name, reason=reason
    )


def _somebody(session: Session, actor: Actor, person_id: UUID) -> Person:
    if actor.kind != "admin":
        raise Forbidden("Only a platform admin does this.")
    person = session.get(Person, person_id, with_for_update=True)
    if person is None:
        raise NotFound
    if person.is_admin:
        raise Forbidden("This is a platform admin's account. It is not changed here.", "admin")
    return person
