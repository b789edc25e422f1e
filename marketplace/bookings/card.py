"""Saving a card and confirming payments: calls to the provider between two transactions."""

from dataclasses import dataclass
from uuid import UUID

from marketplace.bookings import operations
from marketplace.bookings.models import Booking
from marketplace.core.context import Scope
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict, NotFound
from marketplace.payments import jobs as payment_jobs
from marketplace.payments import operations as payments
from marketplace.payments import queries
from marketplace.payments.gateway import NeedsAction, Setup
from marketplace.payments.gateways import gateway
from marketplace.payments.models import Charge, Customer, PaymentPlan


@dataclass(frozen=True)
class CardSession:
    """What the card page needs. The secret is for this candidate's browser only."""

    setup_id: str
    client_secret: str


def begin(scope: Scope, booking_id: UUID, *, email: str) -> CardSession:
    """Start saving a card for a booking's plan; the customer is made once for a person."""
    with open_session(scope, readonly=True) as session:
        booking = _own(session.get(Booking, booking_id))
        plan = session.get(PaymentPlan, booking.plan_id) if booking.plan_id else None
        if plan is None:
            raise Conflict("Please accept the terms first.", "no_plan")
        known = session.get(Customer, booking.candidate_id)
        customer = known.external_id if known else None
        person_id, plan_id = booking.candidate_id, plan.id
    if customer is None:
        customer = gateway().ensure_customer(str(person_id), email, key=f"customer:{person_id}")
        with open_session(scope) as session:
            if session.get(Customer, person_id) is None:
                session.add(Customer(person_id=person_id, external_id=customer))
    # a fresh setup each time: an old one may have failed, and nothing is charged by it
    with open_session(scope) as session:
        plan = payments.locked_plan(session, plan_id)
        plan.setups += 1
        number = plan.setups
    started = gateway().start_setup(customer, key=f"setup:{plan_id}:{number}")
    with open_session(scope) as session:
        plan = payments.locked_plan(session, plan_id)
        plan.customer_id, plan.setup_id = customer, started.id
    return CardSession(started.id, started.client_secret)


def finish(scope: Scope, booking_id: UUID) -> bool:
    """Ask the provider whether the card is saved; if so use it and send the request.

    False while the provider says it is not saved. Safe to repeat. Gone when the hold has ended.
    """
    with open_session(scope, readonly=True) as session:
        booking = _own(session.get(Booking, booking_id))
        plan = session.get(PaymentPlan, booking.plan_id) if booking.plan_id else None
        if plan is None or plan.setup_id is None:
            raise Conflict("Please enter a card first.", "no_setup")
        plan_id, setup_id, method = plan.id, plan.setup_id, plan.payment_method
    setup: Setup = gateway().fetch_setup(setup_id)
    if setup.status != "succeeded" or setup.payment_method is None or setup.card is None:
        return False
    with open_session(scope) as session:
        operations.locked(session, booking_id)
        if setup.payment_method != method:
            payments.save_card(
                session,
                plan_id,
                payment_method=setup.payment_method,
                brand=setup.card.brand,
                last4=setup.card.last4,
                exp=f"{setup.card.exp_month:02d}/{setup.card.exp_year % 100:02d}",
            )
        operations.send_request(session, booking_id)
    return True


@dataclass(frozen=True)
class Confirmation:
    """A payment that the candidate's bank wants confirmed."""

    client_secret: str
    redirect_url: str | None
    amount_cents: int


def confirmation(scope: Scope, booking_id: UUID) -> Confirmation | None:
    """The payment to confirm, fetched from the provider; None when nothing waits any more."""
    found = _waiting(scope, booking_id)
    if found is None:
        return None
    charge_id, agency_id, intent, cents = found
    outcome = gateway().fetch_payment(intent)
    if isinstance(outcome, NeedsAction):
        return Confirmation(outcome.client_secret, outcome.redirect_url, cents)
    payment_jobs.settle(charge_id, agency_id, outcome)
    return None


def confirmed(scope: Scope, booking_id: UUID) -> None:
    """The candidate came back from the confirmation: ask the provider how it went."""
    found = _waiting(scope, booking_id)
    if found is not None:
        payment_jobs.settle(found[0], found[1], gateway().fetch_payment(found[2]))


def _waiting(scope: Scope, booking_id: UUID) -> tuple[UUID, UUID, str, int] | None:
    with open_session(scope, readonly=True) as session:
        booking = _own(session.get(Booking, booking_id))
        if booking.plan_id is None:
            return None
        problem = queries.plan_view(session, booking.plan_id).problem
        attempt: Charge | None = (
            queries.open_confirmation(session, problem.installment_id) if problem else None
        )
        if attempt is None or attempt.intent_id is None:
            return None
        return attempt.id, attempt.agency_id, attempt.intent_id, attempt.amount_cents


def _own(booking: Booking | None) -> Booking:
    if booking is None:
        raise NotFound
    return booking
