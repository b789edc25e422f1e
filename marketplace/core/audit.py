"""The audit log: who did what to which object, written in the transaction that did it.

Entries are append-only. `seal` chains them afterwards by hash in insertion order, so that writing
one stays cheap and a changed, deleted or reordered entry is found by `bin/marketplace check`.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.core import clock
from marketplace.core.context import Actor, request_id
from marketplace.core.db import Base, Keyed, Owned


class AuditEntry(Keyed, Base):
    """One act. `subject` is "<kind>:<id>"; `detail` holds no secret and no document content."""

    __tablename__ = "audit_entry"
    __owned__ = Owned(agency="agency_id", agency_writes=False, append=True)

    at: Mapped[datetime] = mapped_column(default=clock.wall)
    action: Mapped[str] = mapped_column(index=True)
    subject: Mapped[str] = mapped_column(index=True)
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str] = mapped_column(default="")
    agency_id: Mapped[UUID | None] = mapped_column(index=True)
    detail: Mapped[dict[str, Any]]
    request_id: Mapped[str]
    seq: Mapped[int | None] = mapped_column(unique=True)
    seal: Mapped[str | None]


def record(
    session: Session,
    actor: Actor,
    action: str,
    subject: str,
    *,
    agency_id: UUID | None = None,
    **detail: Any,
) -> None:
    """Write an entry in this transaction."""
    session.add(
        AuditEntry(
            action=action,
            subject=subject,
            actor_kind=actor.kind,
            actor_id=actor.by or actor.person_id,
            actor_name=actor.name,
            agency_id=agency_id or actor.agency_id,
            detail=detail,
            request_id=request_id.get(),
        )
    )


def _digest(previous: str, entry: AuditEntry) -> str:
    content = [
        previous,
        str(entry.seq),
        str(entry.id),
        entry.at.isoformat(),
        entry.action,
        entry.subject,
        entry.actor_kind,
        str(entry.actor_id),
        str(entry.agency_id),
        json.dumps(entry.detail, sort_keys=True, default=str),
    ]
    return hashlib.sha256("\n".join(content).encode()).hexdigest()


def seal(session: Session, limit: int = 2000) -> int:
    """Chain the entries that are not sealed yet (system scope); returns how many."""
    last = session.scalars(
        select(AuditEntry).where(AuditEntry.seq.is_not(None)).order_by(AuditEntry.seq.desc())
    ).first()
    seq, previous = (last.seq or 0, last.seal or "") if last else (0, "")
    rows = session.scalars(
        select(AuditEntry).where(AuditEntry.seq.is_(None)).order_by(AuditEntry.id).limit(limit)
    ).all()
    for row in rows:
        seq += 1
        row.seq = seq
        previous = row.seal = _digest(previous, row)
    return len(rows)


def broken_links(session: Session) -> list[str]:
    """Sealed entries whose chain does not hold: changed, removed or reordered (I14)."""
    broken, previous, expected = [], "", 0
    for row in session.scalars(
        select(AuditEntry).where(AuditEntry.seq.is_not(None)).order_by(AuditEntry.seq)
    ):
        expected += 1
        if row.seq != expected or row.seal != _digest(previous, row):
            broken.append(str(row.id))
            expected = row.seq or expected
        previous = row.seal or ""
    return broken


@dataclass(frozen=True)
class Chain:
    """How the log stands: entries in the chain, those that wait for the next seal, and the newest
    part of the chain that was looked at just now."""

    sealed: int
    waiting: int
    looked_at: int
    broken: tuple[str, ...]


def chain(session: Session, newest: int = 500) -> Chain:
    """The state of the chain; its newest links are worked out again. `broken_links`, which
    `bin/marketplace check` asks, does so with all of them."""
    sealed = session.scalar(select(func.max(AuditEntry.seq))) or 0
    waiting = session.scalar(
        select(func.count()).select_from(AuditEntry).where(AuditEntry.seq.is_(None))
    )
    rows = session.scalars(
        select(AuditEntry).where(AuditEntry.seq >= max(1, sealed - newest)).order_by(AuditEntry.seq)
    ).all()
    previous = rows[0].seal or "" if rows and rows[0].seq != 1 else ""
    looked = rows[1:] if rows and rows[0].seq != 1 else rows
    broken = []
    expected = sealed - len(looked)
    for row in looked:
        expected += 1
        if row.seq != expected or row.seal != _digest(previous, row):
            broken.append(str(row.id))
        previous = row.seal or ""
    return Chain(sealed, waiting or 0, len(looked), tuple(broken))


def count(session: Session) -> int:
    """How many entries there are."""
    return session.scalar(select(func.count()).select_from(AuditEntry)) or 0
