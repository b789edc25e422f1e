"""Who comes in, and who is in: reads that happen before a scope is known (system sessions)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, column, exists, select, table
from sqlalchemy.orm import Session

from marketplace.accounts.models import Delegate, Membership, OneTimeLink, Person, SignIn
from marketplace.accounts.tokens import token_hash
from marketplace.core import clock
from marketplace.tenants.models import Agency

# An attending is a person by the same key. The table belongs to listings, above this package, so
# only its name is known here.
ATTENDING = table("attending", column("id"), column("joined_at"))


def work_columns() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Whether a person of the query teaches (`attends`: said yes to an agency), and answers for
    somebody (`delegated`)."""
    attends = exists(
        select(ATTENDING.c.id).where(
            ATTENDING.c.id == Person.id, ATTENDING.c.joined_at.is_not(None)
        )
    )
    delegated = exists(
        select(Delegate.id).where(Delegate.person_id == Person.id, Delegate.ended_at.is_(None))
    )
    return attends.label("attends"), delegated.label("delegated")


@dataclass(frozen=True)
class Credentials:
    """What a password is compared with."""

    person_id: UUID
    password_hash: str | None
    is_blocked: bool


@dataclass(frozen=True)
class Work:
    """A membership of a person, with the agency's address and name."""

    agency_id: UUID
    slug: str
    name: str
    role: str


@dataclass(frozen=True)
class SignedIn:
    """The person behind a sign-in that is still good, and where they work."""

    sign_in_id: UUID
    person_id: UUID
    name: str
    email: str
    is_admin: bool
    is_attending: bool
    is_delegate: bool
    seen_at: datetime
    work: tuple[Work, ...]


def credentials(session: Session, email: str) -> Credentials | None:
    """An open account's credentials by its address in lower case, or None."""
    row = session.execute(
        select(Person.id, Person.password_hash, Person.blocked_at).where(
            Person.email == email, Person.closed_at.is_(None)
        )
    ).one_or_none()
    return Credentials(row.id, row.password_hash, bool(row.blocked_at)) if row else None


def signed_in(session: Session, token: str, idle_since: datetime) -> SignedIn | None:
    """The person behind a sign-in cookie, or None when it is unknown, revoked or over, not seen
    since `idle_since`, or the account is closed or blocked."""
    rows = session.execute(
        _SIGNED_IN,
        {"token": token_hash(token), "now": clock.wall(), "idle_since": idle_since},
    ).all()
    if not rows:
        return None
    row = rows[0]
    return SignedIn(
        sign_in_id=row.id,
        person_id=row.person_id,
        name=row.name,
        email=row.email,
        is_admin=row.is_admin,
        is_attending=row.attends,
        is_delegate=row.delegated,
        seen_at=row.seen_at,
        work=tuple(Work(r.agency_id, r.slug, r.agency_name, r.role) for r in rows if r.role),
    )


# A row for each membership, or one without: one read for each request of somebody signed in.
_SIGNED_IN = (
    select(
        SignIn.id,
        SignIn.person_id,
        SignIn.seen_at,
        Person.name,
        Person.email,
        Person.is_admin,
        *work_columns(),
        Membership.role,
        Membership.agency_id,
        Agency.slug,
        Agency.name.label("agency_name"),
    )
    .join(Person, Person.id == SignIn.person_id)
    .outerjoin(Membership, and_(Membership.person_id == Person.id, Membership.ended_at.is_(None)))
    .outerjoin(Agency, Agency.id == Membership.agency_id)
    .where(
        SignIn.token_hash == bindparam("token"),
        SignIn.revoked_at.is_(None),
        SignIn.expires_at > bindparam("now"),
        SignIn.seen_at > bindparam("idle_since"),
        Person.closed_at.is_(None),
        Person.blocked_at.is_(None),
    )
    .order_by(Membership.created_at, Membership.id)
)


def work_of(session: Session, person_id: UUID) -> tuple[Work, ...]:
    """Where a person works now, oldest membership first."""
    rows = session.execute(
        select(Agency.id, Agency.slug, Agency.name, Membership.role)
        .join(Membership, Membership.agency_id == Agency.id)
        .where(Membership.person_id == person_id, Membership.ended_at.is_(None))
        .order_by(Membership.created_at, Membership.id)
    )
    return tuple(Work(row.id, row.slug, row.name, row.role) for row in rows)


@dataclass(frozen=True)
class OpenLink:
    """A one-time link that can still be used, for the page that shows its button."""

    purpose: str
    email: str
    name: str


def open_link(session: Session, token: str, purposes: tuple[str, ...]) -> OpenLink | None:
    """The unused, unexpired link behind a token, or None. Looking does not use it."""
    row = session.execute(
        select(OneTimeLink.purpose, OneTimeLink.email, Person.name)
        .join(Person, Person.id == OneTimeLink.person_id)
        .where(
            OneTimeLink.token_hash == token_hash(token),
            OneTimeLink.purpose.in_(purposes),
            OneTimeLink.used_at.is_(None),
            OneTimeLink.expires_at > clock.wall(),
            Person.closed_at.is_(None),
            Person.blocked_at.is_(None),
        )
    ).one_or_none()
    return OpenLink(row.purpose, row.email, row.name) if row else None
