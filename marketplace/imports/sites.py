"""Files of sites: one row a hospital, clinic or practice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core import ids
from marketplace.core.errors import Invalid
from marketplace.core.events import publish
from marketplace.imports import cells as reading
from marketplace.imports.kinds import Cells, Change, Column, Desk, Found, Kind, Row
from marketplace.listings import cities, places
from marketplace.listings.events import ListingsMoved
from marketplace.listings.models import Offering, Rotation, Site
from marketplace.listings.places import SiteFacts

_NAME = reading.text(places.NAME_LENGTH)


@dataclass
class KnownSites:
    """The agency's sites by name in addresses and by name and city. `places` says who has a name
    in a city when the rows before are written."""

    by_slug: dict[str, Site]
    there: dict[tuple[str, str], Site]
    places: dict[tuple[str, str], str]
    booked: set[UUID]
    changed: set[UUID] = field(default_factory=set)


def load_sites(session: Session, agency_id: UUID) -> KnownSites:
    """Every site of the agency."""
    found = session.scalars(select(Site).where(Site.agency_id == agency_id)).all()
    booked = select(Rotation.site_id).where(
        Rotation.agency_id == agency_id, Offering.rotation_id == Rotation.id, Offering.taken > 0
    )
    return KnownSites(
        {site.slug: site for site in found},
        {place_of(site.name, site.city): site for site in found},
        {place_of(site.name, site.city): site.slug for site in found},
        set(session.scalars(booked.distinct())),
    )


def place_of(name: str, city: str) -> tuple[str, str]:
    """A site is known by its name and city."""
    return name.lower(), city


def new_site(known: KnownSites, agency_id: UUID, facts: SiteFacts) -> Site:
    """A site that is not stored yet; its name is taken from now on. Invalid as on the page."""
    city = places.checked_city(facts)
    place = place_of(facts.name, city.slug)
    places.check_place(has_twin=place in known.places, moved_with_seats=False)
    slug = places.free_name(f"{facts.name} {city.slug}"[:120], "site", known.by_slug.__contains__)
    row = Site(id=ids.uuid7(), agency_id=agency_id, slug=slug)
    places.fill_site(row, facts, city)
    known.by_slug[slug], known.places[place] = row, slug
    return row


class Sites(Kind):
    """Sites by name and city, or by the id of the export, which lets a name change."""

    slug = "sites"
    title = "Sites"
    one, many = "site", "sites"
    about = "Hospitals, clinics and practices where your rotations take place."
    key = ("id", "name")
    columns = (
        Column(
            "id",
            "From your export: with it you can change name and city. Empty for a new site",
            "",
            reading.text(120),
        ),
        Column("name", "As its sign says it", "Lakeview Heart Clinic", _NAME, required=True),
        Column(
            "city",
            "City and state; the time zone follows from it",
            "Chicago, IL",
            reading.city,
            required=True,
        ),
        Column(
            "kind",
            ", ".join(places.SITE_KINDS),
            "clinic",
            reading.one_of(places.SITE_KINDS, places.SITE_KINDS),
            required=True,
        ),
        Column(
            "setting",
            ", ".join(places.SETTINGS),
            "outpatient",
            reading.one_of(places.SETTINGS, places.SETTINGS),
            required=True,
        ),
        Column(
            "affiliation",
            "A medical school it belongs to, as the site declares it",
            "Example University School of Medicine",
            _NAME,
        ),
    )

    def load(self, session: Session, desk: Desk, rows: Sequence[Row], *, lock: bool) -> KnownSites:
        """Every site of the agency; the import holds the agency's row, pages do not mind."""
        return load_sites(session, desk.agency_id)

    def find(self, known: KnownSites, row: Row) -> Found:
        """By id, else by name and city."""
        slug = row.cells.get("id", "")
        if slug:
            site = known.by_slug.get(slug)
            if site is None:
                raise Invalid({"id": "You have no site of this id. Leave it empty for a new one."})
            return Found(site.slug, cells_of(site), site)
        try:
            place = place_of(
                _NAME(row.cells.get("name", "")), reading.city(row.cells.get("city", ""))
            )
        except ValueError:
            return Found("", None)  # the cells are read again, and the reason is said there
        site = known.there.get(place)
        if site is None:
            return Found(" ".join(place), None)
        return Found(site.slug, cells_of(site), site)

    def check(
        self, desk: Desk, known: KnownSites, found: Found, cells: Cells, columns: Sequence[str]
    ) -> tuple[Site, SiteFacts, cities.City]:
        """The page's own rules."""
        facts = SiteFacts(*(cells[name] for name in ("name", "kind", "setting", "city")))
        facts = SiteFacts(facts.name, facts.kind, facts.setting, facts.city, cells["affiliation"])
        site: Site | None = found.handle
        if site is None:
            made = new_site(known, desk.agency_id, facts)
            return made, facts, cities.city(made.city)
        city = places.checked_city(facts)
        place = place_of(facts.name, city.slug)
        places.check_place(
            has_twin=known.places.get(place, site.slug) != site.slug,
            moved_with_seats=site.city != city.slug and site.id in known.booked,
        )
        known.places.pop(place_of(site.name, site.city), None)
        known.places[place] = site.slug
        return site, facts, city

    def name(self, cells: Cells) -> str:
        """Name and city."""
        return f"{cells['name']}, {cities.city(cells['city']).label}"

    def write(self, session: Session, desk: Desk, known: KnownSites, change: Change) -> None:
        """A new site, or the new facts of one."""
        site, facts, city = change.load
        if change.new:
            session.add(site)
        else:
            places.fill_site(site, facts, city)
            known.changed.add(site.id)

    def finish(self, session: Session, desk: Desk, known: KnownSites) -> None:
        """Listings at a changed site show it."""
        session.flush()
        public = select(Rotation.id, Rotation.site_id).where(
            Rotation.agency_id == desk.agency_id, Rotation.public
        )
        rows = session.execute(public).all() if known.changed else ()
        moved = tuple(key for key, site_id in rows if site_id in known.changed)
        publish(session, ListingsMoved(desk.agency_id, moved))

    def export(self, session: Session, agency_id: UUID) -> Iterator[Cells]:
        """By name."""
        found = select(Site).where(Site.agency_id == agency_id).order_by(Site.name, Site.id)
        return (cells_of(site) for site in session.scalars(found))


def cells_of(site: Site) -> dict[str, str]:
    """A site as a row."""
    return {
        "id": site.slug,
        "name": site.name.strip(),
        "city": site.city,
        "kind": site.kind,
        "setting": site.setting,
        "affiliation": site.affiliation.strip(),
    }
