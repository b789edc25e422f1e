"""`/_test` controls: what a test or the demo's operator can make happen. JSON in, JSON out.

A body must say that it is JSON, so a foreign page in a browser cannot reach the controls.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, request

from demo.stripe_double import accounts, disputes, faults, refunds
from demo.stripe_double.call import Call
from demo.stripe_double.clock import Clock
from demo.stripe_double.errors import ApiError, invalid
from demo.stripe_double.objects import Json, public
from demo.stripe_double.store import Store
from demo.stripe_double.switches import Switches

EVERY_REQUEST = ""
DELIVERY_FIELDS = ("id", "event_id", "state", "attempts", "answer")


def blueprint(store: Store, clock: Clock) -> Blueprint:
    """The controls on this store."""
    controls = Blueprint("controls", __name__, url_prefix="/_test")

    def within(effect: Callable[[Call], Any]) -> Response:
        with store.transaction() as connection:
            call = Call(connection, clock.now(), request.host_url.rstrip("/"))
            return jsonify(public(effect(call)))

    @controls.errorhandler(ApiError)
    def refuse(error: ApiError) -> tuple[Response, int]:
        return jsonify(error.body), error.status

    @controls.get("/health")
    def health() -> Response:
        return within(lambda call: {"ok": True, "now": call.now})

    @controls.post("/reset")
    def reset() -> Response:
        _body()
        store.clear()
        return jsonify({})

    @controls.post("/faults")
    def add_fault() -> Response:
        body = _body()
        if body.get("kind") not in faults.KINDS:
            raise invalid(f"kind is one of {', '.join(faults.KINDS)}")
        return within(lambda call: _queue_fault(call, body))

    @controls.get("/faults")
    def list_faults() -> Response:
        columns = ("kind", "match", "remaining", "seconds")
        return within(lambda call: _table(call.connection, "fault", columns))

    @controls.delete("/faults")
    def clear_faults() -> Response:
        return within(lambda call: _run(call.connection, "DELETE FROM fault"))

    @controls.post("/accounts/<account_id>/onboard")
    def onboard(account_id: str) -> Response:
        _body()
        return within(lambda call: accounts.onboard(call, account_id))

    @controls.post("/accounts/<account_id>/payout")
    def pay_out(account_id: str) -> Response:
        amount = int(_body()["amount"])
        return within(lambda call: accounts.pay_out(call, account_id, amount))

    @controls.post("/charges/<charge_id>/dispute")
    def dispute(charge_id: str) -> Response:
        reason = str(_body().get("reason", "fraudulent"))
        return within(
            lambda call: disputes.open_dispute(call, call.objects.get(charge_id, "charge"), reason)
        )

    @controls.post("/disputes/<dispute_id>/close")
    def close_dispute(dispute_id: str) -> Response:
        status = str(_body()["status"])
        if status not in ("won", "lost"):
            raise invalid("status is won or lost")
        return within(lambda call: disputes.close(call, dispute_id, status))

    @controls.post("/refunds/<refund_id>/fail")
    def fail_refund(refund_id: str) -> Response:
        _body()
        return within(lambda call: refunds.fail(call, refund_id))

    @controls.post("/payment_methods/<payment_method_id>")
    def change_card(payment_method_id: str) -> Response:
        decline_code = _body()["decline"]
        return within(lambda call: _change_card(call, payment_method_id, decline_code))

    @controls.get("/charges")
    def charges() -> Response:
        """Succeeded charges whose metadata equals the query: for exactly-one-charge checks."""
        wanted = request.args.to_dict()
        return within(lambda call: _charges(call, wanted))

    @controls.post("/webhooks")
    def switch_webhooks() -> Response:
        body = _body()
        unknown = set(body) - Switches.names()
        if unknown:
            raise invalid(f"unknown switch: {', '.join(sorted(unknown))}")
        return within(lambda call: _switch(call, body))

    @controls.get("/webhooks")
    def list_webhooks() -> Response:
        return within(lambda call: _table(call.connection, "delivery", DELIVERY_FIELDS))

    return controls


def _body() -> Json:
    body: Json = request.get_json()
    return body


def _run(connection: sqlite3.Connection, statement: str) -> Json:
    connection.execute(statement)
    return {}


def _table(connection: sqlite3.Connection, table: str, columns: tuple[str, ...]) -> Json:
    rows = connection.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY id").fetchall()
    return {"data": [dict(zip(columns, row, strict=True)) for row in rows]}


def _queue_fault(call: Call, body: Json) -> Json:
    faults.queue(
        call.connection,
        body["kind"],
        int(body.get("count", 1)),
        str(body.get("match", EVERY_REQUEST)),
        body.get("seconds"),
    )
    return {}


def _change_card(call: Call, payment_method_id: str, decline_code: str | None) -> Json:
    payment_method = call.objects.get(payment_method_id, "payment_method")
    payment_method["_refusal"] = decline_code
    return call.objects.save(payment_method)


def _charges(call: Call, wanted: dict[str, str]) -> Json:
    data = [
        charge
        for charge in call.objects.select("charge", status="succeeded")
        if wanted.items() <= charge["metadata"].items()
    ]
    total = sum(charge["amount_captured"] for charge in data)
    return {"count": len(data), "total": total, "data": data}


def _switch(call: Call, body: Json) -> Json:
    for name, value in body.items():
        call.connection.execute(
            "INSERT INTO switch (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, float(value)),
        )
    switches = Switches.load(call.connection)
    return {name: getattr(switches, name) for name in sorted(Switches.names())}
