"""Reactions to news: each writes one outbox row in the transaction that made the news.

Addresses are in `person`, which no agency's session may read, so the telling itself runs later in
a system session of its own.

A link's token is a secret. It must reach the mail, and nothing but its hash is stored with the
booking, so it travels in the outbox row. That row carries a random ticket; the handler takes the
token out of the row in the transaction that writes the mail (`jobs.tell`). From then on the token
is in the message only. Deriving it from a server key instead would let whoever reads the key and
the database decide for every attending.
"""

from sqlalchemy.orm import Session

from marketplace.bookings.events import AttendingAsked, BookingMoved
from marketplace.core import clock, context, ids, outbox
from marketplace.core.events import subscribe
from marketplace.listings.events import (
    AttendingClosed,
    AttendingInvited,
    AttendingLeft,
    InvitationAnswered,
    ListingModerated,
    SignatureAsked,
    SignatureDecided,
)
from marketplace.notifications import of_agency
from marketplace.notifications.messages import messages_for
from marketplace.payments.events import (
    InstallmentFailed,
    InstallmentPaid,
    RefundSent,
    TransferSent,
)
from marketplace.placements.events import LetterMoved
from marketplace.storefront.events import DomainMoved
from marketplace.verification.events import EvidenceDecided, EvidenceEnds, StandingChanged

TOPIC = "notifications.tell"


def _tell(session: Session, occasion: str, **detail: str) -> None:
    ticket = f"{TOPIC}:{ids.uuid7()}" if "token" in detail else ""
    outbox.enqueue(
        session,
        TOPIC,
        {
            "occasion": occasion,
            "detail": detail | {"at": clock.now().isoformat()},
            "ticket": ticket,
        },
        scope=context.system("notify"),
        effect_key=ticket or None,
    )


@subscribe(BookingMoved)
def on_booking(session: Session, event: BookingMoved) -> None:
    """A step that somebody should know of."""
    if not messages_for(event.event, event.source, event.actor_kind):
        return
    detail = {
        "booking_id": str(event.booking_id),
        "seq": str(event.seq),
        "source": event.source,
        "actor": event.actor_kind,
    }
    if event.deadline_at:
        detail["deadline"] = event.deadline_at.isoformat()
    _tell(session, event.event, **detail)


@subscribe(AttendingAsked)
def on_asked(session: Session, event: AttendingAsked) -> None:
    """The attending's link."""
    occasion = "reminded" if event.reminder else "asked"
    _tell(session, occasion, booking_id=str(event.booking_id), token=event.token)


@subscribe(SignatureAsked)
def on_signature_asked(session: Session, event: SignatureAsked) -> None:
    """The attending's link to the task list."""
    signature = str(event.signature_id)
    _tell(session, "signature_asked", signature_id=signature, token=event.token)


@subscribe(SignatureDecided)
def on_signature_decided(session: Session, event: SignatureDecided) -> None:
    """The answer, to the agency."""
    _tell(session, "signature_decided", signature_id=str(event.signature_id))


@subscribe(AttendingInvited)
def on_attending_invited(session: Session, event: AttendingInvited) -> None:
    """Who asks to work with them, to the attending."""
    _tell(
        session,
        "attending_invited",
        invitation_id=str(event.invitation_id),
        once=event.once,
        token=event.token,
    )


@subscribe(AttendingLeft)
def on_attending_left(session: Session, event: AttendingLeft) -> None:
    """What stops and what goes on, to the agency."""
    _tell(
        session,
        "attending_left",
        agency_id=str(event.agency_id),
        attending_id=str(event.attending_id),
        paused=" ".join(map(str, event.paused)),
        at=event.at,
    )


@subscribe(InvitationAnswered)
def on_invitation_answered(session: Session, event: InvitationAnswered) -> None:
    """The answer, to the agency."""
    _tell(
        session,
        "invitation_answered",
        invitation_id=str(event.invitation_id),
        variant="" if event.yes else "no",
    )


@subscribe(InstallmentPaid)
def on_paid(session: Session, event: InstallmentPaid) -> None:
    """A receipt for every payment."""
    _tell(session, "installment_paid", plan_id=str(event.plan_id), part=str(event.seq))


@subscribe(InstallmentFailed)
def on_failed(session: Session, event: InstallmentFailed) -> None:
    """What the candidate can do. The first failure of a deposit is told with the booking's own
    step, which sets the deadline; both have the same key."""
    _tell(session, "payment_failed", plan_id=str(event.plan_id), part=str(event.seq))


@subscribe(RefundSent)
def on_refund(session: Session, event: RefundSent) -> None:
    """Money left for the candidate's card."""
    _tell(session, "refund_sent", plan_id=str(event.plan_id))


@subscribe(TransferSent)
def on_share(session: Session, event: TransferSent) -> None:
    """A share reached the agency's account."""
    _tell(session, "share_sent", plan_id=str(event.plan_id), share=event.share)


@subscribe(LetterMoved)
def on_letter(session: Session, event: LetterMoved) -> None:
    """The attending marked the letter as uploaded."""
    if event.status == "uploaded":
        _tell(session, "letter_uploaded", booking_id=str(event.booking_id))


@subscribe(ListingModerated)
def on_moderated(session: Session, event: ListingModerated) -> None:
    """The platform decided about a listing."""
    _tell(
        session,
        "listing_moderated",
        rotation_id=str(event.rotation_id),
        reason=event.reason,
        variant="" if event.taken_down else "restored",
        once=event.once,
    )


@subscribe(EvidenceDecided)
def on_decided(session: Session, event: EvidenceDecided) -> None:
    """The platform's answer to what an agency sent, with its reason."""
    _tell(
        session,
        "evidence_decided",
        agency_id=str(event.agency_id),
        step_id=str(event.step_id),
        event=event.event,
        reason=event.reason,
        papers=event.papers,
    )


@subscribe(StandingChanged)
def on_standing(session: Session, event: StandingChanged) -> None:
    """What an admin decided about an agency; the approval is told with its papers, an end of
    papers with the paper."""
    if event.step_id is None or event.event == "approve":
        return
    _tell(
        session,
        "standing_changed",
        agency_id=str(event.agency_id),
        step_id=str(event.step_id),
        event=event.event,
        reason=event.reason,
    )


@subscribe(EvidenceEnds)
def on_paper_ends(session: Session, event: EvidenceEnds) -> None:
    """A paper ends soon, or has ended."""
    key = str(event.evidence_id)
    _tell(session, "evidence_ends", evidence_id=key, days=str(event.days))


@subscribe(AttendingClosed)
def on_attending_closed(session: Session, event: AttendingClosed) -> None:
    """A finding closed the listings of an attending: every agency of theirs."""
    key = str(event.attending_id)
    _tell(session, "attending_closed", attending_id=key, words=event.words)


@subscribe(DomainMoved)
def on_domain(session: Session, event: DomainMoved) -> None:
    """An agency's own address began to show its site, or stopped."""
    of_agency.enqueue(
        session,
        "site_address",
        event.agency_id,
        variant="" if event.is_verified else "lost",
        once=event.once,
        address=event.host,
    )
