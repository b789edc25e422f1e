"""Reactions to news: each writes one outbox row, in the transaction that made the news.

Addresses are in `person`, which no agency's session may read, so the telling itself runs in a
system session of its own. A link's token travels in the row's payload and nowhere else.
"""

from sqlalchemy.orm import Session

from marketplace.bookings.events import AttendingAsked, BookingMoved
from marketplace.core import context, outbox
from marketplace.core.events import subscribe
from marketplace.listings.events import SignatureAsked
from marketplace.notifications.messages import MESSAGES
from marketplace.payments.events import InstallmentFailed, InstallmentPaid


def _tell(session: Session, topic: str, **payload: str) -> None:
    outbox.enqueue(session, topic, dict(payload), scope=context.system("notify"))


@subscribe(BookingMoved)
def on_booking(session: Session, event: BookingMoved) -> None:
    """A step that somebody should know of."""
    if event.event in MESSAGES:
        _tell(
            session,
            "notifications.booking",
            booking_id=str(event.booking_id),
            event=event.event,
            seq=str(event.seq),
        )


@subscribe(AttendingAsked)
def on_asked(session: Session, event: AttendingAsked) -> None:
    """The attending's link."""
    _tell(
        session,
        "notifications.decide",
        booking_id=str(event.booking_id),
        token=event.token,
        reminder="1" if event.reminder else "",
    )


@subscribe(SignatureAsked)
def on_signature(session: Session, event: SignatureAsked) -> None:
    """The attending's link to the task list."""
    _tell(session, "notifications.sign", signature_id=str(event.signature_id), token=event.token)


@subscribe(InstallmentPaid)
def on_paid(session: Session, event: InstallmentPaid) -> None:
    """A receipt for each installment; the deposit's comes with the confirmation."""
    if event.seq:
        _tell(session, "notifications.installment", installment_id=str(event.installment_id))


@subscribe(InstallmentFailed)
def on_failed(session: Session, event: InstallmentFailed) -> None:
    """A later installment that needs the candidate; the deposit's comes with the booking."""
    if event.seq:
        _tell(session, "notifications.installment", installment_id=str(event.installment_id))
