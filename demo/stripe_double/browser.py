"""The stand-in for js.stripe.com: the script, the card frame and the bank's window."""

import sqlite3

from flask import Blueprint, Response, current_app, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from demo.stripe_double import payment_intents, setup_intents
from demo.stripe_double.call import Call
from demo.stripe_double.clock import Clock
from demo.stripe_double.objects import Json
from demo.stripe_double.pages import intent_with_secret, page, with_result
from demo.stripe_double.store import Store


def blueprint(store: Store, clock: Clock) -> Blueprint:
    """What a card page loads."""
    browser = Blueprint("browser", __name__, url_prefix="/v3")

    @browser.get("/")
    @browser.get("/stripe.js")
    def script() -> Response:
        return current_app.send_static_file("stripe.js")

    @browser.get("/card-frame")
    def card_frame() -> Response:
        return page(render_template("card_frame.html"))

    @browser.get("/challenge/<intent_id>")
    def challenge(intent_id: str) -> Response:
        secret = request.args.get("client_secret", "")
        with store.transaction() as connection:
            intent = intent_with_secret(_call(connection, clock), intent_id, secret)
        return page(render_template("challenge.html", intent=intent, dollars=_dollars(intent)))

    @browser.post("/challenge/<intent_id>")
    def answer_challenge(intent_id: str) -> AnyResponse:
        secret = request.form.get("client_secret", "")
        passed = request.form.get("outcome") == "complete"
        with store.transaction() as connection:
            call = _call(connection, clock)
            intent = intent_with_secret(call, intent_id, secret)
            if intent["status"] == "requires_action":
                intent = _authenticate(call, intent, passed)
        if request.form.get("return_url"):
            return redirect(with_result(request.form["return_url"], intent), 303)
        return page(render_template("challenge_done.html"))

    return browser


def _call(connection: sqlite3.Connection, clock: Clock) -> Call:
    return Call(connection, clock.now(), request.host_url.rstrip("/"))


def _authenticate(call: Call, intent: Json, passed: bool) -> Json:
    if intent["object"] == "setup_intent":
        return setup_intents.authenticate(call, intent, passed)
    return payment_intents.authenticate(call, intent, passed)


def _dollars(intent: Json) -> str | None:
    """What the bank says it is asked to pay; nothing when a card is only saved."""
    return f"${intent['amount'] / 100:,.2f}" if "amount" in intent else None
