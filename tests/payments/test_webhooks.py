"""Webhooks: only what the provider signed is kept, and each event once."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from marketplace.accounts import throttle
from marketplace.accounts.models import Attempt
from marketplace.core import counters, jobs
from marketplace.core.audit import AuditEntry
from marketplace.core.db import open_session
from marketplace.core.outbox import OutboxMessage
from marketplace.payments import refusals
from marketplace.payments.models import WebhookEvent
from tests import factories
from tests.bookings.conftest import small_app
from tests.payments.double import WEBHOOK_SECRET
from tests.support import database, valkey

PATH = "/webhooks/stripe"


@pytest.fixture
def site(migrated):
    database.wipe()
    with small_app(STRIPE_WEBHOOK_SECRET=WEBHOOK_SECRET) as app:
        yield app


@pytest.fixture
def client(site: Flask) -> FlaskClient:
    return site.test_client()


def an_event(number: int = 1, kind: str = "payment_intent.succeeded", **more: Any) -> bytes:
    event = {
        "id": f"evt_{number}",
        "object": "event",
        "type": kind,
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
    }
    return json.dumps(event | more).encode()


def signed(body: bytes, *, secret: str = WEBHOOK_SECRET, age: int = 0) -> dict[str, str]:
    at = int(time.time()) - age
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return {"Stripe-Signature": f"t={at},v1={mac.hexdigest()}"}


def rows(model) -> list[Any]:
    with open_session(factories.a_system(), readonly=True) as session:
        return list(session.scalars(select(model)))


def test_a_signed_event_is_stored_with_its_work(client):
    body = an_event()
    answer = client.post(PATH, data=body, headers=signed(body))
    assert answer.status_code == 200
    (event,) = rows(WebhookEvent)
    assert (event.id, event.type, event.object_id) == ("evt_1", "payment_intent.succeeded", "pi_1")
    assert [row.topic for row in rows(OutboxMessage)] == ["payments.process_event"]


def test_the_same_event_twice_is_one(client):
    body = an_event()
    assert client.post(PATH, data=body, headers=signed(body)).json["new"] is True
    again = client.post(PATH, data=body, headers=signed(body))
    assert (again.status_code, again.json["new"]) == (200, False)
    assert len(rows(OutboxMessage)) == 1


def test_the_same_event_many_times_at_once_is_one(site):
    body = an_event()
    headers = signed(body)

    def send(_number: int) -> int:
        return site.test_client().post(PATH, data=body, headers=headers).status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(send, range(6))) == {200}
    assert len(rows(WebhookEvent)) == len(rows(OutboxMessage)) == 1


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (an_event(), {}),
        (an_event(), {"Stripe-Signature": "t=1,v1=00"}),
        (an_event(), {"Stripe-Signature": "nonsense"}),
        (an_event(), signed(an_event(), secret="whsec_somebody_else")),
        (an_event(), signed(an_event(), age=3600)),
        (an_event(2), signed(an_event(1))),
        (b"", signed(b"")),
        (b"\xff\xfe", signed(b"\xff\xfe")),
        (b"not json", signed(b"not json")),
        (b"[]", signed(b"[]")),
        (an_event(livemode=True), signed(an_event(livemode=True))),
    ],
    ids=[
        "unsigned",
        "wrong",
        "nonsense",
        "other-secret",
        "old",
        "changed",
        "empty",
        "bytes",
        "text",
        "list",
        "live",
    ],
)
def test_anything_else_is_refused_and_noted(client, body, headers):
    answer = client.post(PATH, data=body, headers=headers)
    assert answer.status_code == 400
    assert rows(WebhookEvent) == rows(OutboxMessage) == []
    (note,) = rows(AuditEntry)
    assert note.action == "payments.webhook_refused"


# --- a flood ------------------------------------------------------------------------------------


def forged(client: FlaskClient, times: int, address: str = "203.0.113.7") -> set[tuple[int, str]]:
    """Send what nobody signed; the answers."""
    sent = [
        client.post(PATH, data=an_event(), environ_overrides={"REMOTE_ADDR": address})
        for _ in range(times)
    ]
    return {(answer.status_code, answer.text) for answer in sent}


def noted() -> list[tuple[str, str, Any]]:
    return sorted(
        (row.action, row.subject, row.detail.get("number", "")) for row in rows(AuditEntry)
    )


def refused_one(address: str) -> tuple[str, str, Any]:
    return refusals.ACTION, f"address:{address}", ""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[None]:
    """A real Valkey that counts."""
    with valkey.running(tmp_path) as url:
        counters.configure(url)
        yield
        counters.configure("")


def test_a_flood_is_noted_some_times_and_then_summed_up(client: FlaskClient, redis: None) -> None:
    """The caller is answered the same all the time, and nobody can fill the log."""
    few = throttle.ROOM["webhook"][0].times
    answers = forged(client, few + 7)
    assert answers == forged(client, 3, "198.51.100.1") and len(answers) == 1
    ones = [refused_one("198.51.100.1")] * 3 + [refused_one("203.0.113.7")] * few
    assert noted() == ones
    attempts = len(rows(Attempt))
    for _ in range(2):  # once
        jobs.run_tick("payments.sum_up_refusals")
        assert noted() == [*ones, (refusals.MORE, "address:203.0.113.7", 7)]
    forged(client, 2)
    assert len(rows(Attempt)) == attempts  # without room nothing is written


def test_many_sources_have_a_cap_together(
    client: FlaskClient, redis: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    minute = timedelta(minutes=1)
    limits = throttle.Limit(5, minute), throttle.Limit(4, minute)
    monkeypatch.setitem(throttle.ROOM, "webhook", limits)
    monkeypatch.setattr(refusals, "MOST_SOURCES", 2)
    for number in range(9):
        forged(client, 1 + (number == 8), f"203.0.113.{number}")
    jobs.run_tick("payments.sum_up_refusals")
    more = (refusals.MORE, "address:203.0.113.8", 2), (refusals.MORE, "address:203.0.113.4", 1)
    others = (refusals.MORE, "address:others", 3)
    ones = [refused_one(f"203.0.113.{number}") for number in range(4)]
    assert noted() == sorted([*ones, *more, others])


def test_without_redis_a_flood_is_noted_and_one_row_says_so(client: FlaskClient) -> None:
    few = throttle.ROOM["webhook"][0].times
    forged(client, few + 9)
    more = (refusals.MORE, "address:203.0.113.7", "not counted")
    assert noted() == [*[refused_one("203.0.113.7")] * few, more]


def test_one_network_is_one_source(client: FlaskClient) -> None:
    """Who holds an IPv6 network has more addresses than anybody can count."""
    for number in range(12):
        forged(client, 1, f"2001:db8::{number:x}")
    assert len(noted()) == throttle.ROOM["webhook"][0].times + 1


def test_only_posts_are_taken(client):
    assert client.get(PATH).status_code == 405
