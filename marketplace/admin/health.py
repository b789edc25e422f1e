"""How the parts of this installation are, in words; a part that does not answer says so here and
breaks nothing."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core import clock, jobs
from marketplace.core.config import Config
from marketplace.core.formats import when
from marketplace.core.outbox import OutboxMessage
from marketplace.payments.models import Charge, WebhookEvent
from marketplace.search import engines

log = logging.getLogger("rounds.admin")
LATE = timedelta(minutes=2)


@dataclass(frozen=True)
class Part:
    """One part: its name, whether it works, and what is known."""

    name: str
    ok: bool
    words: str


def parts(session: Session, config: Config) -> tuple[Part, ...]:
    """Database, queue, relay, search, payment provider, mail."""
    return (
        Part("Database", True, "answers"),
        _queue(config),
        _relay(session),
        _search(),
        _payments(session),
        Part("Mail", True, "sent by SMTP" if config.mail_url else "kept in the local mailbox"),
    )


def _queue(config: Config) -> Part:
    if jobs.ping(config.redis_url):
        return Part("Queue", True, "answers")
    return Part(
        "Queue", False, "does not answer. Nothing is lost: work waits in the database meanwhile."
    )


def _relay(session: Session) -> Part:
    moment = clock.wall()
    oldest = session.scalar(
        select(func.min(OutboxMessage.created_at)).where(
            OutboxMessage.done_at.is_(None),
            OutboxMessage.dead_at.is_(None),
            OutboxMessage.failures == 0,
        )
    )
    if oldest is None or oldest > moment - LATE:
        return Part("Worker", True, "keeps up")
    return Part("Worker", False, f"is behind: work waits since {when(oldest)} UTC")


def _search() -> Part:
    try:
        found = engines.engine().health()
    except Exception:  # whatever a foreign engine raises, this page shows the other parts
        log.exception("search health")
        return Part("Search", False, "does not answer. Pages search the database meanwhile.")
    if not found.ok:
        return Part("Search", False, found.detail or "does not answer")
    if found.needs_rebuild:
        return Part("Search", False, f"{found.engine}: the index is built anew")
    return Part("Search", True, f"{found.engine}, {found.documents} listings")


def _payments(session: Session) -> Part:
    unknown = session.scalar(
        select(func.count()).select_from(Charge).where(Charge.state == "unknown")
    )
    last = session.scalar(select(func.max(WebhookEvent.received_at)))
    heard = f"last heard of {when(last)} UTC" if last else "no message from it yet"
    if unknown:
        words = f"{unknown} charges without an answer. We ask again with the same key; {heard}."
        return Part("Payment provider", False, words)
    return Part("Payment provider", True, f"no charge without an answer, {heard}")
