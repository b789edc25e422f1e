""" "Works for me": what is known about who looks, and what each listing is to them.

Every verdict is one of `eligibility.fit`, by the same rules as the request. On a list the facts
are those of one day, the earliest start that is asked for, so that the switch, the totals and the
cards agree; the page of a listing counts them for the chosen start.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from marketplace.accounts.queries import candidate_facts
from marketplace.core import clock, context
from marketplace.core.db import open_session
from marketplace.listings.eligibility import fit
from marketplace.listings.fit_words import FitWords, worded
from marketplace.listings.queries import last_day, offered_facts
from marketplace.search.answers import PASSED, STATUSES, Facts, together
from marketplace.search.rows import Listing
from marketplace.search.state import SearchState

_TOLD = ("status", "student_year", "graduation_date", "usmle_step_1", "usmle_step_2_ck")


@dataclass(frozen=True, slots=True)
class Me:
    """The box "Works for me": what the profile says, or the questions with their answers."""

    profile: str
    statuses: tuple[tuple[str, str], ...]
    passed: tuple[tuple[str, str], ...]
    known: bool
    misfits: int


def day_of(state: SearchState) -> date:
    """The day that years since graduation are counted on for a whole list (UTC)."""
    return max(state.start_from or date.min, clock.now().date())


def profile_facts(person_id: UUID, day: date) -> dict[str, object]:
    """What a person's profile tells, empty when it tells nothing of who they are; read in a
    session of its own, because public pages have a public scope."""
    with open_session(context.person(person_id), readonly=True) as session:
        told = candidate_facts(session, person_id, on=day)
    if all(told.get(f"candidate.{name}") is None for name in _TOLD):
        return {}
    return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Who:
    """Who looks: what their profile tells, and all facts; None when nothing is told."""

    profile: Facts
    facts: Facts | None


NOBODY = Who({}, None)


def who(person_id: UUID | None, state: SearchState, day: date | None = None) -> Who:
    """What is known from the profile and the address together, on a day (default: `day_of`)."""
    on = day or day_of(state)
    profile = profile_facts(person_id, on) if person_id else {}
    return Who(profile, together(profile, state.told(on)) or None)


def verdict_of(row: Listing, facts: Facts, start: date | None) -> FitWords:
    """What a listing of a list is to the candidate, for its first start."""
    about = booking_facts_of(row, start) if start else {}
    return worded(fit(facts, offered_facts(_offered(row), row.city.state), about))


@dataclass(frozen=True, slots=True)
class _Offered:
    type: str
    level: str
    setting: str
    accepts: tuple[str, ...]
    required_exams: tuple[str, ...]
    eligibility: Mapping[str, object]


def _offered(row: Listing) -> _Offered:
    return _Offered(
        row.type, row.level, row.setting, row.accepts, row.required_exams, row.eligibility
    )


def booking_facts_of(row: Listing, start: date) -> dict[str, object]:
    """The booking.* facts of a start; seats are those of the search, nothing overlaps yet."""
    return {
        "booking.start_date": start,
        "booking.end_date": last_day(start, row.weeks),
        "booking.weeks": row.weeks,
        "booking.days_to_start": (start - clock.today(row.city.timezone)).days,
    }


def me(looker: Who, misfits: int = 0) -> Me:
    """The box "Works for me"."""
    return Me(
        profile=profile_line(looker.profile),
        statuses=tuple(STATUSES.items()),
        passed=tuple(PASSED.items()),
        known=looker.facts is not None,
        misfits=misfits,
    )


def profile_line(profile: Facts) -> str:
    """What the profile says about eligibility, in one line; empty without a profile."""
    if not profile:
        return ""
    status = profile.get("candidate.status")
    year = profile.get("candidate.student_year")
    graduated = profile.get("candidate.graduation_date")
    parts = [STATUSES.get(str(year if status == "student" else status), "")]
    if status == "graduate" and isinstance(graduated, date):
        parts[0] += f", {graduated.year}"
    steps = {"usmle_step_1": "Step 1", "usmle_step_2_ck": "Step 2 CK"}
    passed = [label for key, label in steps.items() if profile.get(f"candidate.{key}") == "passed"]
    parts.append(f"{' and '.join(passed)} passed" if passed else "")
    return ", ".join(part for part in parts if part) or "Your profile"
