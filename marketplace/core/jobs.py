"""The queue: the only module that knows RQ and Redis.

Redis is a wake-up, never the truth. Settings are those measured for RQ 3 (docs/decisions/0004):
an idle worker blocks for worker_ttl - 15 s and abandoned jobs are found by maintenance only.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import redis
from rq import Queue, Retry, SimpleWorker, Worker
from rq.exceptions import DuplicateJobError
from rq.timeouts import JobTimeoutException
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.core import context, freshness, outbox
from marketplace.core.db import open_session
from marketplace.core.outbox import EffectApplied, OutboxMessage

log = logging.getLogger("rounds.jobs")

JOB_TIMEOUT = 30  # seconds; shorter than the outbox lease
_WAKE = "rounds:wake"
_QUEUE = "rounds"


@dataclass(frozen=True)
class Handler:
    """A topic's body. `rows_only`: all its effects are rows of one transaction. `seconds`: how
    long it may take; its outbox row is leased for longer than that."""

    body: Callable[..., None]
    rows_only: bool
    seconds: int = JOB_TIMEOUT


_handlers: dict[str, Handler] = {}


def handler(
    topic: str, *, seconds: int = JOB_TIMEOUT
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A handler whose effects are all rows of one transaction: `body(session, **payload)`.

    It runs once for each outbox row: the effect key goes in with its rows.
    """

    def register(body: Callable[..., None]) -> Callable[..., None]:
        _handlers[topic] = Handler(body, rows_only=True, seconds=seconds)
        return body

    return register


def outside_handler(
    topic: str, *, seconds: int = JOB_TIMEOUT
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A handler that calls the outside: `body(scope, **payload)`, with its own sessions and
    claim rows, safe to run again at any point."""

    def register(body: Callable[..., None]) -> Callable[..., None]:
        _handlers[topic] = Handler(body, rows_only=False, seconds=seconds)
        return body

    return register


def topics() -> tuple[str, ...]:
    """Every topic that has a handler."""
    return tuple(sorted(_handlers))


class AlreadyApplied(Exception):
    """The effect key is there: an earlier run did the work."""


def apply_once(session: Session, effect_key: str) -> None:
    """Claim an effect in this transaction; AlreadyApplied when an earlier run has it."""
    try:
        with session.begin_nested():
            session.add(EffectApplied(effect_key=effect_key))
    except IntegrityError as error:
        raise AlreadyApplied(effect_key) from error


def run_message(message_id: str) -> str:
    """Do one outbox row; the queue calls this. Never raises: failures are kept in the row."""
    key = UUID(message_id)
    with open_session(context.system("read outbox"), readonly=True) as session:
        row = session.get(OutboxMessage, key)
        if row is None or row.done_at or row.dead_at:
            return "nothing to do"
        topic, payload, scope = row.topic, dict(row.payload), context.Scope.from_json(row.scope)
        token = context.request_id.set(row.request_id)
    told, began = {"topic": topic, "outbox_id": message_id}, time.perf_counter()
    try:
        _perform(topic, payload, scope, f"outbox:{key}")
        took = round((time.perf_counter() - began) * 1000, 1)
        log.info("job done", extra=told | {"ms": took})
    except (Exception, JobTimeoutException) as error:
        log.exception("job failed", extra=told)
        with open_session(context.system("record job failure")) as session:
            died = outbox.record_failure(session, key, f"{type(error).__name__}: {error}")
        return "dead" if died else "failed"
    finally:
        context.request_id.reset(token)
    with open_session(context.system("acknowledge outbox")) as session:
        outbox.acknowledge(session, key)
    return "done"


def _perform(topic: str, payload: dict[str, Any], scope: context.Scope, effect_key: str) -> None:
    freshness.refresh(ask=True)
    found = _handlers[topic]
    with context.scoped(scope):
        if not found.rows_only:
            found.body(scope, **payload)
            return
        try:
            with open_session(scope) as session:
                apply_once(session, effect_key)
                found.body(session, **payload)
        except AlreadyApplied:
            log.info("already applied", extra={"effect_key": effect_key})


def run_tick(topic: str) -> str:
    """Run one periodic job now."""
    log.debug("tick", extra={"topic": topic})
    freshness.refresh(ask=True)
    scope = context.system(f"tick {topic}")
    with context.scoped(scope):
        _handlers[topic].body(scope)
    return "done"


@lru_cache(maxsize=1)
def connection(url: str) -> "redis.Redis":
    """The connection; short time-outs so that a hanging Redis never hangs a request."""
    return redis.Redis.from_url(
        url, socket_connect_timeout=0.25, socket_timeout=30, health_check_interval=30
    )


def queue(url: str) -> Queue:
    """The one queue, JSON only: pickle would run whatever somebody wrote to Redis."""
    return Queue(_QUEUE, connection=connection(url), serializer="json", default_timeout=JOB_TIMEOUT)


def send(
    url: str, job_id: str, function: str, argument: str, *, seconds: int = JOB_TIMEOUT
) -> None:
    """Hand one job to the queue; a job with this id that is already there is enough."""
    try:
        queue(url).enqueue(
            f"marketplace.core.jobs.{function}",
            argument,
            job_id=job_id,
            job_timeout=seconds,
            unique=True,
            result_ttl=0,
            failure_ttl=86_400,
            retry=Retry(max=3, interval=[1, 10, 60]),
        )
    except DuplicateJobError:
        log.debug("already queued", extra={"job_id": job_id})


def relay(url: str) -> int:
    """Send what is due; returns how many rows. RedisError when the queue is away.

    The rows are claimed first: if sending fails, the lease ends and they are sent again.
    """
    with open_session(context.system("relay outbox")) as session:
        taken = outbox.take_due(session, _seconds)
        due = [(row.id, row.sends, _seconds(row.topic)) for row in taken]
    for key, sends, seconds in due:
        send(url, f"outbox-{key}-{sends}", "run_message", str(key), seconds=seconds)
    return len(due)


def _seconds(topic: str) -> int:
    found = _handlers.get(topic)
    return found.seconds if found else JOB_TIMEOUT


def wake(url: str) -> None:
    """Tell the relay that something was written. Best effort: the relay polls anyway."""
    if not url:
        return
    try:
        quick(url).publish(_WAKE, "1")
    except redis.RedisError as error:
        log.warning("queue is away", extra={"error": str(error)})


@lru_cache(maxsize=1)
def quick(url: str) -> "redis.Redis":
    """A connection for what must never keep a request waiting."""
    return redis.Redis.from_url(url, socket_connect_timeout=0.25, socket_timeout=0.25)


class WakeListener:
    """Waits for a wake-up or a time-out; rebuilds itself after the queue was away."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pubsub: redis.client.PubSub | None = None

    def wait(self, seconds: float) -> bool:
        """True when woken; False after `seconds`. RedisError when the queue is away."""
        if self._pubsub is None:
            self._pubsub = connection(self._url).pubsub(  # type: ignore[no-untyped-call]
                ignore_subscribe_messages=True
            )
            self._pubsub.subscribe(_WAKE)
        try:
            return self._pubsub.get_message(timeout=seconds) is not None
        except redis.RedisError:
            self._pubsub = None
            raise


QueueError = redis.RedisError


def ping(url: str) -> bool:
    """Does the queue answer?"""
    if not url:
        return False
    try:
        return bool(quick(url).ping())
    except redis.RedisError:
        return False


def work(url: str, *, forking: bool, burst: bool = False) -> None:
    """Run a worker until it is stopped. Forking isolates jobs (production); the embedded run
    stays in one process, five times faster and good for one machine."""
    kind = Worker if forking else SimpleWorker
    worker = kind(
        [queue(url)],
        connection=connection(url),
        serializer="json",
        worker_ttl=25,
        job_monitoring_interval=5,
        maintenance_interval=10,
    )
    worker.work(with_scheduler=True, burst=burst, logging_level="WARNING")
