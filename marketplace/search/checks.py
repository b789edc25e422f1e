"""Invariant of the index."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.checks import Check
from marketplace.core.outbox import OutboxMessage
from marketplace.search.documents import document_from
from marketplace.search.engines import engine
from marketplace.search.jobs import passed_starts
from marketplace.search.listings import facts_in_batches, public_ids

Document = Mapping[str, object]


def _differences(session: Session) -> list[str]:
    """Index and database hold the same listings with the same content, once the outbox is empty.

    A listing whose start came too near since the last refresh is still being brought up to date.
    """
    if not engine().health().ok:
        return []
    waiting = session.scalar(
        select(OutboxMessage.id).where(
            OutboxMessage.topic == "search.index", OutboxMessage.done_at.is_(None)
        )
    )
    if waiting is not None:
        return []
    late = {str(key) for key in passed_starts(session)}
    held = {str(document["id"]): document for document in engine().documents()}
    found: list[str] = []
    for facts in facts_in_batches(session, public_ids(session)):
        different = _difference(document_from(facts).as_dict(), held.pop(facts.id, None))
        if different and facts.id not in late:
            found.append(f"{facts.id}: {different}")
    found += [f"{key}: only in the index" for key in sorted(held, key=UUID)]
    return found


def _difference(shown: Document, held: Document | None) -> str:
    """What the index says otherwise, nothing when it agrees."""
    if held is None:
        return "not in the index"
    fields = sorted(key for key in {*shown, *held} if shown.get(key) != held.get(key))
    return f"the index differs in {', '.join(fields)}" if fields else ""


CHECKS = (Check("I16", "the index holds what the database shows", _differences),)
