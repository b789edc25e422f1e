"""Bodies of the booking's jobs."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.bookings import card, operations, states
from marketplace.bookings.models import Booking
from marketplace.core import clock, context
from marketplace.core.context import Scope
from marketplace.core.db import open_session
from marketplace.core.errors import Gone
from marketplace.core.jobs import handler, outside_handler
from marketplace.payments import queries as payments
from marketplace.payments.models import Installment

log = logging.getLogger("rounds.bookings")

REMIND_BEFORE = timedelta(hours=24)
BATCH = 200


@handler("bookings.deposit_paid")
def deposit_paid(session: Session, plan_id: str) -> None:
    """Confirm."""
    operations.deposit_paid(session, UUID(plan_id))


@handler("bookings.deposit_failed")
def deposit_failed(session: Session, plan_id: str) -> None:
    """Ask for another card."""
    operations.deposit_failed(session, UUID(plan_id))


@handler("bookings.share_earned")
def share_earned(session: Session, booking_id: str, share: str, percent: int, due_at: str) -> None:
    """Schedule the release of a share."""
    operations.share_earned(
        session,
        UUID(booking_id),
        share=share,
        percent=percent,
        due_at=datetime.fromisoformat(due_at),
    )


@handler("bookings.return_money")
def return_money(session: Session, booking_id: str) -> None:
    """Stop the plan and return what was paid."""
    operations.return_money(session, UUID(booking_id))


@outside_handler("bookings.card_saved")
def card_saved(scope: Scope, plan_id: str) -> None:
    """Fetch the card setup and send the request, if the candidate's browser did not."""
    with open_session(scope, readonly=True) as session:
        booking = session.scalars(
            select(Booking).where(Booking.plan_id == UUID(plan_id))
        ).one_or_none()
        booking_id = booking.id if booking else None
    if booking_id is None:
        return
    try:
        card.finish(scope, booking_id)
    except Gone:
        log.info("card saved after the hold ended", extra={"plan_id": plan_id})


@outside_handler("bookings.charge_deposits")
def charge_deposits(scope: Scope) -> None:
    """Make due the deposit of each accepted booking whose undo time is over."""
    with open_session(scope, readonly=True) as session:
        due = session.execute(
            select(Booking.id, Booking.agency_id)
            .join(Installment, Installment.plan_id == Booking.plan_id)
            .where(
                Booking.state == "accepted",
                Booking.deposit_due_at <= clock.now(),
                Installment.seq == 0,
                Installment.state == "scheduled",
                Installment.next_try_at.is_(None),
            )
            .limit(BATCH)
        ).all()
    for booking_id, agency_id in due:
        _in_agency(operations.deposit_due, booking_id, agency_id)


@outside_handler("bookings.expire_due")
def expire_due(scope: Scope) -> None:
    """End what its deadline has ended, and what stayed unpaid past its grace."""
    with open_session(scope, readonly=True) as session:
        due = session.execute(
            select(Booking.id, Booking.agency_id)
            .where(Booking.state.in_(tuple(states.DEADLINE)), Booking.deadline_at <= clock.now())
            .order_by(Booking.deadline_at)
            .limit(BATCH)
        ).all()
        unpaid = session.execute(
            select(Booking.id, Booking.agency_id)
            .join(Installment, Installment.plan_id == Booking.plan_id)
            .where(
                Booking.state == "confirmed",
                Installment.state.in_(("declined", "needs_action", "scheduled")),
                Installment.pay_until <= clock.now(),
            )
            .limit(BATCH)
        ).all()
    for booking_id, agency_id in due:
        _in_agency(_expire, booking_id, agency_id)
    for booking_id, agency_id in unpaid:
        _in_agency(operations.grace_over, booking_id, agency_id)


def _expire(session: Session, booking_id: UUID) -> None:
    booking = operations.locked(session, booking_id)
    flying = booking.plan_id is not None and payments.in_flight(session, booking.plan_id)
    operations.expire(session, booking_id, flying)


@outside_handler("bookings.remind")
def remind(scope: Scope) -> None:
    """Remind each attending once, 24 hours before the decision is due."""
    with open_session(scope, readonly=True) as session:
        due = session.execute(
            select(Booking.id, Booking.agency_id).where(
                Booking.state == "approved",
                Booking.deadline_at <= clock.now() + REMIND_BEFORE,
                Booking.deadline_at > clock.now(),
                Booking.reminded_at.is_(None),
            )
        ).all()
    for booking_id, agency_id in due:
        _in_agency(_remind, booking_id, agency_id)


def _remind(session: Session, booking_id: UUID) -> None:
    booking = operations.locked(session, booking_id)
    if booking.state == "approved" and booking.reminded_at is None:
        booking.reminded_at = clock.now()
        operations.ask_attending(session, booking, reminder=True)


def _in_agency(
    function: Callable[[Session, UUID], None], booking_id: UUID, agency_id: UUID
) -> None:
    """Run one row in its agency's scope; its failure must not hold up the others."""
    try:
        with open_session(context.agency(agency_id)) as session:
            function(session, booking_id)
    except Exception:  # the row stays due and is tried at the next tick
        log.exception("booking row failed", extra={"booking": str(booking_id)})
