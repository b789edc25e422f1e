"""Delegates: people who answer in an attending's name, for example an office manager.

The attending names and removes them; both count with the delegate's next request, because who may
act for whom is read with each one (`identity`). A delegate sees and answers what the attending
does, and every step says who took it. Signing, and naming others, stays with the attending.
"""

from dataclasses import dataclass
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.models import Delegate, Person
from marketplace.core import audit, clock, context, outbox
from marketplace.core.context import Actor
from marketplace.core.errors import Forbidden, Invalid, NotFound
from marketplace.core.mail_templates import absolute_url, post_mail

MOST = 5
ROLE = "delegate"


@dataclass(frozen=True)
class Attends:
    """An attending in whose name a delegate may act."""

    attending_id: UUID
    name: str


def require_attending(actor: Actor) -> None:
    """Forbidden for a delegate: signatures and delegates are the attending's own."""
    if actor.kind != "attending" or actor.role == ROLE:
        raise Forbidden("Only the attending can do this. You answer in their name elsewhere.")


def name_delegate(session: Session, actor: Actor, email: str, name: str) -> Delegate:
    """Let somebody answer in the attending's name; the worker finds or makes the person and
    writes to them. Invalid with a message beside the field."""
    require_attending(actor)
    assert actor.person_id is not None
    address = email.strip().lower()
    errors = {}
    try:
        validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        errors["email"] = "Write an e-mail address like name@hospital.org."
    if len(name) < 3:
        errors["name"] = "Write the name that others read beside each step."
    own = session.get_one(Person, actor.person_id, with_for_update=True)
    there = active(session, actor.person_id)
    if address == own.email:
        errors["email"] = "This is your own address."
    elif any(row.email == address for row in there):
        errors["email"] = "This address may answer for you already."
    if len(there) >= MOST:
        errors["email"] = f"At most {MOST} at a time. Remove one first."
    if errors:
        raise Invalid(errors)
    row = Delegate(attending_id=actor.person_id, email=address, name=name[:120])
    session.add(row)
    session.flush()
    audit.record(session, actor, "delegate.named", f"delegate:{row.id}", email=address)
    outbox.enqueue(
        session,
        "accounts.delegate_named",
        {"delegate_id": str(row.id)},
        scope=context.system("name delegate"),
    )
    return row


def end_delegate(session: Session, actor: Actor, key: UUID) -> None:
    """Take the right away; the delegate's next request knows. Repeating it is harmless."""
    require_attending(actor)
    row = session.get(Delegate, key, with_for_update=True)
    if row is None or row.attending_id != actor.person_id:
        raise NotFound
    if row.ended_at is None:
        row.ended_at = clock.now()
        audit.record(session, actor, "delegate.ended", f"delegate:{row.id}", email=row.email)


def active(session: Session, attending_id: UUID) -> tuple[Delegate, ...]:
    """Who may answer in an attending's name now, oldest first."""
    return tuple(
        session.scalars(
            select(Delegate)
            .where(Delegate.attending_id == attending_id, Delegate.ended_at.is_(None))
            .order_by(Delegate.id)
        )
    )


def welcome(session: Session, key: UUID) -> None:
    """The worker's half (system session): find or make the person, and write to them. The right
    is bound to the address: only who reads its mail can sign in with it."""
    row = session.get_one(Delegate, key)
    if row.ended_at is not None or row.person_id is not None:
        return
    person = session.scalars(select(Person).where(Person.email == row.email)).one_or_none()
    if person is None:
        person = Person(email=row.email, name=row.name)
        session.add(person)
        session.flush()
    row.person_id = person.id
    attending = session.get_one(Person, row.attending_id).name
    post_mail(
        session,
        "delegate-named",
        to=person.email,
        name=person.name,
        dedupe_key=f"delegate:{row.id}",
        attending=attending,
        link=absolute_url("/sign-in?next=/attending"),
    )


def attends_for(session: Session, person_id: UUID) -> tuple[Attends, ...]:
    """For whom a person may answer (system session), oldest first."""
    rows = session.execute(
        select(Delegate.attending_id, Person.name)
        .where(
            Delegate.person_id == person_id,
            Delegate.ended_at.is_(None),
            Person.id == Delegate.attending_id,
            Person.closed_at.is_(None),
        )
        .order_by(Delegate.id)
    )
    return tuple(Attends(key, name) for key, name in rows)


def readers(session: Session, attending_id: UUID) -> tuple[Person, ...]:
    """The delegates who are written to beside the attending (system session)."""
    return tuple(
        session.scalars(
            select(Person)
            .where(
                Person.id == Delegate.person_id,
                Delegate.attending_id == attending_id,
                Delegate.ended_at.is_(None),
                Person.closed_at.is_(None),
            )
            .order_by(Delegate.id)
        )
    )
