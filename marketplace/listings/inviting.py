"""An agency asks an attending to work with it; the attending says yes or no.

Whoever Rounds knows by the NPI is on the agency's list only after the yes. Somebody new is there at
once, with what the agency typed and nothing else, so that a first listing can be written while the
invitation waits; until the yes nothing of it can open.
"""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from marketplace.accounts.delegates import require_attending
from marketplace.accounts.models import Person
from marketplace.accounts.permissions import require
from marketplace.accounts.tokens import token_hash
from marketplace.core import audit, clock, ids
from marketplace.core.context import Actor
from marketplace.core.errors import Conflict, Gone, NotFound
from marketplace.core.events import publish
from marketplace.core.formats import day
from marketplace.listings import catalog, consent, places, versions
from marketplace.listings.events import InvitationAnswered, SignatureAsked
from marketplace.listings.models import (
    Affiliation,
    Attending,
    AttendingInvitation,
    Rotation,
    ScopeSignature,
)
from marketplace.listings.places import Invitation
from marketplace.tenants.models import Agency

# --- the agency ---------------------------------------------------------------------------------


def invite(
    session: Session,
    actor: Actor,
    agency_id: UUID,
    wanted: Invitation,
    *,
    demo: bool = False,
    with_list: bool = False,
) -> AttendingInvitation:
    """Ask an attending to work with the agency (system session: people are nobody's).

    A known NPI is the same person again, written to at the address that they use. `with_list`: the
    message to somebody new waits for the first list that they shall sign. Invalid with a message
    beside each field; Conflict where they work together, were asked, or said no; TooMany.
    """
    require(actor, "listings.edit")
    address = places.check_invitation(wanted, demo=demo)
    doctor = session.scalars(
        select(Attending).where(Attending.npi == wanted.npi).with_for_update()
    ).one_or_none()
    known = doctor is not None
    if doctor is None:
        person = session.scalars(select(Person).where(Person.email == address)).one_or_none()
        teaches = person is not None and session.get(Attending, person.id) is not None
        places.check_new(wanted, teaches=teaches)
        slug = places.doctor_slug(session, wanted.name)
        doctor = places.new_attending(session, wanted, address, person, slug)
    row = put_down(session, agency_id, doctor, wanted, address, new=not known)
    if known or not with_list:
        consent.send(session, actor, row)
    return row


def put_down(
    session: Session,
    agency_id: UUID,
    doctor: Attending,
    wanted: Invitation,
    address: str,
    *,
    new: bool,
) -> AttendingInvitation:
    """Write an invitation that is not sent yet. `new`: nobody knew the attending before. Conflict
    as in `invite`."""
    works = consent.affiliation(session, agency_id, doctor.id)
    if works is not None and works.ended_at is None and works.accepted_at is not None:
        raise Conflict("This attending works with your agency already.", "known")
    row = consent.invitation_of(session, agency_id, doctor.id)
    _refuse_asked(row)
    row.npi, row.email = wanted.npi, address
    row.name, row.specialty = wanted.name, wanted.specialty
    row.sent_at = row.expires_at = row.token_hash = None
    row.accepted_at = row.declined_at = row.withdrawn_at = None
    if new:
        works = Affiliation(agency_id=agency_id, attending_id=doctor.id, email=address)
        session.add(works)
    elif works is not None and works.accepted_at is None:
        works.ended_at = None  # invited once as somebody new
    session.flush()
    return row


def _refuse_asked(row: AttendingInvitation) -> None:
    if row.id is None:  # made just now
        return
    state = consent.state_of(row)
    now = clock.now()
    if state in ("held", "waiting"):
        raise Conflict(f"You have asked this attending. {consent.waits_words(row)}.", "asked")
    if row.declined_at and row.declined_at + consent.QUIET > now:
        again = day((row.declined_at + consent.QUIET).date())
        raise Conflict(f"{consent.waits_words(row)}. You can ask again after {again}.", "declined")
    if row.sent_at and row.sent_at + consent.LIFE > now:
        again = day((row.sent_at + consent.LIFE).date())
        raise Conflict(f"You wrote to them a short while ago. Ask again after {again}.", "soon")


def send(session: Session, actor: Actor, key: UUID) -> AttendingInvitation:
    """Send an invitation that waits for its first list, or one that has ended. NotFound for any
    other agency's; Conflict while the last message is good, or after an answer."""
    require(actor, "listings.edit")
    row = _own(session, key)
    if consent.state_of(row) not in ("held", "expired"):
        raise Conflict(f"{consent.waits_words(row)}. Nothing was sent.", consent.state_of(row))
    consent.send(session, actor, row)
    return row


def withdraw(session: Session, actor: Actor, key: UUID) -> AttendingInvitation:
    """Take an invitation back; its link says so. Conflict when it was answered."""
    require(actor, "listings.edit")
    row = _own(session, key)
    if consent.state_of(row) not in ("held", "waiting", "expired"):
        raise Conflict(f"{consent.waits_words(row)}. Nothing changed.", consent.state_of(row))
    row.withdrawn_at = clock.now()
    _end(session, row)
    audit.record(session, actor, "attending.invitation_withdrawn", f"invitation:{row.id}")
    return row


def _own(session: Session, key: UUID) -> AttendingInvitation:
    row = session.get(AttendingInvitation, key, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound
    return row


def _end(session: Session, row: AttendingInvitation) -> None:
    """Whoever has not said yes leaves the list, and what waits for a signature ends."""
    works = consent.affiliation(session, row.agency_id, row.attending_id)
    if works is None or works.accepted_at is not None:
        return
    works.ended_at = clock.now()
    listed = session.scalars(
        select(Rotation).where(
            Rotation.agency_id == row.agency_id, Rotation.attending_id == row.attending_id
        )
    ).all()
    requests = versions.Requests(session, [listing.id for listing in listed])
    for listing in listed:
        requests.retire(listing.id, listing.version)
    session.flush()


# --- the attending ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """An invitation as the attending reads it."""

    id: UUID
    attending_id: UUID
    agency_id: UUID
    agency: str
    invited_by: str
    name: str
    npi: str
    specialty: str
    state: consent.State
    until: date | None
    answered: date | None


def by_link(session: Session, token: str) -> Asked | None:
    """The invitation behind a link (system session); None when it is not known, or the account is
    closed or blocked."""
    row = session.scalars(
        select(AttendingInvitation)
        .join(Person, Person.id == AttendingInvitation.attending_id)
        .where(
            AttendingInvitation.token_hash == token_hash(token),
            Person.closed_at.is_(None),
            Person.blocked_at.is_(None),
        )
    ).one_or_none()
    return _asked(session, row) if row else None


def waiting(session: Session, attending_id: UUID) -> tuple[Asked, ...]:
    """What an attending can answer (system session), oldest first: open invitations, and those
    that they turned down while the link works."""
    rows = session.scalars(
        select(AttendingInvitation)
        .where(
            AttendingInvitation.attending_id == attending_id,
            AttendingInvitation.accepted_at.is_(None),
            AttendingInvitation.withdrawn_at.is_(None),
            AttendingInvitation.expires_at > clock.now(),
        )
        .order_by(AttendingInvitation.sent_at)
    )
    return tuple(_asked(session, row) for row in rows)


def _asked(session: Session, row: AttendingInvitation) -> Asked:
    at = row.accepted_at or row.declined_at
    known = {one.slug: one.label for one in catalog.specialties()}
    return Asked(
        id=row.id,
        attending_id=row.attending_id,
        agency_id=row.agency_id,
        agency=session.get_one(Agency, row.agency_id).name,
        invited_by=row.invited_by,
        name=row.name,
        npi=row.npi,
        specialty=known.get(row.specialty, ""),
        state=consent.state_of(row),
        until=row.expires_at.date() if row.expires_at else None,
        answered=at.date() if at else None,
    )


def list_to_sign(session: Session, asked: Asked) -> UUID | None:
    """The first list of that agency that waits for the attending's signature."""
    return session.scalar(_open_requests(asked.agency_id, asked.attending_id).limit(1))


def _open_requests(agency_id: UUID, attending_id: UUID) -> Select[UUID]:
    return (
        select(ScopeSignature.id)
        .where(
            ScopeSignature.agency_id == agency_id,
            ScopeSignature.attending_id == attending_id,
            ScopeSignature.decision.is_(None),
            ScopeSignature.outdated_at.is_(None),
        )
        .order_by(ScopeSignature.asked_at)
    )


def answer(session: Session, actor: Actor, key: UUID, *, yes: bool) -> None:
    """Say yes or no (system session: the list is the agency's). A no can become a yes while the
    link works.

    NotFound for anybody else's; Forbidden for a delegate; Conflict when it was answered; Gone when
    it has ended or was taken back.
    """
    require_attending(actor)
    row = session.get(AttendingInvitation, key, with_for_update=True, populate_existing=True)
    if row is None or row.attending_id != actor.person_id:
        raise NotFound
    state = consent.state_of(row)
    if state == "withdrawn":
        raise Gone("The agency took this invitation back.", "withdrawn")
    if state == "accepted" or (state == "declined" and not yes):
        raise Conflict("You have answered this invitation.", "answered")
    if row.expires_at is None or row.expires_at <= clock.now():
        raise Gone("This invitation has ended. The agency can send a new one.", "expired")
    if yes:
        _say_yes(session, row)
    else:
        row.declined_at = clock.now()
        _end(session, row)
    audit.record(
        session,
        actor,
        f"attending.invitation_{'accepted' if yes else 'declined'}",
        f"invitation:{row.id}",
        agency_id=row.agency_id,
    )
    publish(session, InvitationAnswered(row.id, row.agency_id, yes))


def _say_yes(session: Session, row: AttendingInvitation) -> None:
    doctor = session.get_one(Attending, row.attending_id, with_for_update=True)
    doctor.joined_at = doctor.joined_at or clock.now()
    works = consent.affiliation(session, row.agency_id, row.attending_id)
    consent.join(session, row, works, clock.now())
    for key in session.scalars(_open_requests(row.agency_id, row.attending_id)).all():
        request, token = session.get_one(ScopeSignature, key), ids.token()
        request.token_hash, request.asked_at = token_hash(token), clock.now()
        publish(
            session,
            SignatureAsked(key, request.rotation_id, row.agency_id, row.attending_id, token),
        )
