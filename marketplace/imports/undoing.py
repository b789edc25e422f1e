"""Taking an import back: every row as it was, and what was made removed, or nothing at all."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.core import plain
from marketplace.core.db import Base
from marketplace.core.errors import Conflict
from marketplace.core.events import publish
from marketplace.imports.journal import Entry, models, table_of
from marketplace.imports.parts import parts
from marketplace.listings.events import ListingsMoved
from marketplace.listings.models import Offering, Rotation, Site

MOST_REASONS = 10
# counted by others, and of no meaning for what an agency wrote
UNTOLD = frozenset({"index_version"})
_WORDS = {
    "booking": "a booking",
    "blackout": "a blackout",
    "scope_signature": "a request to sign",
    "listing_version": "a published version",
    "listing_draft": "changes in a draft",
    "wider_request": "a question to the platform",
    "rotation": "a listing",
    "offering": "a start",
    "review": "a review",
    "evidence": "a paper",
    "saved_rotation": "somebody who saved it",
}
Tell = Callable[[int], None]


class Undo:
    """One undo in one session: look first, then write."""

    def __init__(self, session: Session, entries: Sequence[Entry]) -> None:
        self._session = session
        self._entries = entries
        self._rows: dict[tuple[str, str], Any] = {}

    def reasons(self) -> list[str]:
        """Why it cannot be undone, in words; empty when it can."""
        self._load()
        found: list[str] = []
        for entry in self._entries:
            row = self._row(entry)
            if entry.after is None:
                if row is not None:
                    found.append(f"{_name(row)} is there again.")
            elif row is None:
                found.append(f"{_title(entry)} was removed meanwhile.")
            elif self._differs(row, entry.after):
                found.append(f"{_name(row)} was changed after the import.")
        return found or list(dict.fromkeys(self._dependents()))

    def write(self, tell: Tell) -> None:
        """Put everything back. Conflict when something that we may not see depends on it."""
        try:
            with self._session.begin_nested():
                self._write(tell)
        except IntegrityError as error:
            raise Conflict(
                "Somebody depends on what was imported: a candidate has saved or booked it.",
                "depends",
            ) from error

    def _write(self, tell: Tell) -> None:
        order = {table.name: number for number, table in enumerate(Base.metadata.sorted_tables)}
        made = [entry for entry in self._entries if entry.before is None]
        made.sort(key=lambda entry: order[entry.table], reverse=True)
        last, done = "", 0
        for entry in made:
            if entry.table != last:
                self._session.flush()
                last = entry.table
            self._session.delete(self._row(entry))
            done += 1
            tell(done)
        self._session.flush()
        touched = self._restore(done, tell)
        self._session.flush()
        self._publish(touched)

    def _restore(self, done: int, tell: Tell) -> list[Any]:
        touched = []
        for entry in self._entries:
            if entry.before is None:
                continue
            columns = table_of(entry.table).columns
            values = {name: plain.back(columns[name], v) for name, v in entry.before.items()}
            if entry.after is None:
                row = models()[entry.table](**values)
                self._session.add(row)
            else:
                row = self._row(entry)
                for name, value in values.items():
                    setattr(row, name, value)
            touched.append(row)
            done += 1
            tell(done)
        return touched

    def _publish(self, touched: Sequence[Any]) -> None:
        """Listings that candidates see are as before: they are shown and found so."""
        keys = {row.id for row in touched if isinstance(row, Rotation)}
        keys |= {row.rotation_id for row in touched if isinstance(row, Offering)}
        keys |= {
            UUID(entry.after["rotation_id"])
            for entry in self._entries
            if entry.table == "offering" and entry.before is None and entry.after
        }
        sites = {row.id for row in touched if isinstance(row, Site)}
        public = select(Rotation.id, Rotation.agency_id, Rotation.site_id).where(Rotation.public)
        moved = defaultdict(list)
        for key, agency_id, site_id in self._session.execute(public).all() if keys | sites else ():
            if key in keys or site_id in sites:
                moved[agency_id].append(key)
        for agency_id, found in moved.items():
            publish(self._session, ListingsMoved(agency_id, tuple(found)))

    # --- looking ------------------------------------------------------------------------------

    def _load(self) -> None:
        """Every row of the import as it is now, locked."""
        by_table = defaultdict(list)
        for entry in self._entries:
            by_table[entry.table].append(entry)
        for name, entries in by_table.items():
            model, table = models()[name], table_of(name)
            keys = list(table.primary_key.columns)
            for part in parts([self._key(entry) for entry in entries]):
                attributes = [getattr(model, key.key) for key in keys]
                wanted = (
                    attributes[0].in_([key[0] for key in part])
                    if len(keys) == 1
                    else tuple_(*attributes).in_(part)
                )
                for row in self._session.scalars(
                    select(model)
                    .where(wanted)
                    .with_for_update()
                    .execution_options(populate_existing=True)
                ):
                    self._rows[name, str([getattr(row, key.key) for key in keys])] = row

    def _key(self, entry: Entry) -> list[Any]:
        columns = list(table_of(entry.table).primary_key.columns)
        return [plain.back(column, v) for column, v in zip(columns, entry.key, strict=True)]

    def _row(self, entry: Entry) -> Any:
        return self._rows.get((entry.table, str(self._key(entry))))

    def _differs(self, row: Any, after: dict[str, Any]) -> bool:
        return any(
            plain.out(getattr(row, name)) != value
            for name, value in after.items()
            if name not in UNTOLD
        )

    def _dependents(self) -> Iterator[str]:
        """Rows of the agency that need a row that the import made, and are not its own."""
        made = defaultdict(list)
        for entry in self._entries:
            if entry.before is None:
                made[entry.table].append(self._row(entry))
        ours = {id(row) for rows in made.values() for row in rows}
        for child, column, parent, referred in _references(set(made)):
            by_key = {getattr(row, referred): row for row in made[parent]}
            model = models()[child]
            key = getattr(model, column)
            for part in parts(list(by_key)):
                for row, of in self._session.execute(select(model, key).where(key.in_(part))):
                    if id(row) not in ours:
                        yield f"{_name(by_key[of])} has {_WORDS.get(child, 'something')} now."


def _references(tables: set[str]) -> Iterator[tuple[str, str, str, str]]:
    """Who has a key to one of these tables: child, its column, parent, the parent's column."""
    for table in Base.metadata.sorted_tables:
        for constraint in table.foreign_key_constraints:
            for key in constraint.elements:
                parent, referred = key.column.table.name, key.column.name
                if parent in tables and referred in ("id", "attending_id"):
                    yield table.name, key.parent.name, parent, referred


def _name(row: Any) -> str:
    for attribute in ("title", "name", "display_name", "start_on", "email", "slug"):
        found = getattr(row, attribute, None)
        if found:
            return f"The start of {found:%b %-d, %Y}" if attribute == "start_on" else f"“{found}”"
    return "A row"


def _title(entry: Entry) -> str:
    values = entry.after or {}
    return f"“{values.get('title') or values.get('name') or entry.table}”"
