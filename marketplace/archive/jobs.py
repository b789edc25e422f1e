"""Bodies of the archive's jobs: writing outside of transactions, and the end of its days."""

import time
from uuid import UUID

from marketplace.archive import leaving, operations
from marketplace.core import storage
from marketplace.core.context import Scope
from marketplace.core.db import open_session
from marketplace.core.jobs import outside_handler
from marketplace.core.storage import Sealed

TELL_EVERY = 1.0  # seconds between two rows of progress


@outside_handler(operations.TOPIC, seconds=operations.SECONDS)
def write(scope: Scope, export_id: str) -> None:
    """Write one archive. A run that finds another one at work, or nothing to do, ends at once."""
    key = UUID(export_id)
    with open_session(scope) as session:
        agency_id = operations.claim(session, key)
    if agency_id is None:
        return
    try:
        written = _written(scope, key, agency_id)
    except BaseException:
        with open_session(scope) as session:
            operations.fail(session, key)
        raise
    with open_session(scope) as session:
        wanted = operations.finish(session, key, written)
    if not wanted:
        storage.erase(written.key)


def _written(scope: Scope, export_id: UUID, agency_id: UUID) -> Sealed:
    told = [0.0]

    def tell(done: int, total: int) -> None:
        if time.monotonic() - told[0] < TELL_EVERY:
            return
        told[0] = time.monotonic()
        with open_session(scope) as other:
            operations.progress(other, export_id, done, total)

    writer = storage.Writer()
    try:
        with open_session(scope, readonly=True) as session:
            leaving.snapshot(session)
            leaving.write(session, writer, agency_id, tell)
        return writer.close()
    except BaseException:
        writer.discard()
        raise


@outside_handler("archive.expire_due")
def expire_due(scope: Scope) -> None:
    """End the archives whose days are over: first the rows, then their content."""
    with open_session(scope) as session:
        gone = operations.expire(session)
    for key in gone:
        storage.erase(key)
