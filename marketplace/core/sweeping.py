"""Stored files that nothing names any more, and how they go.

A file is written before its row, and its content is erased after its row is gone: whoever is
killed in between leaves content without a row. A row that nothing names is left by code that
forgot it. Both go when they are a day old; until then whoever writes them may still commit.
"""

import logging
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, type_coerce
from sqlalchemy.orm import Session

from marketplace.core import clock, storage
from marketplace.core.context import Scope
from marketplace.core.db import Base, JsonType, open_session
from marketplace.core.storage import StoredFile

log = logging.getLogger("rounds.storage")

NAMED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "evidence": (("file_id",),),
    "csv_import": (("file_id",), ("journal_id",)),
    "agency_export": (("file_id",),),
    "agency": (("settings", "logo", "file_id"),),
}
"""Every place that names a stored file: table, column, and the way inside where it is JSON."""

AGE = timedelta(days=1)
AT_ONCE = 400
# More than this many at once, and more than a tenth of all, are no accident of a crash: the
# database or the folder is another one than it was. Then nothing is removed.
MANY = 50


def named(session: Session) -> Iterator[UUID]:
    """The keys of all files that something names (system session). KeyError when a table of NAMED
    is not loaded: then nobody may judge what is named."""
    for table, places in NAMED.items():
        for place in places:
            expression = _expression(table, place)
            found: UUID | str
            for found in session.scalars(select(expression).where(expression.is_not(None))):
                yield found if isinstance(found, UUID) else UUID(found)


def _expression(table: str, place: tuple[str, ...]) -> ColumnElement[Any]:
    column: ColumnElement[Any] = Base.metadata.tables[table].columns[place[0]]
    if len(place) == 1:
        return column
    inside: ColumnElement[Any] = type_coerce(column, JsonType)[place[1:]].as_string()
    return inside


def unnamed_rows(session: Session, age: timedelta = AGE) -> list[UUID]:
    """Rows of files, so old, that nothing names."""
    # rows first: what is named by the same commit as its row is then seen, too
    old = session.scalars(select(StoredFile.id).where(StoredFile.created_at <= clock.now() - age))
    rows = old.all()
    return sorted(set(rows) - set(named(session)))


def contents_without_row(session: Session, age: timedelta = AGE) -> list[UUID]:
    """Contents, so old by the clock of this machine, that have no row."""
    keys = list(storage.contents(clock.wall() - age))
    known: set[UUID] = set()
    for at in range(0, len(keys), AT_ONCE):
        some = keys[at : at + AT_ONCE]
        known.update(session.scalars(select(StoredFile.id).where(StoredFile.id.in_(some))))
    return sorted(set(keys) - known)


def sweep(scope: Scope) -> int:
    """Remove both (a system scope); returns how many files went."""
    storage.erase_drafts(clock.wall() - AGE)
    with open_session(scope) as session:
        rows = unnamed_rows(session)
        of = session.scalar(select(func.count()).select_from(StoredFile)) or 0
        rows = [] if _too_many(rows, of, "rows of files are named by nothing") else rows
        for key in rows:
            storage.forget(session, key)
    with open_session(scope, readonly=True) as session:
        orphans = contents_without_row(session)
    of = sum(1 for _ in storage.contents(clock.wall()))
    orphans = [] if _too_many(orphans, of, "files have no row") else orphans
    for key in (*rows, *orphans):
        storage.erase(key)
    if rows or orphans:
        log.info("files swept", extra={"rows": len(rows), "contents": len(orphans)})
    return len({*rows, *orphans})


def _too_many(found: list[UUID], of: int, what: str) -> bool:
    if len(found) <= max(MANY, of // 10):
        return False
    log.error("nothing is swept: %s of %s %s", len(found), of, what)
    return True


# --- for `bin/marketplace check` ----------------------------------------------------------------


def missing(session: Session) -> list[str]:
    """Files that are named and have no row. (That each row has its content is asked apart.)"""
    rows = set(session.scalars(select(StoredFile.id)))
    return [str(key) for key in sorted(set(named(session)) - rows)]


def left_over(session: Session) -> list[str]:
    """What the sweep has not removed for days: it does not run, or found too many."""
    age = 3 * AGE
    return [
        *(f"{key} is named by nothing" for key in unnamed_rows(session, age)),
        *(f"{key} has no row" for key in contents_without_row(session, age)),
    ]
