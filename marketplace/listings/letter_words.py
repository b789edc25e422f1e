"""Does the letter of a rotation come in time for the season? In words, from `data/seasons.csv`."""

from dataclasses import dataclass
from datetime import date, timedelta

from marketplace.core import clock
from marketplace.core.words import words
from marketplace.listings import seasons
from marketplace.listings.queries import last_day

LETTERS = {"in-time": "good", "tight": "warn", "late": "mute"}
"""What can be said of a letter, with the tone of each."""


@dataclass(frozen=True, slots=True)
class Letter:
    """Whether a letter comes in time: the tone, the words, and the day of the season in full."""

    tone: str
    label: str
    why: str


def letter(start: date, weeks: int, letter_days: int | None, zone: str) -> Letter | None:
    """Does a letter come in time for the season? None beyond the dates that are known."""
    days = letter_days or seasons.DEFAULT_LETTER_DAYS
    found = seasons.letter_in_time(last_day(start, weeks), days, clock.today(zone))
    if found.review is None or found.kind not in LETTERS:
        return None
    estimate = "" if found.review.certain else " (our estimate)"
    why = (
        f"A letter may be ready about {found.ready_on:%B} {found.ready_on.day}, "
        f"{found.ready_on.year}. Programs start to read on {found.review.shown}{estimate}."
    )
    return Letter(LETTERS[found.kind], words(f"letter.{found.kind}"), why)


def season_note() -> str:
    """The day that "in time" is measured against, in a sentence; empty beyond the data."""
    review = seasons.next_review(clock.now().date())
    if review is None:
        return ""
    estimate = "" if review.certain else " (our estimate)"
    ready = review.day - timedelta(days=seasons.COMFORTABLE_DAYS)
    return (
        f"Letters: “in time” means likely ready by {ready:%B} {ready.day}, {ready.year}, two weeks "
        f"before programs start to read on {review.shown}{estimate}."
    )
