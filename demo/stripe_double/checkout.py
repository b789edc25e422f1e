"""Checkout sessions in setup mode: Stripe's own page for people without our scripts."""

from urllib.parse import urlencode

from demo.stripe_double import setup_intents
from demo.stripe_double.call import Call
from demo.stripe_double.errors import invalid
from demo.stripe_double.objects import Json


def create(call: Call, params: Json) -> Json:
    if params.get("mode") != "setup":
        raise invalid("This double knows Checkout only with mode=setup.", param="mode")
    if not params.get("success_url"):
        raise invalid("You must provide success_url.", "parameter_missing", "success_url")
    details = params.get("setup_intent_data") or {}
    intent = setup_intents.create(
        call, {"customer": params.get("customer"), "metadata": details.get("metadata", {})}
    )
    session = call.new(
        "checkout.session",
        "cs_test",
        mode="setup",
        customer=params.get("customer"),
        setup_intent=intent["id"],
        payment_intent=None,
        success_url=params["success_url"],
        cancel_url=params.get("cancel_url"),
        metadata=params.get("metadata", {}),
    )
    query = {
        "secret": intent["client_secret"],
        "return_url": params["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]),
    }
    if params.get("cancel_url"):
        query["cancel_url"] = params["cancel_url"]
    session["url"] = f"{call.base_url}/hosted/setup/{intent['id']}?{urlencode(query)}"
    return call.objects.save(session)


def retrieve(call: Call, params: Json, session_id: str) -> Json:
    """The session; it is complete once its SetupIntent succeeded."""
    session = call.objects.get(session_id, "checkout.session")
    intent = call.objects.get(session["setup_intent"], "setup_intent")
    session["status"] = "complete" if intent["status"] == "succeeded" else "open"
    return session
