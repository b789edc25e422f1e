"""Carries out one API request: idempotency, checks, effect and answer in one transaction."""

import hashlib
import json
import sqlite3
from dataclasses import dataclass, field

from demo.stripe_double import routes, validation
from demo.stripe_double.call import Call
from demo.stripe_double.clock import Clock
from demo.stripe_double.errors import ApiError
from demo.stripe_double.expand import expand
from demo.stripe_double.faults import Fault
from demo.stripe_double.objects import Json, public
from demo.stripe_double.store import Store, savepoint

KEY_LIFETIME_SECONDS = 86_400
LONGEST_KEY = 255
NOT_KEPT = ("parameter_unknown", "parameter_missing", "payment_method_types_no_longer_supported")
"""Failed checks are not remembered under the key: nothing was executed."""


@dataclass(frozen=True)
class Request:
    """One decoded API request."""

    method: str
    path: str
    params: Json
    base_url: str
    api_key: str = ""
    account: str = ""
    idempotency_key: str | None = None

    @property
    def fingerprint(self) -> str:
        text = json.dumps([self.method, self.path, self.account, self.params], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def from_browser(self) -> bool:
        return self.api_key.startswith("pk_test_")


@dataclass(frozen=True)
class Answer:
    """What goes back over HTTP."""

    status: int
    body: Json
    headers: dict[str, str] = field(default_factory=dict)


def execute(store: Store, clock: Clock, request: Request, fault: Fault | None = None) -> Answer:
    """The answer to a request, kept with its effect."""
    _check_key(request)
    now = clock.now()
    with store.transaction() as connection:
        key = request.idempotency_key if request.method == "POST" else None
        if key is None:
            return _run(connection, now, request, fault)
        connection.execute(
            "DELETE FROM idempotency WHERE created < ?", (now - KEY_LIFETIME_SECONDS,)
        )
        earlier = connection.execute(
            "SELECT fingerprint, status, body FROM idempotency WHERE key = ?", (key,)
        ).fetchone()
        if earlier is not None:
            return _replay(request, key, *earlier)
        answer = _run(connection, now, request, fault)
        if _is_kept(answer, fault):
            connection.execute(
                "INSERT INTO idempotency (key, fingerprint, created, status, body)"
                " VALUES (?, ?, ?, ?, ?)",
                (key, request.fingerprint, now, answer.status, json.dumps(answer.body)),
            )
        return answer


def _run(connection: sqlite3.Connection, now: int, request: Request, fault: Fault | None) -> Answer:
    broken = fault.answer if fault else None
    if broken is not None and fault is not None and not fault.executes:
        return Answer(broken.status, broken.body)
    call = Call(connection, now, request.base_url, request.account, request.idempotency_key)
    answer = _effect(call, request)
    return answer if broken is None else Answer(broken.status, broken.body)


def _effect(call: Call, request: Request) -> Answer:
    """Carry out the request. A decline keeps its traces, any other error leaves none."""
    paths = request.params.get("expand", [])
    declined: ApiError | None = None
    body: Json = {}
    try:
        with savepoint(call.connection):
            try:
                body = _handle(call, request)
            except ApiError as error:
                if not error.is_decline:
                    raise
                declined = error
    except ApiError as error:
        return Answer(error.status, error.body)
    if declined is not None:
        return Answer(declined.status, declined.body)
    return Answer(200, public(expand(call.objects, body, paths)))


def _handle(call: Call, request: Request) -> Json:
    route, ids = routes.find(request.method, request.path)
    params = dict(request.params)
    if request.from_browser:
        _check_browser(call, route, ids, params.pop("client_secret", None))
    if route.params:
        validation.check(route.params, params)
    params.pop("expand", None)
    body = route.handler(call, params, *ids)
    if body["object"] == "list":  # the SDK asks this address for the next page
        body = {"url": f"/v1/{request.path}"} | body
    return body


def _check_browser(
    call: Call, route: routes.Route, ids: tuple[str, ...], client_secret: str | None
) -> None:
    """A publishable key may make cards and touch an intent whose secret it knows, no more."""
    if not route.browser:
        raise ApiError(
            403, "invalid_request_error", "This API call cannot be made with a publishable key."
        )
    if ids:
        intent = call.objects.find(ids[0])
        if intent is None or intent.get("client_secret") != client_secret:
            raise ApiError(401, "invalid_request_error", "The client_secret does not match.")


def _check_key(request: Request) -> None:
    if request.api_key.startswith(("sk_live_", "pk_live_", "rk_live_")):
        raise ApiError(401, "invalid_request_error", "This is a test double: use a test key.")
    if not request.api_key.startswith(("sk_test_", "pk_test_")):
        raise ApiError(401, "invalid_request_error", "You did not provide a valid API key.")
    if request.idempotency_key and len(request.idempotency_key) > LONGEST_KEY:
        raise ApiError(400, "invalid_request_error", "The idempotency key is too long.")


def _replay(request: Request, key: str, fingerprint: str, status: int, body: str) -> Answer:
    if fingerprint != request.fingerprint:
        raise ApiError(
            400,
            "idempotency_error",
            "Keys for idempotent requests can only be used with the same parameters they were "
            f"first used with. Try using a key other than '{key}' if you meant another request.",
        )
    return Answer(status, json.loads(body), {"Idempotent-Replayed": "true"})


def _is_kept(answer: Answer, fault: Fault | None) -> bool:
    if fault is not None and fault.answer is not None:
        return fault.kept
    return answer.body.get("error", {}).get("code") not in NOT_KEPT
