"""The provider's events: doubled, parallel, late, out of order, lying, unknown or forged.

`tests/payments/test_webhooks.py` shows how one event is kept. Here a payment is confirmed by the
bank, its events come in every way they can, and the money is counted once.
"""

import hashlib
import hmac
import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import func, select

from marketplace.accounts import throttle
from marketplace.bookings.models import Booking
from marketplace.core import jobs
from marketplace.core.db import db, open_session
from marketplace.core.outbox import OutboxMessage
from marketplace.payments.gateway import NeedsAction
from marketplace.payments.models import Charge, Installment, LedgerTransaction, WebhookEvent
from tests import factories
from tests.contracts import world as worlds
from tests.contracts.callers import ANONYMOUS
from tests.contracts.conftest import Stage
from tests.payments.double import WEBHOOK_SECRET
from tests.support.counts import count

PATH = "/webhooks/stripe"
TYPES = (
    "payment_intent.created",
    "payment_intent.requires_action",
    "payment_intent.processing",
    "payment_intent.succeeded",
)


@dataclass(frozen=True)
class Payment:
    """A deposit that the bank has confirmed, and of which we have not heard."""

    stage: Stage
    reference: str
    intent: str

    def post(self, body: bytes, signature: str) -> int:
        """Deliver an event; the status."""
        headers = {"Stripe-Signature": signature, "Content-Type": "application/json"}
        answer = self.stage.call.send(
            ANONYMOUS, "POST", PATH, data=body, headers=headers, origin=None
        )
        return answer.status_code

    def deliver(self, *numbers: int) -> None:
        """Deliver the events with these numbers, signed now."""
        for number in numbers:
            body = event(number, TYPES[number % len(TYPES)], self.intent)
            assert self.post(body, signed(body)) == 200

    def outcome(self) -> tuple[Any, ...]:
        """The booking's state, and how often money was counted."""
        with open_session(factories.a_system(), readonly=True) as session:
            row = session.scalars(select(Booking).where(Booking.reference == self.reference)).one()
            charges = session.scalars(select(Charge).where(Charge.plan_id == row.plan_id)).all()
            paid = session.scalars(
                select(func.count())
                .select_from(Installment)
                .where(Installment.plan_id == row.plan_id, Installment.state == "paid")
            ).one()
            keys = [one.external_id for one in charges if one.state == "succeeded"]
            booked = session.scalars(
                select(func.count())
                .select_from(LedgerTransaction)
                .where(LedgerTransaction.source_key.in_(keys))
            ).one()
            return row.state, len(charges), len(keys), paid, booked


def event(number: int, kind: str, about: str, **more: Any) -> bytes:
    """An event's body."""
    return json.dumps(
        {
            "id": f"evt_contract_{number}",
            "object": "event",
            "type": kind,
            "api_version": "2026-10-28.endive",
            "created": int(time.time()) - number,
            "livemode": False,
            "data": {"object": {"id": about, "object": "payment_intent", "status": "succeeded"}},
        }
        | more
    ).encode()


def mac(body: bytes, at: int, secret: str = WEBHOOK_SECRET) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def signed(body: bytes, age: int = 0) -> str:
    at = int(time.time()) - age
    return f"t={at},v1={mac(body, at)}"


@pytest.fixture
def payment(built: Stage) -> Iterator[Payment]:
    """A booking whose bank has said yes, on the world as it was built."""
    built.enter()
    house = replace(built.world.alpha, names={}, used=set(built.world.alpha.used))
    with built.app.app_context():
        worlds._asked_by_the_bank(house, built.double)
        with open_session(factories.a_system(), readonly=True) as session:
            plan = session.scalars(
                select(Booking.plan_id).where(Booking.reference == house.names["asks"])
            ).one()
            intent = session.scalars(select(Charge.intent_id).where(Charge.plan_id == plan)).one()
        gateway = built.double.gateway()
        waiting = gateway.fetch_payment(str(intent))
        assert isinstance(waiting, NeedsAction)
        built.double.confirm(waiting.client_secret)
        yield Payment(built, house.names["asks"], str(intent))
        db.session.remove()
    built.enter()


def work() -> None:
    """The worker does what waits."""
    factories.run_outbox("payments.process_event")
    factories.run_outbox("bookings.deposit_paid", "bookings.deposit_failed")


PAID = ("confirmed", 1, 1, 1, 1)
ORDERS = [(3,), (0, 1, 2, 3), (3, 2, 1, 0), (3, 3, 7), (1, 3, 0, 3, 2, 1)]


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_any_order_ends_the_same(payment: Payment, order: tuple[int, ...]) -> None:
    assert payment.outcome() == ("payment_needed", 1, 0, 0, 0)
    payment.deliver(*order)
    work()
    assert payment.outcome() == PAID
    payment.deliver(*order)  # late: all of it again, after the work is done
    work()
    assert payment.outcome() == PAID
    with open_session(factories.a_system(), readonly=True) as session:
        known = session.scalars(select(WebhookEvent)).all()
        assert len(known) == len(set(order))
        assert all(row.processed_at for row in known)


def test_random_orders_with_work_in_between(payment: Payment) -> None:
    chosen = random.Random(7)
    for _ in range(count(20, 200)):
        payment.deliver(*(chosen.randrange(12) for _ in range(3)))
        if chosen.random() < 0.5:
            work()
    work()
    assert payment.outcome() == PAID


def test_twenty_at_once_are_one(payment: Payment) -> None:
    body = event(3, TYPES[3], payment.intent)
    signature = signed(body)
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _n: payment.post(body, signature), range(20)))
    assert statuses == [200] * 20
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.scalar(select(func.count()).select_from(WebhookEvent)) == 1
        waiting = select(OutboxMessage.id).where(OutboxMessage.topic == "payments.process_event")
        (message,) = session.scalars(waiting).all()

    def perform(_number: int) -> str:
        with payment.stage.app.app_context():
            return jobs.run_message(str(message))

    with ThreadPoolExecutor(8) as pool:
        assert "done" in set(pool.map(perform, range(8)))
    work()
    assert payment.outcome() == PAID


def test_an_event_is_only_a_hint(payment: Payment) -> None:
    """What it says about a payment is not believed: the payment is fetched."""
    other = payment.stage.world.beta.names["asks"]
    with open_session(factories.a_system(), readonly=True) as session:
        plan = session.scalars(select(Booking.plan_id).where(Booking.reference == other)).one()
        intent = session.scalars(select(Charge.intent_id).where(Charge.plan_id == plan)).one()
    body = event(40, "payment_intent.succeeded", str(intent))
    assert payment.post(body, signed(body)) == 200
    work()
    assert replace(payment, reference=other).outcome() == ("payment_needed", 1, 0, 0, 0)


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("customer.subscription.updated", "sub_1"),
        ("made.up", "x"),
        ("payment_intent.succeeded", "pi_nobody"),
        ("setup_intent.succeeded", "seti_nobody"),
        ("charge.dispute.created", "dp_nobody"),
    ],
)
def test_an_unknown_type_or_object_changes_nothing(payment: Payment, kind: str, about: str) -> None:
    body = event(50, kind, about)
    before = payment.outcome()
    assert payment.post(body, signed(body)) == 200
    work()
    assert payment.outcome() == before
    with open_session(factories.a_system(), readonly=True) as session:
        (row,) = session.scalars(select(WebhookEvent)).all()
        assert row.processed_at


# --- forged -------------------------------------------------------------------------------------


def forgeries(intent: str, how_many: int) -> Iterator[tuple[str, bytes, str]]:
    """Events that the provider did not sign, from a fixed seed."""
    chosen = random.Random(20_261_123)
    kinds = (_flipped_body, _flipped_mac, _other_secret, _old, _moved_time, _v0, _two_wrong, _swap)
    for number in range(how_many):
        body = event(1000 + number, "payment_intent.succeeded", intent)
        kind = kinds[number % len(kinds)]
        yield kind.__name__, *kind(chosen, body)


def _flip(chosen: random.Random, data: bytes) -> bytes:
    at = chosen.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chosen.randrange(8))]) + data[at + 1 :]


def _flipped_body(chosen: random.Random, body: bytes) -> tuple[bytes, str]:
    return _flip(chosen, body), signed(body)


def _flipped_mac(chosen: random.Random, body: bytes) -> tuple[bytes, str]:
    at = int(time.time())
    digits = mac(body, at)
    spot = chosen.randrange(len(digits))
    other = chosen.choice([digit for digit in "0123456789abcdef" if digit != digits[spot]])
    return body, f"t={at},v1={digits[:spot]}{other}{digits[spot + 1 :]}"


def _other_secret(chosen: random.Random, body: bytes) -> tuple[bytes, str]:
    at = int(time.time())
    secret = chosen.choice(["", "whsec_", "whsec_test", WEBHOOK_SECRET[:-1], f"{WEBHOOK_SECRET} "])
    return body, f"t={at},v1={mac(body, at, secret)}"


def _old(chosen: random.Random, body: bytes) -> tuple[bytes, str]:
    return body, signed(body, age=chosen.randrange(310, 10**6))


def _moved_time(chosen: random.Random, body: bytes) -> tuple[bytes, str]:
    at = int(time.time())
    return body, f"t={at + chosen.choice([-1, 1, 60])},v1={mac(body, at)}"


def _v0(_chosen: random.Random, body: bytes) -> tuple[bytes, str]:
    at = int(time.time())
    return body, f"t={at},v0={mac(body, at)}"


def _two_wrong(chosen: random.Random, body: bytes) -> tuple[bytes, str]:
    at = int(time.time())
    wrong = f"{chosen.getrandbits(256):064x}"
    return body, f"t={at},v1={wrong},v1={mac(body + b' ', at)},v0={mac(body, at)}"


def _swap(_chosen: random.Random, body: bytes) -> tuple[bytes, str]:
    return body, signed(body.replace(b"evt_", b"evt-"))


def accepted_forgeries(payment: Payment, how_many: int) -> list[str]:
    """Forged events that were not refused, or left something behind, or no note."""
    stage = payment.stage
    notes, before = stage.tables.journal("audit_entry"), stage.tables.state()
    wrong = []
    for name, body, signature in forgeries(payment.intent, how_many):
        status = payment.post(body, signature)
        if status != 400:
            wrong.append(f"{name}: {status}")
    if stage.tables.state() != before:
        wrong.append("a forged event left something behind")
    noted = stage.tables.journal("audit_entry") - notes
    # the first of a minute, and one row about the others: nobody can fill the log
    if not throttle.ROOM["webhook"][0].times < noted <= how_many // 10:
        wrong.append(f"{noted} notes about {how_many} forgeries")
    return wrong


def test_forged_events_are_refused_and_noted(payment: Payment) -> None:
    assert accepted_forgeries(payment, count(200, 500)) == []


def test_one_right_signature_among_others_counts(payment: Payment) -> None:
    """While a secret is being changed the provider signs with both."""
    body, at = event(60, "made.up", "x"), int(time.time())
    assert payment.post(body, f"t={at},v1={'0' * 64},v1={mac(body, at)}") == 200
