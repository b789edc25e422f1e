"""Names of sites and attendings, for pages and messages about their papers."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.formats import site_at
from marketplace.listings import cities
from marketplace.listings.models import Affiliation, Attending, Site
from marketplace.tenants.models import Agency


def names_of(session: Session, agency_id: UUID) -> dict[UUID, str]:
    """Names of an agency's sites and attendings by id, for pages about their papers."""
    places = session.execute(select(Site.id, Site.name).where(Site.agency_id == agency_id))
    found: dict[UUID, str] = dict(places.all())
    doctors = session.execute(
        select(Attending.id, Attending.display_name)
        .join(Affiliation, Affiliation.attending_id == Attending.id)
        .where(Affiliation.agency_id == agency_id)
    )
    return found | {key: f"Dr. {name}" for key, name in doctors}


def site_choices(session: Session) -> list[tuple[str, str]]:
    """The agency's sites as (id, words) for a form (agency session)."""
    rows = session.scalars(select(Site).order_by(Site.name, Site.city))
    return [(str(row.id), site_at(row.name, cities.city(row.city).label)) for row in rows]


def attending_choices(session: Session) -> list[tuple[str, str]]:
    """The agency's attendings as (id, words) for a form (agency session)."""
    rows = session.execute(
        select(Attending.id, Attending.display_name, Attending.npi)
        .join(Affiliation, Affiliation.attending_id == Attending.id)
        .order_by(Attending.display_name)
    )
    return [(str(key), f"Dr. {name}, NPI {npi}") for key, name, npi in rows]


def agencies_of(session: Session, attending_id: UUID) -> list[tuple[str, str]]:
    """The agencies that an attending works with, as (slug, name) (system session)."""
    rows = session.execute(
        select(Agency.slug, Agency.name)
        .join(Affiliation, Affiliation.agency_id == Agency.id)
        .where(Affiliation.attending_id == attending_id)
        .order_by(Agency.name)
    )
    return [(slug, name) for slug, name in rows]
