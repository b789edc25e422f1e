"""Curated reference data: the CSV files in `marketplace/data`, read once and never changed.

The files are the single source of specialties, policies, rules and interface text. Every
cell is text, exactly as written; the module that knows a column's meaning parses it.
"""

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

DATA = Path(__file__).resolve().parent.parent / "data"

Row = Mapping[str, str]
"""One line of a file: column name to text."""


@cache
def rows(name: str) -> tuple[Row, ...]:
    """All rows of `marketplace/data/<name>.csv` in file order, read-only.

    Raises `KeyError` when there is no such file.
    """
    path = DATA / f"{name}.csv"
    if not path.is_file():
        raise KeyError(f"no reference data named {name!r}")
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(MappingProxyType(line) for line in csv.DictReader(file, strict=True))


@cache
def _index(name: str, column: str) -> Mapping[str, Row]:
    found: dict[str, Row] = {}
    for line in rows(name):
        if column not in line:
            raise KeyError(f"{name} has no column {column!r}")
        if line[column] in found:
            raise KeyError(f"{name}.{column} is not a key: {line[column]!r} is there twice")
        found[line[column]] = line
    return MappingProxyType(found)


def row(name: str, key: str, column: str = "slug") -> Row:
    """The one row of `name` whose `column` equals `key`.

    Raises `KeyError` when there is no such file, column or row, or the column is not unique.
    """
    found = _index(name, column).get(key)
    if found is None:
        raise KeyError(f"{name} has no row with {column} {key!r}")
    return found


def split(cell: str) -> tuple[str, ...]:
    """The items of a `a|b|c` cell; an empty cell has none."""
    return tuple(cell.split("|")) if cell else ()
