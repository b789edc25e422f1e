"""Reads of imports for the agency's pages. Sessions carry the agency's scope."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer

from marketplace.core import clock
from marketplace.imports.models import CsvImport
from marketplace.listings.models import Affiliation, Offering, Rotation, Site

SHOWN = 12


def latest(session: Session) -> Sequence[CsvImport]:
    """The newest uploads, without their long columns."""
    return session.scalars(
        select(CsvImport)
        .options(defer(CsvImport.faults), defer(CsvImport.changes))
        .order_by(CsvImport.at.desc(), CsvImport.id.desc())
        .limit(SHOWN)
    ).all()


def numbers(session: Session) -> dict[str, int]:
    """How many rows an export of each kind has."""
    open_listings = Rotation.state != "archived"
    wanted = {
        "sites": select(func.count(Site.id)),
        "attendings": select(func.count(Affiliation.id)),
        "listings": select(func.count(Rotation.id)).where(open_listings),
        "offerings": select(func.count(Offering.id))
        .join(Rotation, Rotation.id == Offering.rotation_id)
        .where(open_listings, Offering.start_on >= clock.now().date()),
    }
    return {name: session.scalar(query) or 0 for name, query in wanted.items()}
