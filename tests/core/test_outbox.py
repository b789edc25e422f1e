"""The outbox: written with the decision, relayed at least once, done exactly once."""

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from marketplace.core import clock, context, jobs, outbox
from marketplace.core.db import open_session
from marketplace.core.outbox import EffectApplied, OutboxMessage
from marketplace.tenants.models import Agency

SYSTEM = context.system("test")
calls: list[str] = []


@jobs.handler("test.rename")
def rename(session, agency_id: str, name: str) -> None:
    session.get_one(Agency, uuid.UUID(agency_id)).name += name
    calls.append(f"{context.current_scope().kind}:{context.request_id.get()}")


@jobs.handler("test.fails")
def fails(session) -> None:
    session.add(Agency(slug="never", name="Never"))
    session.flush()
    raise RuntimeError("on purpose")


@pytest.fixture
def agency(app) -> uuid.UUID:
    calls.clear()
    with open_session(SYSTEM) as session:
        row = Agency(slug="a", name="A")
        session.add(row)
        session.flush()
        return row.id


def write(topic: str, payload: dict, scope: context.Scope = SYSTEM) -> str:
    with open_session(scope) as session:
        return str(outbox.enqueue(session, topic, payload))


def row(message_id: str) -> OutboxMessage:
    with open_session(SYSTEM, readonly=True) as session:
        found = session.get_one(OutboxMessage, uuid.UUID(message_id))
        session.expunge(found)
        return found


def test_a_rolled_back_decision_leaves_no_work(agency) -> None:
    with pytest.raises(RuntimeError), open_session(SYSTEM) as session:
        outbox.enqueue(session, "test.rename", {})
        raise RuntimeError
    with open_session(SYSTEM, readonly=True) as session:
        assert session.scalar(select(func.count()).select_from(OutboxMessage)) == 0


def test_a_row_is_done_once_however_often_it_is_sent(agency) -> None:
    token = context.request_id.set("request-of-the-candidate")
    key = write("test.rename", {"agency_id": str(agency), "name": "+"}, context.agency(agency))
    context.request_id.reset(token)
    assert jobs.run_message(key) == "done"
    assert jobs.run_message(key) == "nothing to do"
    assert row(key).done_at is not None
    assert calls == ["agency:request-of-the-candidate"]


def test_a_crash_after_the_effect_and_before_the_acknowledgement_repeats_nothing(agency) -> None:
    key = write("test.rename", {"agency_id": str(agency), "name": "+"})
    jobs.run_message(key)
    with open_session(SYSTEM) as session:
        session.get_one(OutboxMessage, uuid.UUID(key)).done_at = None
    assert jobs.run_message(key) == "done"
    with open_session(SYSTEM, readonly=True) as session:
        assert session.get_one(Agency, agency).name == "A+"
        assert session.scalar(select(func.count()).select_from(EffectApplied)) == 1


def test_a_failure_keeps_nothing_and_is_tried_later_then_dies(agency) -> None:
    key = write("test.fails", {})
    for number in range(1, outbox.MAX_ATTEMPTS):
        assert jobs.run_message(key) == "failed"
        assert row(key).failures == number
        assert row(key).next_at > clock.wall()
    assert jobs.run_message(key) == "dead"
    assert "on purpose" in (row(key).last_error or "")
    with open_session(SYSTEM, readonly=True) as session:
        assert session.scalar(select(func.count()).where(Agency.slug == "never")) == 0
    with open_session(SYSTEM) as session:
        outbox.revive(session, uuid.UUID(key))
    assert row(key).dead_at is None


def test_the_relay_leases_rows_and_sends_again_what_nobody_acknowledged(agency) -> None:
    key = write("test.rename", {"agency_id": str(agency), "name": "+"})
    with open_session(SYSTEM) as session:
        assert [str(r.id) for r in outbox.take_due(session)] == [key]
    with open_session(SYSTEM) as session:
        assert outbox.take_due(session) == []
    with open_session(SYSTEM) as session:
        session.get_one(OutboxMessage, uuid.UUID(key)).next_at -= outbox.LEASE + timedelta(1)
    with open_session(SYSTEM) as session:
        assert [r.sends for r in outbox.take_due(session)] == [2]


def test_moving_the_business_clock_sends_nothing_twice(agency) -> None:
    write("test.rename", {"agency_id": str(agency), "name": "+"})
    with open_session(SYSTEM) as session:
        outbox.take_due(session)
    clock.advance(timedelta(days=30))
    with open_session(SYSTEM) as session:
        assert outbox.take_due(session) == []


def test_an_effect_key_is_taken_once(agency) -> None:
    with open_session(SYSTEM) as session:
        outbox.enqueue(session, "test.rename", {}, effect_key="only-once")
    with pytest.raises(IntegrityError), open_session(SYSTEM) as session:
        outbox.enqueue(session, "test.rename", {}, effect_key="only-once")
