"""Two agencies with the same things, each marked by a canary, for attacks on the walls."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from marketplace.accounts.models import Membership, Person
from marketplace.core import clock, context
from marketplace.core.db import ScopedSession, ScopeError, db, open_session
from marketplace.listings.models import Affiliation, Attending, Block, Offering, Rotation, Site
from marketplace.tenants.models import Agency

REFUSED = (ScopeError, DBAPIError)


@contextmanager
def trial(own: context.Scope) -> Iterator[ScopedSession]:
    """A session that is always rolled back."""
    session = ScopedSession(db, scope=own)
    try:
        yield session
    finally:
        session.rollback()
        session.close()


@dataclass(frozen=True)
class House:
    """One agency's ids."""

    agency: UUID
    site: UUID
    attending: UUID
    rotation: UUID
    draft: UUID
    block: UUID
    offering: UUID
    member: UUID


def build(name: str, npi: str) -> House:
    """An agency with a published rotation, a draft, a start and a member."""
    with open_session(context.system("test market")) as session:
        doctor = Person(email=f"doctor@{name}.test", name=f"Doctor {name}")
        clerk = Person(email=f"clerk@{name}.test", name=f"Clerk {name}")
        agency = Agency(slug=name, name=f"Agency {name}", state="verified")
        session.add_all([doctor, clerk, agency])
        session.flush()
        session.add(
            Attending(
                id=doctor.id,
                slug=f"dr-{name}",
                npi=npi,
                display_name=name,
                specialty="cardiology",
                joined_at=clock.now(),
            )
        )
        session.flush()
        session.add(
            Affiliation(agency_id=agency.id, attending_id=doctor.id, accepted_at=clock.now())
        )
        session.add(Membership(agency_id=agency.id, person_id=clerk.id, role="owner"))
        site = Site(
            agency_id=agency.id,
            slug=f"site-{name}",
            name=f"Site {name}",
            kind="clinic",
            setting="outpatient",
            city="chicago-il",
            state="IL",
            time_zone="America/Chicago",
            public=False,
        )
        session.add(site)
        session.flush()
        shown, draft = (
            Rotation(
                agency_id=agency.id,
                site_id=site.id,
                attending_id=doctor.id,
                slug=f"{state}-{name}",
                state=state,
                public=state == "published",
                title=f"canary-{name}",
                specialty="cardiology",
                type="observership",
                interaction="observe",
                setting="outpatient",
                level="observership-outpatient",
            )
            for state in ("published", "draft")
        )
        session.add_all([shown, draft])
        session.flush()
        block = Block(
            agency_id=agency.id, rotation_id=shown.id, public=True, weeks=4, price_cents=200_000
        )
        offering = Offering(
            agency_id=agency.id,
            rotation_id=shown.id,
            attending_id=doctor.id,
            public=True,
            start_on=date(2027, 3, 1),
            capacity=5,
        )
        session.add_all([block, offering])
        session.flush()
        return House(
            agency.id, site.id, doctor.id, shown.id, draft.id, block.id, offering.id, clerk.id
        )
