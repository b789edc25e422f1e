"""What an agency's archive holds: which tables, which columns, and a row as JSON."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Table

from marketplace.core import plain
from marketplace.core.db import Base

# Owned by the agency and still not taken along, each with its reason (docs/agency-archive.md).
LEFT_OUT = {
    "invitation": "holds keys that open this installation",
    "attending_invitation": "holds keys that open this installation",
    "notification": "an inbox of people, not of the agency",
    "agency_export": "the archives that this installation made",
}
PERSON_COLUMNS = ("id", "email", "name", "created_at")
# A file's key is wrapped for one installation: the archive holds the content itself. The audit log
# is one chain of all agencies: the new installation seals the entries anew.
HIDDEN = {
    "stored_file": ("wrapped_key", "framed"),
    "attending": ("checks",),
    "audit_entry": ("seq", "seal"),
}


def owned() -> dict[str, str]:
    """Tables of an agency's rows in the order of writing, each with the column that names it."""
    found = {}
    by_table = {str(mapper.local_table): mapper.class_ for mapper in Base.registry.mappers}
    for table in Base.metadata.sorted_tables:
        column = by_table[table.name].__owned__.agency
        if column and table.name not in LEFT_OUT:
            found[table.name] = column
    return found


def order() -> list[str]:
    """Every table of an archive, in the order of writing."""
    mine = owned()
    extra = ("person", "attending", "attending_week")
    return [t.name for t in Base.metadata.sorted_tables if t.name in mine or t.name in extra]


def columns(table: Table) -> list[Column[Any]]:
    """The columns of a table that travel."""
    if table.name == "person":
        return [table.c[name] for name in PERSON_COLUMNS]
    return [c for c in table.columns if c.name not in HIDDEN.get(table.name, ())]


def people_columns(table: Table) -> list[str]:
    """The columns that name a person."""
    return [
        column.name
        for column in table.columns
        if any(key.target_fullname in ("person.id", "attending.id") for key in column.foreign_keys)
    ]


def to_json(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row with values that JSON knows: ids and times as text, bytes as base64."""
    return {str(name): plain.out(value) for name, value in row.items()}


def from_json(table: Table, row: Any) -> dict[str, Any]:
    """The row again. Raises `ValueError` for a column that is not known or a wrong value."""
    known = {column.name: column for column in columns(table)}
    if not isinstance(row, dict):
        raise ValueError(f"{table.name} has a line that is no row")
    if set(row) != set(known):
        raise ValueError(f"{table.name} has other columns: {sorted(set(row) ^ set(known))[:3]}")
    return {name: plain.back(known[name], value) for name, value in row.items()}
