"""Webhooks: only what the provider signed is kept, and each event once."""

import hashlib
import hmac
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from marketplace.core.audit import AuditEntry
from marketplace.core.db import open_session
from marketplace.core.outbox import OutboxMessage
from marketplace.payments.models import WebhookEvent
from tests import factories
from tests.bookings.conftest import small_app
from tests.payments.double import WEBHOOK_SECRET
from tests.support import database

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


def test_only_posts_are_taken(client):
    assert client.get(PATH).status_code == 405
