"""A new listing, and a copy of one."""

import re
import secrets
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.permissions import require
from marketplace.core import audit, ids
from marketplace.core.context import Actor
from marketplace.core.errors import Invalid
from marketplace.listings import catalog, cities, drafts, levels, policies, versions, wider
from marketplace.listings.models import Affiliation, Attending, Block, Rotation, Site
from marketplace.tenants.models import Agency

# The least year that the rules about candidates let in anyway (`rotation_types.csv`, who).
_YEARS = {"sub-internship": "final", "elective": "penultimate"}
_HANDS_ON_TYPES = frozenset({"sub-internship", "elective", "clerkship", "externship"})
_STUDENT_TYPES = frozenset({"sub-internship", "elective", "clerkship"})
NOTICE_DAYS = 21


def create(
    session: Session,
    actor: Actor,
    agency_id: UUID,
    *,
    specialty: str,
    kind: str,
    attending_id: UUID | None,
    site_id: UUID | None,
    prices: Mapping[int, int] | None = None,
) -> Rotation:
    """A draft with the defaults of its type, its site and its agency. `prices`: weeks to cents.

    Invalid with a message for each of specialty, type, attending and site that does not fit.
    """
    require(actor, "listings.edit")
    site = session.scalars(
        select(Site).where(Site.id == site_id, Site.agency_id == agency_id)
    ).one_or_none()
    affiliated = session.scalar(
        select(Affiliation.id).where(
            Affiliation.attending_id == attending_id,
            Affiliation.agency_id == agency_id,
            Affiliation.ended_at.is_(None),
        )
    )
    errors = {
        "specialty": specialty not in {one.slug for one in catalog.specialties()},
        "type": kind not in {one.slug for one in catalog.rotation_types()},
        "attending": affiliated is None,
        "site": site is None,
    }
    if any(errors.values()):
        raise Invalid({name: f"Choose the {name}." for name, bad in errors.items() if bad})
    assert site is not None and attending_id is not None
    agency = session.get_one(Agency, agency_id)
    doctor = session.get_one(Attending, attending_id)
    rotation = blank(agency, site, doctor, specialty=specialty, kind=kind)
    session.add(rotation)
    session.flush()
    _price(session, rotation, prices or {})
    audit.record(session, actor, "listing.create", f"rotation:{rotation.slug}")
    return rotation


def blank(agency: Agency, site: Site, doctor: Attending, *, specialty: str, kind: str) -> Rotation:
    """A draft with the defaults of its type, its site and its agency, not yet stored."""
    setting = "remote" if kind == "virtual" else site.setting
    return Rotation(
        id=ids.uuid7(),
        agency_id=agency.id,
        site_id=site.id,
        attending_id=doctor.id,
        slug=slug_for(specialty, kind, site.city),
        state="draft",
        public=False,
        version=1,
        level=levels.derive_level(kind, "observe", setting, scope_cosigned=False),  # type: ignore[arg-type]
        interaction=versions.interaction_of(kind, {}),
        setting=setting,
        type=kind,
        specialty=specialty,
        title=suggested_title(specialty, kind, doctor.display_name),
        **_defaults(agency, kind, setting),
    )


def _defaults(agency: Agency, kind: str, setting: str) -> dict[str, Any]:
    year = _YEARS.get(kind)
    return {
        "accepts": wider.default_accepts(kind),
        "eligibility": {"min_student_year": year} if year else {},
        "required_documents": default_documents(kind, setting),
        "cancellation": policies.preset(agency.cancellation_preset).as_json(),
        "deposit_percent": agency.deposit_percent,
        "max_installments": agency.max_installments,
        "notice_days": NOTICE_DAYS,
    }


def default_documents(kind: str, setting: str) -> list[str]:
    """The papers that a type needs by `document_kinds.csv`, before the first day."""
    conditions = {"always"}
    if setting != "remote":
        conditions.add("in-person")
    if kind in _HANDS_ON_TYPES:
        conditions.add("hands-on")
    if kind in _STUDENT_TYPES:
        conditions.add("student-types")
    if kind == "clerkship":
        conditions.add("clerkship")
    skipped = {"rotation-terms"}  # accepted with the booking
    return [
        document.slug
        for document in catalog.document_kinds()
        if document.condition in conditions and document.slug not in skipped
    ]


def suggested_title(specialty: str, kind: str, doctor: str) -> str:
    """`Cardiology externship with Dr. Fuentes`: a title until somebody writes a better one."""
    words = catalog.rotation_type(kind).label
    short = doctor.split(",", maxsplit=1)[0].rsplit(maxsplit=1)[-1]
    return f"{catalog.specialty(specialty).label} {words[0].lower()}{words[1:]} with Dr. {short}"


def slug_for(specialty: str, kind: str, city: str) -> str:
    """Readable, and unique by its random end."""
    place = cities.city(city).slug
    return re.sub(r"[^a-z0-9-]+", "-", f"{specialty}-{kind}-{place}-{secrets.token_hex(4)}")


def copy(session: Session, actor: Actor, slug: str) -> Rotation:
    """A draft with everything of a listing as it is written now, without starts and signature.

    The attending's answers to the same lines are kept ready for the new signature.
    """
    require(actor, "listings.edit")
    source = drafts.working(session, slug)
    values = {name: getattr(source, name) for name in versions.EDITABLE}
    made = Rotation(
        id=ids.uuid7(),
        agency_id=source.agency_id,
        slug=slug_for(source.specialty, source.type, source.site.city),
        state="draft",
        public=False,
        version=1,
        level="",
        copied_from=source.id,
        **values,
    )
    made.level = versions.derived_level(made)
    session.add(made)
    session.flush()
    _price(session, made, {block.weeks: block.price_cents for block in source.blocks})
    audit.record(session, actor, "listing.copy", f"rotation:{made.slug}", source=slug)
    return made


def _price(session: Session, rotation: Rotation, prices: Mapping[int, int]) -> None:
    """The lengths of a draft: weeks to cents."""
    for weeks, amount in prices.items():
        session.add(
            Block(
                agency_id=rotation.agency_id,
                rotation_id=rotation.id,
                public=False,
                weeks=weeks,
                price_cents=amount,
            )
        )
    session.flush()
