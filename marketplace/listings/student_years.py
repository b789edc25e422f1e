"""From which year of medical school students may come. The rules of a type ask for a year, and a
listing may ask for a later one; both hold, so an earlier choice of the listing changes nothing."""

from functools import cache

from marketplace.listings.eligibility import BLOCK, judge

YEARS = {
    "preclinical": "Any year",
    "clinical": "Clinical years",
    "penultimate": "Year before last",
    "final": "Final year",
}
"""In order; the first asks for nothing."""

_ORDER = tuple(YEARS)


@cache
def of_type(kind: str) -> str:
    """The first year that the rules of a type take (`eligibility_rules.csv`)."""
    return next((year for year in _ORDER if _is_taken(kind, year)), _ORDER[-1])


def _is_taken(kind: str, year: str) -> bool:
    facts = {
        "rotation.type": kind,
        "candidate.status": "student",
        "candidate.student_year": year,
    }
    return not judge(facts, "candidate", BLOCK, at="request").blocks


def least(kind: str, chosen: str) -> str:
    """The year that holds for a listing of this type that chose `chosen` (empty: chose none)."""
    return max(of_type(kind), chosen or _ORDER[0], key=_ORDER.index)


def choices(kind: str) -> list[tuple[str, str]]:
    """What an editor may choose from: nothing beyond the type, or a later year than it asks."""
    first = of_type(kind)
    later = _ORDER[_ORDER.index(first) + 1 :]
    return [
        ("", f"What the type asks for: {YEARS[first].lower()}"),
        *((year, YEARS[year]) for year in later),
    ]
