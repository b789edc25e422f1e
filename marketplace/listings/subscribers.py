"""What verification finds, written where listings look. All of it happens in system sessions."""

from datetime import date

from sqlalchemy.orm import Session

from marketplace.core import clock, context, outbox
from marketplace.core.events import publish, subscribe
from marketplace.listings.events import AttendingClosed, AttendingJoined
from marketplace.listings.models import Attending, Rotation, Site
from marketplace.listings.standing import SITE_LETTER
from marketplace.listings.withholding import follow
from marketplace.verification.events import AttendingChecked, SitePaperChanged, StandingChanged


@subscribe(AttendingJoined)
def on_joined(session: Session, event: AttendingJoined) -> None:
    """Look new attendings up as soon as this is committed: one look for all of a transaction."""
    if session.info.get("look_up") is session.get_transaction():
        return
    session.info["look_up"] = session.get_transaction()
    outbox.enqueue(session, "listings.follow_checks", {}, scope=context.system("look up"))


@subscribe(StandingChanged)
def on_standing(session: Session, event: StandingChanged) -> None:
    """Close or open the listings of an agency."""
    follow(session, Rotation.agency_id == event.agency_id)


@subscribe(SitePaperChanged)
def on_paper(session: Session, event: SitePaperChanged) -> None:
    """The papers on file of a site."""
    site = session.get_one(Site, event.site_id, with_for_update=True)
    if event.kind == SITE_LETTER:
        site.letter_until = event.until
    else:
        kept = {kind: day for kind, day in site.papers.items() if kind != event.kind}
        site.papers = kept | ({event.kind: event.until.isoformat()} if event.until else {})
    follow(session, Rotation.site_id == event.site_id)


@subscribe(AttendingChecked)
def on_checked(session: Session, event: AttendingChecked) -> None:
    """The facts of an attending; their listings in every agency follow when they differ."""
    doctor = session.get(Attending, event.attending_id, with_for_update=True)
    if doctor is None:
        return
    before = (doctor.excluded_at is not None, _counts(doctor.verified_until))
    doctor.npi_checked_at = event.npi_checked_at
    doctor.license_checked_at = event.license_checked_at
    doctor.exclusion_checked_at = event.exclusion_checked_at
    doctor.verified_until = event.verified_until
    doctor.excluded_at = (doctor.excluded_at or clock.now()) if event.excluded else None
    doctor.checks = event.checks
    if before != (event.excluded, _counts(event.verified_until)):
        follow(session, Rotation.attending_id == doctor.id)
    found = [line["words"] for line in event.checks.values() if line["result"] == "problem"]
    if found and before == (False, True):
        publish(session, AttendingClosed(doctor.id, " ".join(found)))


def _counts(until: date | None) -> bool:
    return until is not None and until >= clock.today("UTC")
