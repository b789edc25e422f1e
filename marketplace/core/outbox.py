"""Work that must happen, as rows written in the transaction that decided it.

The relay (`clockwork`) hands due rows to the queue and sets `next_at` to the end of a lease; a row
that is not acknowledged by then is sent again. Losing the queue therefore loses nothing.
Leases run on the wall clock: moving the business clock must not send work twice.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Index, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.core import clock
from marketplace.core.context import Scope, current_scope, request_id
from marketplace.core.db import JOURNAL, Base, Keyed, ScopedSession

LEASE = timedelta(seconds=45)
RETRY_AFTER = (5, 30, 120, 600, 1800, 3600, 7200)
MAX_ATTEMPTS = len(RETRY_AFTER) + 1


class OutboxMessage(Keyed, Base):
    """One piece of work: `topic` names the handler, `scope` is restored around it."""

    __tablename__ = "outbox"
    __owned__ = JOURNAL
    __table_args__ = (Index("ix_outbox_due", "done_at", "dead_at", "next_at"),)

    topic: Mapped[str]
    payload: Mapped[dict[str, Any]]
    scope: Mapped[dict[str, str]]
    request_id: Mapped[str] = mapped_column(default="-")
    effect_key: Mapped[str | None] = mapped_column(unique=True)
    sends: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=clock.wall)
    next_at: Mapped[datetime] = mapped_column(default=clock.wall)
    sent_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    last_error: Mapped[str | None]


class EffectApplied(Base):
    """A handler's effect happened: inserted in the same transaction as the effect itself."""

    __tablename__ = "effect_applied"
    __owned__ = JOURNAL

    effect_key: Mapped[str] = mapped_column(primary_key=True)
    applied_at: Mapped[datetime] = mapped_column(default=clock.wall)


def enqueue(
    session: Session,
    topic: str,
    payload: dict[str, Any],
    *,
    scope: Scope | None = None,
    effect_key: str | None = None,
) -> UUID:
    """Write a piece of work in this transaction; returns its id.

    `scope` is what the handler's session will carry (default: this session's own scope).
    `effect_key` makes the row unique: a second one with the same key violates a constraint.
    """
    own = session.scope if isinstance(session, ScopedSession) else current_scope()
    carried = scope or own
    if carried is None:
        raise ValueError("an outbox row needs a scope")
    message = OutboxMessage(
        topic=topic,
        payload=payload,
        scope=carried.as_json(),
        effect_key=effect_key,
        request_id=request_id.get(),
    )
    session.add(message)
    session.info["wake"] = True
    session.flush()
    return message.id


def take_due(
    session: Session, seconds: Callable[[str], int] | None = None, limit: int = 50
) -> list[OutboxMessage]:
    """Claim due rows for one lease (system scope); another relay skips them. `seconds` tells how
    long a topic's work may take: its lease is longer than that."""
    moment = clock.wall()
    rows = session.scalars(
        select(OutboxMessage)
        .where(
            OutboxMessage.done_at.is_(None),
            OutboxMessage.dead_at.is_(None),
            OutboxMessage.next_at <= moment,
        )
        .order_by(OutboxMessage.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        row.sent_at = moment
        row.sends += 1
        row.next_at = moment + _lease(seconds(row.topic) if seconds else 0)
    return list(rows)


def _lease(seconds: int) -> timedelta:
    return max(LEASE, timedelta(seconds=seconds + 15))


def acknowledge(session: Session, message_id: UUID) -> None:
    """The work is done."""
    session.execute(
        update(OutboxMessage).where(OutboxMessage.id == message_id).values(done_at=clock.wall())
    )


def record_failure(session: Session, message_id: UUID, error: str) -> bool:
    """Note a failed try; after the last one the row is dead. Returns True when it died."""
    row = session.get_one(OutboxMessage, message_id, with_for_update=True)
    row.failures += 1
    row.last_error = error[:2000]
    if row.failures >= MAX_ATTEMPTS:
        row.dead_at = clock.wall()
        return True
    row.next_at = clock.wall() + timedelta(seconds=RETRY_AFTER[row.failures - 1])
    return False


def revive(session: Session, message_id: UUID) -> None:
    """Try a dead row again from the start (an admin's decision)."""
    row = session.get_one(OutboxMessage, message_id)
    row.dead_at, row.failures, row.next_at = None, 0, clock.wall()


def discard(session: Session, message_id: UUID) -> None:
    """Give up on a dead row (an admin's decision); it stays for the record."""
    session.get_one(OutboxMessage, message_id).done_at = clock.wall()
