"""Verbs on plans and installments. None of them calls the provider: `payments.jobs` does that
between two transactions, with what is written here.

Lock order: plan, then installment. Whoever holds a booking locks it before its plan.
"""

from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Uuid, bindparam, select
from sqlalchemy.orm import Session

from marketplace.core import clock, context, outbox
from marketplace.core.errors import Conflict
from marketplace.core.events import publish
from marketplace.core.money import percent_of
from marketplace.payments import ledger
from marketplace.payments.events import (
    CardSaved,
    InstallmentFailed,
    InstallmentPaid,
    RefundSent,
    TransferSent,
)
from marketplace.payments.gateway import Declined, NeedsAction, Succeeded
from marketplace.payments.ledger import Line
from marketplace.payments.models import Charge, Installment, PaymentPlan, Refund, Release, Transfer
from marketplace.payments.plan import Plan

CHARGE_HOUR = time(15)  # 3 PM at the site: both parties are awake when a card is charged
# stripe.md (e): soft declines are tried again after these days, hard ones only with a new card
RETRY_DAYS = (1, 3, 5, 7)
GRACE = timedelta(days=10)
IN_FLIGHT = ("charging", "unknown")


def open_plan(
    session: Session,
    *,
    agency_id: UUID,
    person_id: UUID,
    reference: str,
    plan: Plan,
    fee_percent: int,
    time_zone: str,
    mandate: dict[str, object],
) -> PaymentPlan:
    """Write a plan and its installments. Nothing is due before `make_deposit_due`."""
    row = PaymentPlan(
        agency_id=agency_id,
        person_id=person_id,
        reference=reference,
        total_cents=plan.total_cents,
        fee_percent=fee_percent,
        time_zone=time_zone,
        mandate=mandate,
    )
    session.add(row)
    session.flush()
    amounts: list[tuple[int, int, date | None]] = [(0, plan.deposit_cents, None)]
    amounts += [(part.seq, part.amount_cents, part.due_on) for part in plan.parts]
    session.add_all(
        Installment(
            agency_id=agency_id,
            person_id=person_id,
            plan_id=row.id,
            seq=seq,
            amount_cents=cents,
            due_on=due_on,
        )
        for seq, cents, due_on in amounts
    )
    session.flush()
    return row


def locked_plan(session: Session, plan_id: UUID) -> PaymentPlan:
    """The plan, locked until the transaction ends and read afresh."""
    return session.scalars(_LOCKED, {"plan_id": plan_id}).one()


_LOCKED = (
    select(PaymentPlan)
    .where(PaymentPlan.id == bindparam("plan_id", type_=Uuid()))
    .with_for_update()
    .execution_options(populate_existing=True)
)


def installments_of(session: Session, plan_id: UUID) -> list[Installment]:
    """The plan's installments in order, read afresh (hold the plan's lock)."""
    return list(session.scalars(_INSTALLMENTS, {"plan_id": plan_id}))


_INSTALLMENTS = (
    select(Installment)
    .where(Installment.plan_id == bindparam("plan_id", type_=Uuid()))
    .order_by(Installment.seq)
    .execution_options(populate_existing=True)
)


def remember_setup(session: Session, plan_id: UUID, *, customer_id: str, setup_id: str) -> None:
    """Note which card setup belongs to this plan, before the candidate sees it."""
    plan = locked_plan(session, plan_id)
    plan.customer_id, plan.setup_id = customer_id, setup_id


def save_card(
    session: Session, plan_id: UUID, *, payment_method: str, brand: str, last4: str, exp: str
) -> None:
    """Use this card from now on. What was declined, also what waits for its next try, is tried
    again at once with it."""
    plan = locked_plan(session, plan_id)
    plan.payment_method, plan.card_brand, plan.card_last4 = payment_method, brand, last4
    plan.card_exp = exp
    if plan.state == "draft":
        plan.state = "ready"  # nothing was tried yet
    else:
        _try_again(session, plan_id)
    publish(session, CardSaved(plan.id, plan.agency_id))


def _try_again(session: Session, plan_id: UUID) -> None:
    for row in installments_of(session, plan_id):
        waits = row.state == "scheduled" and row.pay_until is not None
        if waits or row.state == "declined":
            row.state, row.next_try_at = "scheduled", clock.now()


def make_deposit_due(session: Session, plan_id: UUID) -> None:
    """The attending has accepted and the undo time is over: charge the deposit."""
    locked_plan(session, plan_id)
    deposit = installments_of(session, plan_id)[0]
    if deposit.state == "scheduled" and deposit.next_try_at is None:
        deposit.next_try_at = clock.now()


def stop_plan(session: Session, plan_id: UUID) -> None:
    """Charge nothing more. Conflict while a charge is on its way: its end decides first."""
    plan = locked_plan(session, plan_id)
    rows = installments_of(session, plan_id)
    if any(row.state in IN_FLIGHT for row in rows):
        raise Conflict(
            "A payment is on its way right now. Please try again in a few minutes.", "in_flight"
        )
    for row in rows:
        if row.state in ("scheduled", "declined", "needs_action"):
            row.state, row.next_try_at = "void", None
    for attempt in _charges(session, plan_id):
        if attempt.state == "needs_action":
            attempt.state = "abandoned"
            _cancel_intent(session, attempt)
    plan.state = "stopped"


def _cancel_intent(session: Session, attempt: Charge) -> None:
    outbox.enqueue(
        session,
        "payments.cancel_intent",
        {"charge_id": str(attempt.id)},
        scope=context.agency(attempt.agency_id),
    )


# --- charging -----------------------------------------------------------------------------------


def begin_charge(session: Session, installment_id: UUID) -> Charge | None:
    """Claim a due installment: write the attempt that will be sent. None when it is not due.

    The claim is committed before the provider is called; the attempt's key makes a repeated call
    harmless, and the partial unique index refuses a second live attempt.
    """
    found = session.get(Installment, installment_id)
    if found is None:
        return None
    plan = locked_plan(session, found.plan_id)
    row = next(i for i in installments_of(session, plan.id) if i.id == installment_id)
    due = row.next_try_at is not None and row.next_try_at <= clock.now()
    if row.state != "scheduled" or not due or plan.state not in ("ready", "active"):
        return None
    if plan.payment_method is None or plan.customer_id is None:
        return None
    row.state, row.next_try_at, row.attempts = "charging", None, row.attempts + 1
    attempt = Charge(
        agency_id=row.agency_id,
        person_id=row.person_id,
        plan_id=plan.id,
        installment_id=row.id,
        attempt=row.attempts,
        key=f"inst:{row.id}:a{row.attempts}",
        amount_cents=row.amount_cents,
        currency=plan.currency,
        payment_method=plan.payment_method,
    )
    session.add(attempt)
    session.flush()
    return attempt


def settle_succeeded(session: Session, charge_id: UUID, outcome: Succeeded) -> None:
    """Record that the money arrived. Safe to repeat; a late success of a stopped plan goes back."""
    attempt, plan, row = _locked(session, charge_id)
    if attempt.state == "succeeded":
        return
    if outcome.amount_cents != attempt.amount_cents:
        raise ValueError(f"charge {charge_id}: {outcome.amount_cents} is not what was asked")
    attempt.state, attempt.settled_at = "succeeded", clock.wall()
    attempt.intent_id, attempt.external_id = outcome.pi, outcome.charge
    row.state, row.paid_at = "paid", clock.now()
    row.decline_code = row.pay_until = row.next_try_at = None
    ledger.post(
        session,
        agency_id=plan.agency_id,
        plan_id=plan.id,
        kind="charge",
        source_key=outcome.charge,
        lines=[
            Line("stripe_clearing", attempt.amount_cents),
            Line("guest_funds", -attempt.amount_cents),
        ],
    )
    if plan.state == "stopped":
        _refund_charge(session, attempt, attempt.amount_cents, "late-success", fault=True)
        return
    if row.seq == 0:
        plan.state = "active"
        _schedule_rest(session, plan)
    if all(i.state == "paid" for i in installments_of(session, plan.id)):
        plan.state = "paid"
    publish(
        session,
        InstallmentPaid(plan.id, plan.agency_id, plan.person_id, row.id, row.seq, row.amount_cents),
    )


def settle_declined(session: Session, charge_id: UUID, outcome: Declined) -> None:
    """Record a definite no. Soft: tried again on the retry days. Hard: waits for a new card."""
    attempt, plan, row = _locked(session, charge_id)
    if attempt.state not in ("sending", "unknown", "needs_action"):
        return
    if attempt.state == "needs_action":
        _cancel_intent(session, attempt)  # its page may still be open: it must not pay later
    attempt.state, attempt.settled_at = "declined", clock.wall()
    attempt.intent_id, attempt.decline_code = outcome.pi or attempt.intent_id, outcome.decline_code
    row.state, row.decline_code = "declined", outcome.decline_code
    if plan.state == "stopped":
        row.state = "void"
        return
    row.pay_until = row.pay_until or clock.now() + GRACE
    soft = not outcome.hard and row.seq > 0 and row.attempts <= len(RETRY_DAYS)
    if soft:
        row.state = "scheduled"
        row.next_try_at = clock.now() + timedelta(days=RETRY_DAYS[row.attempts - 1])
    _publish_failure(session, plan, row, needs_action=False, hard=outcome.hard)


def settle_needs_action(session: Session, charge_id: UUID, outcome: NeedsAction) -> None:
    """The bank wants the candidate to confirm: no retry, a page where they can."""
    attempt, plan, row = _locked(session, charge_id)
    if attempt.state not in ("sending", "unknown"):
        return
    attempt.state, attempt.intent_id = "needs_action", outcome.pi
    row.state = "needs_action"
    row.pay_until = row.pay_until or clock.now() + GRACE
    _publish_failure(session, plan, row, needs_action=True, hard=False)


def settle_unknown(session: Session, charge_id: UUID) -> None:
    """No answer: never treated as failed. A later look-up decides."""
    attempt, _, row = _locked(session, charge_id)
    if attempt.state == "sending":
        attempt.state = row.state = "unknown"


def _locked(session: Session, charge_id: UUID) -> tuple[Charge, PaymentPlan, Installment]:
    plan_id = session.scalars(select(Charge.plan_id).where(Charge.id == charge_id)).one()
    plan = locked_plan(session, plan_id)
    attempt = session.scalars(
        select(Charge).where(Charge.id == charge_id).execution_options(populate_existing=True)
    ).one()
    row = next(i for i in installments_of(session, plan.id) if i.id == attempt.installment_id)
    return attempt, plan, row


def _schedule_rest(session: Session, plan: PaymentPlan) -> None:
    zone = ZoneInfo(plan.time_zone)
    for row in installments_of(session, plan.id):
        if row.seq and row.state == "scheduled" and row.due_on:
            row.next_try_at = datetime.combine(row.due_on, CHARGE_HOUR, zone)


def _publish_failure(
    session: Session, plan: PaymentPlan, row: Installment, *, needs_action: bool, hard: bool
) -> None:
    publish(
        session,
        InstallmentFailed(
            plan_id=plan.id,
            agency_id=plan.agency_id,
            person_id=plan.person_id,
            installment_id=row.id,
            seq=row.seq,
            amount_cents=row.amount_cents,
            needs_action=needs_action,
            hard=hard,
            next_try_at=row.next_try_at,
            pay_until=row.pay_until,
        ),
    )


def _charges(session: Session, plan_id: UUID) -> list[Charge]:
    return list(
        session.scalars(
            select(Charge)
            .where(Charge.plan_id == plan_id)
            .order_by(Charge.id)
            .execution_options(populate_existing=True)
        )
    )


# --- refunds ------------------------------------------------------------------------------------


def paid_cents(session: Session, plan_id: UUID) -> int:
    """What was charged for this plan so far, in cents, refunds not taken off."""
    return sum(c.amount_cents for c in _charges(session, plan_id) if c.state == "succeeded")


def refund(session: Session, plan_id: UUID, cents: int, *, cause: str, fault: bool) -> int:
    """Schedule refunds of `cents` in all, newest charge first; returns what was scheduled.

    Never more than was charged and not refunded yet (I8). Call it after `stop_plan`.
    """
    left = cents
    for attempt in reversed(_charges(session, plan_id)):
        if attempt.state != "succeeded" or left <= 0:
            continue
        part = min(left, attempt.amount_cents - _refunded(session, attempt.id))
        if part > 0:
            _refund_charge(session, attempt, part, cause, fault=fault)
            left -= part
    return cents - left


def _refunded(session: Session, charge_id: UUID) -> int:
    rows = session.scalars(
        select(Refund).where(Refund.charge_id == charge_id, Refund.state != "failed")
    )
    return sum(row.amount_cents for row in rows)


def _refund_charge(
    session: Session, attempt: Charge, cents: int, cause: str, *, fault: bool
) -> None:
    row = Refund(
        agency_id=attempt.agency_id,
        person_id=attempt.person_id,
        plan_id=attempt.plan_id,
        charge_id=attempt.id,
        amount_cents=cents,
        cause=cause,
        provider_fault=fault,
        key="",
    )
    session.add(row)
    row.key = f"refund:{attempt.id}:{cause}:{cents}"
    session.flush()
    outbox.enqueue(
        session,
        "payments.send_refund",
        {"refund_id": str(row.id)},
        scope=context.agency(attempt.agency_id),
    )


def settle_refund(session: Session, refund_id: UUID, external_id: str) -> None:
    """Record that a refund left; safe to repeat."""
    row = session.get_one(Refund, refund_id, with_for_update=True, populate_existing=True)
    if row.state == "succeeded":
        return
    row.state, row.external_id = "succeeded", external_id
    row.settled_at, row.next_try_at = clock.now(), None
    ledger.post(
        session,
        agency_id=row.agency_id,
        plan_id=row.plan_id,
        kind="refund",
        source_key=external_id,
        lines=[
            Line("guest_funds", row.amount_cents),
            Line("stripe_clearing", -row.amount_cents),
        ],
    )
    publish(session, RefundSent(row.plan_id, row.agency_id, row.person_id, row.amount_cents))


# --- release to the agency ----------------------------------------------------------------------


def schedule_release(
    session: Session, plan_id: UUID, *, agency_id: UUID, share: str, percent: int, due_at: datetime
) -> None:
    """Free `percent` of the plan's money for the agency at `due_at`; once for each share."""
    exists = session.scalar(
        select(Release.id).where(Release.plan_id == plan_id, Release.share == share)
    )
    if exists is None:
        session.add(
            Release(
                agency_id=agency_id, plan_id=plan_id, share=share, percent=percent, due_at=due_at
            )
        )


def stop_releases(session: Session, plan_id: UUID) -> None:
    """Keep held money held: something is contested or the booking was cancelled."""
    for row in session.scalars(select(Release).where(Release.plan_id == plan_id)):
        if row.done_at is None:
            row.stopped_at = clock.now()


def release(session: Session, release_id: UUID) -> None:
    """A milestone's money is earned: move it in the ledger and write a transfer for each charge.

    The last share takes the rest, so that shares always sum to the agency's part exactly.
    """
    row = session.get_one(Release, release_id)
    plan = locked_plan(session, row.plan_id)
    session.refresh(row)
    if row.done_at or row.stopped_at or plan.state == "stopped":
        return
    row.done_at = clock.now()
    for attempt in _charges(session, plan.id):
        if attempt.state == "succeeded":
            _release_charge(session, plan, attempt, row)


def _release_charge(session: Session, plan: PaymentPlan, attempt: Charge, due: Release) -> None:
    earlier = list(session.scalars(select(Transfer).where(Transfer.charge_id == attempt.id)))
    kept = attempt.amount_cents - _refunded(session, attempt.id)
    fee_in_all = percent_of(kept, plan.fee_percent)
    gross_left = kept - sum(t.amount_cents + t.fee_cents for t in earlier)
    fee_left = fee_in_all - sum(t.fee_cents for t in earlier)
    last = due.share == "completion"
    gross = gross_left if last else percent_of(kept, due.percent)
    fee = fee_left if last else percent_of(fee_in_all, due.percent)
    if gross - fee <= 0:
        return
    transfer = Transfer(
        agency_id=plan.agency_id,
        plan_id=plan.id,
        charge_id=attempt.id,
        share=due.share,
        amount_cents=gross - fee,
        fee_cents=fee,
        key=f"transfer:{attempt.id}:{due.share}",
    )
    session.add(transfer)
    session.flush()
    ledger.post(
        session,
        agency_id=plan.agency_id,
        plan_id=plan.id,
        kind="release",
        source_key=f"release:{attempt.id}:{due.share}",
        lines=[
            Line("guest_funds", gross),
            Line("agency_payable", -(gross - fee)),
            Line("platform_revenue", -fee),
        ],
    )


def has_transfers(session: Session, plan_id: UUID) -> bool:
    """Has any money of this plan been released to the agency?"""
    found = session.scalar(select(Transfer.id).where(Transfer.plan_id == plan_id).limit(1))
    return found is not None


def settle_transfer(session: Session, transfer_id: UUID, external_id: str) -> None:
    """Record that a share reached the agency's account; safe to repeat."""
    row = session.get_one(Transfer, transfer_id, with_for_update=True, populate_existing=True)
    if row.state == "succeeded":
        return
    row.state, row.external_id = "succeeded", external_id
    row.settled_at, row.next_try_at, row.blocked_by = clock.now(), None, None
    ledger.post(
        session,
        agency_id=row.agency_id,
        plan_id=row.plan_id,
        kind="transfer",
        source_key=external_id,
        lines=[
            Line("agency_payable", row.amount_cents),
            Line("stripe_clearing", -row.amount_cents),
        ],
    )
    publish(session, TransferSent(row.plan_id, row.agency_id, row.amount_cents, row.share))
