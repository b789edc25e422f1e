"""Rows on their way to the database: collected by table, written in the order of the keys."""

from collections import defaultdict
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.orm import Session

from marketplace.core.db import Base

Row = dict[str, Any]
"""Column name to value."""

BATCH = 4_000


class Rows:
    """Collects rows and writes them in batches, parents before children.

    Only a system session may use it: a plain insert passes the wall.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._waiting: dict[str, list[Row]] = defaultdict(list)
        self.written: dict[str, int] = defaultdict(int)

    def add(self, model: type[Base], row: Row) -> Row:
        """Keep a row for the next write."""
        self._waiting[model.__tablename__].append(row)
        return row

    @property
    def waiting(self) -> int:
        """How many rows are not written yet."""
        return sum(len(rows) for rows in self._waiting.values())

    def write(self) -> None:
        """Write everything that waits."""
        for table in Base.metadata.sorted_tables:
            rows = self._waiting.pop(table.name, [])
            if rows:
                self._insert(table, rows)

    def _insert(self, table: Table, rows: list[Row]) -> None:
        for start in range(0, len(rows), BATCH):
            self.session.execute(insert(table), rows[start : start + BATCH])
        self.written[table.name] += len(rows)
