"""What the pages of an import show, as plain data."""

from collections.abc import Mapping, Sequence
from typing import Any

from marketplace.core import progress
from marketplace.core.formats import day, when
from marketplace.imports import keeping, operations
from marketplace.imports.catalog import KINDS, kind_of
from marketplace.imports.kinds import Kind
from marketplace.imports.models import CsvImport

MOST_CELLS = 50  # that are mended on the page; more are mended in the file
LONGEST_CELL = 200
STATES: Mapping[str, tuple[str, str]] = {
    "checked": ("Checked, not imported", "info"),
    "faulty": ("Rows to fix", "warn"),
    "queued": ("Importing", "info"),
    "done": ("Imported", "good"),
    "refused": ("Not imported", "bad"),
    "undoing": ("Being undone", "info"),
    "undone": ("Undone", ""),
}
_NEXT = {
    "sites": ("/sites", "See your sites"),
    "attendings": ("/attendings", "See your attendings"),
    "listings": ("/listings", "See your listings"),
    "offerings": ("/availability", "See the dates"),
}


def kinds(base: str, numbers: Mapping[str, int]) -> list[dict[str, Any]]:
    """The four kinds for the first page."""
    return [
        {
            "title": kind.title,
            "about": kind.about,
            "has": f"{numbers[kind.slug]:,} {kind.one if numbers[kind.slug] == 1 else kind.many}",
            "url": f"{base}/{kind.slug}",
            "export_url": f"{base}/{kind.slug}/export.csv" if numbers[kind.slug] else "",
            "icon": ICONS[kind.slug],
        }
        for kind in KINDS.values()
    ]


ICONS = {
    "sites": "building-2",
    "attendings": "stethoscope",
    "listings": "list",
    "offerings": "calendar-days",
}


def columns(kind: Kind) -> list[dict[str, Any]]:
    """The help for each column."""
    return [
        {
            "name": column.name,
            "meaning": column.meaning,
            "example": column.example,
            "required": column.required,
        }
        for column in kind.columns
    ]


def history(base: str, rows: Sequence[CsvImport], last: CsvImport | None) -> list[dict[str, Any]]:
    """The newest uploads; the one that may be undone says so."""
    return [
        {
            "url": f"{base}/{row.id}",
            "file": row.file_name,
            "state": STATES[row.state][0],
            "tone": STATES[row.state][1],
            "line": f"{KINDS[row.kind].title} · {_outcome(row)} · {row.by_name or 'Rounds'},"
            f" {when(row.at)} UTC",
            "undo_url": f"{base}/{row.id}/undo"
            if last is not None and row.id == last.id and row.state == "done" and row.journal_id
            else "",
        }
        for row in rows
    ]


def _outcome(row: CsvImport) -> str:
    if row.state in ("done", "undone", "undoing"):
        return f"{row.created:,} added, {row.updated:,} changed"
    if row.bad_rows:
        return f"{row.bad_rows:,} of {row.rows:,} rows to fix"
    return "1 row" if row.rows == 1 else f"{row.rows:,} rows"


def shown(base: str, row: CsvImport, last: CsvImport | None) -> dict[str, Any]:
    """One import: numbers, what is wrong or what changes, and the ways on."""
    kind = kind_of(row.kind)
    url = f"{base}/{row.id}"
    waits = row.state in ("queued", "undoing")
    cells = _cells(row)
    number = row.created + row.updated
    is_last = last is not None and last.id == row.id and row.journal_id is not None
    kept = keeping.is_kept(row)
    after, label = _NEXT[kind.slug]
    return {
        "state": row.state,
        "words": STATES[row.state][0],
        "tone": STATES[row.state][1],
        "file": row.file_name,
        "rows": row.rows,
        "by": row.by_name or "Rounds",
        "when": when(row.at),
        "kind": kind.title,
        "one": kind.one,
        "many": kind.many,
        "kind_url": f"{base}/{kind.slug}",
        "url": url,
        "created": row.created,
        "updated": row.updated,
        "unchanged": row.unchanged,
        "bad_rows": row.bad_rows,
        "bad_cells": row.bad_cells,
        "cells": cells,
        "more_cells": max(0, row.bad_cells - len(row.faults)),
        "mends": row.state in ("faulty", "refused") and 0 < len(cells) <= MOST_CELLS,
        "changes": row.changes,
        "more_changes": max(0, number - len(row.changes)),
        "notes_url": f"{url}/notes.csv" if row.state in ("faulty", "refused") and cells else "",
        "run_url": url if row.state == "checked" and number and kept else "",
        "run_label": f"Import {number:,} {kind.one if number == 1 else kind.many}",
        "undo_url": f"{url}/undo" if row.state == "done" and is_last else "",
        "is_kept": kept,
        "kept_days": keeping.DAYS,
        "kept_until": day(keeping.until(row).date()),
        "undo_refused": row.undo_refused,
        "undone_by": row.undone_by,
        "undone_when": when(row.undone_at) if row.undone_at else "",
        "tells": kind.slug == "attendings",
        "poll_url": url if waits else "",
        "progress": progress.read(str(row.id)) if waits else None,
        "stuck": row.state == "queued" and operations.is_stuck(row),
        "again_url": url,
        "next_url": base.removesuffix("/import") + after,
        "next_label": label,
    }


def _cells(row: CsvImport) -> list[dict[str, Any]]:
    """Faults by cell: a cell is mended once, whatever is wrong with it."""
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for fault in row.faults:
        key = (fault["line"], fault["column"])
        if key in found:
            found[key]["reason"] += f" {fault['reason']}"
            continue
        text = fault["found"]
        found[key] = {
            **fault,
            "field": f"c-{key[0]}-{key[1]}"
            if key[1] and len(text) < LONGEST_CELL and "\n" not in text
            else "",
        }
    return list(found.values())
