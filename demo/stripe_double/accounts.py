"""Connected accounts of agencies and the links to their onboarding page."""

from urllib.parse import urlencode

from demo.stripe_double import balance
from demo.stripe_double.call import Call, random_id
from demo.stripe_double.errors import invalid
from demo.stripe_double.objects import Json

LINK_SECONDS = 300
MISSING = ["business_profile.url", "external_account", "representative.first_name"]


def create(call: Call, params: Json) -> Json:
    if params.get("type") and params.get("controller"):
        raise invalid("You may not provide the `type` parameter and `controller` together.")
    asked = params.get("capabilities") or {}
    return call.new(
        "account",
        "acct",
        type=params.get("type", "none"),
        country=params.get("country", "US"),
        email=params.get("email"),
        business_profile=params.get("business_profile", {}),
        controller=params.get("controller", {}),
        default_currency=balance.CURRENCY,
        charges_enabled=False,
        payouts_enabled=False,
        details_submitted=False,
        capabilities=dict.fromkeys(asked, "inactive"),
        requirements={
            "currently_due": list(MISSING),
            "past_due": [],
            "eventually_due": list(MISSING),
            "disabled_reason": "requirements.past_due",
        },
        metadata=params.get("metadata", {}),
    )


def create_link(call: Call, params: Json) -> Json:
    """A link for one person to one visit: it ends after five minutes."""
    call.objects.get(params["account"], "account")
    for field in ("return_url", "refresh_url"):
        if not params.get(field):
            raise invalid(f"You must provide {field}.", "parameter_missing", field)
    ticket = call.new(
        "account_link",
        "lnk",
        expires_at=call.now + LINK_SECONDS,
        _account=params["account"],
        _return_url=params["return_url"],
        _refresh_url=params["refresh_url"],
    )
    query = urlencode({"ticket": ticket["id"]})
    ticket["url"] = f"{call.base_url}/onboarding/{params['account']}?{query}"
    call.objects.save(ticket)
    return {key: ticket[key] for key in ("object", "created", "expires_at", "url")}


def onboard(call: Call, account_id: str) -> Json:
    """The agency told Stripe all it wants to know: transfers and payouts work."""
    account = call.objects.get(account_id, "account")
    account.update(charges_enabled=True, payouts_enabled=True, details_submitted=True)
    account["capabilities"] = dict.fromkeys(account["capabilities"], "active")
    account["requirements"] = {
        "currently_due": [],
        "past_due": [],
        "eventually_due": [],
        "disabled_reason": None,
    }
    call.emit("account.updated", account, account=account_id)
    return call.objects.save(account)


def pay_out(call: Call, account_id: str, amount: int) -> Json:
    """Stripe sends money from the account's balance to its bank."""
    call.objects.get(account_id, "account")
    if not 0 < amount <= balance.available(call, account_id):
        raise invalid("The account does not have this much to pay out.", "balance_insufficient")
    return balance.move(call, "payout", -amount, random_id("po"), account=account_id)
