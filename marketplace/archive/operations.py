"""Leave with everything: an agency's rows and files as one archive, and back into an empty
installation. The format is docs/agency-archive.md."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from marketplace.archive import container, tables
from marketplace.bookings import states
from marketplace.bookings.models import Booking
from marketplace.core import audit, clock, storage
from marketplace.core.context import Actor
from marketplace.core.db import Base
from marketplace.core.errors import NotFound
from marketplace.core.storage import StoredFile
from marketplace.listings.models import Affiliation, AttendingWeek
from marketplace.listings.seats import weeks_of
from marketplace.tenants.models import Agency

Row = dict[str, Any]


@dataclass(frozen=True)
class Loaded:
    """What an archive brought: the agency's slug, rows by table, files."""

    slug: str
    rows: dict[str, int]
    files: int


def export(session: Session, actor: Actor, slug: str) -> bytes:
    """The archive of an agency (system session). Raises `NotFound` without such an agency."""
    agency = session.scalars(select(Agency).where(Agency.slug == slug)).one_or_none()
    if agency is None:
        raise NotFound(f"There is no agency {slug!r}.")
    rows = _rows(session, agency.id)
    members = {f"tables/{name}.jsonl": _lines(found) for name, found in rows.items()}
    for row in rows["stored_file"]:
        key = UUID(row["id"])
        members[f"files/{key.hex}"] = storage.read(session, key)
    audit.record(
        session, actor, "agency.export", f"agency:{agency.id}", agency_id=agency.id, slug=slug
    )
    manifest = {"agency": str(agency.id), "slug": slug, "made_at": clock.wall().isoformat()}
    return container.pack(manifest, members)


def load(session: Session, actor: Actor, content: bytes) -> Loaded:
    """Write an archive into this installation (system session): everything or nothing.

    Raises `Invalid` (field `archive`) for a damaged or hostile archive, and when any agency is
    already here.
    """
    manifest, members = container.unpack(content)
    if session.scalar(select(func.count()).select_from(Agency)):
        raise container.refused(
            "An archive goes into an empty installation; this one has agencies."
        )
    rows = {name: _read(name, members.pop(f"tables/{name}.jsonl", b"")) for name in tables.order()}
    agency_id = _agency_id(manifest, rows, members)
    try:
        for name, found in rows.items():
            if found and name != "stored_file":
                session.execute(insert(Base.metadata.tables[name]), found)
        for row in rows["stored_file"]:
            _store(session, row, members[f"files/{row['id'].hex}"])
        session.flush()
    except SQLAlchemyError as error:
        raise container.refused("The rows of the archive do not fit together.") from error
    slug = str(rows["agency"][0]["slug"])
    audit.record(
        session, actor, "agency.load", f"agency:{agency_id}", agency_id=agency_id, slug=slug
    )
    return Loaded(slug, {name: len(found) for name, found in rows.items()}, len(members))


# --- out ----------------------------------------------------------------------------------------


def _rows(session: Session, agency_id: UUID) -> dict[str, list[Row]]:
    mine = tables.owned()
    found = {}
    for name, owner in mine.items():
        table = Base.metadata.tables[name]
        asked = select(*tables.columns(table)).where(table.c[owner] == agency_id)
        asked = asked.order_by(*table.primary_key.columns)
        found[name] = [tables.to_json(dict(row)) for row in session.execute(asked).mappings()]
    attendings = list(
        session.scalars(select(Affiliation.attending_id).where(Affiliation.agency_id == agency_id))
    )
    table = Base.metadata.tables["attending"]
    asked = select(*tables.columns(table)).where(table.c.id.in_(attendings)).order_by(table.c.id)
    found["attending"] = [tables.to_json(dict(row)) for row in session.execute(asked).mappings()]
    found["attending_week"] = _weeks(session, agency_id, attendings)
    found["person"] = _people(session, found)
    return {name: found[name] for name in tables.order()}


def _weeks(session: Session, agency_id: UUID, attendings: list[UUID]) -> list[Row]:
    """The pool of each attending, with the seats of this agency's bookings only: what the other
    agencies took is theirs to know."""
    taken: Counter[tuple[UUID, date]] = Counter()
    seats = select(Booking.attending_id, Booking.start_on, Booking.weeks).where(
        Booking.agency_id == agency_id, Booking.state.in_(states.SEAT)
    )
    for who, start, weeks in session.execute(seats):
        taken.update((who, week) for week in weeks_of(start, weeks))
    pool = session.scalars(
        select(AttendingWeek)
        .where(AttendingWeek.attending_id.in_(attendings))
        .order_by(AttendingWeek.attending_id, AttendingWeek.week)
    )
    return [
        {
            "attending_id": str(one.attending_id),
            "week": one.week.isoformat(),
            "capacity": one.capacity,
            "taken": taken[one.attending_id, one.week],
        }
        for one in pool
    ]


def _people(session: Session, rows: Mapping[str, list[Row]]) -> list[Row]:
    """Whoever a row names. Members keep name and address, attendings their name; of candidates
    only the key goes along: what the agency may know of them is frozen into its bookings."""
    named = {
        row[column]
        for name, found in rows.items()
        for column in tables.people_columns(Base.metadata.tables[name])
        for row in found
        if row.get(column)
    }
    members = {row["person_id"] for row in rows["membership"]}
    teachers = {row["id"]: row["display_name"] for row in rows["attending"]}
    person = Base.metadata.tables["person"]
    asked = (
        select(*tables.columns(person))
        .where(person.c.id.in_([UUID(key) for key in named]))
        .order_by(person.c.id)
    )
    found = []
    for row in (tables.to_json(dict(one)) for one in session.execute(asked).mappings()):
        if row["id"] not in members:
            row |= {
                "email": f"{row['id']}@moved.invalid",
                "name": teachers.get(row["id"], "Candidate"),
            }
        found.append(row)
    return found


def _lines(rows: Iterable[Row]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


# --- in -----------------------------------------------------------------------------------------


def _read(name: str, content: bytes) -> list[Row]:
    table = Base.metadata.tables[name]
    try:
        return [tables.from_json(table, json.loads(line)) for line in content.splitlines() if line]
    except (ValueError, TypeError) as error:
        raise container.refused(f"tables/{name}.jsonl cannot be used: {error}") from error


def _agency_id(
    manifest: Mapping[str, Any], rows: Mapping[str, list[Row]], files: Mapping[str, bytes]
) -> UUID:
    """The one agency of the archive. Every owned row has to be its own, every file named by one
    row, and no member may be left over."""
    agencies = rows["agency"]
    if len(agencies) != 1 or str(agencies[0]["id"]) != manifest.get("agency"):
        raise container.refused("The archive does not hold exactly the agency that it names.")
    key: UUID = agencies[0]["id"]
    for name, owner in tables.owned().items():
        if any(row[owner] != key for row in rows[name]):
            raise container.refused(f"tables/{name}.jsonl has a row of another agency.")
    if {f"files/{row['id'].hex}" for row in rows["stored_file"]} != set(files):
        raise container.refused("The archive has tables or files that do not belong in it.")
    return key


def _store(session: Session, row: Row, content: bytes) -> None:
    storage.put(
        session,
        content,
        name=row["name"],
        media_type=row["media_type"],
        agency_id=row["agency_id"],
        person_id=row["person_id"],
        key=row["id"],
    )
    session.execute(
        update(StoredFile).where(StoredFile.id == row["id"]).values(created_at=row["created_at"])
    )
