"""What an import would change: the file's rows beside the agency's listings, sites and doctors.

Nothing is written before every row was compared. A live listing keeps what the attending signed
and what eligibility rests on: those rows are faults, with the way out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core import clock
from marketplace.listings import cities, lint
from marketplace.listings.import_rows import Fault, WantedRotation, WantedSite
from marketplace.listings.models import Affiliation, Attending, Block, Offering, Rotation, Site
from marketplace.tenants.models import Agency

# A live listing may change these by import; for the rest it is paused first.
LIVE_VALUES = frozenset({"title", "summary", "inclusions", "cancellation", "deposit_percent"})
_CHUNK = 400
SiteKey = tuple[str, str]
T = TypeVar("T")


@dataclass
class Known:
    """What the agency has already, as far as the file names it."""

    agency: Agency
    rotations: dict[str, Rotation]
    blocks: dict[UUID, dict[int, Block]]
    offerings: dict[UUID, dict[date, Offering]]
    sites: dict[SiteKey, Site]
    attendings: dict[str, Attending]
    affiliated: set[UUID]
    new_sites: dict[SiteKey, WantedSite] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """A row and the listing it belongs to; None makes a new draft."""

    row: WantedRotation
    rotation: Rotation | None
    differs: bool


def known_of(session: Session, agency: Agency, rows: Sequence[WantedRotation]) -> Known:
    """Read everything the rows name, in a few queries."""
    rotations = {
        str(found.external_id): found
        for part in _parts([row.external_id for row in rows])
        for found in session.scalars(
            select(Rotation).where(Rotation.agency_id == agency.id, Rotation.external_id.in_(part))
        )
    }
    blocks: dict[UUID, dict[int, Block]] = {found.id: {} for found in rotations.values()}
    offerings: dict[UUID, dict[date, Offering]] = {found.id: {} for found in rotations.values()}
    for part in _parts(list(blocks)):
        for block in session.scalars(select(Block).where(Block.rotation_id.in_(part))):
            blocks[block.rotation_id][block.weeks] = block
        for start in session.scalars(select(Offering).where(Offering.rotation_id.in_(part))):
            offerings[start.rotation_id][start.start_on] = start
    attendings = {
        found.npi: found
        for part in _parts(sorted({row.npi for row in rows}))
        for found in session.scalars(select(Attending).where(Attending.npi.in_(part)))
    }
    return Known(
        agency,
        rotations,
        blocks,
        offerings,
        {
            (site.name.casefold(), site.city): site
            for site in session.scalars(select(Site).where(Site.agency_id == agency.id))
        },
        attendings,
        set(
            session.scalars(
                select(Affiliation.attending_id).where(Affiliation.agency_id == agency.id)
            )
        ),
    )


def _parts(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[at : at + _CHUNK] for at in range(0, len(items), _CHUNK))


# --- compare ------------------------------------------------------------------------------------


def compare(known: Known, rows: Iterable[WantedRotation]) -> tuple[list[Change], list[Fault]]:
    """What each row would change; a row with a fault changes nothing."""
    changes: list[Change] = []
    faults: list[Fault] = []
    for row in rows:
        rotation = known.rotations.get(row.external_id)
        found = [*_faults_of_places(known, row)]
        if rotation is not None:
            found += _faults_of_existing(known, row, rotation)
        else:
            found += _faults_of_new_starts(row, row.starts)
        faults += found
        if not found:
            changes.append(Change(row, rotation, _differs(known, row, rotation)))
    return changes, faults


def _faults_of_places(known: Known, row: WantedRotation) -> Iterable[Fault]:
    if row.npi not in known.attendings:
        yield Fault(
            row.line,
            "attending_npi",
            row.npi,
            "Rounds does not know this doctor yet. Ask us to add and check them first.",
        )
    key = site_key(row.site)
    if key in known.sites:
        return
    if not row.site.kind:
        yield Fault(
            row.line, "site_kind", "", f"{row.site.name} is a new site: say what kind it is."
        )
        return
    known.new_sites.setdefault(key, row.site)


def _faults_of_existing(known: Known, row: WantedRotation, rotation: Rotation) -> Iterable[Fault]:
    if rotation.state == "archived":
        yield Fault(
            row.line, "external_id", row.external_id, "This listing is archived. Use a new id."
        )
        return
    starts = known.offerings[rotation.id]
    yield from _faults_of_new_starts(row, [day for day in row.starts if day not in starts])
    for day, offering in starts.items():
        if day in row.starts and offering.taken > row.capacity:
            reason = f"{offering.taken} seats are taken on {day}; the capacity cannot be less."
            yield Fault(row.line, "capacity", str(row.capacity), reason)
    if rotation.published_at is not None:
        for weeks in known.blocks[rotation.id].keys() - row.prices.keys():
            reason = f"{weeks} weeks was on sale and may be booked. Keep its price."
            yield Fault(row.line, "prices", "", reason)
    wanted = wanted_values(known, row, rotation)
    if any(o.taken for o in starts.values()) and wanted["attending_id"] != rotation.attending_id:
        reason = "Seats are taken with the present doctor. Make a new listing for another one."
        yield Fault(row.line, "attending_npi", row.npi, reason)
    if rotation.state == "published":
        yield from _faults_of_live(row, rotation, wanted)


def _faults_of_live(
    row: WantedRotation, rotation: Rotation, wanted: dict[str, object]
) -> Iterable[Fault]:
    frozen = [
        name
        for name, value in wanted.items()
        if name not in LIVE_VALUES and value != getattr(rotation, name)
    ]
    if frozen:
        shown = ", ".join(sorted(frozen)).replace("_id", "")
        reason = f"This listing is live. Pause it before you change: {shown}."
        yield Fault(row.line, "external_id", row.external_id, reason)
    texts = {name: str(wanted.get(name, "")) for name in ("title", "summary")}
    for hit in lint.lint_fields(texts):
        if hit.action == "block":
            yield Fault(row.line, hit.field, hit.matched, f"{hit.why} {hit.say_instead}")


def _faults_of_new_starts(row: WantedRotation, days: Iterable[date]) -> Iterable[Fault]:
    today = clock.today(cities.city(row.site.city).timezone)
    for day in days:
        if day <= today:
            yield Fault(row.line, "starts", day.isoformat(), "A new start is in the future.")


def _differs(known: Known, row: WantedRotation, rotation: Rotation | None) -> bool:
    if rotation is None:
        return True
    values = wanted_values(known, row, rotation)
    if any(getattr(rotation, name) != value for name, value in values.items()):
        return True
    if {w: b.price_cents for w, b in known.blocks[rotation.id].items()} != dict(row.prices):
        return True
    seats = {
        day: offering.capacity
        for day, offering in known.offerings[rotation.id].items()
        if offering.closed_at is None
    }
    return seats != dict.fromkeys(row.starts, row.capacity)


def wanted_values(
    known: Known, row: WantedRotation, rotation: Rotation | None
) -> dict[str, object]:
    """The columns of the rotation as the row wants them. A site that is still to be made has no
    id yet: it differs from every other."""
    site = known.sites.get(site_key(row.site))
    attending = known.attendings.get(row.npi)
    values: dict[str, object] = {
        **row.values,
        "site_id": site.id if site else None,
        "attending_id": attending.id if attending else None,
    }
    if row.eligibility:
        kept = dict(rotation.eligibility) if rotation else {}
        merged = kept | dict(row.eligibility)
        values["eligibility"] = {name: value for name, value in merged.items() if value is not None}
    return values


def site_key(site: WantedSite) -> SiteKey:
    """A site is known by its name and city."""
    return site.name.casefold(), site.city
