"""How long an uploaded file stays: as long as somebody can still use it, and no longer.

The days of a file begin anew with what is done with it: it is uploaded, imported, undone. Until
they are over it can be imported, mended or, if it was the last one, undone; then the file, its
journal and the texts that the page quotes from it go, and the numbers stay.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from marketplace.core import clock, storage
from marketplace.core.errors import Gone
from marketplace.imports.models import CsvImport

DAYS = 30
KEPT = timedelta(days=DAYS)
AT_ONCE = 200
NO_UNDO = f"An import can be undone for {DAYS} days. For this one they are over."
GONE = f"Files are kept for {DAYS} days; this one is gone. Upload it again."


def until(row: CsvImport) -> datetime:
    """When the file goes."""
    return max(filter(None, (row.at, row.finished_at, row.undone_at))) + KEPT


def is_kept(row: CsvImport) -> bool:
    """Is the file still there?"""
    return row.file_id is not None


def file_of(row: CsvImport) -> UUID:
    """The stored file of an import. Gone when its days are over."""
    if row.file_id is None:
        raise Gone(GONE, "expired")
    return row.file_id


def forget_due(session: Session) -> list[UUID]:
    """Give up the files whose days are over (system session); answers those whose content is to
    be erased after this transaction. An import that is under way keeps its file."""
    over = clock.now() - KEPT
    rows = session.scalars(
        select(CsvImport)
        .where(
            or_(CsvImport.file_id.is_not(None), CsvImport.journal_id.is_not(None)),
            CsvImport.state.not_in(("queued", "undoing")),
            CsvImport.at <= over,
            or_(CsvImport.finished_at.is_(None), CsvImport.finished_at <= over),
            or_(CsvImport.undone_at.is_(None), CsvImport.undone_at <= over),
        )
        .order_by(CsvImport.id)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    gone = [key for row in rows for key in (row.file_id, row.journal_id) if key is not None]
    for row in rows:
        row.file_id = row.journal_id = None
        row.faults, row.changes = [], []
    session.flush()  # nothing names the files any more
    for key in gone:
        storage.forget(session, key)
    return gone
