"""Files of listings. A new row makes a draft; a known one changes its listing as the editor does:
a listing that was live once keeps its live version, and the change waits in its draft."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from marketplace.core.errors import Invalid
from marketplace.core.events import publish
from marketplace.imports import listing_cells as cells_
from marketplace.imports import sites
from marketplace.imports.kinds import Cells, Change, Desk, Found, Kind, Row
from marketplace.imports.listing_cells import SECTIONS, cells_of, form_of
from marketplace.imports.offerings import check_new_start, shortest
from marketplace.imports.parts import parts
from marketplace.imports.sites import KnownSites
from marketplace.listings import availability, drafts, editor_forms, making, notice, versions
from marketplace.listings.beside import Writing
from marketplace.listings.draft_models import Blackout
from marketplace.listings.events import ListingsMoved
from marketplace.listings.models import Affiliation, Attending, Block, Offering, Rotation, Site
from marketplace.listings.places import SiteFacts
from marketplace.tenants.models import Agency

TOGETHER = 200  # changes and parts of listings that are written in one go


@dataclass
class KnownListings:
    """The listings that the file names as they are written now, the lengths and seats of their
    live rows, and what a listing may be made of."""

    agency: Agency
    listings: dict[str, Rotation]
    live_lengths: dict[UUID, set[int]]
    starts: dict[UUID, set[str]]
    booked: set[UUID]
    sites: KnownSites
    doctors: dict[str, Attending]
    blackouts: list[Blackout]
    told: set[UUID] = field(default_factory=set)
    # to be written together: changes, and new sites, listings, and lengths and starts
    writings: list[Writing] = field(default_factory=list)
    notices: dict[UUID, int] = field(default_factory=dict)
    fresh: tuple[list[Site], list[Rotation], list[Block | Offering]] = field(
        default_factory=lambda: ([], [], [])
    )


@dataclass(frozen=True)
class Wanted:
    """A checked row. `values` are columns that differ (of a new listing: None), `rotation` is the
    listing as it would be, not stored; `notice` in days where a listing gets another one;
    `new_site` where the row makes one."""

    rotation: Rotation
    values: Mapping[str, Any] | None
    prices: Mapping[int, int] | None
    notice: int | None
    starts: tuple[date, ...]
    seats: int
    new_site: Site | None


class Listings(Kind):
    """Listings by your own id."""

    slug = "listings"
    title = "Listings"
    one, many = "listing", "listings"
    about = "Rotations with their texts, tasks, prices and policies. They become drafts."
    key = ("external_id",)
    columns = cells_.COLUMNS
    fields = cells_.FIELDS

    def load(
        self, session: Session, desk: Desk, rows: Sequence[Row], *, lock: bool
    ) -> KnownListings:
        """The listings of the file, and the agency's sites and attendings."""
        names = {row.cells.get("external_id", "") for row in rows} - {""}
        listings: dict[str, Rotation] = {}
        of_agency = Rotation.agency_id == desk.agency_id
        for part in parts(sorted(names)):
            for column in (Rotation.slug, Rotation.external_id):
                for found in drafts.workings(session, of_agency, column.in_(part)):
                    listings[found.slug if column is Rotation.slug else found.external_id or ""] = (
                        found
                    )
        keys = [rotation.id for rotation in listings.values()]
        lengths: dict[UUID, set[int]] = {key: set() for key in keys}
        starts: dict[UUID, set[str]] = {key: set() for key in keys}
        booked = set()
        for some in parts(keys):
            for key, weeks in session.execute(
                select(Block.rotation_id, Block.weeks).where(
                    Block.rotation_id.in_(some), Block.retired_at.is_(None)
                )
            ):
                lengths[key].add(weeks)
            for key, day, taken in session.execute(
                select(Offering.rotation_id, Offering.start_on, Offering.taken).where(
                    Offering.rotation_id.in_(some)
                )
            ):
                starts[key].add(day.isoformat())
                booked |= {key} if taken else set()
        doctors = select(Attending).join(Affiliation, Affiliation.attending_id == Attending.id)
        return KnownListings(
            agency=session.get_one(Agency, desk.agency_id),
            listings=listings,
            live_lengths=lengths,
            starts=starts,
            booked=booked,
            sites=sites.load_sites(session, desk.agency_id),
            doctors={
                doctor.npi: doctor
                for doctor in session.scalars(
                    doctors.where(
                        Affiliation.agency_id == desk.agency_id, Affiliation.ended_at.is_(None)
                    )
                )
            },
            blackouts=list(
                session.scalars(select(Blackout).where(Blackout.agency_id == desk.agency_id))
            ),
        )

    def find(self, known: KnownListings, row: Row) -> Found:
        """By `external_id`, else by the name in the address."""
        name = row.cells.get("external_id", "")
        rotation = known.listings.get(name)
        if rotation is None:
            return Found(name, None)
        current = cells_of(rotation) | {"external_id": name}
        return Found(str(rotation.id), current | self._given_starts(known, rotation, row), rotation)

    def _given_starts(self, known: KnownListings, rotation: Rotation, row: Row) -> dict[str, str]:
        """Starts that are there already ask for nothing, nor do seats without a new start; a site
        that is known keeps its kind."""
        same = {name: row.cells.get(name, "") for name in ("capacity", "site_kind")}
        typed = row.cells.get("starts", "")
        days = [day.strip() for day in typed.split("|")]
        if all(day in known.starts[rotation.id] for day in days):
            return same | {"starts": typed}
        return {"capacity": "", "site_kind": same["site_kind"], "starts": ""}

    def check(
        self, desk: Desk, known: KnownListings, found: Found, cells: Cells, columns: Sequence[str]
    ) -> Wanted | None:
        """The page's own rules, section by section."""
        live: Rotation | None = found.handle
        site, fresh = _site(desk, known, cells)
        doctor = known.doctors.get(cells["attending_npi"])
        if doctor is None:
            raise Invalid(
                {"attending": "This doctor is not on your list of attendings. Invite them first."}
            )
        if live is None:
            rotation = _blank(known, site, doctor, cells)
            cells = cells_of(rotation) | {name: cells[name] for name in columns}
        else:
            rotation = live
            drafts.check_change(
                live,
                {"attending_id": doctor.id},
                _lengths(cells["prices"]) if "prices" in columns else None,
                live_lengths=known.live_lengths[live.id],
                has_bookings=live.id in known.booked,
            )
        values, prices = _written(rotation, site, doctor, cells, columns)
        _check_interaction(rotation, cells, columns)
        rotation.level = versions.derived_level(rotation)
        seats = int(cells["capacity"] or "1")
        days = _new_days(known, live, cells) if "starts" in columns else ()
        for day in days:
            check_new_start(rotation, day, seats, _shortest(rotation, prices), known.blackouts)
        changed = None if live is None else values
        before = rotation.notice_days if live is not None and "notice_days" in columns else None
        if changed is not None and not (changed or days or prices is not None or before):
            return None
        return Wanted(rotation, changed, prices, before, days, seats, fresh)

    def name(self, cells: Cells) -> str:
        """Its id and its title."""
        return f"{cells['external_id']}: {cells['title']}"

    def write(self, session: Session, desk: Desk, known: KnownListings, change: Change) -> None:
        """A new draft, or a change as the editor keeps it; then its new starts."""
        wanted: Wanted = change.load
        sites, listings, parts = known.fresh
        if wanted.new_site is not None:
            sites.append(wanted.new_site)
        rotation = wanted.rotation
        if wanted.values is None:
            listings.append(rotation)
            for weeks, cents in (wanted.prices or {}).items():
                parts.append(drafts.new_block(rotation, weeks, cents))
        elif wanted.values or wanted.prices is not None:
            known.writings.append(Writing(rotation.id, wanted.values, wanted.prices))
        if wanted.notice is not None:
            known.notices[rotation.id] = wanted.notice
        parts += [availability.new_start(rotation, day, wanted.seats) for day in wanted.starts]
        if wanted.starts and rotation.public:
            known.told.add(rotation.id)
        if len(parts) + len(known.writings) + len(known.notices) > TOGETHER:
            self._write_kept(session, desk, known)

    def _write_kept(self, session: Session, desk: Desk, known: KnownListings) -> None:
        for rows in known.fresh:  # a site is there before its listing, a listing before its parts
            session.add_all(rows)
            session.flush()
            rows.clear()
        if known.writings:
            drafts.save_all(session, desk.actor, known.writings)
            known.writings.clear()
        if known.notices:
            changed = notice.set_all(session, desk.actor, known.notices)
            known.told |= {rotation.id for rotation in changed if rotation.public}
            known.notices.clear()

    def finish(self, session: Session, desk: Desk, known: KnownListings) -> None:
        """What is still to be written; the starts of live listings are not as they were."""
        self._write_kept(session, desk, known)
        publish(session, ListingsMoved(desk.agency_id, tuple(sorted(known.told))))

    def export(self, session: Session, agency_id: UUID) -> Iterator[Cells]:
        """Every listing that is not archived, as it is written now."""
        of_agency = (Rotation.agency_id == agency_id, Rotation.state != "archived")
        keys = session.scalars(select(Rotation.id).where(*of_agency).order_by(Rotation.id)).all()
        for part in parts(keys):
            for rotation in drafts.workings(session, Rotation.id.in_(part)):
                yield cells_of(rotation) | {"site_kind": ""}


def _site(desk: Desk, known: KnownListings, cells: Cells) -> tuple[Site, Site | None]:
    """The row's site, and the same again where the row makes it."""
    place = sites.place_of(cells["site"], cells["city"])
    slug = known.sites.places.get(place)
    if slug is not None:
        return known.sites.by_slug[slug], None
    if not cells["site_kind"]:
        raise Invalid(
            {"site": "You have no site of this name in this city. Import it first, or say its kind"
             " in site_kind."}
        )  # fmt: skip
    facts = SiteFacts(cells["site"], cells["site_kind"], cells["setting"], cells["city"])
    made = sites.new_site(known.sites, desk.agency_id, facts)
    return made, made


def _blank(known: KnownListings, site: Site, doctor: Attending, cells: Cells) -> Rotation:
    """A new draft with its defaults, not stored."""
    rotation = making.blank(
        known.agency, site, doctor, specialty=cells["specialty"], kind=cells["type"]
    )
    rotation.external_id = cells["external_id"]
    for column in inspect(Rotation).columns:  # as the database would fill them in
        if column.default is not None and getattr(rotation, column.key) is None:
            default: Any = column.default
            setattr(rotation, column.key, default.arg if default.is_scalar else default.arg(None))
    _place(rotation, site, doctor)
    set_committed_value(rotation, "agency", known.agency)
    set_committed_value(rotation, "blocks", [])
    return rotation


def _place(rotation: Rotation, site: Site, doctor: Attending) -> None:
    rotation.site_id, rotation.attending_id = site.id, doctor.id
    set_committed_value(rotation, "site", site)
    set_committed_value(rotation, "attending", doctor)


def _written(
    rotation: Rotation, site: Site, doctor: Attending, cells: Cells, columns: Sequence[str]
) -> tuple[dict[str, Any], Mapping[int, int] | None]:
    """What the sections of the editor make of the columns that differ. Each sees what those
    before it have written. Invalid with every message of every section."""
    before = {name: getattr(rotation, name) for name in versions.EDITABLE}
    _place(rotation, site, doctor)
    form = form_of(cells, rotation)
    found: dict[str, Any] = {}
    prices: Mapping[int, int] | None = None
    errors = _write_notice(rotation, cells, columns)
    for section, known in SECTIONS.items():
        names = {value for name in columns for value in known.get(name, ())}
        if not any(name in known for name in columns):
            continue
        try:
            written = editor_forms.SECTIONS[section](form, rotation)
        except Invalid as error:
            errors |= _without_confusion(error.errors)
            continue
        if "type" in columns and "accepts" not in columns:
            names |= {"accepts"}  # the default of the type, where nobody chose
        values = {name: value for name, value in written.values.items() if name in names}
        for name, value in values.items():
            setattr(rotation, name, value)
        found |= values
        if section == "price" and "prices" in columns:
            prices = written.prices
    if errors:
        raise Invalid(errors)
    return {name: value for name, value in found.items() if value != before[name]}, prices


def _write_notice(rotation: Rotation, cells: Cells, columns: Sequence[str]) -> dict[str, str]:
    """The notice, which no section of the editor has; answers what is wrong with it."""
    if "notice_days" not in columns:
        return {}
    days = int(cells["notice_days"] or 0)
    try:
        notice.check(days)
    except Invalid as error:
        return dict(error.errors)
    rotation.notice_days = days
    return {}


def _lengths(cell: str) -> dict[int, int]:
    """The weeks of a cell of prices; what they cost does not matter here."""
    return {int(item.partition(":")[0]): 0 for item in cell.split("|") if item}


def _without_confusion(errors: Mapping[str, str]) -> dict[str, str]:
    """`share` is the time in a hospital in one section, and `share-site` money in another."""
    return {"hospital_share" if name == "share" else name: why for name, why in errors.items()}


def _check_interaction(rotation: Rotation, cells: Cells, columns: Sequence[str]) -> None:
    """It follows from type and tasks, and is never typed in: what is written must be that."""
    if "interaction" not in columns:
        return
    right = versions.interaction_of(rotation.type, rotation.activities, rotation.interaction)
    if cells["interaction"] != right:
        raise Invalid({"interaction": f"By its type and tasks this listing is “{right}”."})


def _new_days(known: KnownListings, live: Rotation | None, cells: Cells) -> tuple[date, ...]:
    there = known.starts.get(live.id, set()) if live else set()
    days = cells["starts"].split("|") if cells["starts"] else []
    return tuple(date.fromisoformat(day) for day in days if day not in there)


def _shortest(rotation: Rotation, prices: Mapping[int, int] | None) -> int:
    return min(prices) if prices else shortest(rotation)
