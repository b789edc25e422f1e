"""The double-entry ledger: append-only, integer cents, debit positive, credit negative.

Accounts: stripe_clearing (our money at the provider), stripe_fees, guest_funds (held for a
candidate until a milestone), agency_payable, platform_revenue, agency_debt. A transaction sums to
zero and its source key is unique, so posting the same event twice changes nothing.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.payments.models import LedgerEntry, LedgerTransaction

ACCOUNTS = (
    "stripe_clearing",
    "stripe_fees",
    "guest_funds",
    "agency_payable",
    "platform_revenue",
    "agency_debt",
)


@dataclass(frozen=True)
class Line:
    """One entry to post: debit positive, credit negative cents."""

    account: str
    amount_cents: int


def post(
    session: Session,
    *,
    agency_id: UUID,
    plan_id: UUID | None,
    kind: str,
    source_key: str,
    lines: list[Line],
    currency: str = "usd",
) -> bool:
    """Post a balanced transaction; False when this source was posted before.

    Raises ValueError when the lines do not sum to zero or name an unknown account. Callers hold
    the lock of the row that the source belongs to; the unique key is the guard behind it.
    """
    lines = [line for line in lines if line.amount_cents]
    if sum(line.amount_cents for line in lines) != 0:
        raise ValueError(f"unbalanced posting for {source_key}")
    if unknown := {line.account for line in lines} - set(ACCOUNTS):
        raise ValueError(f"unknown accounts {sorted(unknown)}")
    seen = select(LedgerTransaction.id).where(LedgerTransaction.source_key == source_key)
    if not lines or session.scalar(seen):
        return False
    transaction = LedgerTransaction(agency_id=agency_id, source_key=source_key, kind=kind)
    session.add(transaction)
    session.flush()
    session.add_all(
        LedgerEntry(
            agency_id=agency_id,
            transaction_id=transaction.id,
            plan_id=plan_id,
            account=line.account,
            amount_cents=line.amount_cents,
            currency=currency,
        )
        for line in lines
    )
    session.flush()
    return True


def balance(session: Session, account: str, plan_id: UUID | None = None) -> int:
    """The balance of an account in cents (of one plan): a sum, never a stored number."""
    query = select(func.coalesce(func.sum(LedgerEntry.amount_cents), 0)).where(
        LedgerEntry.account == account
    )
    if plan_id:
        query = query.where(LedgerEntry.plan_id == plan_id)
    return int(session.scalar(query) or 0)
