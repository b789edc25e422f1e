"""Plans, installments, charge attempts, refunds, transfers, the ledger and webhook events.

Payments do not know bookings: a plan carries the booking's reference as text and the booking
holds the plan's id. All amounts are integer cents of `currency`.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core import clock
from marketplace.core.db import SYSTEM_ONLY, Base, Cents, Keyed, Owned

PLAN_STATES = ("draft", "ready", "active", "paid", "stopped")
INSTALLMENT_STATES = (
    "scheduled",
    "charging",
    "unknown",
    "declined",
    "needs_action",
    "paid",
    "void",
)
CHARGE_STATES = ("sending", "unknown", "needs_action", "declined", "succeeded", "abandoned")
OUTGOING_STATES = ("scheduled", "sending", "unknown", "succeeded", "failed", "blocked", "void")
_OURS = Owned(agency="agency_id", people=("person_id",), person_writes=True)


class Customer(Base):
    """The payment provider's customer for a person."""

    __tablename__ = "customer"
    __owned__ = Owned(people=("person_id",), person_writes=True)

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    external_id: Mapped[str] = mapped_column(unique=True)


class PaymentPlan(Keyed, Base):
    """What is owed for one booking, and the card it is charged to.

    draft: no card yet. ready: card saved, nothing charged. active: the deposit is charged.
    paid: all charged. stopped: nothing more is charged (cancelled).
    """

    __tablename__ = "payment_plan"
    __owned__ = _OURS
    __table_args__ = (
        UniqueConstraint("agency_id", "id"),
        CheckConstraint(f"state IN {PLAN_STATES}", name="state"),
    )

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"), index=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    reference: Mapped[str] = mapped_column(unique=True)
    total_cents: Mapped[int] = mapped_column(Cents)
    currency: Mapped[str] = mapped_column(default="usd")
    fee_percent: Mapped[int]  # the platform's part of every payment, frozen
    time_zone: Mapped[str]  # the site's; due dates are days there
    state: Mapped[str] = mapped_column(default="draft")
    customer_id: Mapped[str | None]
    setup_id: Mapped[str | None] = mapped_column(unique=True)
    setups: Mapped[int] = mapped_column(default=0)  # how often a card was asked for
    payment_method: Mapped[str | None]
    card_brand: Mapped[str | None]
    card_last4: Mapped[str | None]
    card_exp: Mapped[str | None]
    mandate: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    installments: Mapped[list["Installment"]] = relationship(
        viewonly=True,
        primaryjoin="PaymentPlan.id == foreign(Installment.plan_id)",
        order_by="Installment.seq",
    )


class Installment(Keyed, Base):
    """One part of a plan; seq 0 is the deposit. `due_on` is a day at the site.

    scheduled -> charging -> paid, or declined / needs_action (the candidate acts), or unknown
    (the provider did not answer: never treated as failed).
    """

    __tablename__ = "installment"
    __owned__ = _OURS
    __table_args__ = (
        ForeignKeyConstraint(
            ["agency_id", "plan_id"], ["payment_plan.agency_id", "payment_plan.id"]
        ),
        UniqueConstraint("plan_id", "seq"),
        UniqueConstraint("agency_id", "id"),
        CheckConstraint("amount_cents > 0", name="amount"),
        CheckConstraint(f"state IN {INSTALLMENT_STATES}", name="state"),
        Index("ix_installment_due", "state", "next_try_at"),
    )

    agency_id: Mapped[UUID]
    person_id: Mapped[UUID]
    plan_id: Mapped[UUID]
    seq: Mapped[int]
    amount_cents: Mapped[int] = mapped_column(Cents)
    due_on: Mapped[date | None]  # None: the deposit, due when the attending has accepted
    state: Mapped[str] = mapped_column(default="scheduled")
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    decline_code: Mapped[str | None]
    pay_until: Mapped[datetime | None]  # grace: after a decline the candidate has until then


class Charge(Keyed, Base):
    """One attempt to charge an installment, written before the provider is called.

    `key` is the idempotency key. The attempt number grows only after a definite answer; the
    partial unique index is the real guard against a second charge.
    """

    __tablename__ = "charge"
    __owned__ = _OURS
    __table_args__ = (
        ForeignKeyConstraint(
            ["agency_id", "installment_id"], ["installment.agency_id", "installment.id"]
        ),
        UniqueConstraint("installment_id", "attempt"),
        UniqueConstraint("agency_id", "id"),
        CheckConstraint(f"state IN {CHARGE_STATES}", name="state"),
        Index(
            "uq_charge_one_live",
            "installment_id",
            unique=True,
            sqlite_where=text("state IN ('sending', 'unknown', 'needs_action', 'succeeded')"),
            postgresql_where=text("state IN ('sending', 'unknown', 'needs_action', 'succeeded')"),
        ),
    )

    agency_id: Mapped[UUID]
    person_id: Mapped[UUID]
    plan_id: Mapped[UUID] = mapped_column(index=True)
    installment_id: Mapped[UUID]
    attempt: Mapped[int]
    key: Mapped[str] = mapped_column(unique=True)
    amount_cents: Mapped[int] = mapped_column(Cents)
    currency: Mapped[str] = mapped_column(default="usd")
    payment_method: Mapped[str]
    state: Mapped[str] = mapped_column(default="sending")
    intent_id: Mapped[str | None] = mapped_column(unique=True)
    external_id: Mapped[str | None] = mapped_column(unique=True)
    decline_code: Mapped[str | None]
    started_at: Mapped[datetime] = mapped_column(default=clock.wall)
    settled_at: Mapped[datetime | None]


class Refund(Keyed, Base):
    """Money back to the card that paid; one row for each charge it touches."""

    __tablename__ = "refund"
    __owned__ = _OURS
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "charge_id"], ["charge.agency_id", "charge.id"]),
        CheckConstraint("amount_cents > 0", name="amount"),
        CheckConstraint(f"state IN {OUTGOING_STATES}", name="state"),
        Index("ix_refund_due", "state", "next_try_at"),
    )

    agency_id: Mapped[UUID]
    person_id: Mapped[UUID]
    plan_id: Mapped[UUID] = mapped_column(index=True)
    charge_id: Mapped[UUID]
    amount_cents: Mapped[int] = mapped_column(Cents)
    cause: Mapped[str]
    provider_fault: Mapped[bool] = mapped_column(default=False)
    key: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(default="scheduled")
    external_id: Mapped[str | None] = mapped_column(unique=True)
    next_try_at: Mapped[datetime | None] = mapped_column(default=clock.wall)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    settled_at: Mapped[datetime | None]


class Transfer(Keyed, Base):
    """A milestone's share of one charge to the agency's account (share: start, completion)."""

    __tablename__ = "transfer"
    __owned__ = Owned(agency="agency_id", agency_writes=True)
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "charge_id"], ["charge.agency_id", "charge.id"]),
        UniqueConstraint("charge_id", "share"),
        CheckConstraint("amount_cents > 0", name="amount"),
        CheckConstraint(f"state IN {OUTGOING_STATES}", name="state"),
        Index("ix_transfer_due", "state", "next_try_at"),
    )

    agency_id: Mapped[UUID]
    plan_id: Mapped[UUID] = mapped_column(index=True)
    charge_id: Mapped[UUID]
    share: Mapped[str]
    amount_cents: Mapped[int] = mapped_column(Cents)
    fee_cents: Mapped[int] = mapped_column(Cents)
    destination: Mapped[str | None]
    key: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(default="scheduled")
    external_id: Mapped[str | None] = mapped_column(unique=True)
    next_try_at: Mapped[datetime | None] = mapped_column(default=clock.wall)
    blocked_by: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    settled_at: Mapped[datetime | None]


class Release(Keyed, Base):
    """A milestone that frees a part of held money: due 72 h after it was reached uncontested."""

    __tablename__ = "release"
    __owned__ = Owned(agency="agency_id", agency_writes=True)
    __table_args__ = (
        ForeignKeyConstraint(
            ["agency_id", "plan_id"], ["payment_plan.agency_id", "payment_plan.id"]
        ),
        UniqueConstraint("plan_id", "share"),
        Index("ix_release_due", "done_at", "due_at"),
    )

    agency_id: Mapped[UUID]
    plan_id: Mapped[UUID]
    share: Mapped[str]
    percent: Mapped[int]
    due_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]


class LedgerTransaction(Keyed, Base):
    """A balanced set of ledger entries for one event at the provider. Append-only."""

    __tablename__ = "ledger_transaction"
    __owned__ = Owned(agency="agency_id", agency_writes=False, append=True)
    __table_args__ = (UniqueConstraint("agency_id", "id"),)

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"), index=True)
    source_key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=clock.now)


class LedgerEntry(Keyed, Base):
    """One line: debit positive, credit negative, integer cents. Append-only."""

    __tablename__ = "ledger_entry"
    __owned__ = Owned(agency="agency_id", agency_writes=False, append=True)
    __table_args__ = (
        ForeignKeyConstraint(
            ["agency_id", "transaction_id"],
            ["ledger_transaction.agency_id", "ledger_transaction.id"],
        ),
        CheckConstraint("amount_cents <> 0", name="amount"),
        Index("ix_ledger_entry_account", "account", "plan_id"),
    )

    agency_id: Mapped[UUID]
    transaction_id: Mapped[UUID] = mapped_column(index=True)
    plan_id: Mapped[UUID | None] = mapped_column(index=True)
    account: Mapped[str]
    amount_cents: Mapped[int] = mapped_column(Cents)
    currency: Mapped[str] = mapped_column(default="usd")


class WebhookEvent(Base):
    """A verified event from the provider, once. It is only a hint: the object is fetched again."""

    __tablename__ = "webhook_event"
    __owned__ = SYSTEM_ONLY

    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    object_id: Mapped[str]
    payload: Mapped[dict[str, Any]]
    received_at: Mapped[datetime] = mapped_column(default=clock.wall)
    processed_at: Mapped[datetime | None]
