"""A file beside what there is: what each row would do, and every cell that cannot be used."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from marketplace.core import spreadsheets
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.spreadsheets import Line, Sheet
from marketplace.imports.kinds import NONE, Cells, Change, Column, Desk, Found, Kind, Row

MAX_ROWS = 5_000
MAX_BYTES = 8 * 1024 * 1024
PROBLEM = "problem"  # the column that our own file with notes adds; it is not read
_BROKEN = ("#NAME?", "#REF!", "#VALUE!", "#N/A", "#DIV/0!", "#NUM!", "#NULL!")
Tell = Callable[[int], None]


@dataclass(frozen=True)
class Fault:
    """A cell that cannot be used, `column` empty for the row itself. `line` counts from 1 at the
    top of the file."""

    line: int
    column: str
    found: str
    reason: str


@dataclass
class Plan:
    """What a file would do. With a fault it does nothing."""

    rows: int
    known: Any
    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def created(self) -> int:
        """How many rows are new."""
        return sum(change.new for change in self.changes)

    @property
    def updated(self) -> int:
        """How many rows change what is there."""
        return len(self.changes) - self.created

    @property
    def bad_rows(self) -> int:
        """How many rows have a fault."""
        return len({fault.line for fault in self.faults})


def read(kind: Kind, content: bytes) -> Sheet:
    """The rows of a file. Raises `Invalid` (field `csv`) for one that cannot be read, has other
    columns, or is too large."""
    if len(content) > MAX_BYTES:
        raise _refused("This file is larger than 8 MB. Split it.")
    sheet = spreadsheets.read(content, max_rows=MAX_ROWS)
    names = {column.name for column in kind.columns}
    unknown = [name for name in sheet.columns if name not in names and name != PROBLEM]
    problems = []
    if not any(name in sheet.columns for name in kind.key):
        problems.append(f"The column {' or '.join(kind.key)} is missing: it says what a row is.")
    if unknown:
        problems.append(f"These columns are not known: {', '.join(unknown[:20])}.")
    if problems:
        raise _refused(" ".join([*problems, f"The template for {kind.many} has every column."]))
    return sheet


def plan(
    kind: Kind,
    session: Session,
    desk: Desk,
    sheet: Sheet,
    *,
    lock: bool = False,
    tell: Tell = lambda done: None,
) -> Plan:
    """Ask every rule about every row. Nothing is written.

    Raises `Invalid` (field `csv`) when a column is missing that new rows need.
    """
    rows = [Row(line.number, _plain(kind, line)) for line in sheet.lines]
    made = Plan(len(rows), kind.load(session, desk, rows, lock=lock))
    lines: dict[str, int] = {}
    for done, (row, line) in enumerate(zip(rows, sheet.lines, strict=True)):
        tell(done)
        one = _Reading(kind, desk, made, row, lines)
        if line.too_many:
            one.fault("", "This row has more cells than the header. Quote cells with commas.")
        one.plan()
    _require_columns(kind, sheet, made)
    made.faults.sort(key=_place(kind))
    return made


def _plain(kind: Kind, line: Line) -> Cells:
    """The cells without the apostrophes of our exports. Only an optional one may say NONE, so
    there the apostrophe before that word still matters."""
    cells = {name: spreadsheets.plain_cell(text) for name, text in line.cells.items()}
    return cells | {c.name: unescaped(cells[c.name]) for c in kind.columns if _is_needed(c, cells)}


def _is_needed(column: Column, cells: Cells) -> bool:
    return column.required and column.name in cells


@dataclass
class _Reading:
    """One row on its way to a change or to faults."""

    kind: Kind
    desk: Desk
    made: Plan
    row: Row
    lines: dict[str, int]
    bad: bool = False

    def fault(self, column: str, reason: str) -> None:
        found = self.row.cells.get(column, "")[:200]
        self.made.faults.append(Fault(self.row.number, column, found, reason))
        self.bad = True

    def plan(self) -> None:
        try:
            found = self.kind.find(self.made.known, self.row)
        except Invalid as error:
            self._refused(error)
            found = Found("", None)
        if found.key in self.lines:
            self.fault(self.kind.key[0], f"Line {self.lines[found.key]} is about the same.")
        elif found.key:
            self.lines[found.key] = self.row.number
        cells = dict(found.current or dict.fromkeys(self._names(), ""))
        columns = self._read(found, cells)
        if self.bad:
            return
        if found.current is not None and not columns:
            self.made.unchanged += 1
            return
        try:
            load = self.kind.check(self.desk, self.made.known, found, cells, columns)
        except Invalid as error:
            self._refused(error)
        except Conflict as error:
            self.fault(self.kind.key[0], error.message)
        else:
            self._keep(found, cells, columns, load)

    def _names(self) -> list[str]:
        return [column.name for column in self.kind.columns]

    def _keep(self, found: Found, cells: Cells, columns: Sequence[str], load: Any) -> None:
        if load is None:
            self.made.unchanged += 1
            return
        new = found.current is None
        name = self.kind.name(cells)
        self.made.changes.append(Change(self.row.number, name, new, tuple(columns), load))

    def _read(self, found: Found, cells: dict[str, str]) -> list[str]:
        """Put what was typed over what there is; returns the columns that differ."""
        columns = []
        for column in self.kind.columns:
            text = self.row.cells.get(column.name, "")
            if not text:
                if found.current is None and column.required and not self._said(column.name):
                    self.fault(column.name, "This must not be empty.")
                continue
            if found.current is not None and text == found.current[column.name]:
                continue
            try:
                value = _value(column, text)
            except ValueError as error:
                if not self._said(column.name):
                    self.fault(column.name, str(error))
                continue
            if found.current is None or value != found.current[column.name]:
                cells[column.name] = value
                columns.append(column.name)
        return columns

    def _said(self, column: str) -> bool:
        faults = self.made.faults
        return any(one.line == self.row.number and one.column == column for one in faults[-9:])

    def _refused(self, error: Invalid) -> None:
        for name, message in error.errors.items():
            self.fault(column_of(self.kind, name), message)


def column_of(kind: Kind, name: str) -> str:
    """The column that a rule's field stands for; '' where it is none of them."""
    for wanted in (name, name.split("-", maxsplit=1)[0]):
        found = kind.fields.get(wanted, wanted)
        if any(column.name == found for column in kind.columns):
            return found
    return ""


def _value(column: Column, text: str) -> str:
    if text in _BROKEN:
        raise ValueError("Your spreadsheet wrote an error here. Correct the cell in it.")
    if column.required:
        return column.read(text)
    return "" if text.lower() == NONE else column.read(unescaped(text))


def escaped(text: str) -> str:
    """A cell of ours as it goes into a file, so that its text is never taken for NONE."""
    return f"'{text}" if text.lstrip("'").lower() == NONE else text


def unescaped(text: str) -> str:
    """What `escaped` was given."""
    return text[1:] if re.fullmatch(r"'+none", text, re.IGNORECASE) else text


def _require_columns(kind: Kind, sheet: Sheet, made: Plan) -> None:
    """Name a missing column once, not once for each new row."""
    missing = [c.name for c in kind.columns if c.required and c.name not in sheet.columns]
    wanted = {fault.column for fault in made.faults} & set(missing)
    if wanted:
        names = ", ".join(name for name in missing if name in wanted)
        raise _refused(f"These columns are missing: {names}. A new {kind.one} needs them.")


def _place(kind: Kind) -> Callable[[Fault], tuple[int, int]]:
    place = {column.name: number for number, column in enumerate(kind.columns)}
    return lambda fault: (fault.line, place.get(fault.column, -1))


def write(
    kind: Kind, session: Session, desk: Desk, made: Plan, tell: Tell = lambda done: None
) -> None:
    """Write a plan without faults, all in this transaction."""
    assert not made.faults
    for done, change in enumerate(made.changes):
        tell(done)
        kind.write(session, desk, made.known, change)
    session.flush()
    kind.finish(session, desk, made.known)
    session.flush()


def sheet_of(kind: Kind, rows: Iterable[Cells]) -> bytes:
    """A file with every column of a kind."""
    names = [column.name for column in kind.columns]
    return spreadsheets.write(
        [names, *([escaped(cells.get(name, "")) for name in names] for cells in rows)]
    )


def _refused(message: str) -> Invalid:
    return Invalid({"csv": message}, message)
