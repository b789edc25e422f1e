"""Periodic upkeep of the core's own tables."""

from datetime import timedelta

from sqlalchemy import delete

from marketplace.core import audit, clock, sweeping
from marketplace.core.context import Scope
from marketplace.core.db import open_session
from marketplace.core.jobs import outside_handler
from marketplace.core.outbox import OutboxMessage

KEEP_DONE = timedelta(days=7)


@outside_handler("core.seal_audit")
def seal_audit(scope: Scope) -> None:
    """Chain new audit entries."""
    with open_session(scope) as session:
        audit.seal(session)


@outside_handler("core.clean")
def clean(scope: Scope) -> None:
    """Forget work that was done a week ago; its effects keep their own records."""
    with open_session(scope) as session:
        session.execute(
            delete(OutboxMessage).where(OutboxMessage.done_at < clock.wall() - KEEP_DONE)
        )


@outside_handler("core.sweep_files")
def sweep_files(scope: Scope) -> None:
    """Remove stored files that nothing names."""
    sweeping.sweep(scope)
