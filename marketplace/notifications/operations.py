"""Verbs of the inbox."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core import clock
from marketplace.notifications.models import Notification
from marketplace.notifications.queries import Inbox


def mark_read(
    session: Session, inbox: Inbox, *, line: UUID | None = None, until: UUID | None = None
) -> int:
    """Mark one line, or all up to `until` (keys grow with time), as read; returns how many.

    What is not in this inbox stays as it is. What came after the page was shown stays unread.
    """
    wanted = select(Notification).where(inbox.own, Notification.read_at.is_(None))
    if line is not None:
        wanted = wanted.where(Notification.id == line)
    elif until is not None:
        wanted = wanted.where(Notification.id <= until)
    else:
        return 0
    rows = session.scalars(wanted.with_for_update()).all()
    for row in rows:
        row.read_at = clock.now()
    return len(rows)
