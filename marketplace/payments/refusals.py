"""Webhooks that the provider did not sign: noted in the audit log, and no stranger can fill it.

Of each source (`throttle.network`), and of all together, so many a minute are written one by one
(`throttle.ROOM`). The others are only counted, in Redis, and once a minute summed up in one row for
each of the sources with most. While Redis is away nothing is counted: one row says that, too.
"""

import logging
from typing import Any

from marketplace.accounts import throttle
from marketplace.core import audit, context, counters
from marketplace.core.context import SYSTEM, Scope
from marketplace.core.db import open_session
from marketplace.core.jobs import AlreadyApplied, QueueError, apply_once

log = logging.getLogger("rounds.payments")

COUNTER = "webhooks-refused"
ACTION, MORE = "payments.webhook_refused", "payments.webhooks_refused"
MOST_SOURCES = 20  # that have a row of their own in a sum
MOST_BATCHES = 5


def note(address: str, reason: str, size: int) -> None:
    """Note one refusal: its address, why, and the bytes of its body. Never raises for too many."""
    source = throttle.network(address)
    if throttle.has_room("webhook", address):
        log.warning("webhook refused", extra={"reason": reason})
        _write(ACTION, address or "unknown", reason=reason[:200], bytes=size)
    elif not counters.add(COUNTER, source) and throttle.has_room("webhook-more", address):
        log.warning("more webhooks refused, not counted")
        _write(MORE, source, number="not counted")


def _write(action: str, address: str, **detail: Any) -> None:
    with open_session(context.system("refused webhook")) as session:
        audit.record(session, SYSTEM, action, f"address:{address}", **detail)


def sum_up(scope: Scope) -> None:
    """Write what was counted since the last time. While Redis is away there is nothing to do."""
    try:
        for _ in range(MOST_BATCHES):
            batch = counters.take(COUNTER)
            if batch is None:
                return
            _write_sum(scope, batch)
            counters.drop(COUNTER, batch)
    except QueueError:
        return  # the batch waits in Redis


def _write_sum(scope: Scope, batch: counters.Batch) -> None:
    sources = sorted(batch.numbers.items(), key=lambda item: (-item[1], item[0]))
    others = sources[MOST_SOURCES:]
    try:
        with open_session(scope) as session:
            apply_once(session, f"{COUNTER}:{batch.id}")
            for source, number in sources[:MOST_SOURCES]:
                audit.record(session, SYSTEM, MORE, f"address:{source}", number=number)
            if others:
                number = sum(number for _, number in others)
                addresses = len(others)
                audit.record(
                    session, SYSTEM, MORE, "address:others", number=number, addresses=addresses
                )
    except AlreadyApplied:
        return
