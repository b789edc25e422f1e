"""Money at Stripe: every movement is a balance transaction of the platform or of an account."""

from demo.stripe_double.call import Call
from demo.stripe_double.objects import Json

FEE_PER_MILLE = 29
FEE_FIXED_CENTS = 30
CURRENCY = "usd"


def processing_fee(amount: int) -> int:
    """Stripe's list price for U.S. cards, 2.9% and 30 cents, rounded half up."""
    return (amount * FEE_PER_MILLE + 500) // 1000 + FEE_FIXED_CENTS


def move(
    call: Call, kind: str, amount: int, source: str, *, fee: int = 0, account: str = ""
) -> Json:
    """Record a movement in cents; negative amounts leave the balance."""
    return call.new(
        "balance_transaction",
        "txn",
        account,
        amount=amount,
        fee=fee,
        net=amount - fee,
        currency=CURRENCY,
        source=source,
        type=kind,
        reporting_category=kind,
        status="available",
        available_on=call.now,
        description=None,
        fee_details=[],
    )


def available(call: Call, account: str = "") -> int:
    """Cents in the balance of the platform, or of a connected account."""
    row = call.connection.execute(
        "SELECT COALESCE(SUM(json_extract(body, '$.net')), 0) FROM object"
        " WHERE kind = 'balance_transaction' AND account = ?",
        (account,),
    ).fetchone()
    return int(row[0])


def retrieve(call: Call, params: Json) -> Json:
    amount = available(call, call.account)
    entry = {"amount": amount, "currency": CURRENCY, "source_types": {"card": amount}}
    return {
        "object": "balance",
        "livemode": False,
        "available": [entry],
        "pending": [{"amount": 0, "currency": CURRENCY, "source_types": {"card": 0}}],
    }
