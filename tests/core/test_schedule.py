"""The ticker looks after everything that is due, and the worker is built as it was measured."""

import inspect
import json
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from rq import Queue, SimpleWorker, Worker
from rq.job import Job
from rq.serializers import JSONSerializer

from marketplace import cli, schedule
from marketplace.bookings.checks import OVERDUE_AFTER
from marketplace.core import clock, context, ids, jobs, outbox
from marketplace.core.db import open_session
from marketplace.schedule import DAILY, SCHEDULE
from tests.support import valkey

# they take no payload either, but an act of the platform writes them as work
BY_ACT = {"verification.kinds_changed"}
# what a person looks at the page for: money and deadlines
PROMPT = {
    *("bookings.expire_due", "bookings.charge_deposits", "payments.charge_due"),
    *("payments.settle_unknown", "payments.send_refunds", "payments.release_due"),
    *("payments.send_transfers", "reviews.release_due"),
}


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    with valkey.running(tmp_path) as url:
        yield url
        jobs.connection.cache_clear()
        jobs.quick.cache_clear()


# --- the schedule -------------------------------------------------------------------------------


def ticks() -> set[str]:
    """Every handler that needs nothing but a look at the rows: `body(scope)`."""
    return {
        topic
        for topic, found in jobs._handlers.items()
        if not topic.startswith("test.")
        and not found.rows_only
        and len(inspect.signature(found.body).parameters) == 1
    }


def test_every_handler_that_looks_for_due_rows_is_scheduled(app: Flask) -> None:
    scheduled = [job.topic for job in SCHEDULE]
    assert set(scheduled) == ticks() - BY_ACT
    assert len(scheduled) == len(set(scheduled))
    assert set(scheduled) >= PROMPT


def test_intervals_are_those_that_promises_rest_on() -> None:
    every = {job.topic: job.seconds for job in SCHEDULE}
    assert all(0 < seconds <= DAILY for seconds in every.values())
    assert max(every[topic] for topic in PROMPT) <= 15
    # a deadline that passed is no violation before the sweep had many turns
    assert timedelta(seconds=20 * every["bookings.expire_due"]) < OVERDUE_AFTER
    assert DAILY == 24 * 60 * 60


def test_a_tick_is_queued_once_in_its_slot(
    app: Flask, redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by two tickers; in the next slot of a job it is queued again."""
    moment = clock.wall().replace(hour=11, minute=0, second=3, microsecond=0)
    monkeypatch.setattr(clock, "wall", lambda: moment)
    monkeypatch.setattr(cli, "_last_slot", {})
    cli.tick(redis)
    cli.tick(redis)
    monkeypatch.setattr(cli, "_last_slot", {})  # another ticker
    cli.tick(redis)
    queued = [job.args[0] for job in jobs.queue(redis).get_jobs()]
    assert sorted(queued) == sorted(job.topic for job in SCHEDULE)
    monkeypatch.setattr(clock, "wall", lambda: moment + timedelta(seconds=5))
    cli.tick(redis)
    again = [job.args[0] for job in jobs.queue(redis).get_jobs()][len(queued) :]
    assert sorted(again) == sorted(job.topic for job in SCHEDULE if job.seconds == 5)


def test_what_is_not_scheduled_is_not_queued(
    app: Flask, redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ticker reads this list and no other."""
    assert cli.SCHEDULE is schedule.SCHEDULE
    monkeypatch.setattr(cli, "SCHEDULE", SCHEDULE[:1])
    monkeypatch.setattr(cli, "_last_slot", {})
    cli.tick(redis)
    assert [job.args[0] for job in jobs.queue(redis).get_jobs()] == [SCHEDULE[0].topic]


# --- the queue and the worker -------------------------------------------------------------------


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, dict[str, Any]]]:
    """The workers that `work` makes, instead of their endless loops."""
    made: list[tuple[Any, dict[str, Any]]] = []
    for kind in (Worker, SimpleWorker):
        monkeypatch.setattr(kind, "work", lambda self, **how: made.append((self, how)))
    return made


@pytest.mark.parametrize("forking", [True, False])
def test_the_worker_is_built_as_it_was_measured(
    redis: str, built: list[tuple[Any, dict[str, Any]]], forking: bool
) -> None:
    """docs/decisions/0004: with RQ's own values an abandoned job waits for minutes."""
    jobs.work(redis, forking=forking)
    ((worker, how),) = built
    assert type(worker) is (Worker if forking else SimpleWorker)
    assert (worker.worker_ttl, worker.job_monitoring_interval) == (25, 5)
    assert worker.maintenance_interval == 10
    assert worker.dequeue_timeout == 10  # an idle worker looks for abandoned jobs that often
    assert worker.serializer is JSONSerializer
    assert [queue.serializer for queue in worker.queues] == [JSONSerializer]
    assert how == {"with_scheduler": True, "burst": False, "logging_level": "WARNING"}


def _the_job(redis: str) -> Job:
    (job,) = jobs.queue(redis).get_jobs()
    return job


def test_a_job_is_json_and_is_tried_again(redis: str) -> None:
    jobs.send(redis, "one", "run_tick", "core.clean")
    jobs.send(redis, "one", "run_tick", "core.clean")  # there already: enough
    job = _the_job(redis)
    raw = jobs.connection(redis).hget(job.key, "data")
    assert isinstance(raw, bytes)
    told = json.loads(zlib.decompress(raw))
    assert told == ["marketplace.core.jobs.run_tick", None, ["core.clean"], {}]
    assert (job.retries_left, job.retry_intervals) == (3, [1, 10, 60])
    assert (job.timeout, job.result_ttl, job.failure_ttl) == (jobs.JOB_TIMEOUT, 0, 86_400)


def test_a_job_ends_before_its_row_is_sent_again(app: Flask, redis: str) -> None:
    """Whatever a topic may take: the lease is longer, and the queue is told the same."""
    moment = clock.wall()
    with open_session(context.system("test")) as session:
        for topic in ("bookings.deposit_paid", "imports.run"):
            outbox.enqueue(session, topic, {})
    assert jobs.relay(redis) == 2
    timeouts = sorted(job.timeout for job in jobs.queue(redis).get_jobs())
    assert timeouts == [jobs.JOB_TIMEOUT, jobs._handlers["imports.run"].seconds]
    assert timeouts[1] > timeouts[0]
    with open_session(context.system("test"), readonly=True) as session:
        leases = [row.next_at - moment for row in session.query(outbox.OutboxMessage)]
    assert all(
        lease >= timedelta(seconds=most + 15)
        for lease, most in zip(sorted(leases), timeouts, strict=True)
    )


def test_a_worker_does_what_the_relay_sent(
    app: Flask, redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row, relay, queue, worker, acknowledged: by the worker that the product builds."""
    run = SimpleWorker.work
    monkeypatch.setattr(SimpleWorker, "_install_signal_handlers", lambda self: None)
    monkeypatch.setattr(SimpleWorker, "work", lambda self, **how: run(self, burst=True))
    with open_session(context.system("test")) as session:
        key = outbox.enqueue(session, "search.index", {"rotation_ids": [str(ids.uuid7())]})
    assert jobs.relay(redis) == 1
    jobs.work(redis, forking=False, burst=True)
    with open_session(context.system("test"), readonly=True) as session:
        assert session.get_one(outbox.OutboxMessage, key).done_at is not None
    assert Queue("rounds", connection=jobs.connection(redis)).count == 0
