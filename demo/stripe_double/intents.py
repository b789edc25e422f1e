"""What SetupIntents and PaymentIntents share: secrets, bank checks, errors."""

from typing import Literal
from urllib.parse import urlencode

from demo.stripe_double.call import Call, random_id
from demo.stripe_double.cards import Card
from demo.stripe_double.errors import ApiError, invalid
from demo.stripe_double.objects import Json, public

Kind = Literal["setup_intent", "payment_intent"]
PREFIXES: dict[Kind, str] = {"setup_intent": "seti", "payment_intent": "pi"}
ERROR_FIELDS: dict[Kind, str] = {
    "setup_intent": "last_setup_error",
    "payment_intent": "last_payment_error",
}


def new_intent(call: Call, kind: Kind, **fields: object) -> Json:
    """Make an intent with the secret its holder's browser needs."""
    intent = call.new(
        kind,
        PREFIXES[kind],
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        payment_method_types=["card"],
        **{ERROR_FIELDS[kind]: None},
        **fields,
    )
    intent["client_secret"] = random_id(f"{intent['id']}_secret")
    return call.objects.save(intent)


def require_status(intent: Json, *allowed: str) -> None:
    """Refuse a call that the state of the intent does not allow."""
    if intent["status"] not in allowed:
        kind = intent["object"]
        error = invalid(
            f"This {kind} cannot be used now: it has a status of {intent['status']}.",
            f"{kind}_unexpected_state",
        )
        error.body["error"][kind] = public(intent)
        raise error


def needs_authentication(card: Card, payment_method: Json, off_session: bool) -> bool:
    """Whether the bank wants to see its customer before this use of the card."""
    match card.authentication:
        case "never":
            return False
        case "always":
            return True
        case "unless_set_up":
            return not payment_method["_set_up"]
        case "on_session_only":
            return not off_session


def ask_for_authentication(call: Call, intent: Json, params: Json) -> Json:
    """Wait for the bank's window: Stripe.js opens it, otherwise the browser is sent to it."""
    query = {"client_secret": intent["client_secret"]}
    next_action: Json = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
    if params.get("return_url") and not params.get("use_stripe_sdk"):
        query["return_url"] = params["return_url"]
        url = f"{call.base_url}/v3/challenge/{intent['id']}?{urlencode(query)}"
        next_action = {
            "type": "redirect_to_url",
            "redirect_to_url": {"url": url, "return_url": params["return_url"]},
        }
    intent.update(status="requires_action", next_action=next_action)
    call.emit(f"{intent['object']}.requires_action", intent)
    return call.objects.save(intent)


def record_failure(call: Call, intent: Json, payment_method: Json, error: ApiError) -> ApiError:
    """Note the bank's no on the intent, which then waits for another card; returns the answer."""
    kind: Kind = intent["object"]
    details = {**error.body["error"], "payment_method": public(payment_method)}
    intent.update(status="requires_payment_method", payment_method=None, next_action=None)
    intent[ERROR_FIELDS[kind]] = details
    call.objects.save(intent)
    error.body["error"].update(details)
    error.body["error"][kind] = public(intent)
    return error


def authentication_failed(kind: Kind) -> ApiError:
    """The holder did not pass the bank's check."""
    return ApiError(
        402,
        "invalid_request_error",
        "We are unable to authenticate your payment method. "
        "Please choose a different payment method and try again.",
        f"{kind}_authentication_failure",
    )
