"""Saving a card and confirming payments: calls to the provider between two transactions."""

import logging
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from marketplace.bookings import operations
from marketplace.bookings.models import Booking
from marketplace.core.context import Scope
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict, NotFound
from marketplace.core.ids import uuid7
from marketplace.payments import jobs as payment_jobs
from marketplace.payments import operations as payments
from marketplace.payments import queries
from marketplace.payments.gateway import GatewayMisuse, NeedsAction, Setup
from marketplace.payments.gateways import gateway
from marketplace.payments.models import Charge, Customer, PaymentPlan

log = logging.getLogger("rounds.bookings")


@dataclass(frozen=True)
class CardSession:
    """What the card page needs. The secret is for this candidate's browser only."""

    setup_id: str
    client_secret: str


@dataclass(frozen=True)
class _Try:
    """A claimed try to save a card."""

    plan_id: UUID
    customer: str
    number: int


def begin(scope: Scope, booking_id: UUID, *, email: str) -> CardSession:
    """Start saving a card for a booking's plan; the customer is made once for a person.

    A fresh setup each time: an old one may have failed, and nothing is charged by it. Raises
    Unavailable when the provider does not answer, Conflict before the terms are accepted.
    """
    claimed = _claim(scope, booking_id, email)
    started = gateway().start_setup(
        claimed.customer, key=f"setup:{claimed.plan_id}:{claimed.number}"
    )
    _remember(scope, claimed, started.id)
    return CardSession(started.id, started.client_secret)


def begin_hosted(
    scope: Scope, booking_id: UUID, *, email: str, return_url: str, cancel_url: str
) -> str:
    """Start saving a card on the provider's own page, for browsers without our scripts.

    Returns that page's address. Raises as `begin` does.
    """
    claimed = _claim(scope, booking_id, email)
    key = f"hosted:{claimed.plan_id}:{claimed.number}"
    started = gateway().start_hosted_setup(claimed.customer, return_url, cancel_url, key=key)
    _remember(scope, claimed, started.id)
    return started.url


def _claim(scope: Scope, booking_id: UUID, email: str) -> _Try:
    with open_session(scope) as session:
        booking = _own(session.get(Booking, booking_id))
        if booking.plan_id is None:
            raise Conflict("Please accept the terms first.", "no_plan")
        plan_id, person_id = booking.plan_id, booking.candidate_id
        known = session.get(Customer, person_id)
        customer = known.external_id if known else ""
        plan = payments.locked_plan(session, plan_id)
        plan.setups += 1
        number = plan.setups
    if not customer:
        customer = gateway().ensure_customer(str(person_id), email, key=f"customer:{person_id}")
        _keep_customer(scope, person_id, customer)
    return _Try(plan_id, customer, number)


def _keep_customer(scope: Scope, person_id: UUID, customer: str) -> None:
    try:
        with open_session(scope) as session:
            if session.get(Customer, person_id) is None:
                session.add(Customer(person_id=person_id, external_id=customer))
    except IntegrityError:  # another page of the same person was faster, with the same customer
        log.info("customer was kept by another request", extra={"person_id": str(person_id)})


def _remember(scope: Scope, claimed: _Try, setup_id: str) -> None:
    with open_session(scope) as session:
        payments.remember_setup(
            session, claimed.plan_id, customer_id=claimed.customer, setup_id=setup_id
        )


def finish(scope: Scope, booking_id: UUID, setup_id: str | None = None) -> bool:
    """Ask the provider whether the card is saved; if so use it and send the request.

    `setup_id` is the one that a browser says it finished (two open tabs have two of them); it
    counts only when it belongs to the plan's customer. False while no card is saved. Safe to
    repeat. Gone when the hold has ended, Unavailable when the provider does not answer.
    """
    with open_session(scope, readonly=True) as session:
        booking = _own(session.get(Booking, booking_id))
        plan = session.get(PaymentPlan, booking.plan_id) if booking.plan_id else None
        if plan is None or plan.setup_id is None:
            raise Conflict("Please enter a card first.", "no_setup")
        plan_id, customer, method = plan.id, plan.customer_id, plan.payment_method
        wanted = setup_id or plan.setup_id
    setup = _fetch(wanted)
    if setup is None or setup.customer != customer or setup.status != "succeeded":
        return False
    if setup.payment_method is None or setup.card is None:
        return False
    with open_session(scope) as session:
        booking = operations.locked(session, booking_id)
        if setup.payment_method != method:
            payments.save_card(
                session,
                plan_id,
                payment_method=setup.payment_method,
                brand=setup.card.brand,
                last4=setup.card.last4,
                exp=f"{setup.card.exp_month:02d}/{setup.card.exp_year % 100:02d}",
            )
        operations.send_request(session, booking)
    return True


def _fetch(setup_id: str) -> Setup | None:
    """The setup; None for an id that the provider does not know (somebody made it up)."""
    try:
        return gateway().fetch_setup(setup_id)
    except GatewayMisuse:
        log.warning("unknown card setup", extra={"setup_id": setup_id})
        return None


@dataclass(frozen=True)
class Confirmation:
    """A payment that the candidate's bank wants confirmed, with the card that is saved."""

    client_secret: str
    payment_method: str
    amount_cents: int


@dataclass(frozen=True)
class _Waiting:
    """The attempt that waits for the candidate."""

    charge_id: UUID
    agency_id: UUID
    intent: str
    payment_method: str
    amount_cents: int


def confirmation(scope: Scope, booking_id: UUID) -> Confirmation | None:
    """The payment to confirm, fetched from the provider; None when nothing waits any more."""
    found = _waiting(scope, booking_id)
    if found is None:
        return None
    outcome = gateway().fetch_payment(found.intent)
    if isinstance(outcome, NeedsAction):
        return Confirmation(outcome.client_secret, found.payment_method, found.amount_cents)
    payment_jobs.settle(found.charge_id, found.agency_id, outcome)
    return None


def bank_page(scope: Scope, booking_id: UUID, *, return_url: str) -> str | None:
    """The bank's own page for a payment to confirm, for browsers without our scripts; None when
    nothing waits any more. The payment is the same one, so no try can charge twice."""
    found = _waiting(scope, booking_id)
    if found is None:
        return None
    outcome = gateway().continue_payment(
        found.intent, return_url, found.payment_method, key=f"confirm:{uuid7()}"
    )
    if isinstance(outcome, NeedsAction):
        return outcome.redirect_url
    payment_jobs.settle(found.charge_id, found.agency_id, outcome)
    return None


def confirmed(scope: Scope, booking_id: UUID) -> None:
    """The candidate came back from the confirmation: ask the provider how it went."""
    found = _waiting(scope, booking_id)
    if found is not None:
        outcome = gateway().fetch_payment(found.intent)
        payment_jobs.settle(found.charge_id, found.agency_id, outcome)


def _waiting(scope: Scope, booking_id: UUID) -> _Waiting | None:
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
        return _Waiting(
            attempt.id,
            attempt.agency_id,
            attempt.intent_id,
            attempt.payment_method,
            attempt.amount_cents,
        )


def _own(booking: Booking | None) -> Booking:
    if booking is None:
        raise NotFound
    return booking
