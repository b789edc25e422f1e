"""From what happened to who reads what: loads the rows, asks the table, delivers (system sessions).

An occasion comes with plain `detail`: ids, and what was true when it happened.
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.bookings.models import Booking
from marketplace.core import formats
from marketplace.listings.models import AttendingInvitation, Rotation, ScopeSignature
from marketplace.listings.operations import LINK_DAYS
from marketplace.notifications import wording
from marketplace.notifications.delivery import Readers, deliver
from marketplace.notifications.extras import extra_of
from marketplace.notifications.letters import About, Fact, compose, letter
from marketplace.notifications.messages import Message, messages_for
from marketplace.payments.models import Installment, Refund, Transfer
from marketplace.payments.queries import plan_view
from marketplace.tenants.models import Agency

Detail = Mapping[str, str]
_OUTGOING = ("scheduled", "sending", "unknown", "blocked")


def tell_of_booking(session: Session, occasion: str, detail: Detail) -> None:
    """Tell everybody whom the table names for this occasion of a booking."""
    booking = _booking(session, detail)
    known = _occasion(session, occasion, booking, detail) if booking else None
    if booking is None or known is None:
        return
    about = About(
        booking=booking,
        agency_slug=session.get_one(Agency, booking.agency_id).slug,
        view=plan_view(session, booking.plan_id) if booking.plan_id else None,
        detail={"event": occasion, **detail, **known},
    )
    for message in messages_for(occasion, detail.get("source", ""), detail.get("actor", "")):
        extra = extra_of(message.slug, about)
        if extra is not None:
            key = f"{message.slug}:{booking.id}:{known['once']}"
            deliver(session, message, letter(message, about, extra), _to(message, booking), key)


def tell_of_signature(session: Session, occasion: str, detail: Detail) -> None:
    """Tell the attending that a list waits for a signature, or the agency how it was answered."""
    row = session.get_one(ScopeSignature, UUID(detail["signature_id"]))
    rotation = session.get_one(Rotation, row.rotation_id)
    agency = session.get_one(Agency, row.agency_id)
    ends = (row.asked_at + timedelta(days=LINK_DAYS)).date()
    slots = {
        "rotation": rotation.title,
        "agency": agency.name,
        "attending": formats.doctor(rotation.attending.display_name),
        "date": wording.weekday(ends),
    }
    facts = (
        Fact("Rotation", rotation.title),
        Fact("Version", str(row.version)),
        Fact("Where", rotation.site.name),
        Fact("Agency", agency.name),
        Fact("Note", row.comment if row.decision == "refused" else ""),
        Fact("Listing", _live_words(rotation, row.version) if row.decision == "signed" else ""),
    )
    places = {
        "agency": agency.slug,
        "listing": rotation.slug,
        "token": detail.get("token", ""),
    }
    once = _of_token(detail) if "token" in detail else row.decision or ""
    for message in messages_for(occasion):
        readers = (
            Readers(agency_id=row.agency_id)
            if message.to == "agency"
            else Readers(person_id=row.attending_id)
        )
        words = compose(message, slots, facts, places, variant=row.decision or "")
        deliver(session, message, words, readers, f"{message.slug}:{row.id}:{once}")


def _live_words(rotation: Rotation, version: int) -> str:
    live = rotation.public and rotation.version == version
    return "Live now" if live else "Not live yet: its check names what is missing"


def tell_of_moderation(session: Session, occasion: str, detail: Detail) -> None:
    """Tell an agency that the platform took a listing down, or gave it back, and why."""
    rotation = session.get_one(Rotation, UUID(detail["rotation_id"]))
    agency = session.get_one(Agency, rotation.agency_id)
    facts = (
        Fact("Rotation", rotation.title),
        Fact("Where", rotation.site.name),
        Fact("Reason", detail["reason"]),
    )
    places = {"agency": agency.slug, "listing": rotation.slug}
    for message in messages_for(occasion):
        slots = {"rotation": rotation.title}
        words = compose(message, slots, facts, places, variant=detail["variant"])
        key = f"{message.slug}:{rotation.id}:{detail['once']}"
        deliver(session, message, words, Readers(agency_id=agency.id), key)


def tell_of_invitation(session: Session, occasion: str, detail: Detail) -> None:
    """Ask an attending to work with an agency, or tell the agency the answer. What the agency
    reads of the attending is what it typed itself."""
    row = session.get_one(AttendingInvitation, UUID(detail["invitation_id"]))
    agency = session.get_one(Agency, row.agency_id)
    variant = detail.get("variant", "")
    slots: dict[str, object] = {
        "agency": agency.name,
        "attending": formats.doctor(row.name) if row.name else f"The attending with NPI {row.npi}",
    }
    if row.expires_at:
        slots["date"] = wording.weekday(row.expires_at.date())
    facts = (Fact("Agency", agency.name), Fact("NPI", row.npi))
    places = {"agency": agency.slug, "token": detail.get("token", "")}
    once = f"{detail.get('once', '')}{variant}"
    for message in messages_for(occasion):
        readers = (
            Readers(agency_id=row.agency_id)
            if message.to == "agency"
            else Readers(person_id=row.attending_id)
        )
        words = compose(message, slots, facts, places, variant=variant)
        deliver(session, message, words, readers, f"{message.slug}:{row.id}:{once}")


def _booking(session: Session, detail: Detail) -> Booking | None:
    """The booking of the news. A plan without one has nobody to tell."""
    if "booking_id" in detail:
        return session.get_one(Booking, UUID(detail["booking_id"]))
    found = select(Booking).where(Booking.plan_id == UUID(detail["plan_id"]))
    return session.scalars(found).one_or_none()


def _to(message: Message, booking: Booking) -> Readers:
    match message.to:
        case "candidate":
            return Readers(person_id=booking.candidate_id)
        case "attending":
            return Readers(person_id=booking.attending_id)
        case "agency":
            return Readers(agency_id=booking.agency_id)


# --- which occasion it is -----------------------------------------------------------------------


def _occasion(
    session: Session, occasion: str, booking: Booking, detail: Detail
) -> dict[str, str] | None:
    """What makes this occasion one of its own (`once`), and what belongs to it. None: not yet."""
    match occasion:
        case "asked" | "reminded":
            return {"once": _of_token(detail)}
        case "installment_paid" | "installment_due":
            return {"once": detail["part"]}
        case "payment_failed":
            return _failure(session, booking, int(detail.get("part", "0")))
        case "refund_sent":
            return _refund(session, booking)
        case "share_sent":
            return _share(session, booking, detail["share"])
        case _:
            return {"once": detail.get("seq", "1")}


def _of_token(detail: Detail) -> str:
    """A link replaces the one before, so each is news; its hash does not give it away."""
    return hashlib.sha256(f"mail:{detail['token']}".encode()).hexdigest()[:16]


def _failure(session: Session, booking: Booking, seq: int) -> dict[str, str]:
    """One message for each attempt and for each thing that is asked of the candidate."""
    part = session.scalars(
        select(Installment).where(Installment.plan_id == booking.plan_id, Installment.seq == seq)
    ).one()
    asked = "confirm" if part.state == "needs_action" else "card"
    return {"part": str(seq), "once": f"{seq}:{part.attempts}:{asked}"}


def _refund(session: Session, booking: Booking) -> dict[str, str] | None:
    """One message for all refunds of a cancellation, when the last of them has left."""
    rows = session.scalars(
        select(Refund).where(Refund.plan_id == booking.plan_id).order_by(Refund.id)
    ).all()
    sent = [row for row in rows if row.state == "succeeded"]
    if not sent or any(row.state in _OUTGOING for row in rows):
        return None
    return {"once": str(sent[-1].id)}


def _share(session: Session, booking: Booking, share: str) -> dict[str, str] | None:
    """One message for all transfers of a share, when the last of them has left."""
    rows = session.scalars(
        select(Transfer).where(Transfer.plan_id == booking.plan_id, Transfer.share == share)
    ).all()
    if not rows or any(row.state in _OUTGOING for row in rows):
        return None
    cents = sum(row.amount_cents for row in rows if row.state == "succeeded")
    return {"once": share, "cents": str(cents)}
