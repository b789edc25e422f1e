"""Reads of sites and attendings for the agency's pages (agency sessions)."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core import clock
from marketplace.core.formats import day, doctor
from marketplace.listings import catalog, cities, consent
from marketplace.listings.checked import source_of
from marketplace.listings.models import Affiliation, Attending, AttendingInvitation, Rotation, Site
from marketplace.listings.places import SETTINGS, SITE_KINDS
from marketplace.tenants.models import Agency


@dataclass(frozen=True)
class SiteView:
    """A site in words. The letter: none, in date, or over since."""

    slug: str
    name: str
    kind: str
    setting: str
    city: str
    time_zone: str
    affiliation: str
    letter: str
    letter_tone: str
    listings: int = 0


def site_view(site: Site, listings: int = 0) -> SiteView:
    """One site in words."""
    letter, tone = _letter(site.letter_until, clock.today(site.time_zone))
    return SiteView(
        slug=site.slug,
        name=site.name,
        kind=SITE_KINDS.get(site.kind, site.kind),
        setting=SETTINGS.get(site.setting, site.setting),
        city=cities.city(site.city).label,
        time_zone=site.time_zone.replace("_", " "),
        affiliation=site.affiliation,
        letter=letter,
        letter_tone=tone,
        listings=listings,
    )


def _letter(until: date | None, today: date) -> tuple[str, str]:
    if until is None:
        return "None on file", ""
    if until < today:
        return f"Over since {until:%b} {until.day}, {until.year}", "bad"
    tone = "warn" if (until - today).days < 60 else "good"
    return f"Valid to {until:%b} {until.day}, {until.year}", tone


def sites(session: Session) -> tuple[SiteView, ...]:
    """All sites of the agency with the number of their listings."""
    counts = dict(
        session.execute(
            select(Rotation.site_id, func.count())
            .where(Rotation.state != "archived")
            .group_by(Rotation.site_id)
        ).all()
    )
    rows = session.scalars(select(Site).order_by(Site.name, Site.city))
    return tuple(site_view(row, counts.get(row.id, 0)) for row in rows)


@dataclass(frozen=True)
class AttendingView:
    """An attending of the agency: who, what was checked when, how many listings."""

    name: str
    npi: str
    specialty: str
    email: str
    standing: str
    tone: str
    checks: tuple[tuple[str, str], ...]
    listings: int


def attendings(session: Session) -> tuple[AttendingView, ...]:
    """The agency's attendings by name: who said yes. Their weeks and other agencies stay theirs."""
    counts = _listings_of(session)
    rows = session.execute(
        select(Attending, Affiliation)
        .join(Affiliation, Affiliation.attending_id == Attending.id)
        .where(Affiliation.accepted_at.is_not(None))
        .order_by(Attending.display_name)
    )
    return tuple(_attending(doctor, work, counts.get(doctor.id, 0)) for doctor, work in rows)


def _attending(doctor: Attending, work: Affiliation, listings: int) -> AttendingView:
    until, today = doctor.verified_until, clock.now().date()
    if work.ended_at is not None:
        standing, tone = f"Left on {day(work.ended_at.date())}", ""
    elif doctor.excluded_at is not None:
        standing, tone = "On the exclusion list", "bad"
    elif until is None:
        standing, tone = "Being checked", "warn"
    elif until < today:
        standing, tone = "Check is over", "bad"
    else:
        standing, tone = f"Checked, good to {until:%b} {until.day}, {until.year}", "good"
    return AttendingView(
        name=doctor.display_name,
        npi=doctor.npi,
        specialty=catalog.specialty(doctor.specialty).label,
        email=work.email,
        standing=standing,
        tone=tone,
        checks=_checks(doctor),
        listings=listings,
    )


def _listings_of(session: Session) -> dict[UUID, int]:
    """How many listings name each attending."""
    return dict(
        session.execute(
            select(Rotation.attending_id, func.count())
            .where(Rotation.state != "archived")
            .group_by(Rotation.attending_id)
        ).all()
    )


@dataclass(frozen=True)
class AskedView:
    """Whom the agency asked, in its own words only: nothing that Rounds knows of them."""

    key: UUID
    name: str
    npi: str
    specialty: str
    email: str
    words: str
    line: str
    tone: str
    send: str  # the words of the button, or ''
    may_withdraw: bool
    listings: int


_STATES = {
    "held": ("Not asked yet", ""),
    "waiting": ("Waits for a yes", "warn"),
    "expired": ("No answer", "bad"),
    "declined": ("Said no", "bad"),
}
_SEND = {"held": "Send now", "expired": "Ask again"}


def asked(session: Session) -> tuple[AskedView, ...]:
    """Who has not said yes, the newest first; invitations that were taken back are left out."""
    counts = _listings_of(session)
    rows = session.scalars(
        select(AttendingInvitation)
        .where(
            AttendingInvitation.accepted_at.is_(None), AttendingInvitation.withdrawn_at.is_(None)
        )
        .order_by(AttendingInvitation.id.desc())
    )
    return tuple(_asked(row, counts.get(row.attending_id, 0)) for row in rows)


def _asked(row: AttendingInvitation, listings: int) -> AskedView:
    state = consent.state_of(row)
    words, tone = _STATES[state]
    known = {one.slug: one.label for one in catalog.specialties()}
    return AskedView(
        key=row.id,
        name=row.name,
        npi=row.npi,
        specialty=known.get(row.specialty, ""),
        email=row.email,
        words=words,
        line=consent.waits_words(row),
        tone=tone,
        send=_SEND.get(state, ""),
        may_withdraw=state in ("held", "waiting", "expired"),
        listings=listings,
    )


def asked_words(session: Session, rotation: Rotation) -> str:
    """Where the attending of a listing finds what waits for a signature, while they have not said
    yes to the agency; '' afterwards."""
    row = session.scalars(
        select(AttendingInvitation)
        .join(
            Affiliation,
            (Affiliation.agency_id == AttendingInvitation.agency_id)
            & (Affiliation.attending_id == AttendingInvitation.attending_id),
        )
        .where(
            AttendingInvitation.attending_id == rotation.attending_id,
            Affiliation.accepted_at.is_(None),
        )
    ).one_or_none()
    if row is None or row.sent_at is None:
        return ""
    return (
        f"{doctor(rotation.attending.display_name)} finds the list on the page of your invitation"
        f" of {day(row.sent_at.date())}; signing it says yes to you, too."
    )


@dataclass(frozen=True)
class WorksFor:
    """An agency of an attending, for the attending's own page."""

    id: UUID
    name: str
    since: date
    live: int


def works_for(session: Session, attending_id: UUID) -> tuple[WorksFor, ...]:
    """The agencies that an attending works with now, by name (system session)."""
    live = (
        select(func.count())
        .select_from(Rotation)
        .where(
            Rotation.agency_id == Affiliation.agency_id,
            Rotation.attending_id == Affiliation.attending_id,
            Rotation.public,
        )
        .scalar_subquery()
    )
    rows = session.execute(
        select(Agency.id, Agency.name, Affiliation.accepted_at, live.label("live"))
        .join(Agency, Agency.id == Affiliation.agency_id)
        .where(
            Affiliation.attending_id == attending_id,
            Affiliation.accepted_at.is_not(None),
            Affiliation.ended_at.is_(None),
        )
        .order_by(Agency.name)
    )
    return tuple(WorksFor(r.id, r.name, r.accepted_at.date(), r.live) for r in rows)


_CHECKS = (("registry", "NPI registry"), ("license", "License"), ("exclusion", "Exclusion list"))
_RESULTS = {
    "clear": "in order",
    "problem": "a problem was found",
    "failed": "the source did not answer",
    "waiting": "not looked up yet",
}


def _checks(doctor: Attending) -> tuple[tuple[str, str], ...]:
    """What each look-up found, when and where (`attending.checks`, written by the look-ups)."""
    found = []
    for what, label in _CHECKS:
        line = doctor.checks.get(what, {})
        words = _RESULTS.get(line.get("result", "waiting"), "not looked up yet")
        on = line.get("on") or line.get("tried")
        if on:
            words = f"{words}, {day(date.fromisoformat(on))} ({source_of(what, line)})"
        found.append((label, words))
    return tuple(found)
