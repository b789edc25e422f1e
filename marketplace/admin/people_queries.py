"""People, as the platform sees them: found by name or address; one with all that hangs on them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select, true
from sqlalchemy.orm import Session

from marketplace.accounts import operations, queries
from marketplace.accounts.models import Membership, Person, ViewAs
from marketplace.accounts.queries import SignInRow
from marketplace.bookings.models import Booking
from marketplace.core import clock
from marketplace.core.audit import AuditEntry
from marketplace.core.errors import NotFound
from marketplace.listings.models import Attending, Rotation
from marketplace.tenants.models import Agency

PAGE = 50
KINDS = ("candidate", "attending", "agency", "admin", "blocked")
_IS_ATTENDING = exists(
    select(Attending.id).where(Attending.id == Person.id, Attending.joined_at.is_not(None))
)
_IS_MEMBER = exists(
    select(Membership.id).where(Membership.person_id == Person.id, Membership.ended_at.is_(None))
)


@dataclass(frozen=True)
class PersonFilter:
    """What part of the people to show. `before` is the last key of the page before."""

    text: str = ""
    kind: str = ""
    before: UUID | None = None


@dataclass(frozen=True)
class PersonRow:
    """One person of the list. `roles` are words for people."""

    id: UUID
    name: str
    email: str
    roles: tuple[str, ...]
    is_blocked: bool
    is_closed: bool
    created_at: datetime


def people(session: Session, wanted: PersonFilter) -> tuple[PersonRow, ...]:
    """One page, the newest first; one more than PAGE tells that there is more."""
    statement = (
        select(Person, _IS_ATTENDING.label("attends"), _IS_MEMBER.label("works"))
        .where(_of_kind(wanted.kind))
        .order_by(Person.id.desc())
        .limit(PAGE + 1)
    )
    if wanted.text:
        columns = (Person.name, Person.email)
        statement = statement.where(
            or_(*(column.icontains(wanted.text, autoescape=True) for column in columns))
        )
    if wanted.before:
        statement = statement.where(Person.id < wanted.before)
    return tuple(
        PersonRow(
            id=person.id,
            name=person.name,
            email=person.email,
            roles=_roles(person, attends, works),
            is_blocked=person.blocked_at is not None,
            is_closed=person.closed_at is not None,
            created_at=person.created_at,
        )
        for person, attends, works in session.execute(statement)
    )


def _of_kind(kind: str) -> ColumnElement[bool]:
    plain = ~_IS_ATTENDING & ~_IS_MEMBER & Person.is_admin.is_(False)
    return {
        "candidate": plain,
        "attending": _IS_ATTENDING,
        "agency": _IS_MEMBER,
        "admin": Person.is_admin.is_(True),
        "blocked": Person.blocked_at.is_not(None),
    }.get(kind, true())


def _roles(person: Person, attends: bool, works: bool) -> tuple[str, ...]:
    found = (
        (person.is_admin, "Platform admin"),
        (works, "Agency"),
        (attends, "Attending"),
    )
    return tuple(word for held, word in found if held) or ("Candidate",)


@dataclass(frozen=True)
class Work:
    """Where a person works or worked."""

    agency: str
    slug: str
    role: str
    since: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class Looked:
    """A view-as: who looked as this person, when and why."""

    admin: str
    reason: str
    started_at: datetime
    ended_at: datetime | None
    ends_at: datetime


@dataclass(frozen=True)
class PersonPage:
    """One person and what the platform keeps about them. No document and no token is read."""

    person: Person
    roles: tuple[str, ...]
    work: tuple[Work, ...]
    sign_ins: tuple[SignInRow, ...]
    bookings: tuple[tuple[str, int], ...]
    listings: int
    looked: tuple[Looked, ...]
    audit: tuple[AuditEntry, ...]


def person_page(session: Session, person_id: UUID) -> PersonPage:
    """Everything for one person's page; NotFound when there is nobody."""
    found = session.execute(
        select(Person, _IS_ATTENDING.label("attends"), _IS_MEMBER.label("works")).where(
            Person.id == person_id
        )
    ).one_or_none()
    if found is None:
        raise NotFound
    person = found[0]
    return PersonPage(
        person=person,
        roles=_roles(*found),
        work=_work(session, person_id),
        sign_ins=queries.sign_ins(session, person_id, clock.wall() - operations.IDLE),
        bookings=_bookings(session, person_id),
        listings=session.scalar(
            select(func.count()).select_from(Rotation).where(Rotation.attending_id == person_id)
        )
        or 0,
        looked=_looked(session, person_id),
        audit=_audit(session, person_id),
    )


def _work(session: Session, person_id: UUID) -> tuple[Work, ...]:
    rows = session.execute(
        select(
            Agency.name, Agency.slug, Membership.role, Membership.created_at, Membership.ended_at
        )
        .join(Agency, Agency.id == Membership.agency_id)
        .where(Membership.person_id == person_id)
        .order_by(Membership.ended_at.is_not(None), Membership.id)
    )
    return tuple(Work(*row) for row in rows)


def _bookings(session: Session, person_id: UUID) -> tuple[tuple[str, int], ...]:
    mine = or_(Booking.candidate_id == person_id, Booking.attending_id == person_id)
    rows = session.execute(
        select(Booking.state, func.count()).where(mine).group_by(Booking.state)
    ).all()
    return tuple(sorted((str(state), int(number)) for state, number in rows))


def _looked(session: Session, person_id: UUID) -> tuple[Looked, ...]:
    rows = session.execute(
        select(Person.name, ViewAs.reason, ViewAs.started_at, ViewAs.ended_at, ViewAs.ends_at)
        .join(Person, Person.id == ViewAs.admin_id)
        .where(ViewAs.person_id == person_id)
        .order_by(ViewAs.id.desc())
        .limit(10)
    )
    return tuple(Looked(*row) for row in rows)


def _audit(session: Session, person_id: UUID) -> tuple[AuditEntry, ...]:
    about = or_(AuditEntry.subject == f"person:{person_id}", AuditEntry.actor_id == person_id)
    return tuple(
        session.scalars(select(AuditEntry).where(about).order_by(AuditEntry.id.desc()).limit(10))
    )
