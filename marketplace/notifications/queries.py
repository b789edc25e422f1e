"""Reads of the inbox: a person's own lines, or those of an agency that a role may act on."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from marketplace.accounts.permissions import may
from marketplace.notifications.messages import ALL
from marketplace.notifications.models import Notification

PER_PAGE = 50


@dataclass(frozen=True)
class Inbox:
    """Whose lines. A role sees what it would be mailed: who may not see money reads no amounts."""

    person_id: UUID | None = None
    agency_id: UUID | None = None
    role: str = ""

    @property
    def own(self) -> ColumnElement[bool]:
        """The condition of these lines, beside the scope's."""
        if self.agency_id is None:
            return Notification.person_id == self.person_id
        return (Notification.agency_id == self.agency_id) & Notification.slug.in_(
            slugs_of(self.role)
        )


@dataclass(frozen=True)
class Page:
    """One page of an inbox, latest first."""

    lines: tuple[Notification, ...]
    total: int
    unread: int
    page: int
    pages: int

    @property
    def first(self) -> int:
        """Number of the first line shown."""
        return (self.page - 1) * PER_PAGE + 1 if self.total else 0

    @property
    def last(self) -> int:
        """Number of the last line shown."""
        return min(self.page * PER_PAGE, self.total)


def slugs_of(role: str) -> tuple[str, ...]:
    """The messages to an agency that a role is told."""
    return tuple(row.slug for row in ALL.values() if row.to == "agency" and may(role, row.needs))


def page_of(session: Session, inbox: Inbox, page: int = 1) -> Page:
    """A page of the inbox; one past the end answers the last one."""
    total = session.scalar(select(func.count()).select_from(Notification).where(inbox.own)) or 0
    pages = max(1, -(-total // PER_PAGE))
    page = min(max(1, page), pages)
    lines = session.scalars(
        select(Notification)
        .where(inbox.own)
        .order_by(Notification.id.desc())
        .limit(PER_PAGE)
        .offset((page - 1) * PER_PAGE)
    )
    return Page(tuple(lines), total, unread(session, inbox), page, pages)


def unread(session: Session, inbox: Inbox) -> int:
    """How many lines nobody has marked as read."""
    found = session.scalar(
        select(func.count())
        .select_from(Notification)
        .where(inbox.own, Notification.read_at.is_(None))
    )
    return found or 0
