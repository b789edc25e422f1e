"""How far a long job is, for the page that waits: a number in Redis that nothing rests on.

While Redis is away nothing is told, the job goes on, and the page shows that it does not know.
"""

from collections.abc import Callable
from dataclasses import dataclass

from marketplace.core import jobs

KEPT_SECONDS = 3600
STEPS = 40  # how often a job tells, at most
_settings = {"url": ""}


def configure(url: str) -> None:
    """Where Redis is; nothing is told without an address."""
    _settings["url"] = url


@dataclass(frozen=True)
class Progress:
    """`done` of `of`."""

    done: int
    of: int


def teller(name: str, of: int) -> Callable[[int], None]:
    """A function to call with how much is done; it tells about every fortieth part."""
    step = max(1, of // STEPS)
    state = {"next": 0, "away": not _settings["url"]}

    def tell(done: int) -> None:
        if state["away"] or (done < state["next"] and done != of):
            return
        state["next"] = done + step
        try:
            jobs.quick(_settings["url"]).set(_key(name), f"{done}/{of}", ex=KEPT_SECONDS)
        except jobs.QueueError:
            state["away"] = True

    return tell


def read(name: str) -> Progress | None:
    """What was told last, or None."""
    if not _settings["url"]:
        return None
    try:
        found = jobs.quick(_settings["url"]).get(_key(name))
    except jobs.QueueError:
        return None
    if not isinstance(found, bytes | str):
        return None
    done, _, of = (found.decode() if isinstance(found, bytes) else found).partition("/")
    return Progress(int(done), int(of))


def _key(name: str) -> str:
    return f"rounds:progress:{name}"
