"""Charging a card, with or without its holder present."""

from demo.stripe_double import charges
from demo.stripe_double.call import Call
from demo.stripe_double.cards import refusal
from demo.stripe_double.customers import card_of, resolve, save_for_later
from demo.stripe_double.errors import ApiError, invalid
from demo.stripe_double.intents import (
    ask_for_authentication,
    authentication_failed,
    needs_authentication,
    new_intent,
    record_failure,
    require_status,
)
from demo.stripe_double.objects import Json
from demo.stripe_double.params import integer

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
SMALLEST_CHARGE_CENTS = 50


def create(call: Call, params: Json) -> Json:
    amount = integer(params, "amount")
    _check_create(call, params, amount)
    intent = new_intent(
        call,
        "payment_intent",
        amount=amount,
        amount_received=0,
        currency=params["currency"],
        customer=params.get("customer"),
        description=params.get("description"),
        metadata=params.get("metadata", {}),
        latest_charge=None,
        setup_future_usage=params.get("setup_future_usage"),
        transfer_group=params.get("transfer_group"),
        capture_method="automatic_async",
        canceled_at=None,
        cancellation_reason=None,
    )
    call.emit("payment_intent.created", intent)
    if params.get("payment_method"):
        _use_card(call, intent, params["payment_method"])
    if params.get("confirm"):
        return confirm(call, params, intent["id"])
    return intent


def confirm(call: Call, params: Json, intent_id: str) -> Json:
    """Charge the card, or ask for its holder; a decline leaves the intent open for another card."""
    intent = call.objects.get(intent_id, "payment_intent")
    require_status(intent, *CONFIRMABLE)
    if params.get("setup_future_usage"):
        intent["setup_future_usage"] = params["setup_future_usage"]
    if params.get("payment_method"):
        _use_card(call, intent, params["payment_method"])
    if intent["payment_method"] is None:
        raise invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            "payment_intent_unexpected_state",
        )
    payment_method = call.objects.get(intent["payment_method"], "payment_method")
    off_session = bool(params.get("off_session"))
    if needs_authentication(card_of(payment_method), payment_method, off_session):
        if off_session or params.get("error_on_requires_action"):
            raise _fail(call, intent, payment_method, refusal("authentication_required"))
        return ask_for_authentication(call, intent, params)
    return _charge(call, intent, payment_method)


def cancel(call: Call, params: Json, intent_id: str) -> Json:
    intent = call.objects.get(intent_id, "payment_intent")
    require_status(intent, *CONFIRMABLE)
    intent.update(
        status="canceled",
        canceled_at=call.now,
        cancellation_reason=params.get("cancellation_reason"),
        next_action=None,
    )
    call.emit("payment_intent.canceled", intent)
    return call.objects.save(intent)


def update(call: Call, params: Json, intent_id: str) -> Json:
    intent = call.objects.get(intent_id, "payment_intent")
    require_status(intent, *CONFIRMABLE)
    intent["metadata"].update(params.pop("metadata", {}))
    if "amount" in params:
        intent["amount"] = integer(params, "amount")
    intent["description"] = params.get("description", intent["description"])
    return call.objects.save(intent)


def search(call: Call, params: Json) -> Json:
    return call.objects.search("payment_intent", params["query"], params)


def authenticate(call: Call, intent: Json, passed: bool) -> Json:
    """What happens when the holder leaves the bank's window."""
    require_status(intent, "requires_action")
    payment_method = call.objects.get(intent["payment_method"], "payment_method")
    if not passed:
        record_failure(call, intent, payment_method, authentication_failed("payment_intent"))
        call.emit("payment_intent.payment_failed", intent)
        return intent
    try:
        return _charge(call, intent, payment_method)
    except ApiError as error:
        if not error.is_decline:
            raise
        return intent


def _check_create(call: Call, params: Json, amount: int) -> None:
    if amount < SMALLEST_CHARGE_CENTS:
        raise invalid("Amount must be at least $0.50 usd", "amount_too_small", "amount")
    if params.get("off_session") and not params.get("confirm"):
        raise invalid("You can only set off_session when confirm=true.", param="off_session")
    if params.get("off_session") and params.get("setup_future_usage"):
        raise invalid("off_session=true and setup_future_usage cannot be combined.")
    if params.get("capture_method") == "manual":
        raise invalid("This double does not know manual capture.", param="capture_method")
    if params.get("customer"):
        call.objects.get(params["customer"], "customer", "customer")


def _use_card(call: Call, intent: Json, reference: str) -> None:
    payment_method = resolve(call, reference)
    if payment_method["customer"] not in (None, intent["customer"]):
        raise invalid(
            "The provided PaymentMethod belongs to another Customer.", param="payment_method"
        )
    intent.update(payment_method=payment_method["id"], status="requires_confirmation")
    call.objects.save(intent)


def _charge(call: Call, intent: Json, payment_method: Json) -> Json:
    card = card_of(payment_method)
    declined = payment_method["_refusal"] or card.refusal or card.charge_refusal
    if declined:
        raise _fail(call, intent, payment_method, refusal(declined))
    charge = charges.succeed(call, intent, payment_method)
    if intent["setup_future_usage"]:
        save_for_later(call, payment_method, intent["customer"])
    intent.update(
        status="succeeded",
        amount_received=intent["amount"],
        latest_charge=charge["id"],
        next_action=None,
        last_payment_error=None,
    )
    call.objects.save(intent)
    call.emit("payment_intent.succeeded", intent)
    charges.dispute_if_card_asks(call, charge, card)
    return intent


def _fail(call: Call, intent: Json, payment_method: Json, error: ApiError) -> ApiError:
    charge = charges.fail(call, intent, payment_method, error)
    error.body["error"]["charge"] = charge["id"]
    intent["latest_charge"] = charge["id"]
    record_failure(call, intent, payment_method, error)
    call.emit("payment_intent.payment_failed", intent)
    return error
