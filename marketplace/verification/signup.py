"""A new agency: somebody who is signed in names it and becomes its owner.

Agency and membership are rows that no person's scope may write, so this runs in a system session.
"""

import re
import unicodedata
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.accounts.models import Membership, Person
from marketplace.core import audit, ids
from marketplace.core.context import Actor
from marketplace.core.errors import Conflict, Invalid
from marketplace.tenants.hostnames import RESERVED
from marketplace.tenants.models import Agency
from marketplace.verification.history import write_step
from marketplace.verification.kinds import USUAL_AGENCY

MAX_UNAPPROVED = 3
NAME_LENGTH = 80
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True)
class NewAgency:
    """What the form asks: the name that papers and candidates know, and where to write to."""

    name: str
    email: str
    founded_year: int | None = None
    kind: str = USUAL_AGENCY


def sign_up(session: Session, actor: Actor, wanted: NewAgency) -> Agency:
    """Open an agency in the state `new`, hidden, with the actor as its owner (system session).

    Invalid for a name without letters or one that is taken; Conflict when the person has several
    agencies that nobody has approved yet.
    """
    assert actor.person_id is not None
    person = session.get_one(Person, actor.person_id, with_for_update={"key_share": True})
    if _unapproved(session, person.id) >= MAX_UNAPPROVED:
        raise Conflict("You have agencies that are not approved yet. Finish one of them first.")
    taken = select(Agency.id).where(func.lower(Agency.name) == wanted.name.lower())
    if session.scalar(taken) is not None:
        raise Invalid({"name": "An agency of this name is on Rounds. Ask its owner to invite you."})
    agency = Agency(
        id=ids.uuid7(),
        slug=free_slug(session, wanted.name),
        name=wanted.name,
        email=wanted.email,
        founded_year=wanted.founded_year,
        kind=wanted.kind,
        state="new",
        is_public=False,
    )
    session.add(agency)
    session.flush()
    session.add(
        Membership(
            agency_id=agency.id,
            person_id=person.id,
            role="owner",
            person_name=person.name,
            person_email=person.email,
        )
    )
    write_step(session, agency, agency.name, actor, event="sign_up", source="", reason="")
    audit.record(session, actor, "agency.sign_up", f"agency:{agency.slug}", agency_id=agency.id)
    return agency


def free_slug(session: Session, name: str) -> str:
    """An address for this name that no agency has. Invalid when the name has no letter."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    base = "-".join(_WORD.findall(plain))[:48].strip("-")
    if not re.search(r"[a-z]", base):
        raise Invalid({"name": "Write the name with Latin letters; your papers can show both."})
    slug, number = base, 1
    while slug in RESERVED or session.scalar(select(Agency.id).where(Agency.slug == slug)):
        number += 1
        slug = f"{base}-{number}"
    return slug


def _unapproved(session: Session, person_id: UUID) -> int:
    found = session.scalar(
        select(func.count())
        .select_from(Membership)
        .join(Agency, Agency.id == Membership.agency_id)
        .where(
            Membership.person_id == person_id,
            Membership.role == "owner",
            Membership.ended_at.is_(None),
            Agency.approved_at.is_(None),
        )
    )
    return int(found or 0)
