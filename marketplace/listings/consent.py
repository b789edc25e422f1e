"""Whether an attending has said yes to an agency, and the one message that asks.

An invitation is a row of the agency that asks. Before the yes the agency reads only what it typed
itself, the attending's weeks are used by nobody, and no other message is written. A signature under
a list says yes, too. Below the operations that ask and answer (`inviting`, `operations`).
"""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.accounts.tokens import token_hash
from marketplace.core import audit, clock, ids
from marketplace.core.context import Actor
from marketplace.core.errors import Conflict, TooMany
from marketplace.core.events import publish
from marketplace.core.formats import day
from marketplace.listings.events import AttendingInvited, AttendingJoined
from marketplace.listings.models import (
    Affiliation,
    Attending,
    AttendingInvitation,
    ScopeSignature,
)
from marketplace.tenants.models import Agency

LIFE = timedelta(days=14)
QUIET = timedelta(days=180)  # after a no, the agency does not ask again for so long
MOST_A_DAY = 20  # messages of an agency to people who may not know it
MOST_BEFORE_APPROVAL = 5

State = Literal["held", "waiting", "expired", "accepted", "declined", "withdrawn"]


def state_of(row: AttendingInvitation) -> State:
    """Where an invitation stands. `held`: nothing was sent yet."""
    if row.withdrawn_at:
        return "withdrawn"
    if row.accepted_at:
        return "accepted"
    if row.declined_at:
        return "declined"
    if row.expires_at is None:
        return "held"
    return "waiting" if row.expires_at > clock.now() else "expired"


def invitation_of(session: Session, agency_id: UUID, attending_id: UUID) -> AttendingInvitation:
    """The invitation of a pair, locked; it is made where there is none (agency or system)."""
    row = session.scalars(
        select(AttendingInvitation)
        .where(
            AttendingInvitation.agency_id == agency_id,
            AttendingInvitation.attending_id == attending_id,
        )
        .with_for_update()
    ).one_or_none()
    if row is None:
        row = AttendingInvitation(agency_id=agency_id, attending_id=attending_id)
        session.add(row)
    return row


def affiliation(session: Session, agency_id: UUID, attending_id: UUID) -> Affiliation | None:
    """The pair's place on the agency's list, locked, or None."""
    return session.scalars(
        select(Affiliation)
        .where(Affiliation.agency_id == agency_id, Affiliation.attending_id == attending_id)
        .with_for_update()
    ).one_or_none()


def send(session: Session, actor: Actor, row: AttendingInvitation) -> None:
    """Write the one message of an invitation; its link works for `LIFE`. TooMany beyond the
    agency's day."""
    _refuse_many(session, row.agency_id)
    token = ids.token()
    row.token_hash = token_hash(token)
    row.sent_at, row.invited_by = clock.now(), actor.name
    row.expires_at = row.sent_at + LIFE
    row.sends = (row.sends or 0) + 1
    session.flush()
    audit.record(
        session,
        actor,
        "attending.invited",
        f"invitation:{row.id}",
        agency_id=row.agency_id,
        npi=row.npi,
    )
    publish(
        session, AttendingInvited(row.attending_id, row.agency_id, row.id, token, str(row.sends))
    )


def _refuse_many(session: Session, agency_id: UUID) -> None:
    agency = session.get_one(Agency, agency_id, with_for_update=True)
    most = MOST_A_DAY if agency.is_approved else MOST_BEFORE_APPROVAL
    since = clock.now() - timedelta(days=1)
    sent = session.scalar(
        select(func.count(AttendingInvitation.id)).where(
            AttendingInvitation.agency_id == agency_id, AttendingInvitation.sent_at > since
        )
    )
    if (sent or 0) >= most:
        raise TooMany(
            f"Your agency can invite {most} attendings a day. Nothing was sent. Go on tomorrow.",
            3600,
        )


def may_write(session: Session, actor: Actor, agency_id: UUID, attending_id: UUID) -> bool:
    """May a list be put before the attending by a message of its own? Before the yes it stands on
    the page of the invitation, which goes out now where it has not, or has ended.

    Conflict when the attending does not work with the agency, or has left it.
    """
    works = affiliation(session, agency_id, attending_id)
    if works is None or works.ended_at is not None:
        raise Conflict("This attending does not work with your agency. Choose another one.", "left")
    if works.accepted_at is not None:
        return True
    row = invitation_of(session, agency_id, attending_id)
    if row.id is None:  # the agency came here with an archive, which holds no invitations
        doctor = session.get_one(Attending, attending_id)
        row.npi, row.name, row.email = doctor.npi, doctor.display_name, works.email
    if state_of(row) in ("held", "expired"):
        send(session, actor, row)
    return False


def by_signature(session: Session, signature: ScopeSignature) -> None:
    """Who signs a list of an agency works with it (the agency's session)."""
    works = affiliation(session, signature.agency_id, signature.attending_id)
    if works is not None and works.accepted_at is None and works.ended_at is None:
        row = invitation_of(session, signature.agency_id, signature.attending_id)
        join(session, row, works, signature.decided_at or clock.now())


def join(
    session: Session, row: AttendingInvitation, works: Affiliation | None, at: datetime
) -> None:
    """They work together from now on."""
    if works is None:
        works = Affiliation(agency_id=row.agency_id, attending_id=row.attending_id)
        session.add(works)
    works.email, works.accepted_at, works.ended_at = row.email, at, None
    row.accepted_at, row.declined_at = at, None
    session.flush()
    publish(session, AttendingJoined(row.attending_id, row.agency_id, row.npi))


def waits_words(row: AttendingInvitation) -> str:
    """Where an invitation stands, for the agency."""
    match state_of(row):
        case "held":
            return "Not invited yet: the message goes out with the first list to sign"
        case "waiting":
            assert row.sent_at and row.expires_at
            return f"Invited on {day(row.sent_at.date())}, link to {day(row.expires_at.date())}"
        case "expired":
            assert row.expires_at
            return f"No answer. The link ended on {day(row.expires_at.date())}"
        case "declined":
            assert row.declined_at
            return f"Said no on {day(row.declined_at.date())}"
        case "withdrawn":
            return "You took the invitation back"
        case _:
            return "Said yes"
