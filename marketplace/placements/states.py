"""The letter of recommendation: its status only, never its content. One table."""

from marketplace.core.errors import Conflict

LETTER_WORDS = {
    "not_asked": "Not asked for",
    "asked": "Asked for",
    "promised": "The attending writes one",
    "declined": "The attending does not write one",
    "uploaded": "Uploaded by the attending",
}

# (status, who) -> the statuses they may set
LETTER_MOVES: dict[tuple[str, str], tuple[str, ...]] = {
    ("not_asked", "candidate"): ("asked",),
    ("asked", "attending"): ("promised", "declined"),
    ("promised", "attending"): ("uploaded", "declined"),
    ("declined", "attending"): ("promised",),
}


def letter_moves(status: str, actor_kind: str) -> tuple[str, ...]:
    """What this kind of actor may set now."""
    return LETTER_MOVES.get((status, actor_kind), ())


def check_letter_move(status: str, target: str, actor_kind: str) -> None:
    """Conflict when the table has no such step."""
    if target not in letter_moves(status, actor_kind):
        raise Conflict("The letter's status has moved on.", f"letter.{status}.{target}")
