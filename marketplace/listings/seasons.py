"""The application year: milestones of each ERAS season, and whether a letter comes in time.

Season 2027 means applications in autumn 2026 and residency from July 2027. Many dates are
estimates: `Milestone.certain` is false for them, and a page must mark them.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from marketplace.core import reference
from marketplace.core.reference import derived

Verdict = Literal["in-time", "tight", "late", "unknown"]

# When no record of the attending's letters exists (DESIGN 4, domain rule of thumb).
DEFAULT_LETTER_DAYS = 28
# Rule `letter-in-time` of eligibility_rules.csv: ready two weeks before programs read.
COMFORTABLE_DAYS = 14
REVIEW = "programs-review"


@dataclass(frozen=True)
class Milestone:
    """One date of a season. `day` is exact only when `precision` is `day`."""

    season: int
    slug: str
    label: str
    day: date
    time_et: str
    precision: str
    kind: str
    audience: str
    note: str

    @property
    def certain(self) -> bool:
        """Published or reported, not an estimate, a rule of thumb or advice."""
        return self.kind in ("official", "reported")

    @property
    def shown(self) -> str:
        """The date for people, no more exact than what is known."""
        if self.precision == "month":
            return f"{self.day:%B %Y}"
        text = f"{self.day:%B} {self.day.day}, {self.day.year}"
        return f"week of {text}" if self.precision == "week" else text


@dataclass(frozen=True)
class LetterVerdict:
    """Will a letter be ready when programs start to read? `review` is None for `unknown`."""

    kind: Verdict
    ready_on: date
    review: Milestone | None


@derived
def seasons() -> tuple[int, ...]:
    """The seasons that have dates, in order."""
    return tuple(sorted({m.season for m in _all()}))


def milestones(season: int) -> tuple[Milestone, ...]:
    """The milestones of a season by day. Raises `KeyError` for a season without dates."""
    found = tuple(m for m in _all() if m.season == season)
    if not found:
        raise KeyError(f"no dates for season {season}")
    return found


def milestone(season: int, slug: str) -> Milestone:
    """One milestone of a season. Raises `KeyError`."""
    for found in milestones(season):
        if found.slug == slug:
            return found
    raise KeyError(f"season {season} has no milestone {slug!r}")


def next_review(today: date) -> Milestone | None:
    """The next day on which programs may begin to read, today included; None beyond the data."""
    return next((m for m in _all() if m.slug == REVIEW and m.day >= today), None)


def upcoming(today: date, audience: str = "all", limit: int = 5) -> tuple[Milestone, ...]:
    """The next milestones for `all`, or for all and `img` or `student`, today included.

    A milestone known only by its month or week stays until the month or week is over.
    """
    wanted = [m for m in _all() if m.audience in ("all", audience) and _last_day(m) >= today]
    return tuple(wanted[:limit])


def letter_ready_on(end_date: date, letter_days: int = DEFAULT_LETTER_DAYS) -> date:
    """The day a letter is likely ready: fact `booking.lor_ready_date`."""
    return end_date + timedelta(days=letter_days)


def letter_in_time(end_date: date, letter_days: int, today: date) -> LetterVerdict:
    """Whether the letter of a rotation that ends on `end_date` helps in the next season.

    `letter_days` is the attending's usual time. The season is the one whose programs start to
    read next after `today`. In time means two weeks before, tight means by that day.
    """
    ready_on = letter_ready_on(end_date, letter_days)
    review = next_review(today)
    if review is None:
        return LetterVerdict("unknown", ready_on, None)
    if ready_on <= review.day - timedelta(days=COMFORTABLE_DAYS):
        return LetterVerdict("in-time", ready_on, review)
    return LetterVerdict("tight" if ready_on <= review.day else "late", ready_on, review)


def _last_day(found: Milestone) -> date:
    if found.precision == "month":
        return (found.day.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return found.day + timedelta(days=6 if found.precision == "week" else 0)


@derived
def _all() -> tuple[Milestone, ...]:
    found = [
        Milestone(
            season=int(line["season"]),
            slug=line["milestone"],
            label=line["label"],
            day=date.fromisoformat(line["date"]),
            time_et=line["time_et"],
            precision=line["precision"],
            kind=line["kind"],
            audience=line["audience"],
            note=line["note"],
        )
        for line in reference.offered("seasons")
    ]
    return tuple(sorted(found, key=lambda m: m.day))
