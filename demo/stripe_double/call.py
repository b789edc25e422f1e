"""What one API request can use: the objects, the time, and news for the webhook."""

import json
import secrets
import sqlite3
import string
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import stripe

from demo.stripe_double.objects import Json, Objects, public
from demo.stripe_double.switches import Switches

ALPHABET = string.ascii_letters + string.digits


def random_id(prefix: str) -> str:
    """An id as Stripe shapes them."""
    return f"{prefix}_{''.join(secrets.choice(ALPHABET) for _ in range(24))}"


@dataclass
class Call:
    """One request inside one transaction."""

    connection: sqlite3.Connection
    now: int
    base_url: str
    account: str = ""
    idempotency_key: str | None = None
    objects: Objects = field(init=False)

    def __post_init__(self) -> None:
        self.objects = Objects(self.connection)

    @property
    def year_and_month(self) -> tuple[int, int]:
        today = datetime.fromtimestamp(self.now, UTC)
        return today.year, today.month

    def new(self, kind: str, prefix: str, account: str = "", /, **fields: object) -> Json:
        """Make and keep an object."""
        obj: Json = {
            "id": random_id(prefix),
            "object": kind,
            "created": self.now,
            "livemode": False,
            "metadata": {},
            **fields,
        }
        return self.objects.insert(obj, account)

    def emit(self, event_type: str, obj: Json, account: str = "") -> None:
        """Record an event and queue its delivery. Events carry the real time, never the demo's."""
        real_time = time.time()
        event: Json = {
            "id": random_id("evt"),
            "object": "event",
            "api_version": stripe.api_version,
            "created": int(real_time),
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": self.idempotency_key},
            "type": event_type,
            "data": {"object": json.loads(json.dumps(public(obj)))},
        }
        if account:
            event["account"] = account
        self.objects.insert(event)
        switches = Switches.load(self.connection)
        for _ in range(switches.copies):
            self.connection.execute(
                "INSERT INTO delivery (event_id, body, due) VALUES (?, ?, ?)",
                (event["id"], json.dumps(event), real_time + switches.delay_seconds),
            )
