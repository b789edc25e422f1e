"""News between packages: a lower package publishes, a higher one subscribes.

Subscribers run inside the publisher's transaction, in the order they were registered. They change
rows or write to the outbox; they never call the outside world. What they raise undoes everything.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy.orm import Session

E = TypeVar("E")
_subscribers: dict[type[Any], list[Callable[[Session, Any], None]]] = defaultdict(list)


def subscribe(
    event_type: type[E],
) -> Callable[[Callable[[Session, E], None]], Callable[[Session, E], None]]:
    """Register a subscriber for one type of event."""

    def register(function: Callable[[Session, E], None]) -> Callable[[Session, E], None]:
        if function not in _subscribers[event_type]:
            _subscribers[event_type].append(function)
        return function

    return register


def publish(session: Session, event: object) -> None:
    """Run every subscriber of this event in the current transaction."""
    for function in _subscribers[type(event)]:
        function(session, event)
