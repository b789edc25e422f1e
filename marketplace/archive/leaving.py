"""Out: everything of an agency into one archive, row by row and file by file.

The rows are read in one snapshot of the database. The format is docs/agency-archive.md.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Table, func, select
from sqlalchemy.orm import Session

from marketplace.archive import container, tables
from marketplace.archive.container import Member, Sink
from marketplace.archive.models import AgencyExport
from marketplace.bookings import states
from marketplace.bookings.models import Booking
from marketplace.core import clock, storage
from marketplace.core.db import Base, ScopedSession
from marketplace.core.errors import NotFound
from marketplace.core.storage import Sealed, StoredFile
from marketplace.listings.models import Affiliation, AttendingWeek
from marketplace.listings.seats import weeks_of
from marketplace.tenants.models import Agency

Row = dict[str, Any]
Tell = Callable[[int, int], None]
AT_ONCE = 500  # rows


def snapshot(session: ScopedSession) -> None:
    """Everything that this session reads from now on is of one instant. Call it first."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def agency_id_of(session: Session, slug: str) -> UUID:
    """The agency of a name in addresses (system session). Raises `NotFound`."""
    found = session.scalar(select(Agency.id).where(Agency.slug == slug))
    if found is None:
        raise NotFound(f"There is no agency {slug!r}.")
    return found


def count(session: Session, agency_id: UUID) -> int:
    """How many files an archive will hold (system session)."""
    return session.scalar(select(func.count()).select_from(_files(agency_id).subquery())) or 0


def write(session: Session, out: Sink, agency_id: UUID, tell: Tell | None = None) -> None:
    """Write the archive of an agency (system session that only reads). `tell` hears how many files
    are written, and of how many."""
    slug = session.get_one(Agency, agency_id).slug
    about = {"agency": str(agency_id), "slug": slug, "made_at": clock.wall().isoformat()}
    container.pack(out, about, _members(session, agency_id, tell))


def _members(session: Session, agency_id: UUID, tell: Tell | None) -> Iterator[Member]:
    seen = _Seen()
    for name, owner in tables.owned().items():
        table = Base.metadata.tables[name]
        asked = select(*tables.columns(table)).where(table.c[owner] == agency_id)
        if name == "stored_file":
            asked = asked.where(table.c.id.not_in(_own_archives(agency_id)))
        yield f"tables/{name}.jsonl", seen.lines(table, _rows(session, asked, table))
    attendings = select(Affiliation.attending_id).where(Affiliation.agency_id == agency_id)
    table = Base.metadata.tables["attending"]
    asked = select(*tables.columns(table)).where(table.c.id.in_(attendings))
    yield "tables/attending.jsonl", seen.lines(table, _rows(session, asked, table))
    weeks = _weeks(session, agency_id)
    yield "tables/attending_week.jsonl", map(_line, weeks)
    yield "tables/person.jsonl", map(_line, _people(session, seen))
    total = count(session, agency_id)
    for number, file in enumerate(_every_file(session, agency_id)):
        if tell:
            tell(number, total)
        yield f"files/{file.key.hex}", storage.stream(file)


def _rows(session: Session, asked: Select[Any], table: Table) -> Iterator[Row]:
    asked = asked.order_by(*table.primary_key.columns).execution_options(yield_per=AT_ONCE)
    for row in session.execute(asked).mappings():
        yield tables.to_json(row)


def _own_archives(agency_id: UUID) -> Select[UUID | None]:
    return select(AgencyExport.file_id).where(
        AgencyExport.agency_id == agency_id, AgencyExport.file_id.is_not(None)
    )


def _files(agency_id: UUID) -> Select[StoredFile]:
    return select(StoredFile).where(
        StoredFile.agency_id == agency_id, StoredFile.id.not_in(_own_archives(agency_id))
    )


def _every_file(session: Session, agency_id: UUID) -> Iterator[Sealed]:
    asked = _files(agency_id).order_by(StoredFile.id).execution_options(yield_per=AT_ONCE)
    for row in session.scalars(asked):
        yield storage.sealed(row)


@dataclass
class _Seen:
    """Whom the rows named, collected while they are written: keys only."""

    named: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    teachers: dict[str, str] = field(default_factory=dict)

    def lines(self, table: Table, rows: Iterator[Row]) -> Iterator[bytes]:
        """The rows as lines."""
        columns = tables.people_columns(table)
        for row in rows:
            self.named |= {row[column] for column in columns if row.get(column)}
            if table.name == "membership":
                self.members.add(row["person_id"])
            if table.name == "attending":
                self.teachers[row["id"]] = row["display_name"]
            yield _line(row)


def _weeks(session: Session, agency_id: UUID) -> Iterator[Row]:
    """The pool of each attending, with the seats of this agency's bookings only: what the other
    agencies took is theirs to know."""
    taken: Counter[tuple[UUID, date]] = Counter()
    seats = select(Booking.attending_id, Booking.start_on, Booking.weeks).where(
        Booking.agency_id == agency_id, Booking.state.in_(states.SEAT)
    )
    for who, start, weeks in session.execute(seats):
        taken.update((who, week) for week in weeks_of(start, weeks))
    mine = select(Affiliation.attending_id).where(
        Affiliation.agency_id == agency_id, Affiliation.accepted_at.is_not(None)
    )
    pool = (
        select(AttendingWeek)
        .where(AttendingWeek.attending_id.in_(mine))
        .order_by(AttendingWeek.attending_id, AttendingWeek.week)
        .execution_options(yield_per=AT_ONCE)
    )
    for one in session.scalars(pool):
        yield {
            "attending_id": str(one.attending_id),
            "week": one.week.isoformat(),
            "capacity": one.capacity,
            "taken": taken[one.attending_id, one.week],
        }


def _people(session: Session, seen: _Seen) -> Iterator[Row]:
    """Whoever a row names. Members keep name and address, attendings their name; of candidates
    only the key goes along: what the agency may know of them is frozen into its bookings."""
    person = Base.metadata.tables["person"]
    keys = sorted(UUID(key) for key in seen.named)
    for start in range(0, len(keys), AT_ONCE):
        asked = select(*tables.columns(person)).where(
            person.c.id.in_(keys[start : start + AT_ONCE])
        )
        for row in _rows(session, asked, person):
            if row["id"] not in seen.members:
                row["email"] = f"{row['id']}@moved.invalid"
                row["name"] = seen.teachers.get(row["id"], "Candidate")
            yield row


def _line(row: Row) -> bytes:
    return json.dumps(row).encode() + b"\n"
