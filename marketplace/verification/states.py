"""The life of a piece of evidence, and of an agency's standing: two tables, read by code and tests.

A row is (state, event, who may) -> state. Whatever a person with power decides needs a reason;
`NEEDS_REASON` names those events.
"""

from dataclasses import dataclass

from marketplace.core.errors import Conflict


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


EVIDENCE: tuple[Move, ...] = (
    _move("draft", "send", "agency", "sent", "Rounds is asked to look"),
    _move("draft", "remove", "agency", "removed", "nobody looks at it"),
    _move("draft", "replace", "agency", "replaced", "a newer file takes its place"),
    _move("sent", "take_back", "agency", "draft", "nobody looks at it"),
    _move("sent", "accept", "admin", "accepted", "counts until its last day"),
    _move("sent", "ask_revision", "admin", "revision", "the agency sends a better one"),
    _move("sent", "reject", "admin", "rejected", "does not count"),
    _move("revision", "replace", "agency admin", "replaced", "a newer file takes its place"),
    _move("rejected", "replace", "agency admin", "replaced", "a newer file takes its place"),
    _move("accepted", "replace", "admin", "replaced", "a newer one was accepted"),
    _move("accepted", "revoke", "admin", "rejected", "does not count any more"),
    _move("accepted", "expire", "system", "expired", "does not count any more"),
    _move("expired", "replace", "admin", "replaced", "a newer one was accepted"),
)
AGENCY: tuple[Move, ...] = (
    _move("new", "approve", "admin", "verified", "may publish"),
    _move("new", "suspend", "admin", "suspended", "stays closed"),
    _move("verified", "limit", "admin", "limited", "open, under watch, shown to candidates"),
    _move("verified", "suspend", "admin", "suspended", "closed to new bookings"),
    _move("limited", "lift", "admin", "verified", "open again as before"),
    _move("limited", "suspend", "admin", "suspended", "closed to new bookings"),
    _move("suspended", "reinstate", "admin", "verified", "open again"),
    _move("suspended", "start_over", "admin", "new", "was never approved: papers first"),
)
STATES = tuple(dict.fromkeys(state for m in EVIDENCE for state in (m.source, m.target)))
NEEDS_REASON = frozenset(
    {
        *("accept", "ask_revision", "reject", "revoke"),
        *("approve", "limit", "lift", "suspend", "reinstate", "start_over"),
    }
)
DECIDED = frozenset({"accepted", "revision", "rejected"})


def next_state(table: tuple[Move, ...], state: str, event: str, actor_kind: str) -> Move:
    """The move for this event; Conflict when the table has none for this state and actor."""
    for move in table:
        if (move.source, move.event) == (state, event) and actor_kind in move.actors:
            return move
    raise Conflict("This has been decided or changed meanwhile. Look again.", f"{state}.{event}")


def events_from(table: tuple[Move, ...], state: str, actor_kind: str) -> tuple[str, ...]:
    """What this kind of actor may do now."""
    return tuple(m.event for m in table if m.source == state and actor_kind in m.actors)
