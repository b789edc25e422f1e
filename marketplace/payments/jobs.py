"""Calls to the payment provider, each between two transactions: claim, call, settle.

A crash at any point leaves a row that says what may have happened; the sweep asks the provider
with the same key, or looks the payment up once the key is too old to be remembered (24 h).
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from marketplace.core import clock, context, outbox
from marketplace.core.context import Scope
from marketplace.core.db import open_session
from marketplace.core.events import publish
from marketplace.core.jobs import outside_handler
from marketplace.payments import operations, payouts, refusals
from marketplace.payments.events import SetupSettled
from marketplace.payments.gateway import (
    ChargeOutcome,
    ChargeRequest,
    Declined,
    NeedsAction,
    Refunded,
    Refused,
    Succeeded,
    Transferred,
    TransferRequest,
    Unknown,
)
from marketplace.payments.gateways import gateway
from marketplace.payments.models import (
    Charge,
    Installment,
    PaymentPlan,
    Refund,
    Release,
    Transfer,
    WebhookEvent,
)
from marketplace.payments.queries import payout_account

log = logging.getLogger("rounds.payments")

STUCK = timedelta(seconds=60)  # a claim without an answer for this long is asked about
KEY_LIFE = timedelta(hours=23)  # the provider remembers a key for at least 24 h
RETRY = timedelta(minutes=5)
BATCH = 200


@outside_handler("payments.charge_due")
def charge_due(scope: Scope) -> None:
    """Charge every installment whose time has come, each in its own agency's scope."""
    with open_session(scope, readonly=True) as session:
        due = session.execute(
            select(Installment.id, Installment.agency_id)
            .where(Installment.state == "scheduled", Installment.next_try_at <= clock.now())
            .order_by(Installment.next_try_at)
            .limit(BATCH)
        ).all()
    for installment_id, agency_id in due:
        _one_by_one(charge, installment_id, agency_id)


def charge(installment_id: UUID, agency_id: UUID) -> None:
    """Claim one installment, charge it, settle it."""
    own = context.agency(agency_id)
    with open_session(own) as session:
        attempt = operations.begin_charge(session, installment_id)
        if attempt is None:
            return
        charge_id = attempt.id
    send_charge(charge_id, agency_id)


def send_charge(charge_id: UUID, agency_id: UUID) -> None:
    """Call the provider for a claimed attempt and settle what it says."""
    with open_session(context.agency(agency_id), readonly=True) as session:
        attempt = session.get_one(Charge, charge_id)
        plan = session.get_one(PaymentPlan, attempt.plan_id)
        request = ChargeRequest(
            installment_id=str(attempt.installment_id),
            attempt=attempt.attempt,
            booking_reference=plan.reference,
            amount_cents=attempt.amount_cents,
            customer=plan.customer_id or "",
            payment_method=attempt.payment_method,
            currency=attempt.currency,
        )
        key, intent, started = attempt.key, attempt.intent_id, attempt.started_at
    outcome = _ask(request, key, intent, started < clock.wall() - KEY_LIFE)
    settle(charge_id, agency_id, outcome)


def _ask(request: ChargeRequest, key: str, intent: str | None, key_is_old: bool) -> ChargeOutcome:
    if intent:
        return gateway().fetch_payment(intent)
    if key_is_old:
        found = gateway().find_payment(request.customer, request.installment_id, request.attempt)
        if found is not None:
            return found
    return gateway().charge_off_session(request, key=key)


def settle(charge_id: UUID, agency_id: UUID, outcome: ChargeOutcome) -> None:
    """Write the provider's answer, whatever it is, in one transaction."""
    with open_session(context.agency(agency_id)) as session:
        match outcome:
            case Succeeded():
                operations.settle_succeeded(session, charge_id, outcome)
            case Declined():
                operations.settle_declined(session, charge_id, outcome)
            case NeedsAction():
                operations.settle_needs_action(session, charge_id, outcome)
            case Unknown():
                operations.settle_unknown(session, charge_id)


@outside_handler("payments.settle_unknown")
def settle_stuck(scope: Scope) -> None:
    """Ask about attempts, refunds and transfers that were claimed and never settled."""
    before = clock.wall() - STUCK
    with open_session(scope, readonly=True) as session:
        attempts = session.execute(
            select(Charge.id, Charge.agency_id)
            .where(Charge.state.in_(("sending", "unknown")), Charge.started_at <= before)
            .limit(BATCH)
        ).all()
    for charge_id, agency_id in attempts:
        _one_by_one(send_charge, charge_id, agency_id)


@outside_handler("payments.cancel_intent")
def cancel_intent(scope: Scope, charge_id: str) -> None:
    """Make sure an abandoned payment can no longer be confirmed; if it was, record it."""
    key = UUID(charge_id)
    with open_session(scope, readonly=True) as session:
        attempt = session.get_one(Charge, key)
        intent, agency_id = attempt.intent_id, attempt.agency_id
    if intent:
        outcome = gateway().cancel_payment(intent, key=f"cancel:{charge_id}")
        if isinstance(outcome, Succeeded):
            settle(key, agency_id, outcome)


# --- refunds and transfers ----------------------------------------------------------------------


@outside_handler("payments.send_refund")
def send_refund(scope: Scope, refund_id: str) -> None:
    """Send one refund; safe to run again at any point."""
    key = UUID(refund_id)
    with open_session(scope) as session:
        row = session.get_one(Refund, key, with_for_update=True)
        if row.state in ("succeeded", "failed", "void"):
            return
        resending = row.state != "scheduled"
        row.state, row.next_try_at = "sending", clock.wall() + RETRY
        attempt = session.get_one(Charge, row.charge_id)
        intent, cents, idempotency = attempt.intent_id or "", row.amount_cents, row.key
    known = gateway().find_refund(intent, refund_id) if resending else None
    outcome = known or gateway().refund(refund_id, intent, cents, key=idempotency)
    with open_session(scope) as session:
        match outcome:
            case Refunded():
                operations.settle_refund(session, key, outcome.id)
            case Refused():
                log.error("refund refused", extra={"refund_id": refund_id, "code": outcome.code})
                session.get_one(Refund, key).state = "unknown"
            case Unknown():
                session.get_one(Refund, key).state = "unknown"


@outside_handler("payments.send_refunds")
def send_refunds(scope: Scope) -> None:
    """Send refunds that were scheduled, or whose answer is still missing."""
    with open_session(scope, readonly=True) as session:
        due = session.execute(
            select(Refund.id, Refund.agency_id)
            .where(
                Refund.state.in_(("scheduled", "sending", "unknown")),
                Refund.next_try_at <= clock.wall() - timedelta(seconds=10),
            )
            .limit(BATCH)
        ).all()
    for refund_id, agency_id in due:
        _one_by_one(_send_refund_of, refund_id, agency_id)


def _send_refund_of(refund_id: UUID, agency_id: UUID) -> None:
    send_refund(context.agency(agency_id), str(refund_id))


@outside_handler("payments.release_due")
def release_due(scope: Scope) -> None:
    """Free the money of every milestone whose waiting time is over."""
    with open_session(scope, readonly=True) as session:
        due = session.execute(
            select(Release.id, Release.agency_id)
            .where(
                Release.done_at.is_(None),
                Release.stopped_at.is_(None),
                Release.due_at <= clock.now(),
            )
            .limit(BATCH)
        ).all()
    for release_id, agency_id in due:
        _one_by_one(_release, release_id, agency_id)


def _release(release_id: UUID, agency_id: UUID) -> None:
    with open_session(context.agency(agency_id)) as session:
        operations.release(session, release_id)


@outside_handler("payments.send_transfers")
def send_transfers(scope: Scope) -> None:
    """Send every transfer that is due."""
    with open_session(scope, readonly=True) as session:
        due = session.execute(
            select(Transfer.id, Transfer.agency_id)
            .where(
                Transfer.state.in_(("scheduled", "sending", "unknown", "blocked")),
                or_(Transfer.next_try_at.is_(None), Transfer.next_try_at <= clock.wall()),
            )
            .limit(BATCH)
        ).all()
    for transfer_id, agency_id in due:
        _one_by_one(send_transfer, transfer_id, agency_id)


def send_transfer(transfer_id: UUID, agency_id: UUID) -> None:
    """Send one transfer; blocked while the agency's account cannot be paid or payouts are off."""
    own = context.agency(agency_id)
    with open_session(own) as session:
        row = session.get_one(Transfer, transfer_id, with_for_update=True)
        if row.state == "succeeded":
            return
        account, stopped = payout_account(session, agency_id)
        if account is None or stopped:
            row.state, row.next_try_at = "blocked", clock.wall() + RETRY
            row.blocked_by = "payouts stopped" if stopped else "no payout account"
            return
        resending = row.state in ("sending", "unknown")
        row.state, row.next_try_at = "sending", clock.wall() + RETRY
        row.destination = row.destination or account
        attempt = session.get_one(Charge, row.charge_id)
        plan = session.get_one(PaymentPlan, row.plan_id)
        request = TransferRequest(
            payout_id=str(row.id),
            booking_reference=plan.reference,
            amount_cents=row.amount_cents,
            account=row.destination,
            charge=attempt.external_id or "",
            currency=attempt.currency,
        )
        key = row.key
    known = (
        gateway().find_transfer(request.booking_reference, request.payout_id) if resending else None
    )
    outcome = known or gateway().transfer(request, key=key)
    with open_session(own) as session:
        match outcome:
            case Transferred():
                operations.settle_transfer(session, transfer_id, outcome.id)
            case Refused():
                row = session.get_one(Transfer, transfer_id)
                row.state, row.blocked_by = "blocked", outcome.code
                row.key = f"{row.key.partition('#')[0]}#{clock.wall():%Y%m%d%H%M%S}"
            case Unknown():
                session.get_one(Transfer, transfer_id).state = "unknown"


# --- news from the provider ---------------------------------------------------------------------


@outside_handler("payments.process_event")
def process_event(scope: Scope, event_id: str) -> None:
    """Act on a webhook: the event is only a hint, the object is fetched again."""
    with open_session(scope, readonly=True) as session:
        event = session.get_one(WebhookEvent, event_id)
        if event.processed_at:
            return
        kind, object_id = event.type, event.object_id
    if kind == "account.updated":
        payouts.account_changed(object_id)
    if kind.startswith("payment_intent."):
        _refresh_payment(scope, object_id)
    if kind.startswith(("setup_intent.", "checkout.session.")):
        with open_session(scope) as session:
            plan = session.scalars(
                select(PaymentPlan).where(PaymentPlan.setup_id == object_id)
            ).one_or_none()
            if plan:
                publish(session, SetupSettled(plan.id, plan.agency_id, object_id))
    with open_session(scope) as session:
        session.get_one(WebhookEvent, event_id).processed_at = clock.wall()


def _refresh_payment(scope: Scope, intent: str) -> None:
    with open_session(scope, readonly=True) as session:
        found = session.execute(
            select(Charge.id, Charge.agency_id).where(
                Charge.intent_id == intent, Charge.state != "succeeded"
            )
        ).one_or_none()
    if found:
        settle(found[0], found[1], gateway().fetch_payment(intent))


def receive_event(session: Session, event_id: str, kind: str, object_id: str) -> bool:
    """Store a verified event and the work of acting on it; False when we have it already.

    Two at the same time: the later one violates the key, and its caller knows what that means."""
    if session.get(WebhookEvent, event_id) is not None:
        return False
    session.add(WebhookEvent(id=event_id, type=kind, object_id=object_id, payload={}))
    session.flush()
    outbox.enqueue(
        session,
        "payments.process_event",
        {"event_id": event_id},
        scope=context.system("process webhook"),
    )
    return True


@outside_handler("payments.poll_events")
def poll_events(scope: Scope) -> None:
    """Fetch events of the last hour that no webhook brought (fault 14)."""
    events = list(gateway().list_events(clock.wall() - timedelta(hours=1)))
    for event in events:
        with open_session(scope) as session:
            receive_event(session, event.id, event.type, event.object_id)


@outside_handler("payments.sum_up_refusals")
def sum_up_refusals(scope: Scope) -> None:
    """One row for the refused webhooks that were only counted."""
    refusals.sum_up(scope)


def _one_by_one(function: Callable[[UUID, UUID], None], row_id: UUID, agency_id: UUID) -> None:
    """Run one row; its failure is logged and must not hold up the others."""
    try:
        function(row_id, agency_id)
    except Exception:  # the row stays due and is tried at the next tick
        log.exception("payment row failed", extra={"row": str(row_id), "job": function.__name__})
