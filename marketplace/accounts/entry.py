"""Coming in: count the attempt, check, and only then write, each in its own short session.

The slow part, hashing, happens outside every transaction. Known and unknown accounts take the
same steps, so that neither answer nor time tells them apart.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from marketplace.accounts import entrants, operations, passwords, throttle
from marketplace.accounts.entrants import OpenLink
from marketplace.accounts.models import Person, SignIn
from marketplace.accounts.operations import Device
from marketplace.core import clock, context
from marketplace.core.db import open_session
from marketplace.core.errors import Forbidden, Gone, Invalid
from marketplace.core.words import words

WRONG = "The e-mail address or the password is not right."
BLOCKED = (
    "The Rounds team has stopped this account. Your bookings stay as they are."
    " Answer any e-mail from us, and a person will read it."
)
_ENTRY = ("sign-in", "verify")
JUST_NOW = timedelta(minutes=15)


@dataclass(frozen=True)
class Entered:
    """A new sign-in: the cookie's token and where the person wanted to go."""

    token: str
    next_url: str = ""


def sign_in_by_password(email: str, password: str, device: Device) -> Entered:
    """Sign in. Invalid with one and the same message for a wrong address and a wrong password;
    TooMany after too many tries; Forbidden for a blocked account, said only to who knows its
    password."""
    counted = throttle.count("sign-in", email, device.address)
    with open_session(context.system("check password"), readonly=True) as session:
        found = entrants.credentials(session, email)
    stored = found.password_hash if found else None
    if not passwords.matches(stored, password) or found is None or stored is None:
        raise Invalid({"password": WRONG})
    if found.is_blocked:
        raise Forbidden(BLOCKED, "blocked")
    renewed = passwords.hashed(password) if passwords.is_outdated(stored) else None
    with open_session(context.system("sign in")) as session:
        if renewed:
            operations.replace_hash(session, found.person_id, renewed)
        token = operations.start_sign_in(session, found.person_id, device)
    throttle.forgive(counted)
    return Entered(token)


def see_link(token: str, purposes: tuple[str, ...] = _ENTRY) -> OpenLink:
    """The link behind a token, without using it (mail programs open links). Gone when it is
    over."""
    with open_session(context.system("see link"), readonly=True) as session:
        found = entrants.open_link(session, token, purposes)
    if found is None:
        raise Gone(
            f"{words('error.link-expired.title')}. {words('error.link-expired.text')}",
            "link-expired",
        )
    return found


def sign_in_by_link(token: str, device: Device, password: str = "") -> Entered:
    """Use a sign-in or sign-up link. A new account may set its password here; Invalid when it is
    too weak, and then the link stays unused. Gone and TooMany like the rest."""
    counted = throttle.count("use-link", token, device.address)
    password_hash = None
    if password:
        link = see_link(token, ("verify",))
        password_hash = _accept(password, link)
    with open_session(context.system("sign in by link")) as session:
        used = operations.use_link(session, token, ("sign-in", "verify"))
        person_id, next_url = _person(used.person_id), used.next_url
        if password_hash:
            operations.set_first_password(session, person_id, password_hash)
        entered = Entered(operations.start_sign_in(session, person_id, device), next_url)
    throttle.forgive(counted)
    return entered


def reset_password(token: str, password: str, device: Device) -> Entered:
    """Set a new password by a reset link, end every sign-in and start one here."""
    counted = throttle.count("use-link", token, device.address)
    link = see_link(token, ("reset",))
    password_hash = _accept(password, link)
    with open_session(context.system("reset password")) as session:
        person_id = operations.reset_password(session, token, password_hash)
        entered = Entered(operations.start_sign_in(session, person_id, device))
    throttle.forgive(counted)
    return entered


def check_own_password(email: str, password: str, device: Device) -> None:
    """The present password of somebody who is signed in; Invalid when it is wrong."""
    counted = throttle.count("password", email, device.address)
    with open_session(context.system("check password"), readonly=True) as session:
        found = entrants.credentials(session, email)
    if not passwords.matches(found.password_hash if found else None, password):
        raise Invalid({"current": "This is not your present password."})
    throttle.forgive(counted)


def has_password(person_id: UUID) -> bool:
    """Does this person sign in with a password? Who does not uses links by e-mail."""
    with open_session(context.system("look for a password"), readonly=True) as session:
        return session.get_one(Person, person_id).password_hash is not None


def confirm(person_id: UUID, sign_in_id: UUID, email: str, password: str, device: Device) -> None:
    """That it is really this person who asks for something weighty: by the present password, or,
    for who has none, by having signed in a moment ago. Invalid (field `current`), TooMany."""
    if has_password(person_id):
        check_own_password(email, password, device)
        return
    with open_session(context.system("look for a sign-in"), readonly=True) as session:
        row = session.get(SignIn, sign_in_id)
        if row is not None and clock.wall() - row.created_at < JUST_NOW:
            return
    raise Invalid({"current": "Sign out, sign in again by e-mail link, and ask within 15 minutes."})


def count(kind: str, email: str, device: Device) -> None:
    """Count a request for a message. TooMany when there were too many."""
    throttle.count(kind, email, device.address)


def _accept(password: str, link: OpenLink) -> str:
    refused = passwords.complaint(password, email=link.email, name=link.name)
    if refused:
        raise Invalid({"password": refused})
    return passwords.hashed(password)


def _person(person_id: UUID | None) -> UUID:
    if person_id is None:
        raise Gone(words("error.link-expired.text"), "link-expired")
    return person_id
