"""The kinds of evidence: data/evidence_kinds.csv, as far as no admin has changed them."""

from dataclasses import dataclass
from functools import cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core import reference
from marketplace.core.errors import NotFound
from marketplace.verification.models import EvidenceKind


@dataclass(frozen=True)
class Kind:
    """One kind. `expiry`: required, optional or none. `max_days`: the longest validity."""

    slug: str
    label: str
    subject: str
    required: bool
    expiry: str
    max_days: int | None
    number_label: str
    help: str
    active: bool = True


def kinds(session: Session) -> dict[str, Kind]:
    """Every kind by its slug, in page order; an admin's change counts with the next request."""
    found = dict(_shipped())
    for row in session.scalars(select(EvidenceKind).order_by(EvidenceKind.slug)):
        found[row.slug] = Kind(
            slug=row.slug,
            label=row.label,
            subject=row.subject,
            required=row.required,
            expiry=row.expiry,
            max_days=row.max_days,
            number_label=row.number_label,
            help=row.help,
            active=row.active,
        )
    return found


def kind(session: Session, slug: str) -> Kind:
    """One kind that may be sent now; NotFound for others."""
    found = kinds(session).get(slug)
    if found is None or not found.active:
        raise NotFound
    return found


def required(session: Session) -> tuple[Kind, ...]:
    """What an agency must show before it is approved."""
    return tuple(
        one
        for one in kinds(session).values()
        if one.active and one.required and one.subject == "agency"
    )


@cache
def _shipped() -> dict[str, Kind]:
    return {
        line["slug"]: Kind(
            slug=line["slug"],
            label=line["label"],
            subject=line["subject"],
            required=line["required"] == "yes",
            expiry=line["expiry"],
            max_days=int(line["max_days"]) if line["max_days"] else None,
            number_label=line["number_label"],
            help=line["help"],
        )
        for line in reference.rows("evidence_kinds")
    }
