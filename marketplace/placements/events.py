"""News of placements."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class LetterMoved:
    """The status of a letter of recommendation changed (`states.LETTER_WORDS`)."""

    booking_id: UUID
    agency_id: UUID
    status: str
