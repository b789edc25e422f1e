"""Inviting somebody to an agency: a link by e-mail, for a new person or an existing one.

Inviting, sending again and withdrawing work in an agency's session. The link is made by the worker
when it writes the mail, so that the token is nowhere but in the message; each sending makes a new
one and the older ones end. Joining works in a system session: whoever joins is no member yet.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.accounts import permissions, team
from marketplace.accounts.models import ROLES, Invitation, Membership, Person
from marketplace.accounts.tokens import token_hash
from marketplace.core import audit, clock, context, ids, outbox
from marketplace.core.context import Actor
from marketplace.core.errors import Conflict, Forbidden, Gone, Invalid, NotFound, TooMany
from marketplace.core.mail_templates import absolute_url, post_mail
from marketplace.core.words import words
from marketplace.tenants.models import Agency

LIFE = timedelta(days=7)
AGAIN_AFTER = timedelta(minutes=2)
A_DAY = timedelta(days=1)
MOST_A_DAY = 40  # messages to addresses that may not have asked for them


# --- the agency ---------------------------------------------------------------------------------


def invite(session: Session, actor: Actor, email: str, role: str) -> Invitation:
    """Ask the person with this address (in lower case) to join. Forbidden without `team.manage`;
    Invalid for an unknown role, a member, or an address that has an open invitation; TooMany after
    `MOST_A_DAY` messages in a day."""
    permissions.require(actor, "team.manage")
    assert actor.agency_id is not None
    members = team.locked(session, actor.agency_id)
    team.still_manages(members, actor)
    if role not in ROLES:
        raise Invalid({"role": "Choose a role from the list."})
    if any(one.person_email.lower() == email for one in members):
        raise Invalid({"email": "This person is on the team already."})
    if any(row.email == email for row in open_ones(session)):
        raise Invalid({"email": "This address has an open invitation. Send it again below."})
    _refuse_many(session)
    row = Invitation(
        agency_id=actor.agency_id,
        email=email,
        role=role,
        invited_by=actor.name,
        invited_by_id=actor.person_id,
        expires_at=clock.wall() + LIFE,
    )
    session.add(row)
    session.flush()
    _mail(session, row)
    audit.record(session, actor, "member.invited", f"invitation:{row.id}", email=email, role=role)
    return row


def send_again(session: Session, actor: Actor, invitation_id: UUID) -> Invitation:
    """A new link for an open invitation, for another seven days; the older link ends.

    Conflict right after the last sending or when the invitation has been answered.
    """
    permissions.require(actor, "team.manage")
    row = _locked(session, invitation_id)
    if clock.wall() < row.sent_at + AGAIN_AFTER:
        raise Conflict("This invitation went out a moment ago. Wait two minutes.")
    _refuse_many(session)
    row.sends += 1
    row.sent_at = clock.wall()
    row.expires_at = row.sent_at + LIFE
    row.token_hash = None
    _mail(session, row)
    audit.record(session, actor, "invitation.sent_again", f"invitation:{row.id}", email=row.email)
    return row


def withdraw(session: Session, actor: Actor, invitation_id: UUID) -> Invitation:
    """Take an invitation back; its link ends. Conflict when it has been answered."""
    permissions.require(actor, "team.manage")
    row = _locked(session, invitation_id)
    row.withdrawn_at = clock.wall()
    audit.record(session, actor, "invitation.withdrawn", f"invitation:{row.id}", email=row.email)
    return row


def open_ones(session: Session) -> tuple[Invitation, ...]:
    """Invitations of this session's agency that nobody answered, the newest first; also those
    whose link has run out."""
    return tuple(
        session.scalars(
            select(Invitation)
            .where(Invitation.accepted_at.is_(None), Invitation.withdrawn_at.is_(None))
            .order_by(Invitation.id.desc())
        )
    )


def _locked(session: Session, invitation_id: UUID) -> Invitation:
    row = session.get(Invitation, invitation_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound
    if row.accepted_at or row.withdrawn_at:
        raise Conflict("This invitation is closed: it was accepted or taken back.")
    return row


def _refuse_many(session: Session) -> None:
    since = clock.wall() - A_DAY
    sent = session.scalar(select(func.count(Invitation.id)).where(Invitation.sent_at > since))
    if (sent or 0) >= MOST_A_DAY:
        raise TooMany("Your agency has sent many invitations today. Try again tomorrow.", 3600)


def _mail(session: Session, row: Invitation) -> None:
    outbox.enqueue(
        session,
        "accounts.mail_invitation",
        {"invitation_id": str(row.id), "sending": row.sends},
        scope=context.system("mail invitation"),
    )


def mail(session: Session, invitation_id: UUID, sending: int) -> None:
    """The worker's half (system session): make the link and post the message. Nothing for an
    invitation that was closed or sent again meanwhile."""
    row = session.get(Invitation, invitation_id, with_for_update=True)
    if row is None or row.accepted_at or row.withdrawn_at or row.sends != sending:
        return
    token = ids.token()
    row.token_hash = token_hash(token)
    agency = session.get_one(Agency, row.agency_id)
    post_mail(
        session,
        "team-invite",
        to=row.email,
        name=row.email,
        dedupe_key=f"invitation:{row.id}:{sending}",
        inviter=row.invited_by or agency.name,
        agency=agency.name,
        role=row.role,
        about=permissions.ABOUT[row.role],
        link=absolute_url(f"/join/{token}"),
    )


# --- whoever has the link -----------------------------------------------------------------------


@dataclass(frozen=True)
class OpenInvitation:
    """What the page of a link shows."""

    id: UUID
    agency_id: UUID
    agency: str
    slug: str
    email: str
    role: str
    invited_by: str
    expires_at: datetime
    has_account: bool


def seen(session: Session, token: str) -> OpenInvitation:
    """The open invitation behind a token (system session). Gone when there is none: it ran out,
    was taken back, replaced or used, or never was."""
    row, agency = _by_token(session, token)
    account = session.scalar(select(Person.id).where(Person.email == row.email))
    return OpenInvitation(
        id=row.id,
        agency_id=row.agency_id,
        agency=agency.name,
        slug=agency.slug,
        email=row.email,
        role=row.role,
        invited_by=row.invited_by,
        expires_at=row.expires_at,
        has_account=account is not None,
    )


def join(session: Session, token: str, person_id: UUID) -> str:
    """Accept as a signed-in person (system session). Returns the agency's name in addresses.

    Forbidden when the invitation is for another address; otherwise as in `seen`.
    """
    row, agency = _by_token(session, token, lock=True)
    person = session.get_one(Person, person_id)
    if person.email != row.email:
        raise Forbidden("This invitation is for another e-mail address.", "other-person")
    _admit(session, row, person)
    return agency.slug


def join_as_new(session: Session, token: str, name: str, password_hash: str) -> tuple[UUID, str]:
    """Accept with a new account (system session): the link proved the address. Returns the new
    person's id and the agency's name in addresses. Conflict when the address has an account."""
    row, agency = _by_token(session, token, lock=True)
    person = Person(
        email=row.email, name=name, password_hash=password_hash, email_verified_at=clock.now()
    )
    try:
        with session.begin_nested():
            session.add(person)
    except IntegrityError as error:
        raise Conflict("This address has an account. Sign in, then open the link again.") from error
    _admit(session, row, person)
    return person.id, agency.slug


def _by_token(session: Session, token: str, *, lock: bool = False) -> tuple[Invitation, Agency]:
    query = select(Invitation).where(Invitation.token_hash == token_hash(token))
    row = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if row is None or row.withdrawn_at or row.accepted_at or row.expires_at <= clock.wall():
        raise Gone(
            f"{words('error.link-expired.title')}. Ask the person who invited you for a new one.",
            "link-expired",
        )
    return row, session.get_one(Agency, row.agency_id)


def _admit(session: Session, row: Invitation, person: Person) -> None:
    """A membership in the invited role; who works there already keeps the present one."""
    actor = Actor("agency", person.id, row.agency_id, person.name, row.role)
    row.accepted_at = clock.wall()
    member = session.scalars(
        select(Membership)
        .where(Membership.agency_id == row.agency_id, Membership.person_id == person.id)
        .with_for_update()
    ).one_or_none()
    if member is None:
        member = Membership(agency_id=row.agency_id, person_id=person.id, role=row.role)
        session.add(member)
    elif member.ended_at is not None:
        member.role, member.ended_at, member.created_at = row.role, None, clock.now()
    member.person_name, member.person_email = person.name, person.email
    session.flush()
    audit.record(
        session,
        actor,
        "member.joined",
        f"membership:{member.id}",
        agency_id=row.agency_id,
        role=member.role,
        invitation=str(row.id),
    )
