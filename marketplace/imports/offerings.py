"""Files of offerings: one row a start of a listing, with its seats."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.core import clock
from marketplace.core.errors import Invalid
from marketplace.core.events import publish
from marketplace.imports import cells as reading
from marketplace.imports.kinds import Cells, Change, Column, Desk, Found, Kind, Row
from marketplace.imports.parts import parts
from marketplace.listings import availability
from marketplace.listings.draft_models import Blackout
from marketplace.listings.events import ListingsMoved
from marketplace.listings.models import Offering, Rotation


@dataclass
class KnownStarts:
    """The listings that the file names, by what it calls them, their starts, and the agency's
    blackouts."""

    listings: dict[str, Rotation]
    starts: dict[tuple[UUID, str], Offering]
    blackouts: list[Blackout]
    changed: set[UUID] = field(default_factory=set)


def listings_of(
    session: Session, agency_id: UUID, names: Iterable[str], *options: object
) -> dict[str, Rotation]:
    """The agency's listings by their `external_id`, or by the name in their address."""
    found: dict[str, Rotation] = {}
    for part in parts(sorted({name for name in names if name})):
        rows = session.scalars(
            select(Rotation)
            .where(
                Rotation.agency_id == agency_id,
                or_(Rotation.external_id.in_(part), Rotation.slug.in_(part)),
            )
            .options(*options)  # type: ignore[arg-type]
        )
        for row in rows:
            found.setdefault(row.slug, row)
            if row.external_id:
                found[row.external_id] = row
    return found


def shortest(rotation: Rotation) -> int:
    """The least weeks that can be booked."""
    return min((block.weeks for block in rotation.blocks), default=1)


def check_new_start(
    rotation: Rotation, day: date, seats: int, weeks: int, blackouts: Iterable[Blackout]
) -> None:
    """The page's rules for a start that is added; Invalid in a blackout, which a page leaves out
    of a bulk of starts."""
    availability.check_new_starts(rotation, [day], seats)
    for one in blackouts:
        if availability.applies_to(one, rotation) and availability.covers(one, day, weeks):
            why = f": {one.reason}" if one.reason else ""
            raise Invalid({"first": f"{day} runs into a blackout{why}. Leave it out."})


class Offerings(Kind):
    """Starts by listing and day."""

    slug = "offerings"
    title = "Offerings"
    one, many = "start", "starts"
    about = "Start dates of your listings with their seats. They change at once, also live ones."
    key = ("listing",)
    fields = {"first": "start", "until": "start"}  # noqa: RUF012
    columns = (
        Column(
            "listing",
            "The external_id of the listing, or the name in its address",
            "cardio-01",
            reading.text(160),
            required=True,
        ),
        Column("start", "A Monday", "2027-03-01", reading.monday, required=True),
        Column(
            "seats",
            f"1 to {availability.MOST_SEATS}, never below what is taken",
            "2",
            reading.number,
            required=True,
        ),
        Column("open", "yes, or no: nobody new can ask for it. Bookings go on", "yes",
               reading.yes_no),
    )  # fmt: skip

    def load(self, session: Session, desk: Desk, rows: Sequence[Row], *, lock: bool) -> KnownStarts:
        """The listings of the file and their starts."""
        names = [row.cells.get("listing", "") for row in rows]
        listings = listings_of(
            session,
            desk.agency_id,
            names,
            joinedload(Rotation.site),
            selectinload(Rotation.blocks),
        )
        starts: dict[tuple[UUID, str], Offering] = {}
        for part in parts(sorted({rotation.id for rotation in listings.values()})):
            wanted = select(Offering).where(Offering.rotation_id.in_(part)).order_by(Offering.id)
            if lock:  # a seat that is taken meanwhile waits
                wanted = wanted.with_for_update().execution_options(populate_existing=True)
            for row in session.scalars(wanted):
                starts[row.rotation_id, row.start_on.isoformat()] = row
        black = session.scalars(select(Blackout).where(Blackout.agency_id == desk.agency_id))
        return KnownStarts(listings, starts, list(black))

    def find(self, known: KnownStarts, row: Row) -> Found:
        """By listing and day."""
        name = row.cells.get("listing", "")
        rotation = known.listings.get(name)
        if name and rotation is None:
            raise Invalid({"listing": "You have no listing of this name. Import it first."})
        try:
            day = reading.monday(row.cells.get("start", ""))
        except ValueError:
            return Found("", None)
        if rotation is None:
            return Found("", None)
        offering = known.starts.get((rotation.id, day))
        current = cells_of(offering, name) if offering else None
        return Found(f"{rotation.id} {day}", current, (rotation, offering))

    def check(
        self, desk: Desk, known: KnownStarts, found: Found, cells: Cells, columns: Sequence[str]
    ) -> tuple[Rotation, Offering, int, bool]:
        """The page's own rules."""
        rotation, offering = found.handle
        seats, is_open = int(cells["seats"]), cells["open"] != "no"
        day = date.fromisoformat(cells["start"])
        if offering is None:
            check_new_start(rotation, day, seats, shortest(rotation), known.blackouts)
            return rotation, availability.new_start(rotation, day, seats), seats, is_open
        if "seats" in columns:
            availability.check_seats(seats, offering.taken)
        if "open" in columns and is_open:
            black = [one for one in known.blackouts if availability.applies_to(one, rotation)]
            availability.check_reopen(rotation, day, shortest(rotation), black)
        return rotation, offering, seats, is_open

    def name(self, cells: Cells) -> str:
        """Listing and day."""
        return f"{cells['listing']}, {cells['start']}"

    def write(self, session: Session, desk: Desk, known: KnownStarts, change: Change) -> None:
        """A new start, or its seats and whether it is open."""
        rotation, offering, seats, is_open = change.load
        if change.new:
            session.add(offering)
        if "seats" in change.columns:
            offering.capacity = seats
        if change.new or "open" in change.columns:
            offering.closed_at = None if is_open else clock.now()
        if is_open:
            offering.blackout_id = None
        known.changed.add(rotation.id)

    def finish(self, session: Session, desk: Desk, known: KnownStarts) -> None:
        """The listings have other seats now."""
        session.flush()
        public = {row.id for row in known.listings.values() if row.public}
        publish(session, ListingsMoved(desk.agency_id, tuple(sorted(known.changed & public))))

    def export(self, session: Session, agency_id: UUID) -> Iterator[Cells]:
        """Starts from today on, of listings that are not archived, by day."""
        found = (
            select(Offering, Rotation.external_id, Rotation.slug)
            .join(Rotation, Rotation.id == Offering.rotation_id)
            .where(
                Rotation.agency_id == agency_id,
                Rotation.state != "archived",
                Offering.start_on >= clock.now().date(),
            )
            .order_by(Offering.start_on, Rotation.slug)
        )
        return (
            cells_of(offering, external_id or slug)
            for offering, external_id, slug in session.execute(found)
        )


def cells_of(offering: Offering, listing: str) -> dict[str, str]:
    """A start as a row."""
    return {
        "listing": listing,
        "start": offering.start_on.isoformat(),
        "seats": str(offering.capacity),
        "open": "no" if offering.closed_at else "yes",
    }
