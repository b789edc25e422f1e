"""The life of a booking: one table, read by the code, the tests and the docs.

A row is (state, event, who may) -> state. `SEAT` says which states hold a seat; `DEADLINE` how
long a state lasts before `expire`. Deadlines run on the business clock.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from marketplace.core.errors import Conflict

State = Literal[
    "held",
    "requested",
    "approved",
    "accepted",
    "payment_needed",
    "confirmed",
    "active",
    "completed",
    "closed",
    "declined",
    "withdrawn",
    "expired",
    "cancelled_by_candidate",
    "cancelled_by_provider",
    "no_show",
]

HOLD = timedelta(minutes=20)
HOLD_EXTENSION = timedelta(minutes=10)
UNDO = timedelta(minutes=15)

DEADLINE: dict[str, timedelta] = {
    "held": HOLD,
    "requested": timedelta(hours=48),
    "approved": timedelta(hours=72),
    "payment_needed": timedelta(hours=48),
}

SEAT: frozenset[str] = frozenset(
    {
        "held",
        "requested",
        "approved",
        "accepted",
        "payment_needed",
        "confirmed",
        "active",
        "completed",
        "closed",
        "no_show",
    }
)
# A live booking blocks a second one by the same candidate for the same offering (I4).
LIVE: frozenset[str] = SEAT - {"closed", "completed", "no_show"}
FINAL: frozenset[str] = frozenset(
    {
        "closed",
        "declined",
        "withdrawn",
        "expired",
        "cancelled_by_candidate",
        "cancelled_by_provider",
        "no_show",
    }
)


@dataclass(frozen=True)
class Move:
    """One legal step. `actors`: the kinds that may take it."""

    source: str
    event: str
    actors: frozenset[str]
    target: str
    effect: str


def _move(source: str, event: str, actors: str, target: str, effect: str) -> Move:
    return Move(source, event, frozenset(actors.split()), target, effect)


_PROVIDER = "agency attending admin system"

MOVES: tuple[Move, ...] = (
    _move("held", "request", "candidate system", "requested", "card saved, terms frozen"),
    _move("held", "withdraw", "candidate", "withdrawn", "seat released"),
    _move("held", "expire", "system", "expired", "seat released"),
    _move("requested", "approve", "agency system", "approved", "attending is asked"),
    _move("requested", "decline", "agency", "declined", "seat released"),
    _move("requested", "withdraw", "candidate", "withdrawn", "seat released"),
    _move("requested", "expire", "system", "expired", "seat released"),
    _move("approved", "accept", "attending", "accepted", "deposit due after the undo time"),
    _move("approved", "decline", "attending agency", "declined", "seat released"),
    _move("approved", "withdraw", "candidate", "withdrawn", "seat released"),
    _move("approved", "expire", "system", "expired", "seat released"),
    _move("accepted", "undo", "attending", "approved", "no charge was made"),
    _move("accepted", "withdraw", "candidate", "withdrawn", "seat released, nothing charged"),
    _move("accepted", "decline", "agency", "declined", "seat released, nothing charged"),
    _move("accepted", "deposit_paid", "system", "confirmed", "everyone is told"),
    _move("accepted", "payment_failed", "system", "payment_needed", "card link sent, seat kept"),
    _move("payment_needed", "deposit_paid", "system candidate", "confirmed", "everyone is told"),
    _move("payment_needed", "withdraw", "candidate", "withdrawn", "seat released"),
    _move("payment_needed", "decline", "agency", "declined", "seat released"),
    _move("payment_needed", "expire", "system", "expired", "seat released"),
    _move(
        "confirmed",
        "cancel",
        "candidate system",
        "cancelled_by_candidate",
        "refund by frozen terms",
    ),
    _move("confirmed", "provider_cancel", _PROVIDER, "cancelled_by_provider", "all refunded"),
    _move(
        "confirmed", "check_in", "candidate attending agency system", "active", "first share due"
    ),
    _move("confirmed", "no_show", "agency attending", "no_show", "terms of a late cancel"),
    _move("active", "provider_cancel", _PROVIDER, "cancelled_by_provider", "refund"),
    _move("active", "complete", "candidate attending agency system", "completed", "last share due"),
    _move("completed", "close", "system", "closed", "money released, reviews open"),
)

_BY_KEY = {(move.source, move.event): move for move in MOVES}


def next_state(state: str, event: str, actor_kind: str) -> Move:
    """The move for this event; Conflict when the table has none for this state and actor."""
    move = _BY_KEY.get((state, event))
    if move is None or actor_kind not in move.actors:
        raise Conflict("This booking has moved on.", code=f"{state}.{event}")
    return move


def events_from(state: str, actor_kind: str) -> tuple[str, ...]:
    """What this kind of actor may do now."""
    return tuple(m.event for m in MOVES if m.source == state and actor_kind in m.actors)
