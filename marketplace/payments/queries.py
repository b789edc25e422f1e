"""Reads for pages and jobs."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.payments.models import Charge, Installment, PaymentPlan, Refund
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

    @property
    def problem(self) -> ScheduleRow | None:
        """The installment that needs the candidate, if any."""
        return next((row for row in self.rows if row.state in ("declined", "needs_action")), None)


def plan_view(session: Session, plan_id: UUID) -> PlanView:
    """The plan with its rows, what was paid and what went back (four reads)."""
    plan = session.get_one(PaymentPlan, plan_id)
    rows = session.scalars(
        select(Installment).where(Installment.plan_id == plan_id).order_by(Installment.seq)
    ).all()
    refunds = session.scalars(select(Refund).where(Refund.plan_id == plan_id)).all()
    brand = (plan.card_brand or "").capitalize()
    return PlanView(
        plan_id=plan.id,
        state=plan.state,
        total_cents=plan.total_cents,
        paid_cents=sum(row.amount_cents for row in rows if row.state == "paid"),
        refunded_cents=sum(r.amount_cents for r in refunds if r.state not in ("failed", "void")),
        card=f"{brand} ending {plan.card_last4}" if plan.card_last4 else None,
        rows=tuple(
            ScheduleRow(
                row.id,
                row.seq,
                row.amount_cents,
                row.due_on,
                row.state,
                row.paid_at,
                row.next_try_at,
                row.pay_until,
            )
            for row in rows
        ),
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
