"""Invariants of money."""

from itertools import pairwise

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core.checks import Check
from marketplace.payments.models import (
    Charge,
    Installment,
    LedgerEntry,
    LedgerTransaction,
    PaymentPlan,
    Refund,
    Transfer,
)

_LIVE = ("sending", "unknown", "needs_action", "succeeded")
_total = func.coalesce(func.sum(LedgerEntry.amount_cents), 0)


def _unbalanced(session: Session) -> list[str]:
    rows = session.execute(
        select(LedgerEntry.transaction_id)
        .group_by(LedgerEntry.transaction_id, LedgerEntry.currency)
        .having(_total != 0)
    )
    return [str(row[0]) for row in rows]


def _whole_ledger(session: Session) -> list[str]:
    rows = session.execute(
        select(LedgerEntry.currency, _total).group_by(LedgerEntry.currency).having(_total != 0)
    )
    return [f"{currency}: {cents}" for currency, cents in rows]


def _empty_transactions(session: Session) -> list[str]:
    rows = session.scalars(
        select(LedgerTransaction.source_key)
        .outerjoin(LedgerEntry, LedgerEntry.transaction_id == LedgerTransaction.id)
        .where(LedgerEntry.id.is_(None))
    )
    return list(rows)


def _held_below_zero(session: Session) -> list[str]:
    """guest_funds is a credit account: a positive sum means more left it than came in."""
    rows = session.execute(
        select(LedgerEntry.plan_id)
        .where(LedgerEntry.account == "guest_funds")
        .group_by(LedgerEntry.plan_id)
        .having(_total > 0)
    )
    return [str(row[0]) for row in rows]


def _charged_twice(session: Session) -> list[str]:
    rows = session.execute(
        select(Charge.installment_id)
        .where(Charge.state == "succeeded")
        .group_by(Charge.installment_id)
        .having(func.count() > 1)
    )
    return [str(row[0]) for row in rows]


def _wrong_amount(session: Session) -> list[str]:
    rows = session.execute(
        select(Charge.id)
        .join(Installment, Installment.id == Charge.installment_id)
        .where(Charge.state == "succeeded", Charge.amount_cents != Installment.amount_cents)
    )
    return [str(row[0]) for row in rows]


def _paid_without_charge(session: Session) -> list[str]:
    charged = select(Charge.installment_id).where(Charge.state == "succeeded")
    rows = session.scalars(
        select(Installment.id).where((Installment.state == "paid") != Installment.id.in_(charged))
    )
    return [str(row) for row in rows]


def _charge_without_posting(session: Session) -> list[str]:
    posted = select(LedgerTransaction.source_key)
    missing = []
    for model, state in ((Charge, "succeeded"), (Refund, "succeeded"), (Transfer, "succeeded")):
        unposted = model.external_id.is_(None) | model.external_id.not_in(posted)
        rows = session.execute(
            select(model.id, model.external_id).where(model.state == state, unposted)
        )
        missing += [f"{model.__tablename__} {key}: {name}" for key, name in rows]
    return missing


def _plan_sum(session: Session) -> list[str]:
    rows = session.execute(
        select(PaymentPlan.reference)
        .join(Installment, Installment.plan_id == PaymentPlan.id)
        .group_by(PaymentPlan.id, PaymentPlan.reference, PaymentPlan.total_cents)
        .having(func.sum(Installment.amount_cents) != PaymentPlan.total_cents)
    )
    return [row[0] for row in rows]


def _refunded_too_much(session: Session) -> list[str]:
    rows = session.execute(
        select(Charge.id)
        .join(Refund, Refund.charge_id == Charge.id)
        .where(Refund.state.not_in(("failed", "void")))
        .group_by(Charge.id, Charge.amount_cents)
        .having(func.sum(Refund.amount_cents) > Charge.amount_cents)
    )
    return [str(row[0]) for row in rows]


def _transferred_too_much(session: Session) -> list[str]:
    rows = session.execute(
        select(Charge.id)
        .join(Transfer, Transfer.charge_id == Charge.id)
        .where(Transfer.state != "void")
        .group_by(Charge.id, Charge.amount_cents)
        .having(func.sum(Transfer.amount_cents + Transfer.fee_cents) > Charge.amount_cents)
    )
    return [str(row[0]) for row in rows]


def _due_dates(session: Session) -> list[str]:
    rows = session.execute(
        select(Installment.plan_id, Installment.seq, Installment.due_on)
        .where(Installment.seq > 0)
        .order_by(Installment.plan_id, Installment.seq)
    ).all()
    found = []
    for one, two in pairwise(rows):
        same = one.plan_id == two.plan_id
        if same and (two.due_on is None or one.due_on is None or two.due_on <= one.due_on):
            found.append(f"{two.plan_id} part {two.seq}")
    return found


CHECKS = (
    Check("I1", "every ledger transaction sums to zero", _unbalanced),
    Check("I1", "no ledger transaction is empty", _empty_transactions),
    Check("I2", "the whole ledger sums to zero", _whole_ledger),
    Check("I2", "held money never falls below zero", _held_below_zero),
    Check("I5", "no installment was charged twice", _charged_twice),
    Check("I5", "each charge is its installment's amount", _wrong_amount),
    Check("I5", "paid installments and charges agree", _paid_without_charge),
    Check("I6", "deposit and installments sum to the price", _plan_sum),
    Check("I8", "no charge was refunded beyond its amount", _refunded_too_much),
    Check("I8", "no charge was paid out beyond its amount", _transferred_too_much),
    Check("I12", "every settled movement is in the ledger", _charge_without_posting),
    Check("I21", "due dates strictly increase", _due_dates),
)
