"""Saving a card for later charges."""

from demo.stripe_double.call import Call
from demo.stripe_double.cards import refusal
from demo.stripe_double.customers import card_of, resolve, save_for_later
from demo.stripe_double.errors import invalid
from demo.stripe_double.intents import (
    ask_for_authentication,
    authentication_failed,
    needs_authentication,
    new_intent,
    record_failure,
    require_status,
)
from demo.stripe_double.objects import Json

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


def create(call: Call, params: Json) -> Json:
    if params.get("customer"):
        call.objects.get(params["customer"], "customer", "customer")
    intent = new_intent(
        call,
        "setup_intent",
        customer=params.get("customer"),
        usage=params.get("usage", "off_session"),
        description=params.get("description"),
        metadata=params.get("metadata", {}),
    )
    call.emit("setup_intent.created", intent)
    if params.get("confirm"):
        return confirm(call, params, intent["id"])
    return intent


def confirm(call: Call, params: Json, intent_id: str) -> Json:
    """Check the card with the bank; a decline stays on the intent, which can be tried again."""
    intent = call.objects.get(intent_id, "setup_intent")
    require_status(intent, *CONFIRMABLE)
    if params.get("payment_method"):
        intent["payment_method"] = resolve(call, params["payment_method"])["id"]
    if intent["payment_method"] is None:
        raise invalid(
            "You cannot confirm this SetupIntent because it's missing a payment method.",
            "setup_intent_unexpected_state",
        )
    payment_method = call.objects.get(intent["payment_method"], "payment_method")
    card = card_of(payment_method)
    if card.refusal:
        error = record_failure(call, intent, payment_method, refusal(card.refusal))
        call.emit("setup_intent.setup_failed", intent)
        raise error
    if needs_authentication(card, payment_method, off_session=False):
        return ask_for_authentication(call, intent, params)
    return _succeed(call, intent, payment_method)


def cancel(call: Call, params: Json, intent_id: str) -> Json:
    intent = call.objects.get(intent_id, "setup_intent")
    require_status(intent, *CONFIRMABLE)
    intent.update(status="canceled", cancellation_reason=params.get("cancellation_reason"))
    call.emit("setup_intent.canceled", intent)
    return call.objects.save(intent)


def authenticate(call: Call, intent: Json, passed: bool) -> Json:
    """What happens when the holder leaves the bank's window."""
    require_status(intent, "requires_action")
    payment_method = call.objects.get(intent["payment_method"], "payment_method")
    if passed:
        return _succeed(call, intent, payment_method)
    record_failure(call, intent, payment_method, authentication_failed("setup_intent"))
    call.emit("setup_intent.setup_failed", intent)
    return intent


def _succeed(call: Call, intent: Json, payment_method: Json) -> Json:
    save_for_later(call, payment_method, intent["customer"])
    intent.update(status="succeeded", next_action=None, last_setup_error=None)
    call.emit("setup_intent.succeeded", intent)
    return call.objects.save(intent)
