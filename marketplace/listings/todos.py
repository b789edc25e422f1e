"""What an agency has to do about its listings."""

from datetime import timedelta
from itertools import groupby
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.deadlines import Todo, shortened
from marketplace.core.formats import doctor_short, month_day
from marketplace.listings import drafts, operations
from marketplace.listings.draft_models import ListingDraft
from marketplace.listings.models import Affiliation, Attending, Rotation, ScopeSignature

MOST_DRAFTS = 5  # each costs the publish check; the listings' own page has them all
MOST_ALIKE = 3
_LINE = 120


def signatures(session: Session) -> list[Todo]:
    """Lists that wait for an attending, until the link ends, and lists that were sent back."""
    rows = session.execute(
        select(ScopeSignature, Rotation, Attending.display_name)
        .join(Rotation, Rotation.id == ScopeSignature.rotation_id)
        .join(Attending, Attending.id == ScopeSignature.attending_id)
        .where(
            ScopeSignature.outdated_at.is_(None),
            ScopeSignature.decision.is_(None) | (ScopeSignature.decision == "refused"),
            Rotation.state != "archived",
        )
        .order_by(ScopeSignature.asked_at)
    ).all()
    draft_versions = _draft_versions(session)
    found, back = [], []
    for row, rotation, name in rows:
        if row.version not in (rotation.version, draft_versions.get(rotation.id)):
            continue  # an older version: the tasks have changed since
        at = f"/listings/{rotation.slug}"
        if row.decision == "refused":
            title = f"{doctor_short(name)} sent the tasks back: {rotation.title}"
            line = f"“{row.comment[:_LINE]}”"
            back.append(Todo(None, title, line, "Change them", f"{at}/edit/scope"))
            continue
        ends = row.asked_at + timedelta(days=operations.LINK_DAYS)
        title = f"{doctor_short(name)} has not signed {rotation.title}"
        line = f"Asked on {month_day(row.asked_at.date())} · the link ends then"
        found.append(Todo(ends, title, line, "Ask again", f"{at}/check"))
    return [*back, *shortened(found, MOST_ALIKE, "lists wait for a signature", "/listings")]


def _draft_versions(session: Session) -> dict[UUID, int]:
    return {row.rotation_id: row.version for row in session.scalars(select(ListingDraft))}


def taken_down(session: Session) -> list[Todo]:
    """Listings that the platform has closed, with its reason."""
    rows = session.scalars(
        select(Rotation)
        .where(Rotation.taken_down_at.is_not(None), Rotation.state != "archived")
        .order_by(Rotation.taken_down_at)
    )
    return [
        Todo(
            None,
            f"Rounds took a listing down: {row.title}",
            f"“{row.taken_down_reason[:_LINE]}”",
            "Mend it",
            f"/listings/{row.slug}/edit/basics",
        )
        for row in rows
    ]


def left(session: Session) -> list[Todo]:
    """Attendings who have left the agency, or said no to it, with the listings that stand closed
    because of it."""
    rows = session.execute(
        select(Attending.display_name, Affiliation.accepted_at, Rotation.title, Rotation.state)
        .join(Affiliation, Affiliation.attending_id == Attending.id)
        .join(
            Rotation,
            (Rotation.attending_id == Affiliation.attending_id)
            & (Rotation.agency_id == Affiliation.agency_id),
        )
        .where(Affiliation.ended_at.is_not(None), Rotation.state.in_(("paused", "draft")))
        .order_by(Attending.display_name, Rotation.title, Rotation.id)
    ).all()
    found = []
    for (name, joined), group in groupby(rows, key=lambda row: (row[0], row[1])):
        listed = list(group)
        paused = [row.title for row in listed if row.state == "paused"]
        count = len(listed) - len(paused)
        needs = "1 draft needs" if count == 1 else f"{count} drafts need"
        parts = [
            f"Paused: {_named(paused)} · bookings go on" if paused else "",
            f"{needs} another attending" if count else "",
        ]
        title = f"{doctor_short(name)} {'has left' if joined else 'does not work with'} your agency"
        line = " · ".join(filter(None, parts))
        found.append(Todo(None, title, line, "See the listings", "/listings"))
    return found


def _named(titles: list[str]) -> str:
    """The first of some listings, and how many more there are."""
    more = f" and {len(titles) - 1} more" if len(titles) > 1 else ""
    return f"{titles[0][:_LINE]}{more}"


def unfinished(session: Session, *, reasons: bool = True) -> list[Todo]:
    """The latest drafts that nobody publishes, each with what it lacks (`reasons`)."""
    waiting = (
        select(ScopeSignature.rotation_id)
        .where(ScopeSignature.decision.is_(None), ScopeSignature.outdated_at.is_(None))
        .scalar_subquery()
    )
    changed = select(ListingDraft.rotation_id).scalar_subquery()
    rows = session.scalars(
        select(Rotation)
        .where(
            (Rotation.state == "draft") | Rotation.id.in_(changed),
            Rotation.state != "archived",
            Rotation.id.not_in(waiting),
            Rotation.taken_down_at.is_(None),
        )
        .order_by(Rotation.updated_at.desc(), Rotation.id)
        .limit(MOST_DRAFTS)
    ).all()
    return [_unfinished(session, row.slug, row.title, reasons=reasons) for row in rows]


def _unfinished(session: Session, slug: str, title: str, *, reasons: bool) -> Todo:
    path = f"/listings/{slug}/check"
    if not reasons:
        return Todo(None, title, "", "Finish", path)
    rotation = drafts.working(session, slug)
    missing = operations.missing_for_publish(session, rotation)
    if not missing:
        what = "the changes of " if rotation.published_at else ""
        return Todo(None, f"Publish {what}{title}", "Nothing is missing", "Look and publish", path)
    own = [item.message for item in missing if item.section]
    if not own:
        line = f"Waits for Rounds · {missing[0].message}"
        return Todo(None, f"{title} is ready", line, "Look", path)
    more = f" · and {len(own) - 1} more" if len(own) > 1 else ""
    return Todo(None, f"Finish {title}", f"{own[0]}{more}", "Finish", path)
