"""Invariants of listings."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core import clock
from marketplace.core.checks import Check
from marketplace.listings.models import Attending, Rotation, Site
from marketplace.tenants.models import OPEN_STATES, Agency
from marketplace.verification.models import Evidence


def _open_anyway(session: Session) -> list[str]:
    """The sweep closes what ended; what a person decided closes in the same transaction."""
    rows = session.execute(
        select(Rotation.slug, Agency.state, Attending.excluded_at)
        .join(Agency, Agency.id == Rotation.agency_id)
        .join(Attending, Attending.id == Rotation.attending_id)
        .where(
            Rotation.public,
            Agency.state.not_in(OPEN_STATES) | Attending.excluded_at.is_not(None),
        )
    )
    return [
        f"rotation {slug} is open: agency {state}" + (", attending excluded" if at else "")
        for slug, state, at in rows
    ]


def _withheld_and_open(session: Session) -> list[str]:
    rows = session.scalars(select(Rotation).where(Rotation.withheld, Rotation.state == "published"))
    return [f"rotation {row.slug} is withheld and published" for row in rows]


def _letters(session: Session) -> list[str]:
    """A site whose letter's last day is not that of its accepted paper."""
    today = clock.today("UTC")
    rows = session.execute(
        select(Site, Evidence.valid_until)
        .join(Evidence, Evidence.site_id == Site.id)
        .where(
            Evidence.kind == "site-letter",
            Evidence.state == "accepted",
            Evidence.valid_until >= today,
        )
    )
    return [
        f"site {site.slug}: letter until {site.letter_until}, its paper says {until}"
        for site, until in rows
        if site.letter_until != until
    ]


CHECKS = (
    Check("V5", "nothing is open of an agency or attending that may not be", _open_anyway),
    Check("V6", "what the platform withholds is not open", _withheld_and_open),
    Check("V7", "every site's letter is the one that was accepted", _letters),
)
