"""Every table of the test database as plain rows: to see what changed, and to put all back."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, create_engine, text
from sqlalchemy.pool import NullPool

from marketplace.core.db import Base
from tests.support import database

Row = Mapping[str, Any]
Rows = list[dict[str, Any]]
State = dict[str, dict[tuple[Any, ...], Row]]

JOURNALS = frozenset({"attempt", "audit_entry"})
"""What a refused request may add to: that it was tried."""
SEEN = frozenset({("sign_in", "seen_at")})
_AS_SYSTEM = "SELECT set_config('rounds.kind', 'system', true)"


class Tables:
    """A connection of the owner, past both walls. `moved` is cheap; only what changed is read."""

    def __init__(self) -> None:
        self._engine = create_engine(database.OWNER_URL, poolclass=NullPool)
        # read-only: SQLite's readers do not queue for the write lock
        self._connection = self._engine.connect().execution_options(readonly=True)
        self._pulse = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._before = self._mark()
        self._file = self._engine.url.database or ""
        self._copy: sqlite3.Connection | None = None
        self._seen: dict[str, tuple[object, Rows]] = {}
        self._states: dict[str, tuple[Rows, dict[tuple[Any, ...], Row]]] = {}

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
        self._pulse.close()
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
        if database.IS_POSTGRES:
            return self._pulse.exec_driver_sql(asked).scalar()
        with self._reading() as connection:  # an open look would keep the file from being put back
            return connection.exec_driver_sql(asked).scalar()

    def moved(self) -> bool:
        """May anything have been written since the last call?"""
        before, self._before = self._before, self._mark()
        return before != self._before

    def state(self) -> State:
        """All rows by table and key, without the journals."""
        return {
            name: self._by_key(name, rows)
            for name, rows in self.rows().items()
            if name not in JOURNALS
        }

    def _by_key(self, name: str, rows: Rows) -> dict[tuple[Any, ...], Row]:
        known = self._states.get(name)
        if known is not None and known[0] is rows:
            return known[1]
        key = Base.metadata.tables[name].primary_key.columns.keys()
        hidden = {column for table, column in SEEN if table == name}
        found: dict[tuple[Any, ...], Row] = {
            tuple(row[part] for part in key): {
                column: value for column, value in row.items() if column not in hidden
            }
            for row in rows
        }
        self._states[name] = rows, found
        return found

    def journal(self, table: str) -> int:
        """How many rows a table has."""
        return len(self.rows()[table])

    def rows(self) -> dict[str, Rows]:
        """Everything, the journals too. The list of a table that nobody wrote to is the same."""
        with self._reading() as connection:
            for name, mark in _marks(connection).items():
                if name not in self._seen or self._seen[name][0] != mark:
                    table = Base.metadata.tables[name]
                    rows = [dict(row) for row in connection.execute(table.select()).mappings()]
                    self._seen[name] = mark, rows
        return {table.name: self._seen[table.name][1] for table in Base.metadata.sorted_tables}

    def keep(self) -> dict[str, Rows]:
        """Everything as it is now, to be put back later. SQLite's file is copied as it is."""
        if not database.IS_POSTGRES:
            self._copy = sqlite3.connect(":memory:", check_same_thread=False)
            with closing(sqlite3.connect(self._file)) as source:
                source.backup(self._copy)
        return self.rows()

    def put_back(self, rows: Mapping[str, Rows]) -> None:
        """The database as it was when `rows` were read."""
        now = self.rows()
        if self._copy is not None:
            with closing(sqlite3.connect(self._file, isolation_level=None)) as target:
                self._copy.backup(target)
        else:
            with database.unguarded() as connection:
                for table in Base.metadata.sorted_tables:
                    if now[table.name] is not rows[table.name]:
                        _put_back(connection, table, now[table.name], rows[table.name])
        self._remember(rows)
        self.moved()

    def _remember(self, rows: Mapping[str, Rows]) -> None:
        """What was put back is again the list that it was."""
        now = {name: kept for name, (_, kept) in self._seen.items()}
        with self._reading() as connection:
            for name, mark in _marks(connection).items():
                if now[name] is not rows[name]:
                    self._seen[name] = mark, rows[name]


def _marks(connection: Connection) -> dict[str, object]:
    """Of each table, what differs after any write to it.

    PostgreSQL tells how many rows there are and which transactions wrote them; SQLite's rows are
    read as the driver gives them, which is a tenth of the work of reading them as ours.
    """
    names = [table.name for table in Base.metadata.sorted_tables]
    if database.IS_POSTGRES:
        found = connection.exec_driver_sql(_counted(tuple(names)))
        return {name: (rows, writers) for name, rows, writers in found}
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return {name: driver.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}


@cache
def _counted(names: tuple[str, ...]) -> str:
    return " UNION ALL ".join(
        f"SELECT '{name}', count(*), coalesce(sum(xmin::text::bigint), 0) FROM \"{name}\""
        for name in names
    )


def _put_back(connection: Connection, table: Table, now: Rows, rows: Rows) -> None:
    """Only what differs."""
    added, gone = [row for row in now if row not in rows], [row for row in rows if row not in now]
    key = list(table.primary_key.columns)
    for row in added:
        connection.execute(table.delete().where(*(column == row[column.key] for column in key)))
    if gone:
        connection.execute(table.insert(), gone)


def changes(before: State, after: State) -> set[tuple[str, str]]:
    """The (table, column) pairs that differ; a new or removed row counts as (table, "*")."""
    found: set[tuple[str, str]] = set()
    for name, old in before.items():
        new = after[name]
        if old is new:
            continue
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
