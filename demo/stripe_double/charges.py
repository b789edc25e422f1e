"""Charges: one try of a PaymentIntent, and the money it moves."""

from demo.stripe_double import balance, disputes
from demo.stripe_double.call import Call
from demo.stripe_double.cards import Card
from demo.stripe_double.errors import ApiError
from demo.stripe_double.objects import Json


def succeed(call: Call, intent: Json, payment_method: Json) -> Json:
    """The bank paid: the amount less Stripe's fee is in the balance."""
    amount: int = intent["amount"]
    charge = _new(call, intent, payment_method, status="succeeded", paid=True, captured=True)
    entry = balance.move(call, "charge", amount, charge["id"], fee=balance.processing_fee(amount))
    charge.update(amount_captured=amount, balance_transaction=entry["id"])
    call.objects.save(charge)
    call.emit("charge.succeeded", charge)
    return charge


def fail(call: Call, intent: Json, payment_method: Json, error: ApiError) -> Json:
    """The bank refused: nothing moved, the try is on record."""
    details = error.body["error"]
    charge = _new(
        call,
        intent,
        payment_method,
        status="failed",
        paid=False,
        captured=False,
        failure_code=details["code"],
        failure_message=details["message"],
        outcome={"type": "issuer_declined", "reason": details["decline_code"]},
    )
    call.emit("charge.failed", charge)
    return charge


def dispute_if_card_asks(call: Call, charge: Json, card: Card) -> None:
    """Some test cards are disputed as soon as they are charged."""
    if card.dispute:
        disputes.open_dispute(call, charge, card.dispute)


def _new(call: Call, intent: Json, payment_method: Json, **fields: object) -> Json:
    return call.new(
        "charge",
        "ch",
        amount=intent["amount"],
        amount_captured=0,
        amount_refunded=0,
        refunded=False,
        disputed=False,
        currency=intent["currency"],
        customer=intent["customer"],
        payment_intent=intent["id"],
        payment_method=payment_method["id"],
        payment_method_details={"type": "card", "card": payment_method["card"]},
        description=intent["description"],
        transfer_group=intent["transfer_group"] or f"group_{intent['id']}",
        balance_transaction=None,
        metadata=dict(intent["metadata"]),
        **{"failure_code": None, "failure_message": None, "outcome": None, **fields},
    )
