"""Import of a CSV of listings: check everything, say every fault, then write all or nothing.

Rows become drafts keyed by `external_id`; publishing is a step of its own through the one guard.
The format is in docs/import-listings.md.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.permissions import require
from marketplace.core import audit, spreadsheets
from marketplace.core.context import Actor
from marketplace.core.errors import Invalid
from marketplace.listings.import_changes import compare, known_of
from marketplace.listings.import_rows import COLUMNS, REQUIRED, Fault, WantedRotation, read_row
from marketplace.listings.import_writes import write
from marketplace.listings.models import ListingImport
from marketplace.tenants.models import Agency

MAX_ROWS = 5_000
MAX_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class Report:
    """What an import did, or with `applied` False what it would do."""

    rows: int
    created: int
    updated: int
    unchanged: int
    faults: tuple[Fault, ...]
    applied: bool

    @property
    def bad_rows(self) -> int:
        """How many rows have a fault."""
        return len({fault.line for fault in self.faults})

    @property
    def changes(self) -> int:
        """How many listings are, or would be, written."""
        return self.created + self.updated


def import_listings(
    session: Session,
    actor: Actor,
    agency_id: UUID,
    content: bytes,
    *,
    file_name: str = "",
    dry_run: bool = False,
    partial: bool = False,
) -> Report:
    """Import a file into an agency (its own scope). One faulty row stops all, unless `partial`.

    Raises `Invalid` (field `csv`) for a file that cannot be read or has other columns. The same
    file again changes nothing.
    """
    require(actor, "listings.import")
    wanted, faults, rows = read(content)
    agency = _agency(session, agency_id, lock=not dry_run)
    known = known_of(session, agency, wanted)
    changes, more = compare(known, wanted)
    faults = _in_order([*faults, *more])
    created = sum(change.rotation is None for change in changes)
    updated = sum(change.rotation is not None and change.differs for change in changes)
    unchanged = len(changes) - created - updated
    apply = not dry_run and (partial or not faults)
    if apply and created + updated:
        write(session, known, [change for change in changes if change.differs])
        session.add(
            ListingImport(
                agency_id=agency.id,
                digest=hashlib.sha256(content).hexdigest(),
                file_name=file_name[:200],
                created=created,
                updated=updated,
                unchanged=unchanged,
                by_person=actor.person_id,
            )
        )
        audit.record(session, actor, "listing.import", f"agency:{agency.slug}")
    return Report(rows, created, updated, unchanged, tuple(faults), apply)


def read(content: bytes) -> tuple[list[WantedRotation], list[Fault], int]:
    """The good rows of a file, what is wrong with the others, and how many rows there are."""
    if len(content) > MAX_BYTES:
        message = "This file is larger than 8 MB. Split it."
        raise Invalid({"csv": message}, message)
    sheet = spreadsheets.read(content, max_rows=MAX_ROWS)
    _check_columns(sheet.columns)
    good: list[WantedRotation] = []
    faults: list[Fault] = []
    first_line: dict[str, int] = {}
    for line in sheet.lines:
        row, found = read_row(line)
        if row.external_id and row.external_id in first_line:
            reason = f"Line {first_line[row.external_id]} has the same external_id."
            found = (*found, Fault(line.number, "external_id", row.external_id, reason))
        first_line.setdefault(row.external_id, line.number)
        faults += found
        if not found:
            good.append(row)
    return good, faults, len(sheet.lines)


def template() -> bytes:
    """An empty file with one example row, for download."""
    example = {
        "external_id": "cardio-01",
        "title": "Cardiology clinic externship",
        "specialty": "cardiology",
        "type": "externship",
        "interaction": "hands-on",
        "setting": "outpatient",
        "site": "Lakeview Heart Clinic",
        "city": "chicago-il",
        "attending_npi": "1234567893",
        "prices": "2:1100|4:1650",
        "starts": "2027-03-01|2027-04-05",
        "capacity": "2",
        "accepts": "student|graduate",
        "site_kind": "clinic",
        "activities": "take-history:supervised|physical-exam:supervised|present-case:yes",
        "cancellation": "moderate",
    }
    return spreadsheets.write([COLUMNS, [example.get(column, "") for column in COLUMNS]])


def faults_csv(faults: Iterable[Fault]) -> bytes:
    """The faults as a file for download; cells that a spreadsheet would run are defused."""
    rows = [(fault.line, fault.column, fault.found, fault.reason) for fault in faults]
    return spreadsheets.write([("line", "column", "found", "reason"), *rows])


def _check_columns(columns: tuple[str, ...]) -> None:
    missing = [name for name in REQUIRED if name not in columns]
    unknown = [name for name in columns if name not in COLUMNS]
    problems = []
    if missing:
        problems.append(f"These columns are missing: {', '.join(missing)}.")
    if unknown:
        problems.append(f"These columns are not known: {', '.join(unknown)}.")
    if problems:
        message = " ".join(problems)
        raise Invalid({"csv": message}, message)


def _agency(session: Session, agency_id: UUID, *, lock: bool) -> Agency:
    """The agency's row; locked, so that two imports of one agency wait for each other."""
    query = select(Agency).where(Agency.id == agency_id)
    return session.scalars(query.with_for_update() if lock else query).one()


def _in_order(faults: list[Fault]) -> list[Fault]:
    place = {name: number for number, name in enumerate(COLUMNS)}
    return sorted(faults, key=lambda fault: (fault.line, place.get(fault.column, -1)))
