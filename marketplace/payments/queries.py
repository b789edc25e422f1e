"""Reads for pages and jobs."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Uuid, bindparam, func, select
from sqlalchemy.orm import Session

from marketplace.payments.models import Charge, Installment, PaymentPlan, Refund, Transfer
from marketplace.tenants.models import Agency


@dataclass(frozen=True)
class ScheduleRow:
    """One line of the dated plan. `due_on` None: when the attending has accepted."""

    installment_id: UUID
    seq: int
    amount_cents: int
    due_on: date | None
    state: str
    paid_at: datetime | None
    next_try_at: datetime | None
    pay_until: datetime | None

    @property
    def is_problem(self) -> bool:
        """Was it declined, or does the bank ask? Also while it waits for its next try."""
        waits = self.state == "scheduled" and self.pay_until is not None
        return waits or self.state in ("declined", "needs_action")


@dataclass(frozen=True)
class RefundRow:
    """Money that went back, or is on its way."""

    amount_cents: int
    state: str
    created_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True)
class PlanView:
    """A plan as its pages need it."""

    plan_id: UUID
    state: str
    total_cents: int
    paid_cents: int
    refunded_cents: int
    card: str | None  # "Visa ending 4242"
    rows: tuple[ScheduleRow, ...]
    refunds: tuple[RefundRow, ...] = ()

    @property
    def problem(self) -> ScheduleRow | None:
        """The installment that needs the candidate, if any."""
        return next((row for row in self.rows if row.is_problem), None)

    @property
    def in_flight(self) -> bool:
        """Is a charge on its way, or its outcome unknown?"""
        return any(row.state in ("charging", "unknown") for row in self.rows)


def plan_view(session: Session, plan_id: UUID) -> PlanView:
    """The plan with its rows, what was paid and what went back (at most three reads)."""
    plan = session.get_one(PaymentPlan, plan_id)
    rows = session.scalars(_INSTALLMENTS, {"plan_id": plan_id}).all()
    charged = plan.state != "draft"  # before a card is saved nothing can have gone back
    refunds = session.scalars(_REFUNDS, {"plan_id": plan_id}).all() if charged else ()
    brand = (plan.card_brand or "").capitalize()
    return PlanView(
        plan_id=plan.id,
        state=plan.state,
        total_cents=plan.total_cents,
        paid_cents=sum(row.amount_cents for row in rows if row.state == "paid"),
        refunded_cents=sum(r.amount_cents for r in refunds if r.state not in ("failed", "void")),
        card=f"{brand} ending {plan.card_last4}" if plan.card_last4 else None,
        rows=tuple(_row(row) for row in rows),
        refunds=tuple(
            RefundRow(r.amount_cents, r.state, r.created_at, r.settled_at)
            for r in refunds
            if r.state not in ("failed", "void")
        ),
    )


_INSTALLMENTS = (
    select(Installment)
    .where(Installment.plan_id == bindparam("plan_id", type_=Uuid()))
    .order_by(Installment.seq)
)
_REFUNDS = (
    select(Refund).where(Refund.plan_id == bindparam("plan_id", type_=Uuid())).order_by(Refund.id)
)


def schedules(session: Session, plan_ids: Collection[UUID]) -> dict[UUID, tuple[ScheduleRow, ...]]:
    """The rows of several plans, in order (one read)."""
    found: dict[UUID, list[ScheduleRow]] = defaultdict(list)
    rows = session.scalars(
        select(Installment)
        .where(Installment.plan_id.in_(plan_ids))
        .order_by(Installment.plan_id, Installment.seq)
    )
    for row in rows:
        found[row.plan_id].append(_row(row))
    return {plan_id: tuple(rows) for plan_id, rows in found.items()}


def _row(row: Installment) -> ScheduleRow:
    return ScheduleRow(
        row.id,
        row.seq,
        row.amount_cents,
        row.due_on,
        row.state,
        row.paid_at,
        row.next_try_at,
        row.pay_until,
    )


def payout_account(session: Session, agency_id: UUID) -> tuple[str | None, bool]:
    """The agency's account at the provider, and whether payouts are stopped."""
    agency = session.get_one(Agency, agency_id)
    return agency.payout_account, agency.payouts_stopped or agency.state == "suspended"


def open_confirmation(session: Session, installment_id: UUID) -> Charge | None:
    """The attempt that waits for the candidate's confirmation, if any."""
    return session.scalars(
        select(Charge).where(
            Charge.installment_id == installment_id, Charge.state == "needs_action"
        )
    ).one_or_none()


def in_flight(session: Session, plan_id: UUID) -> bool:
    """Is a payment on its way, or its outcome unknown? Then no deadline may run out."""
    found = session.scalar(
        select(Installment.id).where(
            Installment.plan_id == plan_id, Installment.state.in_(("charging", "unknown"))
        )
    )
    return found is not None


@dataclass(frozen=True)
class AgencySums:
    """Where an agency's money is, in cents: held for milestones, being sent, sent."""

    held_cents: int
    sending_cents: int
    sent_cents: int


def agency_sums(session: Session) -> AgencySums:
    """The sums of the agency of this scope (three reads)."""
    paid = session.scalar(
        select(func.sum(Installment.amount_cents)).where(Installment.state == "paid")
    )
    back = session.scalar(
        select(func.sum(Refund.amount_cents)).where(Refund.state.not_in(("failed", "void")))
    )
    rows = session.execute(
        select(
            Transfer.state, func.sum(Transfer.amount_cents), func.sum(Transfer.fee_cents)
        ).group_by(Transfer.state)
    ).all()
    released = sum(int(net) + int(fee) for _, net, fee in rows)
    sent = sum(int(net) for state, net, _ in rows if state == "succeeded")
    sending = sum(int(net) for state, net, _ in rows if state != "succeeded")
    return AgencySums(int(paid or 0) - int(back or 0) - released, sending, sent)
