"""Starts the Stripe double as a real process, and acts for the candidate's browser."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self
from urllib.parse import urlencode

import urllib3

from marketplace.payments.gateway import SetupSession
from marketplace.payments.stripe_gateway import StripeGateway

ROOT = Path(__file__).parents[2]
SECRET_KEY = "sk_test_tests"
PUBLISHABLE_KEY = "pk_test_tests"
WEBHOOK_SECRET = "whsec_tests"
PATIENCE_SECONDS = 10.0

GOOD = "4242424242424242"
DECLINED = "4000000000000002"
LOST = "4000000000009987"
FAILS_LATER = "4000000000000341"
ASKS_UNLESS_SAVED = "4000002500003155"
ALWAYS_ASKS = "4000002760003184"
INSUFFICIENT_FUNDS_LATER = "4000008260003178"
DISPUTED = "4000000000000259"

http = urllib3.PoolManager(retries=False, timeout=PATIENCE_SECONDS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class StripeDouble:
    """One process on its own port and file. Use it as a context manager."""

    def __init__(self, folder: Path, webhook_url: str | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._webhook_url = webhook_url
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def clock_file(self) -> Path:
        """`{"offset_seconds": 86400}` moves the double's time."""
        return self._folder / "clock"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_reason: object) -> None:
        self.kill9()

    def start(self) -> None:
        """Start, or start again on the same file and port, and wait until it answers."""
        command = [sys.executable, "-m", "demo.stripe_double", "--port", str(self.port)]
        command += ["--db", str(self._folder / "stripe.db"), "--webhook-secret", WEBHOOK_SECRET]
        command += ["--clock-file", str(self.clock_file)]
        if self._webhook_url:
            command += ["--webhook-url", self._webhook_url]
        self._process = subprocess.Popen(command, cwd=ROOT)
        until(self._answers)

    def kill9(self) -> None:
        """End the process without a goodbye."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def gateway(
        self, timeout_seconds: tuple[float, float] = (3, 20), retries: int = 0
    ) -> StripeGateway:
        """The real gateway, pointed at this double."""
        return StripeGateway(SECRET_KEY, self.url, WEBHOOK_SECRET, timeout_seconds, retries)

    def control(self, path: str, body: object = None, method: str = "POST") -> dict[str, Any]:
        """A `/_test` control; fails the test when it is refused."""
        answer = http.request(method, f"{self.url}/_test/{path}", json={} if body is None else body)
        assert answer.status == 200, answer.data
        result: dict[str, Any] = answer.json()
        return result

    def read(self, path: str, **query: str) -> dict[str, Any]:
        """What a `GET /_test` control answers."""
        answer = http.request("GET", f"{self.url}/_test/{path}", fields=query)
        assert answer.status == 200, answer.data
        result: dict[str, Any] = answer.json()
        return result

    def fault(self, kind: str, match: str = "", count: int = 1, **more: object) -> None:
        """Let the next `count` matching requests fail."""
        self.control("faults", {"kind": kind, "match": match, "count": count, **more})

    def charges(self, **metadata: str) -> list[dict[str, Any]]:
        """Succeeded charges with this metadata."""
        found: list[dict[str, Any]] = self.read("charges", **metadata)["data"]
        return found

    def as_browser(self, path: str, **fields: str) -> dict[str, Any]:
        """What Stripe.js sends: a form with the publishable key."""
        answer = http.request(
            "POST",
            f"{self.url}/v1/{path}",
            body=urlencode({"key": PUBLISHABLE_KEY, **fields}),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        result: dict[str, Any] = answer.json()
        return result

    def make_card(self, number: str = GOOD) -> dict[str, Any]:
        """The payment method for a card number, or the API's error."""
        card = {"number": number, "exp_month": "12", "exp_year": "2034", "cvc": "123"}
        fields = {f"card[{name}]": value for name, value in card.items()}
        return self.as_browser("payment_methods", type="card", **fields)

    def confirm(
        self, client_secret: str, number: str = GOOD, passed: bool = True
    ) -> dict[str, Any]:
        """Give a card for an intent and pass (or fail) the bank's check if there is one."""
        intent_id = client_secret.split("_secret_", maxsplit=1)[0]
        kind = "setup_intents" if intent_id.startswith("seti_") else "payment_intents"
        made = self.make_card(number)
        if "error" in made:
            return made
        intent = self.as_browser(
            f"{kind}/{intent_id}/confirm", client_secret=client_secret, payment_method=made["id"]
        )
        if intent.get("status") == "requires_action":
            self.answer_bank(client_secret, passed)
        return intent

    def answer_bank(self, client_secret: str, passed: bool = True) -> None:
        """Press a button in the bank's window."""
        fields = {"client_secret": client_secret, "outcome": "complete" if passed else "fail"}
        intent_id = client_secret.split("_secret_", maxsplit=1)[0]
        url = f"{self.url}/v3/challenge/{intent_id}"
        assert http.request("POST", url, fields=fields).status == 200

    def save_card(self, gateway: StripeGateway, number: str = GOOD) -> tuple[str, str]:
        """A new customer with a saved card: both ids."""
        unique = f"person-{time.monotonic_ns()}"
        customer = gateway.ensure_customer(unique, "ana@example.org", key=f"c:{unique}")
        session: SetupSession = gateway.start_setup(customer, key=f"s:{unique}")
        self.confirm(session.client_secret, number)
        setup = gateway.fetch_setup(session.id)
        assert setup.payment_method is not None, "the card could not be saved"
        return customer, setup.payment_method

    def _answers(self) -> bool:
        try:
            return http.request("GET", f"{self.url}/_test/health").status == 200
        except urllib3.exceptions.HTTPError:
            return False


@dataclass
class Receiver:
    """A small web server that keeps the webhooks it gets, and answers them with `status`."""

    status: int = 200
    received: list[tuple[bytes, str]] = field(default_factory=list)
    url: str = ""

    def types(self) -> list[str]:
        """The types of the events received."""
        return [re.findall(rb'"type": "([a-z_.]+\.[a-z_]+)"', body)[-1].decode()
                for body, _ in self.received]  # fmt: skip


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver on a free port."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.received.append((body, self.headers["Stripe-Signature"]))
            self.send_response(kept.status)
            self.end_headers()

        def log_message(self, *_line: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}/webhooks/stripe"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def until(condition: Any, seconds: float = 6 * PATIENCE_SECONDS) -> None:
    """Wait for a condition; fail when it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
