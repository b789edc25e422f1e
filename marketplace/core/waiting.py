"""What a guest wanted to do, kept in the signed cookie until they have signed in.

A public page may offer an action that needs an account. The guest's post is kept here, they sign
in, and the action is done in the post that signs them in: no GET ever changes anything.
"""

from collections.abc import Callable
from typing import cast
from uuid import UUID

from flask import session

_KEY = "waiting"
LONGEST = 2_000
Act = Callable[[UUID, str], None]
_acts: dict[str, Act] = {}


def action(name: str) -> Callable[[Act], Act]:
    """Register what is done: `act(person_id, value)`, in a session of its own."""

    def register(act: Act) -> Act:
        _acts[name] = act
        return act

    return register


def remember(name: str, value: str) -> None:
    """Keep one action; a later one takes its place. Too long a value is not kept."""
    if len(value) <= LONGEST:
        session[_KEY] = [name, value]


def kept() -> tuple[str, str] | None:
    """The action that waits in this browser."""
    found = session.get(_KEY)
    return (str(found[0]), str(found[1])) if isinstance(found, list) and len(found) == 2 else None


def perform(wanted: tuple[str, str] | None, person_id: UUID) -> None:
    """Do what waited, for the person who has just signed in."""
    act = _acts.get(wanted[0]) if wanted else None
    if act is not None:
        act(person_id, cast("tuple[str, str]", wanted)[1])
