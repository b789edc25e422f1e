"""Counters that cost a page no write: a hash in Redis, taken now and then by a job.

Best effort: while Redis is away nothing is counted, and nothing waits for it. A batch that was
taken stays until it is dropped, so a job that dies in between does it again; its id makes the
effect happen once (`core.jobs.apply_once`).
"""

import time
from dataclasses import dataclass

from marketplace.core import ids, jobs

AWAY_SECONDS = 15.0  # after a failure, Redis is not asked again for so long
_away_until = {"at": 0.0}
_settings = {"url": ""}


def configure(url: str) -> None:
    """Where Redis is; nothing is counted without an address."""
    _settings["url"] = url
    _away_until["at"] = 0.0


@dataclass(frozen=True)
class Batch:
    """What was counted since the last batch: numbers by field."""

    id: str
    numbers: dict[str, int]


def add(name: str, field: str) -> bool:
    """Count one. False when it could not be counted."""
    url = _settings["url"]
    if not url or time.monotonic() < _away_until["at"]:
        return False
    try:
        jobs.quick(url).hincrby(_live(name), field, 1)
    except jobs.QueueError:
        _away_until["at"] = time.monotonic() + AWAY_SECONDS
        return False
    return True


def take(name: str) -> Batch | None:
    """The next batch, or None when nothing was counted. QueueError when Redis is away."""
    if not _settings["url"]:
        return None
    redis = jobs.quick(_settings["url"])
    waiting = sorted(_text(one) for one in redis.smembers(_batches(name)))
    if waiting:
        batch = waiting[0]
    else:
        if not redis.exists(_live(name)):
            return None
        batch = str(ids.uuid7())
        redis.sadd(_batches(name), batch)
        redis.rename(_live(name), _taken(name, batch))
    found = redis.hgetall(_taken(name, batch))
    return Batch(batch, {_text(field): int(number) for field, number in found.items()})


def drop(name: str, batch: Batch) -> None:
    """The batch's rows are written."""
    redis = jobs.quick(_settings["url"])
    redis.delete(_taken(name, batch.id))
    redis.srem(_batches(name), batch.id)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _live(name: str) -> str:
    return f"rounds:count:{name}"


def _taken(name: str, batch: str) -> str:
    return f"rounds:count:{name}:{batch}"


def _batches(name: str) -> str:
    return f"rounds:count:{name}:batches"
