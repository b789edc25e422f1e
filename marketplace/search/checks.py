"""Invariant of the index."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.checks import Check
from marketplace.core.outbox import OutboxMessage
from marketplace.listings.models import Rotation
from marketplace.search.engines import engine
from marketplace.search.listings import public_ids


def _differences(session: Session) -> list[str]:
    """Index and database hold the same listings in the same version, once the outbox is empty."""
    if not engine().health().ok:
        return []
    waiting = session.scalar(
        select(OutboxMessage.id).where(
            OutboxMessage.topic == "search.index", OutboxMessage.done_at.is_(None)
        )
    )
    if waiting is not None:
        return []
    shown = set(public_ids(session))
    rows = session.execute(select(Rotation.id, Rotation.index_version))
    wanted = {str(key): version for key, version in rows if key in shown}
    held = engine().versions()
    keys = sorted(set(wanted) | set(held), key=lambda key: UUID(key).int)
    return [
        f"{key}: database {wanted.get(key)}, index {held.get(key)}"
        for key in keys
        if wanted.get(key) != held.get(key)
    ]


CHECKS = (Check("I16", "the index holds what the database shows", _differences),)
