"""CSV files as people really send them, and cells that no spreadsheet will run.

Read: UTF-8 with or without a byte order mark, UTF-16 with one, else Windows-1252; commas,
semicolons or tabs; any line end; quoted line breaks. Written: UTF-8 with a mark, so that every
spreadsheet shows accents, and with formulas defused.
"""

import codecs
import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from marketplace.core.errors import Invalid

# What Excel, LibreOffice and Google Sheets take for the start of a formula (OWASP, CSV injection)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
MAX_CELL = 10_000
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class Line:
    """One record: the line of the file it starts on (from 1), and its cells by column."""

    number: int
    cells: dict[str, str]
    too_many: bool = False  # more cells than columns
    too_few: bool = False


@dataclass(frozen=True)
class Sheet:
    """A read file. Column names are lower case and without blanks around them."""

    columns: tuple[str, ...]
    lines: tuple[Line, ...]


def read(content: bytes, *, max_rows: int) -> Sheet:
    """The records of a CSV file; empty ones are left out.

    Raises `Invalid` (field `csv`) when it is not a CSV file with a header, a column is named
    twice, or there are more than `max_rows` records.
    """
    text = _decode(content)
    if not text.strip():
        raise _refused("This file is empty.")
    header_line = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=header_line.count)
    records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return _sheet(records, max_rows)
    except csv.Error as error:
        raise _refused(
            f"Line {records.line_num} cannot be read as CSV: {error}. Look for a quotation mark"
            " without its partner."
        ) from error


def write(rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV file for download."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    for row in rows:
        writer.writerow([safe_cell(str(cell)) for cell in row])
    return codecs.BOM_UTF8 + out.getvalue().encode()


def safe_cell(text: str) -> str:
    """The text so that a spreadsheet shows it and does not run it; `plain_cell` takes it back."""
    return f"'{text}" if text.lstrip("'").startswith(FORMULA_STARTS) else text


def plain_cell(text: str) -> str:
    """What `safe_cell` was given: the apostrophe before a formula is taken off."""
    return text[1:] if text.startswith("'") and is_formula(text.lstrip("'")) else text


def is_formula(text: str) -> bool:
    """Would a spreadsheet take this cell for a formula?"""
    return text.startswith(FORMULA_STARTS)


def _decode(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text
    raise _refused("This is not a text file. Save the sheet as CSV (UTF-8) and try again.")


def _sheet(records: Iterable[list[str]], max_rows: int) -> Sheet:
    columns: tuple[str, ...] | None = None
    lines: list[Line] = []
    previous_end = 0
    for cells in records:
        start, previous_end = previous_end + 1, records.line_num  # type: ignore[attr-defined]
        if not any(cell.strip() for cell in cells):
            continue
        if columns is None:
            columns = _header(cells)
            continue
        if len(lines) >= max_rows:
            raise _refused(f"This file has more than {max_rows:,} rows. Split it.")
        if any(len(cell) > MAX_CELL for cell in cells):
            raise _refused(f"Line {start} has a cell with more than {MAX_CELL:,} characters.")
        extra = any(cell.strip() for cell in cells[len(columns) :])
        named = dict(zip(columns, (cell.strip() for cell in cells), strict=False))
        lines.append(Line(start, named, too_many=extra, too_few=len(cells) < len(columns)))
    if columns is None or not lines:
        raise _refused("This file has no rows below its header.")
    return Sheet(columns, tuple(lines))


def _header(cells: list[str]) -> tuple[str, ...]:
    columns = [cell.strip().lower() for cell in cells]
    while columns and not columns[-1]:
        columns.pop()
    if len(set(columns)) != len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise _refused(f"The column {twice or 'without a name'} is there twice.")
    return tuple(columns)


def _refused(message: str) -> Invalid:
    return Invalid({"csv": message}, message)
