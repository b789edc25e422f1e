"""Sending money back to the card."""

from demo.stripe_double import balance
from demo.stripe_double.call import Call
from demo.stripe_double.errors import invalid
from demo.stripe_double.objects import Json
from demo.stripe_double.params import integer


def create(call: Call, params: Json) -> Json:
    charge = _charge(call, params)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = integer(params, "amount", default=left)
    if charge["disputed"]:
        raise invalid(f"Charge {charge['id']} has been charged back.", "charge_disputed")
    if left <= 0:
        raise invalid(
            f"Charge {charge['id']} has already been refunded.", "charge_already_refunded"
        )
    if not 0 < amount <= left:
        raise invalid(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
            param="amount",
        )
    refund = call.new(
        "refund",
        "re",
        amount=amount,
        currency=charge["currency"],
        charge=charge["id"],
        payment_intent=charge["payment_intent"],
        reason=params.get("reason"),
        status="succeeded",
        failure_reason=None,
        metadata=params.get("metadata", {}),
    )
    refund["balance_transaction"] = balance.move(call, "refund", -amount, refund["id"])["id"]
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    call.objects.save(charge)
    call.emit("refund.created", refund)
    call.emit("charge.refunded", charge)
    return call.objects.save(refund)


def fail(call: Call, refund_id: str) -> Json:
    """The bank could not take the money back in: it returns to the balance."""
    refund = call.objects.get(refund_id, "refund")
    charge = call.objects.get(refund["charge"], "charge")
    refund.update(status="failed", failure_reason="expired_or_canceled_card")
    refund["failure_balance_transaction"] = balance.move(
        call, "refund_failure", refund["amount"], refund["id"]
    )["id"]
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    call.objects.save(charge)
    call.emit("refund.failed", refund)
    return call.objects.save(refund)


def _charge(call: Call, params: Json) -> Json:
    if params.get("charge"):
        return call.objects.get(params["charge"], "charge")
    if not params.get("payment_intent"):
        raise invalid("One of payment_intent or charge is required.", "parameter_missing")
    intent = call.objects.get(params["payment_intent"], "payment_intent")
    if intent["status"] != "succeeded":
        raise invalid(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        )
    return call.objects.get(intent["latest_charge"], "charge")
