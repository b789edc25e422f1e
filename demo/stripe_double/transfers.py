"""Paying agencies: transfers to their accounts and their reversals."""

from demo.stripe_double import balance
from demo.stripe_double.call import Call
from demo.stripe_double.errors import invalid
from demo.stripe_double.objects import Json
from demo.stripe_double.params import integer


def create(call: Call, params: Json) -> Json:
    account = call.objects.get(params["destination"], "account")
    amount = integer(params, "amount")
    if amount <= 0:
        raise invalid("This value must be greater than or equal to 1.", param="amount")
    if account["capabilities"].get("transfers") != "active":
        raise invalid(
            "Your destination account needs to have at least one of the following capabilities "
            "enabled: transfers, crypto_transfers, legacy_payments",
            "insufficient_capabilities_for_transfer",
            "destination",
        )
    _check_funds(call, params.get("source_transaction"), amount)
    transfer = call.new(
        "transfer",
        "tr",
        amount=amount,
        amount_reversed=0,
        reversed=False,
        currency=params["currency"],
        destination=account["id"],
        description=params.get("description"),
        source_transaction=params.get("source_transaction"),
        source_type="card",
        transfer_group=params.get("transfer_group"),
        metadata=params.get("metadata", {}),
    )
    transfer["reversals"] = {
        "object": "list",
        "data": [],
        "has_more": False,
        "url": f"/v1/transfers/{transfer['id']}/reversals",
    }
    entry = balance.move(call, "transfer", -amount, transfer["id"])
    transfer["balance_transaction"] = entry["id"]
    balance.move(call, "payment", amount, transfer["id"], account=account["id"])
    call.emit("transfer.created", transfer)
    return call.objects.save(transfer)


def reverse(call: Call, params: Json, transfer_id: str) -> Json:
    transfer = call.objects.get(transfer_id, "transfer")
    left = transfer["amount"] - transfer["amount_reversed"]
    amount = integer(params, "amount", default=left)
    if not 0 < amount <= left:
        raise invalid(
            f"Reversal amount ({amount}) is greater than the unreversed amount ({left}) "
            "of the transfer.",
            param="amount",
        )
    if amount > balance.available(call, transfer["destination"]):
        raise invalid(
            "The connected account does not have enough funds for this reversal.",
            "balance_insufficient",
        )
    reversal = call.new(
        "transfer_reversal",
        "trr",
        amount=amount,
        currency=transfer["currency"],
        transfer=transfer["id"],
        metadata=params.get("metadata", {}),
    )
    entry = balance.move(call, "transfer_refund", amount, reversal["id"])
    reversal["balance_transaction"] = entry["id"]
    balance.move(call, "payment_refund", -amount, reversal["id"], account=transfer["destination"])
    transfer["amount_reversed"] += amount
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    transfer["reversals"]["data"].insert(0, dict(reversal))
    call.objects.save(transfer)
    call.emit("transfer.reversed", transfer)
    return call.objects.save(reversal)


def list_reversals(call: Call, params: Json, transfer_id: str) -> Json:
    call.objects.get(transfer_id, "transfer")
    return call.objects.page(
        "transfer_reversal", "", ("transfer",), {**params, "transfer": transfer_id}
    )


def _check_funds(call: Call, charge_id: str | None, amount: int) -> None:
    """A transfer may use up its charge, or without one the platform's balance."""
    if charge_id is None:
        if amount > balance.available(call):
            raise invalid(
                "You have insufficient available funds in your Stripe account.",
                "balance_insufficient",
            )
        return
    charge = call.objects.get(charge_id, "charge")
    earlier = call.objects.select("transfer", source_transaction=charge_id)
    used = sum(transfer["amount"] - transfer["amount_reversed"] for transfer in earlier)
    if used + amount > charge["amount_captured"]:
        raise invalid(
            "Transfers using this transaction as a source must not exceed the source amount of "
            f"{charge['amount_captured']}.",
            param="amount",
        )
