"""The `/v1` addresses over HTTP."""

import secrets
import socket
import time

from flask import Blueprint, Response, jsonify, make_response, request

from demo.stripe_double import faults
from demo.stripe_double.clock import Clock
from demo.stripe_double.engine import Answer, Request, execute
from demo.stripe_double.errors import ApiError
from demo.stripe_double.objects import Json
from demo.stripe_double.params import decode
from demo.stripe_double.store import Store

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Stripe-Version",
    "Access-Control-Max-Age": "300",
}


def blueprint(store: Store, clock: Clock) -> Blueprint:
    """The API on this store."""
    api = Blueprint("api", __name__, url_prefix="/v1")

    @api.route("/<path:path>", methods=["GET", "POST", "DELETE"])
    def call(path: str) -> Response:
        with store.transaction() as connection:
            fault = faults.take(connection, f"{request.method} /v1/{path}")
        if fault is not None:
            time.sleep(fault.seconds)
            if fault.drops and not fault.executes:
                return _drop_connection()
        try:
            answer = execute(store, clock, _request(path), fault)
        except ApiError as error:
            answer = Answer(error.status, error.body)
        if fault is not None and fault.drops:
            return _drop_connection()
        return _respond(answer)

    return api


def _request(path: str) -> Request:
    params = decode(request.form if request.method == "POST" else request.args)
    authorization = request.authorization
    api_key = params.pop("key", "")
    if authorization is not None:
        api_key = authorization.token or authorization.username or ""
    return Request(
        method=request.method,
        path=path,
        params=params,
        base_url=request.host_url.rstrip("/"),
        api_key=api_key,
        account=request.headers.get("Stripe-Account", ""),
        idempotency_key=request.headers.get("Idempotency-Key"),
    )


def _respond(answer: Answer) -> Response:
    body: Json = answer.body
    response = make_response(jsonify(body), answer.status)
    response.headers.update({**CORS, **answer.headers, "Request-Id": f"req_{secrets.token_hex(7)}"})
    return response


def _drop_connection() -> Response:
    """End the connection without a byte, as a broken network does."""
    connection: socket.socket = request.environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    return Response(status=500)
