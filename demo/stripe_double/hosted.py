"""Pages of Stripe's own that need none of our scripts: saving a card, and onboarding an agency."""

import re

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from demo.stripe_double import accounts
from demo.stripe_double.call import Call
from demo.stripe_double.clock import Clock
from demo.stripe_double.engine import Answer, Request, execute
from demo.stripe_double.objects import Json
from demo.stripe_double.pages import intent_with_secret, page, with_result
from demo.stripe_double.store import Store

BROWSER_KEY = "pk_test_hosted"
EXPIRY = re.compile(r"^\s*(\d{1,2})\s*/?\s*(\d{2}|\d{4})\s*$")


def blueprint(store: Store, clock: Clock) -> Blueprint:
    """The hosted pages on this store."""
    hosted = Blueprint("hosted", __name__)

    @hosted.get("/hosted/setup/<intent_id>")
    def card_form(intent_id: str) -> AnyResponse:
        intent = _read(store, clock, intent_id, request.args.get("secret", ""))
        return_url = request.args.get("return_url", "")
        if intent["status"] == "succeeded":
            return redirect(with_result(return_url, intent), 303)
        return _form(intent, request.args.to_dict(), None)

    @hosted.post("/hosted/setup/<intent_id>")
    def save_card(intent_id: str) -> AnyResponse:
        intent = _read(store, clock, intent_id, request.form.get("secret", ""))
        return_url = request.form.get("return_url", "")
        if intent["status"] == "succeeded":
            return redirect(with_result(return_url, intent), 303)
        answer = _confirm(store, clock, intent, request.form.to_dict())
        if answer.status != 200:
            return _form(intent, request.form.to_dict(), answer.body["error"]["message"])
        if answer.body["status"] == "requires_action":
            return redirect(answer.body["next_action"]["redirect_to_url"]["url"], 303)
        return redirect(with_result(return_url, answer.body), 303)

    @hosted.get("/onboarding/<account_id>")
    def onboarding(account_id: str) -> AnyResponse:
        account, ticket = _ticket(store, clock, account_id, request.args.get("ticket", ""))
        if ticket["expires_at"] < clock.now():
            return redirect(ticket["_refresh_url"], 303)
        return page(render_template("onboarding.html", account=account, ticket=ticket))

    @hosted.post("/onboarding/<account_id>")
    def finish_onboarding(account_id: str) -> AnyResponse:
        _, ticket = _ticket(store, clock, account_id, request.form.get("ticket", ""))
        if request.form.get("outcome") == "complete":
            with store.transaction() as connection:
                accounts.onboard(Call(connection, clock.now(), _base_url()), account_id)
        return redirect(ticket["_return_url"], 303)

    return hosted


def _base_url() -> str:
    return request.host_url.rstrip("/")


def _read(store: Store, clock: Clock, intent_id: str, secret: str) -> Json:
    with store.transaction() as connection:
        return intent_with_secret(Call(connection, clock.now(), _base_url()), intent_id, secret)


def _ticket(store: Store, clock: Clock, account_id: str, ticket_id: str) -> tuple[Json, Json]:
    with store.transaction() as connection:
        call = Call(connection, clock.now(), _base_url())
        ticket = call.objects.get(ticket_id, "account_link")
        return call.objects.get(account_id, "account"), ticket


def _form(intent: Json, fields: dict[str, str], error: str | None) -> Response:
    html = render_template(
        "hosted_setup.html",
        intent=intent,
        return_url=fields.get("return_url", ""),
        cancel_url=fields.get("cancel_url", ""),
        error=error,
    )
    return page(html, 422 if error else 200)


def _confirm(store: Store, clock: Clock, intent: Json, fields: dict[str, str]) -> Answer:
    """Make the card and confirm the intent with it, as the browser's script would."""
    expiry = EXPIRY.match(fields.get("expiry", ""))
    card = {
        "number": fields.get("number", ""),
        "exp_month": expiry[1] if expiry else "",
        "exp_year": expiry[2] if expiry else "",
        "cvc": fields.get("cvc", ""),
    }
    made = _as_browser(store, clock, "payment_methods", {"type": "card", "card": card})
    if made.status != 200:
        return made
    return _as_browser(
        store,
        clock,
        f"setup_intents/{intent['id']}/confirm",
        {
            "payment_method": made.body["id"],
            "client_secret": intent["client_secret"],
            "return_url": fields.get("return_url", ""),
        },
    )


def _as_browser(store: Store, clock: Clock, path: str, params: Json) -> Answer:
    request_ = Request("POST", path, params, _base_url(), api_key=BROWSER_KEY)
    return execute(store, clock, request_)
