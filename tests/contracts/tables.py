"""Every table of the test database as plain rows: to see what changed, and to put all back."""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy import Connection, Table, create_engine, text
from sqlalchemy.pool import NullPool

from marketplace.core.db import Base
from tests.support import database

Row = Mapping[str, Any]
State = dict[str, dict[tuple[Any, ...], Row]]

JOURNALS = frozenset({"attempt", "audit_entry"})
"""What a refused request may add to: that it was tried."""
SEEN = frozenset({("sign_in", "seen_at")})
_AS_SYSTEM = "SELECT set_config('rounds.kind', 'system', true)"


class Tables:
    """A connection of the owner, past both walls. `moved` is cheap, `state` reads everything."""

    def __init__(self) -> None:
        self._engine = create_engine(database.OWNER_URL, poolclass=NullPool)
        # read-only: SQLite's readers do not queue for the write lock
        self._connection = self._engine.connect().execution_options(readonly=True)
        self._before = self._mark()
        self._file = self._engine.url.database or ""
        self._copy: sqlite3.Connection | None = None

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A short transaction, as the system on PostgreSQL."""
        with self._connection.begin() as transaction:
            if database.IS_POSTGRES:
                self._connection.execute(text(_AS_SYSTEM))
            yield self._connection
            transaction.rollback()

    def close(self) -> None:
        self._connection.close()
        self._engine.dispose()
        if self._copy is not None:
            self._copy.close()

    def _mark(self) -> object:
        """Changes with every commit of another connection that wrote something."""
        asked = (
            "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
            if database.IS_POSTGRES
            else "PRAGMA data_version"
        )
        with self._reading() as connection:
            return connection.execute(text(asked)).scalar()

    def moved(self) -> bool:
        """May anything have been written since the last call?"""
        before, self._before = self._before, self._mark()
        return before != self._before

    def state(self) -> State:
        """All rows by table and key, without the journals."""
        keys = {
            table.name: table.primary_key.columns.keys() for table in Base.metadata.sorted_tables
        }
        return {
            name: {
                tuple(row[key] for key in keys[name]): {
                    column: value for column, value in row.items() if (name, column) not in SEEN
                }
                for row in rows
            }
            for name, rows in self.rows().items()
            if name not in JOURNALS
        }

    def journal(self, table: str) -> int:
        """How many rows a table has."""
        return len(self.rows()[table])

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Everything, the journals too."""
        with self._reading() as connection:
            return {
                table.name: [dict(row) for row in connection.execute(table.select()).mappings()]
                for table in Base.metadata.sorted_tables
            }

    def keep(self) -> dict[str, list[dict[str, Any]]]:
        """Everything as it is now, to be put back later. SQLite's file is copied as it is."""
        if not database.IS_POSTGRES:
            self._copy = sqlite3.connect(":memory:", check_same_thread=False)
            with closing(sqlite3.connect(self._file)) as source:
                source.backup(self._copy)
        return self.rows()

    def put_back(self, rows: Mapping[str, list[dict[str, Any]]]) -> None:
        """The database as it was when `rows` were read."""
        if self._copy is not None:
            with closing(sqlite3.connect(self._file, isolation_level=None)) as target:
                self._copy.backup(target)
            self.moved()
            return
        with database.unguarded() as connection:
            for table in Base.metadata.sorted_tables:
                _put_back(connection, table, rows[table.name])
        self.moved()


def _put_back(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Only what differs: a table that nobody wrote to costs one read."""
    now = [dict(row) for row in connection.execute(table.select()).mappings()]
    added, gone = [row for row in now if row not in rows], [row for row in rows if row not in now]
    key = list(table.primary_key.columns)
    for row in added:
        connection.execute(table.delete().where(*(column == row[column.key] for column in key)))
    if gone:
        connection.execute(table.insert(), gone)


def digest(state: State) -> str:
    """One value for a whole state."""
    made = hashlib.sha256()
    for name in sorted(state):
        made.update(repr((name, sorted(map(repr, state[name].items())))).encode())
    return made.hexdigest()


def changes(before: State, after: State) -> set[tuple[str, str]]:
    """The (table, column) pairs that differ; a new or removed row counts as (table, "*")."""
    found: set[tuple[str, str]] = set()
    for name, old in before.items():
        new = after[name]
        if old.keys() != new.keys():
            found.add((name, "*"))
        for key in old.keys() & new.keys():
            found |= {(name, column) for column in old[key] if old[key][column] != new[key][column]}
    return found


def new_rows(before: State, after: State) -> dict[str, list[Row]]:
    """What was inserted, by table."""
    return {
        name: [after[name][key] for key in sorted(after[name].keys() - rows.keys(), key=repr)]
        for name, rows in before.items()
        if after[name].keys() - rows.keys()
    }


def said(changed: Iterable[tuple[str, str]]) -> str:
    """Changes in words."""
    return ", ".join(sorted(f"{table}.{column}" for table, column in changed))
