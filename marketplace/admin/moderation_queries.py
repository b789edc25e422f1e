"""Listings that a person should look at: reported, with words that ask for it, new or changed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.accounts.models import Person
from marketplace.core.audit import AuditEntry
from marketplace.core.errors import NotFound
from marketplace.listings import lint
from marketplace.listings.lint import Finding
from marketplace.listings.models import ListingLook, ListingReport, Rotation
from marketplace.listings.operations import public_texts

TABS = ("reported", "text", "new", "down")
PAGE = 50
LINTED = 300
"""How many of the newest unseen listings the words are looked for in."""
ASKS = ("block", "review")


@dataclass(frozen=True)
class Queued:
    """One listing of the queue."""

    id: UUID
    title: str
    agency: str
    agency_slug: str
    reports: int
    findings: tuple[Finding, ...]
    changed_at: datetime
    is_down: bool


def counts(session: Session) -> dict[str, int]:
    """How many listings wait in each tab; the words are not counted here."""
    down = select(func.count()).select_from(Rotation).where(Rotation.taken_down_at.is_not(None))
    return {
        "reported": reported_count(session),
        "new": session.scalar(select(func.count()).select_from(_unseen().subquery())) or 0,
        "down": session.scalar(down) or 0,
    }


def reported_count(session: Session) -> int:
    """How many listings have an open report."""
    found = select(func.count(ListingReport.rotation_id.distinct()))
    return session.scalar(found.where(ListingReport.decision.is_(None))) or 0


def _unseen() -> Select[Any]:
    return (
        select(Rotation)
        .outerjoin(ListingLook, ListingLook.rotation_id == Rotation.id)
        .where(
            Rotation.public,
            or_(ListingLook.looked_at.is_(None), Rotation.updated_at > ListingLook.looked_at),
        )
    )


def queue(session: Session, tab: str) -> tuple[Queued, ...]:
    """The listings of one tab, the most urgent first."""
    wanted: Select[Any]
    if tab == "down":
        found = select(Rotation).where(Rotation.taken_down_at.is_not(None))
        wanted = found.order_by(Rotation.taken_down_at.desc()).limit(PAGE)
    elif tab == "reported":
        open_ones = select(ListingReport.rotation_id).where(ListingReport.decision.is_(None))
        wanted = select(Rotation).where(Rotation.id.in_(open_ones)).limit(PAGE)
    else:
        wanted = _unseen().order_by(Rotation.updated_at.desc(), Rotation.id)
        wanted = wanted.limit(LINTED if tab == "text" else PAGE)
    rows = session.scalars(
        wanted.options(joinedload(Rotation.agency), joinedload(Rotation.site))
    ).all()
    reports = _reports(session, [row.id for row in rows])
    made = [_queued(row, reports.get(row.id, 0)) for row in rows]
    if tab == "text":
        made = [one for one in made if one.findings]
    if tab == "reported":
        made.sort(key=lambda one: -one.reports)
    return tuple(made[:PAGE])


def _queued(row: Rotation, reports: int) -> Queued:
    return Queued(
        id=row.id,
        title=row.title,
        agency=row.agency.name,
        agency_slug=row.agency.slug,
        reports=reports,
        findings=findings(row),
        changed_at=row.updated_at,
        is_down=row.taken_down_at is not None,
    )


def findings(row: Rotation) -> tuple[Finding, ...]:
    """The words of a listing that ask a person to look."""
    return tuple(hit for hit in lint.lint_fields(public_texts(row)) if hit.action in ASKS)


def _reports(session: Session, ids: list[UUID]) -> dict[UUID, int]:
    rows = session.execute(
        select(ListingReport.rotation_id, func.count())
        .where(ListingReport.rotation_id.in_(ids), ListingReport.decision.is_(None))
        .group_by(ListingReport.rotation_id)
    )
    return {row[0]: int(row[1]) for row in rows}


@dataclass(frozen=True)
class ListingPage:
    """One listing with its reports, its words and what was decided."""

    rotation: Rotation
    findings: tuple[Finding, ...]
    texts: dict[str, str]
    reports: tuple[tuple[ListingReport, str], ...]
    audit: tuple[AuditEntry, ...]


def listing_page(session: Session, rotation_id: UUID) -> ListingPage:
    """One listing that is or was open; NotFound otherwise."""
    row = session.get(Rotation, rotation_id)
    if row is None or row.state in ("draft", "archived"):
        raise NotFound
    reports = session.execute(
        select(ListingReport, Person.name)
        .join(Person, Person.id == ListingReport.person_id)
        .where(ListingReport.rotation_id == rotation_id)
        .order_by(ListingReport.decision.is_not(None), ListingReport.id.desc())
        .limit(PAGE)
    ).all()
    trail = session.scalars(
        select(AuditEntry)
        .where(AuditEntry.subject == f"rotation:{row.slug}")
        .order_by(AuditEntry.id.desc())
        .limit(15)
    )
    return ListingPage(
        rotation=row,
        findings=findings(row),
        texts=public_texts(row),
        reports=tuple((one, name) for one, name in reports),
        audit=tuple(trail),
    )
