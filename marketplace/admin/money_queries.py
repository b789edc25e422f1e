"""The platform's books, for reading: accounts, what moved on one, one transaction's lines, and
payments that need a look. Amounts in cents; nothing here changes a row."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.bookings.models import Booking
from marketplace.core.errors import NotFound
from marketplace.payments import ledger
from marketplace.payments.models import (
    Charge,
    Installment,
    LedgerEntry,
    LedgerTransaction,
    Refund,
    Transfer,
)
from marketplace.tenants.models import Agency

PAGE = 50
LABELS = {
    "stripe_clearing": "At the payment provider",
    "stripe_fees": "Provider's fees",
    "guest_funds": "Held for candidates",
    "agency_payable": "Owed to agencies",
    "platform_revenue": "Earned by the platform",
    "agency_debt": "Owed by agencies",
}
# What we owe or earned grows on the credit side, which the ledger writes as negative.
CREDIT_ACCOUNTS = frozenset({"guest_funds", "agency_payable", "platform_revenue"})


@dataclass(frozen=True)
class Balance:
    """One account of the ledger, in cents, as a person reads it: what is there is positive."""

    account: str
    label: str
    cents: int


def balances(session: Session) -> tuple[Balance, ...]:
    """The balance of each ledger account: a sum of its entries."""
    found = session.execute(
        select(LedgerEntry.account, func.sum(LedgerEntry.amount_cents)).group_by(
            LedgerEntry.account
        )
    )
    sums = {row[0]: int(row[1]) for row in found}
    return tuple(
        Balance(name, LABELS[name], _sign(name) * sums.get(name, 0)) for name in ledger.ACCOUNTS
    )


def _sign(account: str) -> int:
    return -1 if account in CREDIT_ACCOUNTS else 1


@dataclass(frozen=True)
class Moved:
    """One entry of an account, with the balance after it."""

    transaction_id: UUID
    at: datetime
    kind: str
    source_key: str
    agency: str
    reference: str
    others: tuple[str, ...]
    cents: int
    balance: int


@dataclass(frozen=True)
class Account:
    """One account, of all agencies or of one, newest entry first."""

    name: str
    label: str
    cents: int
    rows: tuple[Moved, ...]
    total: int


def account(session: Session, name: str, agency: str = "", page: int = 1) -> Account:
    """A page of an account's entries with the running balance. NotFound for another name."""
    if name not in ledger.ACCOUNTS:
        raise NotFound
    order = (LedgerTransaction.at, LedgerEntry.id)
    entries = (
        select(
            LedgerEntry.id,
            LedgerEntry.plan_id,
            LedgerEntry.transaction_id,
            LedgerEntry.amount_cents,
            LedgerTransaction.at,
            LedgerTransaction.kind,
            LedgerTransaction.source_key,
            Agency.name.label("agency"),
            func.sum(LedgerEntry.amount_cents).over(order_by=order).label("balance"),
        )
        .join(LedgerTransaction, LedgerTransaction.id == LedgerEntry.transaction_id)
        .join(Agency, Agency.id == LedgerEntry.agency_id)
        .where(LedgerEntry.account == name)
    )
    sums = select(func.coalesce(func.sum(LedgerEntry.amount_cents), 0), func.count()).where(
        LedgerEntry.account == name
    )
    if agency:
        entries = entries.where(Agency.slug == agency)
        of_agency = select(Agency.id).where(Agency.slug == agency)
        sums = sums.where(LedgerEntry.agency_id.in_(of_agency))
    kept = entries.subquery()
    newest = select(kept).order_by(kept.c.at.desc(), kept.c.id.desc())
    rows = session.execute(newest.limit(PAGE).offset((page - 1) * PAGE)).all()
    others = _others(session, [row.transaction_id for row in rows], name)
    references = _references(session, [row.plan_id for row in rows if row.plan_id])
    cents, total = session.execute(sums).one()
    sign = _sign(name)
    return Account(
        name=name,
        label=LABELS[name],
        cents=sign * int(cents),
        total=int(total),
        rows=tuple(
            Moved(
                transaction_id=row.transaction_id,
                at=row.at,
                kind=row.kind,
                source_key=row.source_key,
                agency=row.agency,
                reference=references.get(row.plan_id, ""),
                others=others.get(row.transaction_id, ()),
                cents=sign * row.amount_cents,
                balance=sign * int(row.balance),
            )
            for row in rows
        ),
    )


def _others(session: Session, ids: list[UUID], name: str) -> dict[UUID, tuple[str, ...]]:
    rows = session.execute(
        select(LedgerEntry.transaction_id, LedgerEntry.account)
        .where(LedgerEntry.transaction_id.in_(ids), LedgerEntry.account != name)
        .distinct()
        .order_by(LedgerEntry.account)
    )
    found: dict[UUID, tuple[str, ...]] = {}
    for key, other in rows:
        found[key] = (*found.get(key, ()), LABELS.get(other, other))
    return found


def _references(session: Session, plans: list[UUID]) -> dict[UUID, str]:
    rows = session.execute(
        select(Booking.plan_id, Booking.reference).where(Booking.plan_id.in_(plans))
    )
    return {row[0]: row[1] for row in rows if row[0]}


@dataclass(frozen=True)
class Transaction:
    """One transaction: lines as (account, label, debit cents, credit cents); they sum to zero."""

    row: LedgerTransaction
    agency: str
    lines: tuple[tuple[str, str, int, int], ...]

    @property
    def debit(self) -> int:
        """The sum of the left side."""
        return sum(line[2] for line in self.lines)

    @property
    def credit(self) -> int:
        """The sum of the right side."""
        return sum(line[3] for line in self.lines)


def transaction(session: Session, transaction_id: UUID) -> Transaction:
    """One transaction with its lines; NotFound when there is none."""
    row = session.get(LedgerTransaction, transaction_id)
    if row is None:
        raise NotFound
    entries = session.scalars(
        select(LedgerEntry)
        .where(LedgerEntry.transaction_id == transaction_id)
        .order_by(LedgerEntry.amount_cents.desc())
    )
    lines = tuple(
        (one.account, LABELS[one.account], max(one.amount_cents, 0), max(-one.amount_cents, 0))
        for one in entries
    )
    return Transaction(row, session.get_one(Agency, row.agency_id).name, lines)


# --- payments that need a look ------------------------------------------------------------------


@dataclass(frozen=True)
class Payment:
    """A payment that has not ended well yet. `what`: charge, refund or payout."""

    what: str
    state: str
    cents: int
    reference: str
    agency: str
    words: str
    at: datetime


def open_payments(session: Session) -> tuple[Payment, ...]:
    """Charges without an answer, refunds and payouts that have not arrived, newest first."""
    found = [*_charges(session), *_refunds(session), *_transfers(session)]
    return tuple(sorted(found, key=lambda one: one.at, reverse=True)[: 2 * PAGE])


def _charges(session: Session) -> list[Payment]:
    rows = session.execute(
        select(Charge, Agency.name, Booking.reference)
        .join(Agency, Agency.id == Charge.agency_id)
        .outerjoin(Booking, Booking.plan_id == Charge.plan_id)
        .where(Charge.state.in_(("sending", "unknown", "needs_action")))
        .order_by(Charge.id.desc())
        .limit(PAGE)
    )
    words = {
        "sending": "sent to the provider a moment ago",
        "unknown": "no answer yet; asked again with the same key",
        "needs_action": "the candidate's bank wants a confirmation",
    }
    return [
        Payment("charge", c.state, c.amount_cents, ref or "", name, words[c.state], c.started_at)
        for c, name, ref in rows
    ]


_OPEN = ("scheduled", "sending", "unknown", "failed", "blocked")


def _refunds(session: Session) -> list[Payment]:
    rows = session.execute(
        select(Refund, Agency.name, Booking.reference)
        .join(Agency, Agency.id == Refund.agency_id)
        .outerjoin(Booking, Booking.plan_id == Refund.plan_id)
        .where(Refund.state.in_(_OPEN))
        .order_by(Refund.id.desc())
        .limit(PAGE)
    )
    return [
        Payment(
            "refund",
            r.state,
            r.amount_cents,
            ref or "",
            name,
            r.cause.replace("-", " ").replace("_", " "),
            r.created_at,
        )
        for r, name, ref in rows
    ]


def _transfers(session: Session) -> list[Payment]:
    rows = session.execute(
        select(Transfer, Agency.name, Booking.reference)
        .join(Agency, Agency.id == Transfer.agency_id)
        .outerjoin(Booking, Booking.plan_id == Transfer.plan_id)
        .where(Transfer.state.in_(_OPEN))
        .order_by(Transfer.id.desc())
        .limit(PAGE)
    )
    return [
        Payment(
            "payout",
            t.state,
            t.amount_cents,
            ref or "",
            name,
            (t.blocked_by or t.share).replace("_", " "),
            t.created_at,
        )
        for t, name, ref in rows
    ]


def refunded(session: Session) -> tuple[tuple[str, int, int], ...]:
    """Refunds by state: (state, how many, cents)."""
    rows = session.execute(
        select(Refund.state, func.count(), func.sum(Refund.amount_cents)).group_by(Refund.state)
    )
    return tuple(sorted((row[0], int(row[1]), int(row[2])) for row in rows))


def installments_by_state(session: Session) -> tuple[tuple[str, int, int], ...]:
    """Installments by state: (state, how many, cents)."""
    rows = session.execute(
        select(Installment.state, func.count(), func.sum(Installment.amount_cents)).group_by(
            Installment.state
        )
    )
    return tuple(sorted((row[0], int(row[1]), int(row[2])) for row in rows))
