"""Customers and their cards."""

import hashlib

from demo.stripe_double.call import Call
from demo.stripe_double.cards import BY_NUMBER, BY_TOKEN, Card, card_for_number, refusal
from demo.stripe_double.errors import card_error, invalid, missing
from demo.stripe_double.objects import Json

DEFAULT_EXPIRY = (12, 2034)


def create_customer(call: Call, params: Json) -> Json:
    customer = call.new(
        "customer",
        "cus",
        email=params.get("email"),
        name=params.get("name"),
        description=params.get("description"),
        metadata=params.get("metadata", {}),
    )
    call.emit("customer.created", customer)
    return customer


def update_customer(call: Call, params: Json, customer_id: str) -> Json:
    customer = call.objects.get(customer_id, "customer")
    customer["metadata"].update(params.pop("metadata", {}))
    customer.update(params)
    call.emit("customer.updated", customer)
    return call.objects.save(customer)


def create_payment_method(call: Call, params: Json) -> Json:
    """From a test token or, as the card form does, from a test number."""
    fields = params.get("card") or {}
    if "token" in fields:
        if fields["token"] not in BY_TOKEN:
            raise missing("token", fields["token"])
        return _keep_card(call, BY_TOKEN[fields["token"]], *DEFAULT_EXPIRY)
    card = card_for_number(fields.get("number", ""))
    month, year = _expiry(call, fields)
    if not str(fields.get("cvc", "")).isdigit():
        raise card_error(
            "incomplete_cvc", "incorrect_cvc", "Your card's security code is incomplete."
        )
    return _keep_card(call, card, month, year)


def attach(call: Call, params: Json, payment_method_id: str) -> Json:
    payment_method = resolve(call, payment_method_id)
    customer = call.objects.get(params["customer"], "customer")
    if payment_method["customer"] not in (None, customer["id"]):
        raise invalid(
            "The payment method you provided has already been attached to a customer.",
            "payment_method_unexpected_state",
        )
    declined = card_of(payment_method).refusal
    if declined:
        raise refusal(declined)
    payment_method["customer"] = customer["id"]
    call.emit("payment_method.attached", payment_method)
    return call.objects.save(payment_method)


def detach(call: Call, params: Json, payment_method_id: str) -> Json:
    payment_method = call.objects.get(payment_method_id, "payment_method")
    payment_method["customer"] = None
    call.emit("payment_method.detached", payment_method)
    return call.objects.save(payment_method)


def resolve(call: Call, reference: str) -> Json:
    """The payment method with this id; a test token such as `pm_card_visa` makes a new one."""
    if reference in BY_TOKEN:
        return _keep_card(call, BY_TOKEN[reference], *DEFAULT_EXPIRY)
    return call.objects.get(reference, "payment_method", "payment_method")


def card_of(payment_method: Json) -> Card:
    """How the bank behind a payment method behaves."""
    return BY_NUMBER[payment_method["_number"]]


def save_for_later(call: Call, payment_method: Json, customer_id: str | None) -> None:
    """Attach the card and remember that its holder agreed to later charges."""
    if customer_id is None:
        return
    payment_method["customer"] = customer_id
    payment_method["_set_up"] = True
    call.objects.save(payment_method)
    call.emit("payment_method.attached", payment_method)


def _keep_card(call: Call, card: Card, month: int, year: int) -> Json:
    return call.new(
        "payment_method",
        "pm",
        type="card",
        customer=None,
        billing_details={},
        card={
            "brand": card.brand,
            "last4": card.number[-4:],
            "exp_month": month,
            "exp_year": year,
            "country": "US",
            "funding": "credit",
            "fingerprint": hashlib.sha256(card.number.encode()).hexdigest()[:16],
            "checks": {},
        },
        _number=card.number,
        _set_up=False,
        _refusal=None,
    )


def _expiry(call: Call, fields: Json) -> tuple[int, int]:
    month, year = str(fields.get("exp_month", "")), str(fields.get("exp_year", ""))
    if not (month.isdigit() and 1 <= int(month) <= 12):
        raise card_error(
            "invalid_expiry_month", "expired_card", "Your card's expiration date is incomplete."
        )
    if not year.isdigit():
        raise card_error(
            "invalid_expiry_year", "expired_card", "Your card's expiration date is incomplete."
        )
    full_year = int(year) if int(year) > 99 else 2000 + int(year)
    if (full_year, int(month)) < call.year_and_month:
        raise card_error(
            "invalid_expiry_year", "expired_card", "Your card's expiration year is in the past."
        )
    return int(month), full_year
