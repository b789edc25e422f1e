"""Draws tables of states, in Mermaid's notation and as Markdown, for the pages in docs/."""

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol


class Move(Protocol):
    """One legal step of a table."""

    @property
    def source(self) -> str:
        """The state before."""

    @property
    def event(self) -> str:
        """What happens."""

    @property
    def actors(self) -> Collection[str]:
        """The kinds that may take it."""

    @property
    def target(self) -> str:
        """The state after."""

    @property
    def effect(self) -> str:
        """What follows, in words."""


def mermaid(start: str, first: str, moves: Sequence[Move]) -> str:
    """The diagram: `first` leads to the state `start`; a state that nothing leaves is an end."""
    left = {move.source for move in moves}
    ends = sorted({move.target for move in moves} - left)
    lines = ["stateDiagram-v2", f"  [*] --> {start}: {first}"]
    lines += [f"  {move.source} --> {move.target}: {move.event}" for move in moves]
    lines += [f"  {state} --> [*]" for state in ends]
    return "\n".join(["```mermaid", *lines, "```"])


def steps(moves: Iterable[Move]) -> str:
    """The same as a table: who may, and what follows."""
    return table(
        ("from", "event", "who", "to", "effect"),
        [(m.source, m.event, ", ".join(sorted(m.actors)), m.target, m.effect) for m in moves],
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def page(title: str, source: str, what: str, *parts: str) -> str:
    """A page of docs/: drawn from `source` by `bin/marketplace states WHAT`."""
    drawn = (
        f"Drawn from `{source}` by `bin/marketplace states{what}`; a test fails"
        " when this page and the table differ."
    )
    return "\n\n".join([f"# {title}", drawn, *parts]) + "\n"
