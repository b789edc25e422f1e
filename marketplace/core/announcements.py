"""Announcements of the platform: a text on the pages of some sides, from one instant to another.

Kept in memory like the lists (`core/freshness.py`), so a page costs no query for them. Hiding one
is a cookie of the reader's browser.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.core import audit, clock, freshness
from marketplace.core.context import Actor
from marketplace.core.db import REFERENCE, Base, Keyed
from marketplace.core.errors import Conflict, Forbidden, NotFound

SIDES = ("public", "candidate", "attending", "agency")
COOKIE = "hidden-news"
MOST = 3  # shown at once


class Announcement(Keyed, Base):
    """A text for some sides. `ended_at`: taken down before its time."""

    __tablename__ = "announcement"
    __owned__ = REFERENCE

    text: Mapped[str]
    sides: Mapped[list[str]]
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]
    dismissible: Mapped[bool] = mapped_column(default=True)
    by_name: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    ended_at: Mapped[datetime | None]


@dataclass(frozen=True)
class News:
    """An announcement as the pages know it."""

    id: UUID
    text: str
    sides: frozenset[str]
    from_at: datetime
    until_at: datetime
    dismissible: bool

    @property
    def short(self) -> str:
        """How a cookie remembers it."""
        return self.id.hex[-12:]


class _Kept:
    news: tuple[News, ...] = ()


@freshness.loader
def _load(session: Session, _number: int) -> None:
    rows = session.scalars(
        select(Announcement)
        .where(Announcement.ended_at.is_(None), Announcement.until_at > clock.now())
        .order_by(Announcement.id.desc())
        .limit(50)
    )
    _Kept.news = tuple(
        News(r.id, r.text, frozenset(r.sides), r.from_at, r.until_at, r.dismissible) for r in rows
    )


def showing(side: str, hidden: str) -> tuple[News, ...]:
    """What a page of this side shows now, the newest first. `hidden`: the reader's cookie."""
    if not _Kept.news:
        return ()
    moment, away = clock.now(), frozenset(hidden.split("."))
    found = (
        one
        for one in _Kept.news
        if side in one.sides
        and one.from_at <= moment < one.until_at
        and not (one.dismissible and one.short in away)
    )
    return tuple(found)[:MOST]


def hide(hidden: str, short: str) -> str:
    """The cookie with one more hidden; it forgets what is not shown any more."""
    known = {one.short for one in _Kept.news if one.dismissible}
    kept = [one for one in hidden.split(".") if one in known and one != short]
    return ".".join([*kept, short] if short in known else kept)


def write(
    session: Session,
    actor: Actor,
    *,
    text: str,
    sides: tuple[str, ...],
    from_at: datetime,
    until_at: datetime,
    dismissible: bool,
    reason: str,
) -> Announcement:
    """Publish an announcement (system session). The caller has checked the values."""
    _admin(actor)
    row = Announcement(
        text=text,
        sides=list(sides),
        from_at=from_at,
        until_at=until_at,
        dismissible=dismissible,
        by_name=actor.name,
    )
    session.add(row)
    freshness.bump(session)
    subject = f"announcement:{row.id}"
    audit.record(session, actor, "announcement.written", subject, text=text, reason=reason)
    return row


def end(session: Session, actor: Actor, announcement_id: UUID, reason: str) -> None:
    """Take an announcement down now. Conflict when it is over already."""
    _admin(actor)
    row = session.get(Announcement, announcement_id, with_for_update=True)
    if row is None:
        raise NotFound
    if row.ended_at is not None or row.until_at <= clock.now():
        raise Conflict("This announcement is over already.", "over")
    row.ended_at = clock.now()
    freshness.bump(session)
    audit.record(session, actor, "announcement.ended", f"announcement:{row.id}", reason=reason)


def _admin(actor: Actor) -> None:
    if actor.kind != "admin":
        raise Forbidden("Only a platform admin writes announcements.")
