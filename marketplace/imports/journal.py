"""What an import wrote, row by row, so that it can be taken back exactly.

`following` listens to the flushes of one session and keeps, of every row of an agency, what its
columns were and what they became. Statements that pass the unit of work would not be seen: an
import makes none.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, event, inspect
from sqlalchemy.orm import Session, UOWTransaction
from sqlalchemy.orm.attributes import get_history
from sqlalchemy.orm.base import PASSIVE_NO_INITIALIZE

from marketplace.core import plain
from marketplace.core.db import Base

Values = dict[str, Any]
# written by any act, or belonging to no agency: not part of what is taken back
NOT_FOLLOWED = frozenset({"csv_import", "stored_file", "audit_entry"})


@dataclass
class Entry:
    """One row. `before` None: it was made; `after` None: it was removed. Of a changed row both
    hold the changed columns."""

    table: str
    key: list[Any]
    before: Values | None
    after: Values | None


@dataclass
class Journal:
    """The rows of an import in the order of writing, each once."""

    entries: dict[tuple[str, str], Entry] = field(default_factory=dict)

    def note(self, table: str, key: list[Any], before: Values | None, after: Values | None) -> None:
        """Keep a write; several of one row become one."""
        name = (table, json.dumps(key))
        known = self.entries.get(name)
        if before is not None and after is not None and not (known and known.before is None):
            assert before.keys() == after.keys(), f"{table} was changed without being read"
        if known is None:
            self.entries[name] = Entry(table, key, before, after)
            return
        if known.before is None and after is None:
            del self.entries[name]
        elif known.before is None or before is None:
            known.after = {**(known.after or {}), **(after or {})} if after is not None else None
        else:
            known.before = {**before, **known.before}
            known.after = {**(known.after or {}), **after} if after is not None else None

    def as_bytes(self) -> bytes:
        """To be kept in a file."""
        return json.dumps([vars(entry) for entry in self.entries.values()]).encode()


def entries_of(content: bytes) -> list[Entry]:
    """What `as_bytes` wrote."""
    return [Entry(**one) for one in json.loads(content)]


def models() -> Mapping[str, type[Base]]:
    """Every model by its table."""
    return {str(mapper.local_table): mapper.class_ for mapper in Base.registry.mappers}


def table_of(name: str) -> Table:
    """A table by name."""
    return Base.metadata.tables[name]


@contextmanager
def following(session: Session) -> Iterator[Journal]:
    """Keep what this session writes meanwhile."""
    journal = Journal()

    def keep(session: Session, _context: UOWTransaction) -> None:
        for row in session.new:
            _note(journal, row, None, _all(row))
        for row in session.dirty:
            changed = _changes(row)
            if changed:
                _note(journal, row, *changed)
        for row in session.deleted:
            _note(journal, row, _all(row), None)

    event.listen(session, "after_flush", keep)
    try:
        yield journal
    finally:
        event.remove(session, "after_flush", keep)


def _note(journal: Journal, row: Any, before: Values | None, after: Values | None) -> None:
    owned, name = type(row).__owned__, type(row).__tablename__
    if owned.agency and name not in NOT_FOLLOWED:
        key = [plain.out(value) for value in inspect(row).mapper.primary_key_from_instance(row)]
        journal.note(name, key, before, after)


def _all(row: Any) -> Values:
    mapper = inspect(row).mapper
    return {column.key: plain.out(getattr(row, column.key)) for column in mapper.column_attrs}


def _changes(row: Any) -> tuple[Values, Values] | None:
    before, after = {}, {}
    state = inspect(row)
    unmodified = state.unmodified
    for column in state.mapper.column_attrs:
        name = column.key
        if name in unmodified:
            continue
        history = get_history(row, name, PASSIVE_NO_INITIALIZE)
        if history.has_changes():
            if history.deleted:
                before[name] = plain.out(history.deleted[0])
            after[name] = plain.out(getattr(row, name))
    return (before, after) if after else None
