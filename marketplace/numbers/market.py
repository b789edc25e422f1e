"""The middle of a market that no single agency can be read from.

At least `FEWEST` agencies must have a number. A median of few is one agency's own number, so each
quantile is the mean of three neighbours, and it is rounded to two figures.
"""

from collections.abc import Iterable, Mapping
from typing import Any

FEWEST = 5


def middle(values: Iterable[float | None]) -> dict[str, float] | None:
    """n, p25, median and p75; None for fewer than `FEWEST` numbers."""
    known = sorted(value for value in values if value is not None)
    if len(known) < FEWEST:
        return None
    return {
        "n": len(known),
        "p25": _around(known, 0.25),
        "median": _around(known, 0.5),
        "p75": _around(known, 0.75),
    }


def of_all(agencies: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """The middle of each measure that enough agencies have."""
    rows = list(agencies)
    names = sorted({name for row in rows for name in row})
    found = {name: middle(row.get(name) for row in rows) for name in names}
    return {name: part for name, part in found.items() if part is not None}


def _around(known: list[float], share: float) -> float:
    at = min(max(round(share * (len(known) - 1)), 1), len(known) - 2)
    return two_figures(sum(known[at - 1 : at + 2]) / 3)


def two_figures(value: float) -> float:
    """12345 becomes 12000, 0.123 becomes 0.12."""
    return float(f"{value:.2g}")
