"""The three questions of "Works for me": what may be answered, and which facts that tells.

The answers stand in the address and nowhere else, so that a guest need not sign in. Who has a
profile is asked only what it does not tell.
"""

from collections.abc import Mapping
from datetime import date

from marketplace.accounts.queries import STUDENT_YEAR_WORDS

Facts = Mapping[str, object]

STATUSES: Mapping[str, str] = {
    "graduate": "Graduate",
    **{year: STUDENT_YEAR_WORDS[year] for year in reversed(STUDENT_YEAR_WORDS)},
}
"""Where somebody stands: a graduate, or a student by their year."""
PASSED: Mapping[str, str] = {
    "none": "None yet",
    "step-1": "Step 1",
    "step-2-ck": "Step 1 and Step 2 CK",
}
"""Which USMLE steps are passed."""
YEARS = range(1950, 2101)
ANSWER_PARAMS = ("status", "graduated", "passed")


def facts_told(
    status: str | None, graduated: int | None, passed: str | None, today: date
) -> dict[str, object]:
    """The candidate.* facts of the answers, nothing for a question that is not answered.

    Years since graduation count from January 1 of the year, because no day is asked: at most one
    too many, never one too few.
    """
    facts: dict[str, object] = {}
    if status == "graduate":
        facts["candidate.status"] = status
    elif status is not None:
        facts |= {"candidate.status": "student", "candidate.student_year": status}
        facts["candidate.years_since_graduation"] = 0
    if graduated is not None and status in (None, "graduate"):
        facts["candidate.years_since_graduation"] = max(0, today.year - graduated)
    if passed is not None:
        facts["candidate.usmle_step_1"] = "not-taken" if passed == "none" else "passed"
        facts["candidate.usmle_step_2_ck"] = "passed" if passed == "step-2-ck" else "not-taken"
    return facts


def together(profile: Facts, told: Facts) -> dict[str, object]:
    """Both; the profile counts where it says something."""
    return {**told, **{name: value for name, value in profile.items() if value is not None}}
