"""View-as: a platform admin sees what somebody else sees, and can change nothing.

Bound to one sign-in of the admin, at most half an hour, never as another admin. The guard that
keeps it harmless is in `core/web.py`; here it starts and ends, each with an audit entry.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.entrants import work_columns
from marketplace.accounts.models import Person, ViewAs
from marketplace.core import audit, clock
from marketplace.core.context import SYSTEM, Actor
from marketplace.core.errors import Conflict, Forbidden, NotFound

LONGEST = timedelta(minutes=30)
SAID_FOR = timedelta(hours=1)  # so long a page that is not the admin's own says that it is over


@dataclass(frozen=True)
class Watched:
    """Whom an admin looks as, as plain data."""

    view_as_id: UUID
    person_id: UUID
    name: str
    email: str
    is_attending: bool
    is_delegate: bool
    ends_at: datetime


def of(session: Session, sign_in_id: UUID) -> Watched | None:
    """Whom this admin's sign-in looks as now, or None. Somebody who has become an admin or whose
    account is closed is looked at no more."""
    row = session.execute(
        select(
            ViewAs.id,
            ViewAs.ends_at,
            Person.id.label("person_id"),
            Person.name,
            Person.email,
            *work_columns(),
        )
        .join(Person, Person.id == ViewAs.person_id)
        .where(
            ViewAs.sign_in_id == sign_in_id,
            ViewAs.ended_at.is_(None),
            ViewAs.ends_at > clock.wall(),
            Person.is_admin.is_(False),
            Person.closed_at.is_(None),
        )
        .order_by(ViewAs.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    return Watched(
        view_as_id=row.id,
        person_id=row.person_id,
        name=row.name,
        email=row.email,
        is_attending=row.attends,
        is_delegate=row.delegated,
        ends_at=row.ends_at,
    )


def over(session: Session, sign_in_id: UUID) -> tuple[UUID, str] | None:
    """Whom this sign-in looked as until the time ran out a short while ago; None after a stop by
    the button, and once they look as somebody else."""
    row = session.execute(
        select(ViewAs.ends_at, ViewAs.ended_at, Person.id, Person.name)
        .join(Person, Person.id == ViewAs.person_id)
        .where(ViewAs.sign_in_id == sign_in_id)
        .order_by(ViewAs.id.desc())
        .limit(1)
    ).one_or_none()
    moment = clock.wall()
    if row is None or not row.ends_at <= moment < row.ends_at + SAID_FOR:
        return None
    stopped = row.ended_at is not None and row.ended_at < row.ends_at
    return None if stopped else (row.id, row.name)


def start(
    session: Session, actor: Actor, *, sign_in_id: UUID, person_id: UUID, reason: str
) -> ViewAs:
    """Look as somebody from now on. Forbidden for anybody but an admin, and for another admin's
    account; Conflict for a closed one; NotFound when there is nobody."""
    if actor.kind != "admin" or actor.person_id is None:
        raise Forbidden("Only a platform admin looks as somebody else.")
    person = session.get(Person, person_id)
    if person is None:
        raise NotFound
    if person.is_admin:
        raise Forbidden("Nobody looks as a platform admin.", "admin")
    if person.closed_at:
        raise Conflict("This account is closed.", "closed")
    for row in session.scalars(
        select(ViewAs).where(ViewAs.sign_in_id == sign_in_id, ViewAs.ended_at.is_(None))
    ):
        _close(session, actor, row)
    row = ViewAs(
        admin_id=actor.person_id,
        sign_in_id=sign_in_id,
        person_id=person_id,
        reason=reason,
        ends_at=clock.wall() + LONGEST,
    )
    session.add(row)
    session.flush()
    audit.record(
        session, actor, "view_as.started", f"person:{person_id}", name=person.name, reason=reason
    )
    return row


def end(session: Session, actor: Actor, view_as_id: UUID) -> None:
    """Stop looking. Repeating it is harmless."""
    row = session.get_one(ViewAs, view_as_id, with_for_update=True)
    if row.ended_at is None:
        _close(session, actor, row)


def end_over(session: Session) -> None:
    """Note the end of what has run out of time."""
    moment = clock.wall()
    for row in session.scalars(
        select(ViewAs).where(ViewAs.ended_at.is_(None), ViewAs.ends_at <= moment)
    ):
        _close(session, SYSTEM, row)


def _close(session: Session, actor: Actor, row: ViewAs) -> None:
    row.ended_at = min(clock.wall(), row.ends_at)
    minutes = round((row.ended_at - row.started_at).total_seconds() / 60)
    audit.record(session, actor, "view_as.ended", f"person:{row.person_id}", minutes=minutes)
