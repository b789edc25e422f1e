"""Stripe's test cards as data. No other card number is accepted or kept.

Numbers and their behaviour: docs.stripe.com/testing.
"""

from dataclasses import dataclass
from typing import Literal

from demo.stripe_double.errors import ApiError, card_error

Authentication = Literal["never", "unless_set_up", "on_session_only", "always"]


@dataclass(frozen=True)
class Card:
    """How a test card behaves. `refusal` is at once, `charge_refusal` only when charged."""

    number: str
    tokens: tuple[str, ...] = ()
    refusal: str | None = None
    charge_refusal: str | None = None
    authentication: Authentication = "never"
    dispute: str | None = None
    brand: str = "visa"


CARDS = (
    Card("4242424242424242", ("visa",)),
    Card("5555555555554444", ("mastercard",), brand="mastercard"),
    Card("378282246310005", ("amex",), brand="amex"),
    Card("4000000000000077", ("bypassPending",)),
    Card("4000000000000002", ("chargeDeclined", "visa_chargeDeclined"), refusal="generic_decline"),
    Card(
        "4000000000009995",
        ("chargeDeclinedInsufficientFunds", "visa_chargeDeclinedInsufficientFunds"),
        refusal="insufficient_funds",
    ),
    Card("4000000000009987", ("visa_chargeDeclinedLostCard",), refusal="lost_card"),
    Card("4000000000009979", ("visa_chargeDeclinedStolenCard",), refusal="stolen_card"),
    Card("4000000000000069", ("chargeDeclinedExpiredCard",), refusal="expired_card"),
    Card("4000000000000127", ("chargeDeclinedIncorrectCvc",), refusal="incorrect_cvc"),
    Card("4000000000000119", ("chargeDeclinedProcessingError",), refusal="processing_error"),
    Card("4000000000000341", ("chargeCustomerFail",), charge_refusal="generic_decline"),
    Card("4000002500003155", ("authenticationRequiredOnSetup",), authentication="unless_set_up"),
    Card("4000002760003184", ("authenticationRequired",), authentication="always"),
    Card("4000000000003220", ("threeDSecure2Required",), authentication="always"),
    Card(
        "4000003800000446",
        ("authenticationRequiredSetupForOffSession",),
        authentication="on_session_only",
    ),
    Card(
        "4000008260003178",
        ("authenticationRequiredChargeDeclinedInsufficientFunds",),
        charge_refusal="insufficient_funds",
        authentication="unless_set_up",
    ),
    Card(
        "4000008400001629",
        ("threeDSecureRequiredChargeDeclined",),
        charge_refusal="generic_decline",
        authentication="always",
    ),
    Card("4000000000000259", ("createDispute",), dispute="fraudulent"),
    Card("4000000000002685", ("createDisputeProductNotReceived",), dispute="product_not_received"),
)
BY_NUMBER = {card.number: card for card in CARDS}
BY_TOKEN = {
    f"{prefix}{token}": card
    for card in CARDS
    for token in card.tokens
    for prefix in ("pm_card_", "tok_")
}

CODES = {
    "expired_card": "expired_card",
    "incorrect_cvc": "incorrect_cvc",
    "processing_error": "processing_error",
    "authentication_required": "authentication_required",
}
"""Decline codes whose error code is not `card_declined`."""

MESSAGES = {
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "authentication_required": (
        "Your card was declined. This transaction requires authentication."
    ),
}
ADVICE = {
    "lost_card": "do_not_try_again",
    "stolen_card": "do_not_try_again",
    "expired_card": "confirm_card_data",
    "incorrect_cvc": "confirm_card_data",
    "insufficient_funds": "try_again_later",
    "generic_decline": "try_again_later",
    "processing_error": "try_again_later",
}


def refusal(decline_code: str, **details: object) -> ApiError:
    """The bank's no, with the code, message and advice Stripe gives for it."""
    return card_error(
        CODES.get(decline_code, "card_declined"),
        decline_code,
        MESSAGES.get(decline_code, "Your card was declined."),
        advice_code=ADVICE.get(decline_code),
        **details,
    )


def card_for_number(number: str) -> Card:
    """The test card with this number; a real card is refused and never kept."""
    digits = number.replace(" ", "").replace("-", "")
    if not digits.isdigit() or not _passes_luhn(digits):
        raise card_error("incorrect_number", "incorrect_number", "Your card number is incorrect.")
    card = BY_NUMBER.get(digits)
    if card is None:
        raise card_error(
            "card_declined",
            "test_mode_live_card",
            "Your card was declined. This is a test: use a test card, such as 4242 4242 4242 4242.",
        )
    return card


def _passes_luhn(digits: str) -> bool:
    total = 0
    for place, character in enumerate(reversed(digits)):
        doubled = int(character) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return len(digits) >= 12 and total % 10 == 0
