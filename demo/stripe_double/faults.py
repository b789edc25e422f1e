"""Faults waiting to happen to API requests, in the order they were asked for."""

import sqlite3
from dataclasses import dataclass

from demo.stripe_double.errors import ApiError


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request.

    `executes`: the effect happens. `drops`: the connection ends without an answer. `kept`: the
    error is what the idempotency key answers from then on. `seconds`: how long it takes.
    """

    status: int | None = None
    executes: bool = False
    drops: bool = False
    kept: bool = False
    seconds: float = 0

    @property
    def answer(self) -> ApiError | None:
        if self.status is None:
            return None
        if self.status == 429:
            return ApiError(429, "invalid_request_error", "Too many requests.", "rate_limit")
        if self.status == 409:
            return ApiError(409, "idempotency_error", "Another request uses this key right now.")
        return ApiError(self.status, "api_error", "Something went wrong on our side.")


KINDS = {
    "lost": Fault(executes=True, drops=True),
    "dropped": Fault(drops=True),
    "slow": Fault(executes=True, seconds=30),
    "500": Fault(status=500),
    "500_kept": Fault(status=500, kept=True),
    "500_after": Fault(status=500, executes=True, kept=True),
    "429": Fault(status=429),
    "409": Fault(status=409),
}


def queue(
    connection: sqlite3.Connection, kind: str, count: int, match: str, seconds: float | None
) -> None:
    """Let the next `count` requests that start with `match` (`POST /v1/refunds`) fail."""
    wait = KINDS[kind].seconds if seconds is None else seconds
    connection.execute(
        "INSERT INTO fault (kind, match, remaining, seconds) VALUES (?, ?, ?, ?)",
        (kind, match, count, wait),
    )


def take(connection: sqlite3.Connection, request_line: str) -> Fault | None:
    """The fault for this request, if one waits."""
    row = connection.execute(
        "SELECT id, kind, seconds FROM fault"
        " WHERE remaining > 0 AND substr(?, 1, length(match)) = match ORDER BY id LIMIT 1",
        (request_line,),
    ).fetchone()
    if row is None:
        return None
    fault_id, kind, seconds = row
    connection.execute("UPDATE fault SET remaining = remaining - 1 WHERE id = ?", (fault_id,))
    known = KINDS[kind]
    return Fault(known.status, known.executes, known.drops, known.kept, seconds)
