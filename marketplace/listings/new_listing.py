"""What a new listing begins with, as typed: its type, and a site and an attending, known or new.

A site or an attending that is not there yet is made with the listing: its fields stand in the same
form, `site_...` and `doctor_...`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.errors import Invalid
from marketplace.core.typed import long_text
from marketplace.listings import catalog, editor_forms, places
from marketplace.listings.models import Affiliation, Attending
from marketplace.listings.places import Invitation, SiteFacts

NEW = "new"
FIRST_WEEKS = 4  # the usual length of every type (`rotation_types.csv`)
SITE_FIELDS = ("name", "kind", "setting", "city")
DOCTOR_FIELDS = ("npi", "email", "name")
Sent = Mapping[str, str]


@dataclass(frozen=True)
class Beginning:
    """The answers. Of `site` and `site_id` one is None, of `doctor` and `attending_id` too."""

    specialty: str
    kind: str
    site_id: UUID | None
    site: SiteFacts | None
    attending_id: UUID | None
    doctor: Invitation | None
    price_cents: int | None = None  # of `FIRST_WEEKS`, all fees; other lengths come later


def read(sent: Sent, *, demo: bool) -> Beginning:
    """The form. Invalid with a message beside each field; who and where are checked on writing."""
    specialty, kind = sent.get("specialty", ""), sent.get("type", "")
    site = _site(sent) if sent.get("site") == NEW else None
    doctor = _doctor(sent, specialty) if sent.get("attending") == NEW else None
    found = Beginning(
        specialty,
        kind,
        _key(sent, "site"),
        site,
        _key(sent, "attending"),
        doctor,
        editor_forms.price_of(sent.get("price", "")),
    )
    errors = {
        name: f"Choose the {name}."
        for name, bad in (
            ("specialty", specialty not in {one.slug for one in catalog.specialties()}),
            ("type", kind not in {one.slug for one in catalog.rotation_types()}),
            ("attending", not doctor and not found.attending_id),
            ("site", not site and not found.site_id),
        )
        if bad
    }
    if site:
        errors |= _under("site", places.site_complaints(site))
    if doctor:
        try:
            places.check_invitation(doctor, demo=demo)
        except Invalid as error:
            errors |= doctor_errors(error)
    if found.price_cents is None and sent.get("price", "").strip():
        errors["price"] = editor_forms.NO_PRICE
    if errors:
        raise Invalid(errors)
    return found


def _site(sent: Sent) -> SiteFacts:
    typed = {name: line(sent, f"site_{name}") for name in SITE_FIELDS}
    return SiteFacts(**typed)


def _doctor(sent: Sent, specialty: str) -> Invitation:
    return Invitation(
        line(sent, "doctor_npi", 40).replace(" ", "").replace("-", ""),
        line(sent, "doctor_email", 254),
        line(sent, "doctor_name").removeprefix("Dr. "),
        specialty,
    )


def line(sent: Sent, name: str, limit: int = places.NAME_LENGTH) -> str:
    """One line of what was typed."""
    return " ".join(long_text(sent, name, limit).split())


def _key(sent: Sent, name: str) -> UUID | None:
    try:
        return UUID(sent.get(name, ""))
    except ValueError:
        return None


def _under(mark: str, errors: Mapping[str, str]) -> dict[str, str]:
    return {f"{mark}_{name}": said for name, said in errors.items()}


def site_errors(error: Invalid) -> dict[str, str]:
    """The messages of a site, beside the fields of this form."""
    return _under("site", error.errors)


def doctor_errors(error: Invalid) -> dict[str, str]:
    """The messages of an invitation, beside the fields of this form."""
    own = {name: said for name, said in error.errors.items() if name != "specialty"}
    return _under("doctor", own) | {
        name: said for name, said in error.errors.items() if name == "specialty"
    }


def listed(session: Session, agency_id: UUID, npi: str) -> UUID | None:
    """The attending of this NPI, if the agency may choose them."""
    return session.scalar(
        select(Attending.id)
        .join(Affiliation, Affiliation.attending_id == Attending.id)
        .where(
            Attending.npi == npi,
            Affiliation.agency_id == agency_id,
            Affiliation.ended_at.is_(None),
        )
    )
