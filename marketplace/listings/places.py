"""Sites of an agency, and the attendings it works with."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.accounts.delegates import require_attending
from marketplace.accounts.models import Person
from marketplace.accounts.permissions import require
from marketplace.core import audit, clock, ids
from marketplace.core.context import SYSTEM, Actor
from marketplace.core.errors import Invalid, NotFound
from marketplace.core.events import publish
from marketplace.listings import catalog, cities, lint, operations, versions
from marketplace.listings.events import AttendingLeft, RotationChanged
from marketplace.listings.models import Affiliation, Attending, Offering, Rotation, Site
from marketplace.listings.npi import valid_npi

SITE_KINDS = {
    "clinic": "Clinic",
    "private-office": "Private office",
    "community-health-center": "Community health center",
    "hospital": "Hospital",
    "teaching-hospital": "Teaching hospital",
    "remote": "By video",
}
SETTINGS = {
    "outpatient": "Outpatient",
    "inpatient": "Inpatient",
    "mixed": "Both",
    "remote": "By video",
}
NAME_LENGTH = 120


@dataclass(frozen=True)
class SiteFacts:
    """What an agency says of a site. `city` is a name like `Chicago, IL` or a slug."""

    name: str
    kind: str
    setting: str
    city: str
    affiliation: str = ""


def save_site(
    session: Session, actor: Actor, agency_id: UUID, facts: SiteFacts, slug: str = ""
) -> Site:
    """Make a site, or change the one of that slug. The time zone comes from the city.

    Invalid with a message beside each field; a site with seats taken keeps its city, because days
    are counted in its time zone.
    """
    require(actor, "listings.edit")
    city = checked_city(facts)
    row = own_site(session, slug) if slug else None
    twin = session.scalar(
        select(Site.slug).where(func.lower(Site.name) == facts.name.lower(), Site.city == city.slug)
    )
    moved = row is not None and row.city != city.slug
    check_place(
        has_twin=twin is not None and twin != slug,
        moved_with_seats=moved and row is not None and _seats_taken(session, row.id),
    )
    if row is None:
        row = Site(
            id=ids.uuid7(), agency_id=agency_id, slug=_site_slug(session, facts.name, city.slug)
        )
        session.add(row)
    fill_site(row, facts, city)
    session.flush()
    audit.record(session, actor, "site.saved", f"site:{row.slug}", name=row.name)
    for rotation in session.scalars(
        select(Rotation).where(Rotation.site_id == row.id, Rotation.public)
    ):
        publish(session, RotationChanged(rotation.id, rotation.agency_id))
    return row


def checked_city(facts: SiteFacts) -> cities.City:
    """The city of a site whose facts make sense by themselves; Invalid beside each field."""
    if errors := site_complaints(facts):
        raise Invalid(errors)
    city = _city(facts.city)
    assert city is not None
    return city


def check_place(*, has_twin: bool, moved_with_seats: bool) -> None:
    """May a site be so beside the agency's others, and with its bookings? Invalid if not."""
    if has_twin:
        raise Invalid({"name": "You have a site of this name in this city already."})
    if moved_with_seats:
        raise Invalid({"city": "Seats are booked here. Add another site for another city."})


def fill_site(row: Site, facts: SiteFacts, city: cities.City) -> None:
    """Write checked facts. The time zone comes from the city."""
    row.name, row.kind, row.setting = facts.name, facts.kind, facts.setting
    row.affiliation = facts.affiliation
    row.city, row.state, row.time_zone = city.slug, city.state, city.timezone


def site_complaints(facts: SiteFacts) -> dict[str, str]:
    """What is wrong with the facts by themselves, a message for each field."""
    errors = {}
    if len(facts.name) < 3:
        errors["name"] = "Write the site's name as its sign says it."
    if facts.kind not in SITE_KINDS:
        errors["kind"] = "Choose what kind of place it is."
    if facts.setting not in SETTINGS:
        errors["setting"] = "Choose a setting."
    if _city(facts.city) is None:
        errors["city"] = "Choose a city of the list, like Chicago, IL."
    for field, text in (("name", facts.name), ("affiliation", facts.affiliation)):
        # everybody reads both; "Signal Hill" is a town, so the words that may be names stay
        if said := lint.refusal(text, also=("email-phone", "contact-outside")):
            errors[field] = said
    return errors


def own_site(session: Session, slug: str) -> Site:
    """A site of this agency; NotFound for any other."""
    found = session.scalars(select(Site).where(Site.slug == slug[:120])).one_or_none()
    if found is None:
        raise NotFound
    return found


def _city(text: str) -> cities.City | None:
    text = text.strip()[:80]
    try:
        return cities.city(text)
    except KeyError:
        found = cities.find_cities(text)
    return found[0] if len(found) == 1 else None


def _seats_taken(session: Session, site_id: UUID) -> bool:
    taken = select(Offering.id).where(
        Offering.rotation_id == Rotation.id, Rotation.site_id == site_id, Offering.taken > 0
    )
    return session.scalar(taken.limit(1)) is not None


def _site_slug(session: Session, name: str, city: str) -> str:
    return free_name(
        f"{name} {city}"[:120],
        "site",
        lambda slug: session.scalar(select(Site.id).where(Site.slug == slug)) is not None,
    )


def free_name(text: str, otherwise: str, is_taken: Callable[[str], bool]) -> str:
    """A name for addresses, with a number behind it where it is taken."""
    base = slug = re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:80] or otherwise
    number = 1
    while is_taken(slug):
        number += 1
        slug = f"{base}-{number}"
    return slug


# --- attendings ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Invitation:
    """Whom an agency wants to work with."""

    npi: str
    email: str
    name: str = ""
    specialty: str = ""


def check_invitation(wanted: Invitation, *, demo: bool) -> str:
    """The address in lower case; Invalid with a message beside each field that is wrong."""
    errors = {}
    address = wanted.email.strip().lower()
    try:
        validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        errors["email"] = "Write an e-mail address like name@hospital.org."
    if not re.fullmatch(r"[0-9]{10}", wanted.npi):
        errors["npi"] = "An NPI has ten digits."
    elif not valid_npi(wanted.npi, demo=demo):
        errors["npi"] = "This is not a valid NPI: its last digit does not fit. Check for a typo."
    if errors:
        raise Invalid(errors)
    return address


def check_new(wanted: Invitation, *, teaches: bool) -> None:
    """Somebody new to Rounds needs a name and a specialty, and an address that is no other
    attending's (`teaches`). Invalid with a message beside each field."""
    errors = {}
    if len(wanted.name) < 5 or " " not in wanted.name:
        errors["name"] = "Write first and last name, without titles."
    if wanted.specialty not in {one.slug for one in catalog.specialties()}:
        errors["specialty"] = "Choose a specialty."
    if teaches:
        errors["email"] = "This address belongs to an attending with another NPI."
    if errors:
        raise Invalid(errors)


def new_attending(
    session: Session, wanted: Invitation, address: str, person: Person | None, slug: str
) -> Attending:
    """Write a checked invitation of somebody new; `person` is who has the address already."""
    if person is None:
        person = Person(id=ids.uuid7(), email=address, name=f"Dr. {wanted.name}")
        session.add(person)
        session.flush()
    doctor = Attending(
        id=person.id,
        slug=slug,
        npi=wanted.npi,
        display_name=wanted.name,
        specialty=wanted.specialty,
    )
    session.add(doctor)
    session.flush()
    return doctor


def leave(session: Session, actor: Actor, agency_id: UUID) -> int:
    """The attending works with an agency no more (system session: listings are the agency's).

    Live listings of the two are paused and open requests to sign end; what is booked goes on.
    Returns how many were paused. Forbidden for a delegate; NotFound where they do not work
    together.
    """
    require_attending(actor)
    row = session.scalars(
        select(Affiliation)
        .where(
            Affiliation.agency_id == agency_id,
            Affiliation.attending_id == actor.person_id,
            Affiliation.ended_at.is_(None),
        )
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound
    row.ended_at = clock.now()
    listed = session.scalars(
        select(Rotation).where(
            Rotation.agency_id == agency_id, Rotation.attending_id == actor.person_id
        )
    ).all()
    live = [one.id for one in listed if one.state == "published"]
    requests = versions.Requests(session, [one.id for one in listed])
    for one in listed:
        requests.retire(one.id, one.version)
    for key in live:
        operations.pause(session, SYSTEM, key)
    audit.record(
        session,
        actor,
        "attending.left",
        f"attending:{actor.person_id}",
        agency_id=agency_id,
        paused=len(live),
    )
    publish(session, AttendingLeft(row.attending_id, agency_id, tuple(live), str(row.ended_at)))
    return len(live)


def doctor_slug(session: Session, name: str) -> str:
    """A free name for an attending's address."""
    return free_name(
        name[:60],
        "attending",
        lambda slug: session.scalar(select(Attending.id).where(Attending.slug == slug)) is not None,
    )
