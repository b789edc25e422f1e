"""Draws the letter's status from the table that the code runs on."""

from dataclasses import dataclass

from marketplace.core import diagrams
from marketplace.placements.states import LETTER_MOVES, LETTER_WORDS


@dataclass(frozen=True)
class _Step:
    source: str
    event: str
    actors: tuple[str, ...]
    target: str
    effect: str


def page() -> str:
    """The whole of docs/letter-states.md."""
    moves = [
        _Step(status, f"{who} says so", (who,), target, LETTER_WORDS[target])
        for (status, who), targets in LETTER_MOVES.items()
        for target in targets
    ]
    return diagrams.page(
        "The letter of recommendation of a placement",
        "marketplace/placements/states.py",
        " letter",
        "Its status only: Rounds never sees the letter itself. `placements/letters.py` says when it"
        " is due.",
        diagrams.mermaid("not_asked", "booked", moves),
        diagrams.table(
            ("from", "who", "to", "shown as"),
            [(move.source, move.actors[0], move.target, move.effect) for move in moves],
        ),
    )
