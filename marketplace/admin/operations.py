"""What a platform admin decides about stopped work. Every decision is in the audit log."""

from uuid import UUID

from sqlalchemy.orm import Session

from marketplace.core import audit, clock, mail, outbox
from marketplace.core.context import Actor
from marketplace.core.errors import Conflict, Forbidden, NotFound
from marketplace.core.outbox import OutboxMessage


def retry_job(session: Session, actor: Actor, message_id: UUID, reason: str) -> None:
    """Try a stopped job again, with the same key: never twice. Conflict when it is not stopped."""
    row = _stopped(session, actor, message_id)
    outbox.revive(session, message_id)
    session.info["wake"] = True
    audit.record(session, actor, "job.retried", f"outbox:{row.id}", topic=row.topic, reason=reason)


def hurry_job(session: Session, actor: Actor, message_id: UUID) -> None:
    """Try a job now that waits for its next try. Conflict when it is done or stopped."""
    _admin(actor)
    row = session.get(OutboxMessage, message_id, with_for_update=True)
    if row is None:
        raise NotFound
    if row.dead_at is not None or row.done_at is not None:
        raise Conflict("This job does not wait any more.")
    row.next_at = clock.wall()
    session.info["wake"] = True
    audit.record(session, actor, "job.hurried", f"outbox:{row.id}", topic=row.topic)


def discard_job(session: Session, actor: Actor, message_id: UUID, reason: str) -> None:
    """Give up on a stopped job; the row stays for the record. Conflict when it is not stopped."""
    row = _stopped(session, actor, message_id)
    outbox.discard(session, message_id)
    audit.record(
        session,
        actor,
        "job.discarded",
        f"outbox:{row.id}",
        topic=row.topic,
        error=row.last_error,
        reason=reason,
    )


def resend_mail(session: Session, actor: Actor, message_id: UUID, reason: str) -> None:
    """Send a message once more to the same address. Conflict while it is being sent."""
    _admin(actor)
    row = mail.send_again(session, message_id)
    audit.record(session, actor, "mail.sent_again", f"mail:{row.id}", slug=row.slug, reason=reason)


def discard_mail(session: Session, actor: Actor, message_id: UUID, reason: str) -> None:
    """Do not send a message that waits. Conflict when it has left already."""
    _admin(actor)
    row = mail.discard(session, message_id)
    audit.record(session, actor, "mail.discarded", f"mail:{row.id}", slug=row.slug, reason=reason)


def _admin(actor: Actor) -> None:
    if actor.kind != "admin":
        raise Forbidden("Only a platform admin decides about stopped work.")


def _stopped(session: Session, actor: Actor, message_id: UUID) -> OutboxMessage:
    _admin(actor)
    row = session.get(OutboxMessage, message_id, with_for_update=True)
    if row is None:
        raise NotFound
    if row.dead_at is None or row.done_at is not None:
        raise Conflict("This job is not stopped any more.")
    return row
