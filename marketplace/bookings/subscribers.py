"""Reactions to payments. They only write outbox rows: a booking is locked before its plan, so the
booking must not be touched inside a transaction that holds the plan."""

from sqlalchemy.orm import Session

from marketplace.core import context, outbox
from marketplace.core.events import subscribe
from marketplace.payments.events import InstallmentFailed, InstallmentPaid, SetupSettled


@subscribe(InstallmentPaid)
def on_paid(session: Session, event: InstallmentPaid) -> None:
    """A paid deposit confirms its booking."""
    if event.seq == 0:
        outbox.enqueue(
            session,
            "bookings.deposit_paid",
            {"plan_id": str(event.plan_id)},
            scope=context.agency(event.agency_id),
        )


@subscribe(InstallmentFailed)
def on_failed(session: Session, event: InstallmentFailed) -> None:
    """A failed deposit asks the candidate to act."""
    if event.seq == 0:
        outbox.enqueue(
            session,
            "bookings.deposit_failed",
            {"plan_id": str(event.plan_id)},
            scope=context.agency(event.agency_id),
        )


@subscribe(SetupSettled)
def on_setup(session: Session, event: SetupSettled) -> None:
    """A card was saved, perhaps by a browser that never came back: go on without it."""
    outbox.enqueue(
        session,
        "bookings.card_saved",
        {"plan_id": str(event.plan_id)},
        scope=context.agency(event.agency_id),
    )
