"""Disputes: the bank takes the money back, and a fee, until the dispute is closed."""

from demo.stripe_double import balance
from demo.stripe_double.call import Call
from demo.stripe_double.errors import invalid
from demo.stripe_double.objects import Json

FEE_CENTS = 1500
DAYS_TO_RESPOND = 7
SECONDS_PER_DAY = 86_400


def open_dispute(call: Call, charge: Json, reason: str) -> Json:
    """The holder's bank takes back the whole charge."""
    amount = charge["amount_captured"]
    charge["disputed"] = True
    call.objects.save(charge)
    dispute = call.new(
        "dispute",
        "dp",
        amount=amount,
        currency=charge["currency"],
        charge=charge["id"],
        payment_intent=charge["payment_intent"],
        reason=reason,
        status="needs_response",
        is_charge_refundable=False,
        evidence={},
        evidence_details={
            "due_by": call.now + DAYS_TO_RESPOND * SECONDS_PER_DAY,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        balance_transactions=[],
    )
    entry = balance.move(call, "adjustment", -amount, dispute["id"], fee=FEE_CENTS)
    dispute["balance_transactions"].append(entry)
    call.emit("charge.dispute.created", dispute)
    call.emit("charge.dispute.funds_withdrawn", dispute)
    return call.objects.save(dispute)


def update(call: Call, params: Json, dispute_id: str) -> Json:
    """Add evidence; `submit` sends it to the bank, after which it cannot be changed."""
    dispute = call.objects.get(dispute_id, "dispute")
    if dispute["status"] != "needs_response":
        raise invalid("This dispute is already under review or closed.")
    dispute["evidence"].update(params.get("evidence", {}))
    dispute["evidence_details"]["has_evidence"] = True
    if params.get("submit", True):
        dispute["status"] = "under_review"
        dispute["evidence_details"]["submission_count"] += 1
    call.emit("charge.dispute.updated", dispute)
    return call.objects.save(dispute)


def accept(call: Call, params: Json, dispute_id: str) -> Json:
    """The platform gives up."""
    return close(call, dispute_id, "lost")


def close(call: Call, dispute_id: str, status: str) -> Json:
    """The bank decided: `won` brings the amount back, never the fee."""
    dispute = call.objects.get(dispute_id, "dispute")
    if dispute["status"] in ("won", "lost"):
        raise invalid("This dispute is already closed.", "dispute_already_closed")
    dispute["status"] = status
    if status == "won":
        entry = balance.move(call, "adjustment", dispute["amount"], dispute["id"])
        dispute["balance_transactions"].append(entry)
        call.emit("charge.dispute.funds_reinstated", dispute)
    call.emit("charge.dispute.closed", dispute)
    return call.objects.save(dispute)
