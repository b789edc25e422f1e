"""What payments need from the payment provider: calls, and plain answers.

Nothing here knows Stripe's library; `stripe_gateway` does. Amounts are integer cents. Every call
that changes something takes an idempotency key: the same key with the same arguments happens once.
A time-out is `Unknown`, never a failure: ask again with the same key, and once the key is older
than 24 hours look the thing up (`find_payment`, `find_refund`, `find_transfer`) before a new try.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

HARD_DECLINES = frozenset(
    {
        "lost_card",
        "stolen_card",
        "pickup_card",
        "fraudulent",
        "invalid_account",
        "expired_card",
        "incorrect_number",
        "card_not_supported",
        "transaction_not_allowed",
        "revocation_of_authorization",
        "stop_payment_order",
        "do_not_try_again",
    }
)
"""Decline codes after which this card is never tried again (docs.stripe.com/declines/codes)."""

DO_NOT_TRY_AGAIN = "do_not_try_again"
"""The advice code that makes any decline a hard one."""

SetupStatus = Literal[
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "canceled",
    "succeeded",
]


def is_hard(decline_code: str, advice: str | None) -> bool:
    """Whether this card must not be charged again; a new card is needed."""
    return decline_code in HARD_DECLINES or advice == DO_NOT_TRY_AGAIN


class GatewayMisuse(Exception):
    """The provider refused a call that we should not have made: a bug, not a payment outcome."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class BadEvent(Exception):
    """A webhook body that the provider did not sign for us, or signed too long ago."""


@dataclass(frozen=True, slots=True)
class Card:
    """What may be shown of a card."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int


@dataclass(frozen=True, slots=True)
class SetupSession:
    """Saving a card: `client_secret` is for the browser of this candidate only."""

    id: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class HostedSetup:
    """Saving a card on the provider's own page; `fetch_setup` takes this id too."""

    id: str
    url: str


@dataclass(frozen=True, slots=True)
class Setup:
    """A card being saved. `payment_method` and `card` are there once it succeeded."""

    id: str
    status: SetupStatus
    customer: str | None
    payment_method: str | None
    card: Card | None


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """One try to charge an installment. `attempt` grows only after a definite decline."""

    installment_id: str
    attempt: int
    booking_reference: str
    amount_cents: int
    customer: str
    payment_method: str
    currency: str = "usd"


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The money is at the provider."""

    pi: str
    charge: str
    amount_cents: int


@dataclass(frozen=True, slots=True)
class NeedsAction:
    """The candidate has to act: confirm with the bank, or give a card.

    `redirect_url` is the bank's page, for browsers without our scripts.
    """

    pi: str
    client_secret: str
    redirect_url: str | None = None


@dataclass(frozen=True, slots=True)
class Declined:
    """The bank said no. `advice` is the provider's advice code; `hard`: never this card again."""

    pi: str | None
    decline_code: str
    advice: str | None
    hard: bool


@dataclass(frozen=True, slots=True)
class Unknown:
    """We do not know yet whether it happened. `key`: the idempotency key, or the id asked for."""

    key: str


ChargeOutcome = Succeeded | NeedsAction | Declined | Unknown


@dataclass(frozen=True, slots=True)
class Refunded:
    """Money on its way back. `failed` means that the bank could not take it."""

    id: str
    amount_cents: int
    status: Literal["succeeded", "pending", "failed"]


@dataclass(frozen=True, slots=True)
class Transferred:
    """Money moved to an agency's account."""

    id: str
    amount_cents: int
    reversed_cents: int = 0


@dataclass(frozen=True, slots=True)
class Reversed:
    """Money taken back from an agency's account."""

    id: str
    amount_cents: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider will not do this now: refunded already, account not ready, balance too low."""

    code: str
    message: str


RefundOutcome = Refunded | Refused | Unknown
TransferOutcome = Transferred | Refused | Unknown
ReversalOutcome = Reversed | Refused | Unknown


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """Pay an agency out of one charge."""

    payout_id: str
    booking_reference: str
    amount_cents: int
    account: str
    charge: str
    currency: str = "usd"


@dataclass(frozen=True, slots=True)
class Account:
    """An agency's account: it can be paid only while `transfers_active`."""

    id: str
    transfers_active: bool
    payouts_enabled: bool
    details_submitted: bool
    currently_due: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dispute:
    """A charge that the card's bank took back. `due_by`: the last moment for evidence."""

    id: str
    charge: str
    pi: str | None
    amount_cents: int
    status: str
    reason: str
    due_by: datetime | None


@dataclass(frozen=True, slots=True)
class EventEnvelope:
    """News that something changed. Never trust `payload`: fetch the object again."""

    id: str
    type: str
    object_id: str
    account: str | None
    api_version: str | None
    livemode: bool
    created: datetime
    payload: str


@dataclass(frozen=True, slots=True)
class BalanceEntry:
    """One movement of the platform's money. `net_cents` = `amount_cents` - `fee_cents`."""

    id: str
    type: str
    source: str | None
    amount_cents: int
    fee_cents: int
    net_cents: int
    currency: str
    created: datetime


class Gateway(Protocol):
    """The payment provider.

    Calls that do not move money raise `core.errors.Unavailable` when it does not answer; calls that
    move money answer `Unknown` instead. `GatewayMisuse` is raised for calls that can never work.
    """

    @property
    def livemode(self) -> bool:
        """Whether real money moves."""

    def ensure_customer(self, person_id: str, email: str, *, key: str) -> str:
        """The customer id for a person. The caller keeps it; the key covers only 24 hours."""

    def start_setup(self, customer: str, *, key: str) -> SetupSession:
        """Begin to save a card for later charges."""

    def start_hosted_setup(
        self, customer: str, return_url: str, cancel_url: str, *, key: str
    ) -> HostedSetup:
        """Begin to save a card on the provider's own page."""

    def fetch_setup(self, setup_id: str) -> Setup:
        """How far saving the card is, from the provider itself."""

    def charge_off_session(self, request: ChargeRequest, *, key: str) -> ChargeOutcome:
        """Charge a saved card while its holder is away."""

    def start_on_session(self, request: ChargeRequest, *, key: str) -> ChargeOutcome:
        """Begin a payment that its holder confirms in the browser: answers `NeedsAction`."""

    def continue_payment(
        self, pi: str, return_url: str, payment_method: str, *, key: str
    ) -> ChargeOutcome:
        """Try an existing payment with this saved card, its holder present."""

    def cancel_payment(self, pi: str, *, key: str) -> ChargeOutcome:
        """Make sure that nothing can be paid any more; `Succeeded` when it was paid before."""

    def fetch_payment(self, pi: str) -> ChargeOutcome:
        """How a payment stands, from the provider itself."""

    def find_payment(
        self, customer: str, installment_id: str, attempt: int | None = None
    ) -> ChargeOutcome | None:
        """The payment for an installment, a succeeded one first; None when there never was one."""

    def refund(self, refund_id: str, pi: str, amount_cents: int, *, key: str) -> RefundOutcome:
        """Send part of a payment back to its card. `refund_id` is ours, for `find_refund`."""

    def fetch_refund(self, refund: str) -> Refunded:
        """How a refund stands; it can still fail days later."""

    def find_refund(self, pi: str, refund_id: str) -> Refunded | None:
        """The refund made for our `refund_id`, if there is one."""

    def create_account(self, agency_id: str, email: str, *, key: str) -> str:
        """Open an account for an agency; returns its id."""

    def onboarding_link(self, account: str, return_url: str, refresh_url: str, *, key: str) -> str:
        """A short-lived address where the agency tells the provider about itself."""

    def fetch_account(self, account: str) -> Account:
        """Whether an agency can be paid."""

    def transfer(self, request: TransferRequest, *, key: str) -> TransferOutcome:
        """Move part of a charge to an agency's account."""

    def find_transfer(self, booking_reference: str, payout_id: str) -> Transferred | None:
        """The transfer made for our `payout_id`, if there is one."""

    def reverse_transfer(
        self, transfer: str, reversal_id: str, amount_cents: int, *, key: str
    ) -> ReversalOutcome:
        """Take part of a transfer back. `reversal_id` is ours, for `find_reversal`."""

    def find_reversal(self, transfer: str, reversal_id: str) -> Reversed | None:
        """The reversal made for our `reversal_id`, if there is one."""

    def fetch_dispute(self, dispute: str) -> Dispute:
        """How a dispute stands."""

    def submit_dispute_evidence(self, dispute: str, text: str, *, key: str) -> Dispute:
        """Send our side of the story to the bank; possible once."""

    def parse_event(self, body: bytes, signature: str) -> EventEnvelope:
        """Check a webhook's signature and age; raises `BadEvent`."""

    def list_events(self, since: datetime) -> Iterator[EventEnvelope]:
        """Events since an instant, newest first, for news that a webhook lost (at most 30 days)."""

    def list_balance(self, since: datetime) -> Iterator[BalanceEntry]:
        """Movements of the platform's money since an instant, newest first."""

    def balance_cents(self) -> int:
        """The platform's money at the provider, available and pending."""
