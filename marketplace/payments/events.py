"""News of payments. `plan_id` is what a booking knows; amounts in cents."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class CardSaved:
    """A card can be charged for this plan."""

    plan_id: UUID
    agency_id: UUID


@dataclass(frozen=True)
class SetupSettled:
    """The provider says something about a card setup of this plan: fetch it."""

    plan_id: UUID
    agency_id: UUID
    setup_id: str


@dataclass(frozen=True)
class InstallmentPaid:
    """An installment was charged; `seq` 0 is the deposit."""

    plan_id: UUID
    agency_id: UUID
    person_id: UUID
    installment_id: UUID
    seq: int
    amount_cents: int


@dataclass(frozen=True)
class InstallmentFailed:
    """An installment was declined, or its bank wants the candidate to confirm it."""

    plan_id: UUID
    agency_id: UUID
    person_id: UUID
    installment_id: UUID
    seq: int
    amount_cents: int
    needs_action: bool
    hard: bool
    next_try_at: datetime | None
    pay_until: datetime | None


@dataclass(frozen=True)
class RefundSent:
    """A refund left for the candidate's card."""

    plan_id: UUID
    agency_id: UUID
    person_id: UUID
    amount_cents: int


@dataclass(frozen=True)
class TransferSent:
    """A share reached the agency's account."""

    plan_id: UUID
    agency_id: UUID
    amount_cents: int
    share: str
