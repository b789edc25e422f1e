"""Where attendings are looked up by NPI: one interface, and a source made of files.

Set `VERIFY_SOURCES` to a folder with `registry.csv` (npi,name,state,status), `licenses.csv`
(npi,state,number,status,expires_on) and `exclusions.csv` (npi,name,excluded_on): what the national
registry, state boards and the federal exclusion list publish, reduced to these columns. The day of
a list is the file's last change. A source that asks over the network would answer the same type.
"""

import csv
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal, Protocol

What = Literal["registry", "license", "exclusion"]
WHAT: tuple[What, ...] = ("registry", "license", "exclusion")
LABELS: dict[str, str] = {
    "registry": "National provider registry",
    "license": "State board look-up",
    "exclusion": "Federal exclusion list",
}
_FILES: dict[What, tuple[str, frozenset[str]]] = {
    "registry": ("registry.csv", frozenset({"npi", "name", "state", "status"})),
    "license": ("licenses.csv", frozenset({"npi", "state", "number", "status", "expires_on"})),
    "exclusion": ("exclusions.csv", frozenset({"npi", "name", "excluded_on"})),
}


@dataclass(frozen=True)
class Found:
    """What one source says about one NPI. `result`: clear, problem or failed (no answer)."""

    what: What
    result: Literal["clear", "problem", "failed"]
    words: str
    source: str
    source_on: date | None = None
    valid_until: date | None = None


class Source(Protocol):
    """Looks up one attending. Answers `failed` instead of raising when it has no answer."""

    def look_up(self, what: What, npi: str, today: date) -> Found:
        """What this source says about an NPI on a day."""


class NoSource:
    """No source is set up."""

    def look_up(self, what: What, npi: str, today: date) -> Found:
        """Always `failed`, with words."""
        return Found(what, "failed", "No list is set up on this installation.", LABELS[what])


class FileSource:
    """The folder of files. Each is read again when it has changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[What, tuple[int, dict[str, dict[str, str]]]] = {}

    def look_up(self, what: What, npi: str, today: date) -> Found:
        """Look into the list of this kind; a missing or damaged file is `failed`."""
        label = LABELS[what]
        path = self._folder / _FILES[what][0]
        try:
            stamp = path.stat().st_mtime_ns
            rows = self._rows(what, path, stamp)
        except (OSError, ValueError, csv.Error):
            return Found(what, "failed", "The list could not be read.", label)
        on = datetime.fromtimestamp(stamp / 1e9, UTC).date()
        result, words, until = _JUDGE[what](rows.get(npi), today)
        return Found(what, result, words, label, on, until)

    def _rows(self, what: What, path: Path, stamp: int) -> dict[str, dict[str, str]]:
        known = self._read.get(what)
        if known is None or known[0] != stamp:
            known = self._read[what] = (stamp, _by_npi(path, _FILES[what][1]))
        return known[1]


def _by_npi(path: Path, columns: frozenset[str]) -> dict[str, dict[str, str]]:
    """The rows by NPI; of several the last. ValueError when a column is missing."""
    found: dict[str, dict[str, str]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        if not columns <= set(reader.fieldnames or ()):
            raise ValueError(f"{path.name} needs the columns {', '.join(sorted(columns))}")
        for line in reader:
            found[(line["npi"] or "").strip()] = {key: line[key] or "" for key in columns}
    return found


_Judged = tuple[Literal["clear", "problem", "failed"], str, date | None]


def _registry(line: dict[str, str] | None, today: date) -> _Judged:
    if line is None:
        return "problem", "This number is not in the registry.", None
    if line["status"].strip().lower() != "active":
        return "problem", f"The registry says: {line['status'].strip().lower()}.", None
    return "clear", f"Active: {line['name'].strip()}, {line['state'].strip()}", None


def _license(line: dict[str, str] | None, today: date) -> _Judged:
    if line is None:
        return "problem", "No license is listed under this number.", None
    try:
        until = date.fromisoformat(line["expires_on"].strip())
    except ValueError:
        return "failed", "The list has no readable date for this license.", None
    place = line["state"].strip()
    if line["status"].strip().lower() != "active":
        return "problem", f"The {place} board says: {line['status'].strip().lower()}.", until
    if until < today:
        return (
            "problem",
            f"The {place} license ended on {until:%b} {until.day}, {until.year}.",
            until,
        )
    return "clear", f"Active in {place} until {until:%b} {until.day}, {until.year}", until


def _exclusion(line: dict[str, str] | None, today: date) -> _Judged:
    if line is not None:
        return "problem", f"On the exclusion list since {line['excluded_on'].strip()}.", None
    return "clear", "Not on the list", None


_JUDGE = {"registry": _registry, "license": _license, "exclusion": _exclusion}
_used: dict[str, Source] = {"source": NoSource()}


def configure(folder: str) -> None:
    """Use the files of this folder; empty means that there is no source."""
    _used["source"] = FileSource(Path(folder)) if folder else NoSource()


def source() -> Source:
    """The source of this process."""
    return _used["source"]
