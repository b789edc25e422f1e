"""What happens to accounts: links, sign-ins, passwords, profiles.

Coming in works in system sessions (nobody is signed in yet, see `entry`); the own account in a
person's session. Times run on the wall clock: moving the demo's clock
must not sign anybody out.
"""

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from marketplace.accounts import queries
from marketplace.accounts.models import (
    CandidateProfile,
    OneTimeLink,
    Person,
    SignIn,
)
from marketplace.accounts.tokens import token_hash
from marketplace.core import audit, clock, context, ids, outbox
from marketplace.core.context import Actor
from marketplace.core.errors import Conflict, Gone, NotFound
from marketplace.core.mail_templates import absolute_url, post_mail
from marketplace.core.words import words

Purpose = Literal["sign-in", "verify", "reset"]

IDLE = timedelta(days=14)
LONGEST = timedelta(days=60)
LINK_LIFE: dict[Purpose, timedelta] = {
    "sign-in": timedelta(minutes=15),
    "reset": timedelta(minutes=30),
    "verify": timedelta(hours=24),
}
_MAIL: dict[Purpose, tuple[str, str]] = {
    "sign-in": ("sign-in-link", "/sign-in/link/"),
    "verify": ("verify-email", "/sign-in/link/"),
    "reset": ("reset", "/reset/"),
}


@dataclass(frozen=True)
class Device:
    """Where somebody comes from: address and User-Agent, as far as the request tells."""

    address: str
    agent: str


# --- links by e-mail -----------------------------------------------------------------------------


def sign_up(session: Session, actor: Actor, email: str, name: str, next_url: str = "") -> None:
    """Ask for an account. The address gets a link; only who opens it has the account.

    Nothing here depends on whether the address is known: the work is a row for the worker.
    """
    _ask(session, "verify", email, name, next_url)


def send_link(session: Session, actor: Actor, email: str, next_url: str = "") -> None:
    """Ask for a link that signs in. Unknown addresses get none, and cost the same."""
    _ask(session, "sign-in", email, "", next_url)


def request_reset(session: Session, actor: Actor, email: str) -> None:
    """Ask for a link that sets a new password. Unknown addresses get none, and cost the same."""
    _ask(session, "reset", email, "", "")


def _ask(session: Session, purpose: Purpose, email: str, name: str, next_url: str) -> None:
    outbox.enqueue(
        session,
        "accounts.mail_link",
        {"purpose": purpose, "email": email, "name": name, "next_url": next_url},
        scope=context.system("mail link"),
    )


def mail_link(session: Session, purpose: Purpose, email: str, name: str, next_url: str) -> None:
    """The worker's half (system session): find or make the person, and post the message."""
    person = session.scalars(select(Person).where(Person.email == email)).one_or_none()
    if person is None and purpose == "verify":
        person = Person(email=email, name=name)
        session.add(person)
        session.flush()
    if person is None or person.closed_at or person.blocked_at:
        return
    if purpose == "verify" and (person.email_verified_at or person.password_hash):
        purpose = "sign-in"
    token, link_id = make_link(session, person, purpose, next_url)
    slug, path = _MAIL[purpose]
    post_mail(
        session,
        slug,
        to=person.email,
        name=person.name,
        dedupe_key=f"link:{link_id}",
        person_name=person.name,
        link=absolute_url(path + token),
        minutes=int(LINK_LIFE[purpose].total_seconds() // 60),
    )


def make_link(
    session: Session, person: Person, purpose: Purpose, next_url: str = ""
) -> tuple[str, UUID]:
    """A one-time link for a person (system session). Returns its token, which is stored nowhere,
    and the row's id."""
    token = ids.token()
    link = OneTimeLink(
        purpose=purpose,
        token_hash=token_hash(token),
        email=person.email,
        person_id=person.id,
        next_url=next_url,
        expires_at=clock.wall() + LINK_LIFE[purpose],
    )
    session.add(link)
    session.flush()
    return token, link.id


def use_link(session: Session, token: str, purposes: tuple[Purpose, ...]) -> OneTimeLink:
    """Use a link up (system session); the address counts as verified from then on.

    Gone when it is unknown, over, used before, or the account's address has changed. One UPDATE
    decides, so of many uses at the same time one wins.
    """
    found = OneTimeLink.token_hash == token_hash(token)
    moment = clock.wall()
    used = session.execute(
        update(OneTimeLink)
        .where(
            found,
            OneTimeLink.purpose.in_(purposes),
            OneTimeLink.used_at.is_(None),
            OneTimeLink.expires_at > moment,
        )
        .values(used_at=moment)
        .returning(OneTimeLink.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if used is None:
        raise _dead_link(session, found)
    link = session.get_one(OneTimeLink, used)
    person = session.get(Person, link.person_id)
    if not person or person.closed_at or person.blocked_at or person.email != link.email:
        raise Gone(words("error.link-expired.text"), "link-expired")
    person.email_verified_at = person.email_verified_at or clock.now()
    return link


def _dead_link(session: Session, found: ColumnElement[bool]) -> Gone:
    used_at = session.scalar(select(OneTimeLink.used_at).where(found))
    code = "link-used" if used_at else "link-expired"
    return Gone(f"{words(f'error.{code}.title')}. {words(f'error.{code}.text')}", code)


# --- sign-ins ------------------------------------------------------------------------------------


def start_sign_in(session: Session, person_id: UUID, device: Device) -> str:
    """A new sign-in (system session). Returns the cookie's token, of which a hash is stored."""
    token, moment = ids.token(), clock.wall()
    session.add(
        SignIn(
            person_id=person_id,
            token_hash=token_hash(token),
            created_at=moment,
            seen_at=moment,
            expires_at=moment + LONGEST,
            address=device.address[:64],
            agent=device.agent[:200],
        )
    )
    session.flush()
    return token


def note_seen(session: Session, sign_in_id: UUID) -> None:
    """The browser was here (system session)."""
    session.execute(update(SignIn).where(SignIn.id == sign_in_id).values(seen_at=clock.wall()))


def revoke_sign_in(session: Session, actor: Actor, sign_in_id: UUID) -> None:
    """End one of the own sign-ins; NotFound for anybody else's. Ending it twice is fine."""
    row = session.scalars(
        select(SignIn).where(SignIn.id == sign_in_id, SignIn.person_id == actor.person_id)
    ).one_or_none()
    if row is None:
        raise NotFound
    if row.revoked_at is None:
        row.revoked_at = clock.wall()
        audit.record(session, actor, "sign_in.revoked", f"sign_in:{row.id}")


def revoke_other_sign_ins(session: Session, actor: Actor, keep: UUID) -> int:
    """End every own sign-in but this one; returns how many were ended."""
    assert actor.person_id is not None
    number = revoke_all(session, actor.person_id, keep)
    if number:
        audit.record(session, actor, "sign_in.revoked", f"person:{actor.person_id}", number=number)
    return number


def revoke_all(session: Session, person_id: UUID, keep: UUID | None = None) -> int:
    """End every sign-in of a person but `keep`; returns how many were ended."""
    ended = session.execute(
        update(SignIn)
        .where(SignIn.person_id == person_id, SignIn.revoked_at.is_(None), SignIn.id != keep)
        .values(revoked_at=clock.wall())
        .returning(SignIn.id)
        .execution_options(synchronize_session=False)
    )
    return len(ended.all())


# --- passwords -----------------------------------------------------------------------------------


def reset_password(session: Session, token: str, password_hash: str) -> UUID:
    """Use a reset link and set the password (system session). Every sign-in ends, and every other
    link that was sent: who resets because somebody reads their mail is alone afterwards.

    Returns the person's id; Gone like `use_link`.
    """
    link = use_link(session, token, ("reset",))
    person = session.get_one(Person, link.person_id)
    person.password_hash = password_hash
    session.execute(
        update(OneTimeLink)
        .where(OneTimeLink.person_id == person.id, OneTimeLink.used_at.is_(None))
        .values(used_at=clock.wall())
        .execution_options(synchronize_session=False)
    )
    revoke_all(session, person.id)
    actor = Actor("candidate", person.id, name=person.name)
    audit.record(session, actor, "password.reset", f"person:{person.id}")
    return person.id


def set_first_password(session: Session, person_id: UUID, password_hash: str) -> None:
    """Set the password of an account that has none (system session, after its link was used).

    Conflict when there is one: changing it asks for the present one.
    """
    person = session.get_one(Person, person_id, with_for_update=True)
    if person.password_hash:
        raise Conflict("This account has a password already.")
    person.password_hash = password_hash


def change_password(session: Session, actor: Actor, password_hash: str, keep: UUID) -> None:
    """Set a new password in the own session and end every other sign-in. The caller has checked
    the present password."""
    assert actor.person_id is not None
    queries.person(session, actor.person_id).password_hash = password_hash
    ended = revoke_all(session, actor.person_id, keep)
    audit.record(session, actor, "password.changed", f"person:{actor.person_id}", ended=ended)


def replace_hash(session: Session, person_id: UUID, password_hash: str) -> None:
    """Store the same password under today's hash settings (system session)."""
    session.get_one(Person, person_id).password_hash = password_hash


# --- the profile ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProfileAnswers:
    """What a candidate tells; None means not told. Values as in data/profile_fields.csv."""

    school: str
    country: str
    status: str | None
    student_year: str | None
    graduation_date: date | None
    birth_date: date | None
    usmle_step_1: str | None
    usmle_step_2_ck: str | None
    ecfmg: str | None
    entry_status: str | None
    needs_visa: bool | None


def save_profile(session: Session, actor: Actor, name: str, answers: ProfileAnswers) -> None:
    """Store the own name and profile."""
    assert actor.person_id is not None
    queries.person(session, actor.person_id).name = name
    stored = session.get(CandidateProfile, actor.person_id)
    if stored is None:
        stored = CandidateProfile(person_id=actor.person_id)
        session.add(stored)
    for key, value in asdict(answers).items():
        setattr(stored, key, value)
    session.flush()
