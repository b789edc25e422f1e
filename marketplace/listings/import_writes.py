"""Writing what an import changes: places first, then listings, then prices and starts."""

import re
import secrets
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from marketplace.core import clock, ids
from marketplace.core.events import publish
from marketplace.listings import cities, levels, policies
from marketplace.listings.events import RotationChanged
from marketplace.listings.import_changes import Change, Known, site_key, wanted_values
from marketplace.listings.import_rows import WantedRotation, WantedSite
from marketplace.listings.models import Affiliation, Block, Offering, Rotation, Site
from marketplace.listings.versions import set_values
from marketplace.tenants.models import Agency


def write(session: Session, known: Known, changes: Sequence[Change]) -> None:
    """Write the changes: places first, then listings, then prices and starts."""
    _write_places(session, known, changes)
    written = [(change.row, _write_rotation(session, known, change)) for change in changes]
    session.flush()
    for row, rotation in written:
        _write_blocks(session, known, row, rotation)
        _write_offerings(session, known, row, rotation)
    session.flush()
    for _, rotation in written:
        if rotation.public:
            publish(session, RotationChanged(rotation.id, rotation.agency_id))


def _write_places(session: Session, known: Known, changes: Sequence[Change]) -> None:
    used = {site_key(change.row.site) for change in changes}
    slugs = {site.slug for site in known.sites.values()}
    for key, wanted in known.new_sites.items():
        if key in used:
            site = _new_site(known.agency.id, wanted, slugs)
            session.add(site)
            known.sites[key] = site
    for change in changes:
        attending_id = known.attendings[change.row.npi].id
        if attending_id not in known.affiliated:
            session.add(Affiliation(agency_id=known.agency.id, attending_id=attending_id))
            known.affiliated.add(attending_id)
    session.flush()


def _new_site(agency_id: UUID, wanted: WantedSite, slugs: set[str]) -> Site:
    city = cities.city(wanted.city)
    slug = base = _slug(f"{wanted.name} {city.slug}")
    number = 1
    while slug in slugs:
        number += 1
        slug = f"{base}-{number}"
    slugs.add(slug)
    return Site(
        id=ids.uuid7(),
        agency_id=agency_id,
        slug=slug,
        name=wanted.name,
        kind=wanted.kind,
        setting=wanted.setting,
        city=city.slug,
        state=city.state,
        time_zone=city.timezone,
    )


def _write_rotation(session: Session, known: Known, change: Change) -> Rotation:
    values = wanted_values(known, change.row, change.rotation)
    if change.rotation is not None:
        set_values(session, change.rotation, values)
        change.rotation.updated_at = clock.now()
        return change.rotation
    rotation = Rotation(
        id=ids.uuid7(),
        agency_id=known.agency.id,
        external_id=change.row.external_id,
        slug=_rotation_slug(change.row),
        state="draft",
        public=False,
        version=1,
        level=levels.derive_level(
            str(values["type"]),
            values["interaction"],  # type: ignore[arg-type]
            values["setting"],  # type: ignore[arg-type]
            scope_cosigned=False,
        ),
        **_agency_defaults(known.agency) | values,
    )
    session.add(rotation)
    return rotation


def _agency_defaults(agency: Agency) -> dict[str, object]:
    return {
        "cancellation": policies.preset(agency.cancellation_preset).as_json(),
        "deposit_percent": agency.deposit_percent,
        "max_installments": agency.max_installments,
        # who is paid out of the price is declared on the price page; here only what is known
        "price_parts": [],
    }


def _rotation_slug(row: WantedRotation) -> str:
    """Readable, and unique by its random end."""
    values = row.values
    return f"{values['specialty']}-{values['type']}-{row.site.city}-{secrets.token_hex(4)}"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:80] or "site"


def _write_blocks(session: Session, known: Known, row: WantedRotation, rotation: Rotation) -> None:
    there = known.blocks.get(rotation.id, {})
    for weeks, cents in row.prices.items():
        if weeks in there:
            there[weeks].price_cents = cents
            continue
        session.add(
            Block(
                agency_id=rotation.agency_id,
                rotation_id=rotation.id,
                public=rotation.public,
                weeks=weeks,
                price_cents=cents,
            )
        )
    for weeks in there.keys() - row.prices.keys():  # only of a listing that was never live
        session.delete(there[weeks])


def _write_offerings(
    session: Session, known: Known, row: WantedRotation, rotation: Rotation
) -> None:
    there = known.offerings.get(rotation.id, {})
    for day in row.starts:
        if day in there:
            there[day].capacity, there[day].closed_at = row.capacity, None
            there[day].attending_id = rotation.attending_id
            continue
        session.add(
            Offering(
                agency_id=rotation.agency_id,
                rotation_id=rotation.id,
                attending_id=rotation.attending_id,
                public=rotation.public,
                start_on=day,
                capacity=row.capacity,
            )
        )
    for day in there.keys() - set(row.starts):
        if rotation.published_at is None:
            session.delete(there[day])
        elif there[day].closed_at is None:
            there[day].closed_at = clock.now()
