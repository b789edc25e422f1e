"""Invariants of listings."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core import clock
from marketplace.core.checks import Check
from marketplace.listings.models import Affiliation, Attending, Rotation, ScopeSignature, Site
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


def _unsigned(session: Session) -> list[str]:
    """Open without a signature under exactly what candidates read."""
    rows = session.execute(
        select(Rotation, ScopeSignature)
        .join(
            ScopeSignature,
            (ScopeSignature.rotation_id == Rotation.id)
            & (ScopeSignature.attending_id == Rotation.attending_id)
            & (ScopeSignature.decision == "signed"),
            isouter=True,
        )
        .where(Rotation.public)
        .order_by(Rotation.id, ScopeSignature.version)
        .execution_options(yield_per=500)
    )
    wrong: dict[str, str] = {}
    for row, signature in rows:  # of several signatures the newest counts
        said = _unlike(row, signature)
        wrong.pop(row.slug, None)
        if said:
            wrong[row.slug] = said
    return [f"rotation {slug}: {said}" for slug, said in wrong.items()]


def _unlike(row: Rotation, signature: ScopeSignature | None) -> str:
    if row.signed_version != row.version:
        return f"version {row.version} is open, version {row.signed_version} was signed"
    if signature is None:
        return "no signature of its attending"
    differ = [name for name, value in signature.facts.items() if getattr(row, name) != value]
    if signature.signed != row.activities:
        differ.insert(0, "activities")
    return f"open with other facts than were signed: {', '.join(differ)}" if differ else ""


def _without_a_yes(session: Session) -> list[str]:
    rows = session.scalars(
        select(Rotation.slug)
        .join(
            Affiliation,
            (Affiliation.agency_id == Rotation.agency_id)
            & (Affiliation.attending_id == Rotation.attending_id),
        )
        .where(Rotation.public, Affiliation.accepted_at.is_(None))
    )
    return [f"rotation {slug} is open, and its attending never said yes" for slug in rows]


CHECKS = (
    Check("V5", "nothing is open of an agency or attending that may not be", _open_anyway),
    Check("V6", "what the platform withholds is not open", _withheld_and_open),
    Check("V7", "every site's letter is the one that was accepted", _letters),
    Check("V8", "every open listing was signed as it is", _unsigned),
    Check("V9", "every open listing's attending said yes to its agency", _without_a_yes),
)
