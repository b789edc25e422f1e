"""The facets of the search page: labels, counts, what is shown at once and what is folded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from marketplace.core import reference
from marketplace.search.catalog import Catalog
from marketplace.search.documents import BIN_CENTS, LENGTHS, RATING_BANDS
from marketplace.search.port import PriceFacet, Result
from marketplace.search.state import SearchState

COUNTED = (
    "specialty",
    "hands_on",
    "state",
    "city",
    "type",
    "setting",
    "included",
    "accepts",
    "agency",
    "seats",
    "weeks",
    "rating",
)
"""The facets that the page shows, and so the ones the engine is asked to count."""
FOLDED = {"specialty": 6, "state": 5, "included": 6, "agency": 5}
"""How many values of a long facet are shown at once."""
SHOWN_CITIES = 5
BARS = 20
"""Bars of the price histogram."""
BAR_HEIGHT = 44


class Option(NamedTuple):
    """One value of a facet. `n` counts its listings, None while nothing can count."""

    value: str
    label: str
    n: int | None
    on: bool
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Facet:
    """A facet: `first` is shown at once, `more` unfolds, as pairs of heading and values."""

    key: str
    title: str
    first: tuple[Option, ...]
    more: tuple[tuple[str, tuple[Option, ...]], ...] = ()

    @property
    def hidden(self) -> int:
        """How many values are folded away."""
        return sum(len(options) for _, options in self.more)

    @property
    def chosen(self) -> tuple[Option, ...]:
        """The ticked values."""
        return tuple(option for option in self.first if option.on)


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of the histogram: its height of 46, and whether the chosen range covers it."""

    h: int
    on: bool


def facets(state: SearchState, result: Result, catalog: Catalog) -> dict[str, Facet]:
    """Every facet of the page by its key, but the cities (see `page.cities_facet`)."""
    return {
        "specialty": _specialties(state, result, catalog),
        "hands_on": Facet("hands_on", "Hands-on level", _levels(state, result, catalog)),
        "state": _facet("state", "State", state, result, catalog),
        "type": _facet("type", "Type", state, result, catalog),
        "setting": _facet("setting", "Setting", state, result, catalog),
        "weeks": Facet("weeks", "Length", _lengths(state, result)),
        "included": _facet("included", "Included", state, result, catalog),
        "accepts": _facet("accepts", "Accepts", state, result, catalog),
        "agency": _facet("agency", "Agency", state, result, catalog),
        "seats": _facet("seats", "Seats left", state, result, catalog),
        "rating_min": Facet("rating_min", "Rating", _ratings(state, result)),
    }


def options(
    key: str, state: SearchState, counts: Mapping[str, int] | None, catalog: Catalog
) -> list[Option]:
    """Every known value of a facet in page order; a value without listings counts 0."""
    labels = catalog.labels[key]
    chosen = frozenset(state.values(key))
    values = [*labels, *(value for value in counts or chosen if value not in labels)]
    return [
        Option(
            value,
            labels.get(value) or catalog.label(key, value),
            None if counts is None else counts.get(value, 0),
            value in chosen,
        )
        for value in values
    ]


def _facet(key: str, title: str, state: SearchState, result: Result, catalog: Catalog) -> Facet:
    return folded(key, title, options(key, state, result.facets.get(key), catalog))


def folded(key: str, title: str, found: Sequence[Option]) -> Facet:
    """A facet that shows its ticked and most frequent values and folds the rest."""
    shown = SHOWN_CITIES if key == "city" else FOLDED.get(key, len(found))
    first, rest = _fold(found, shown)
    return Facet(key, title, first, (("", rest),) if rest else ())


def _specialties(state: SearchState, result: Result, catalog: Catalog) -> Facet:
    found = options("specialty", state, result.facets.get("specialty"), catalog)
    first, rest = _fold(found, FOLDED["specialty"])
    groups = (
        (label, tuple(o for o in rest if catalog.specialty_groups[o.value] == slug))
        for slug, label in catalog.labels["specialty_group"].items()
    )
    return Facet("specialty", "Specialty", first, tuple(pair for pair in groups if pair[1]))


def _fold(found: Sequence[Option], shown: int) -> tuple[tuple[Option, ...], tuple[Option, ...]]:
    """The ticked and the most frequent values, up to `shown` of those that have listings; the
    rest. Both parts in page order."""
    if len(found) <= shown + 1:
        return tuple(found), ()
    ranked = sorted(found, key=lambda o: (not o.on, -(o.n or 0)))
    filled = sum(o.on or o.n != 0 for o in found) or shown
    top = {o.value for o in ranked[: max(min(shown, filled), sum(o.on for o in found))]}
    first = tuple(o for o in found if o.value in top)
    return first, tuple(o for o in found if o.value not in top)


def _levels(state: SearchState, result: Result, catalog: Catalog) -> tuple[Option, ...]:
    found = options("hands_on", state, result.facets.get("hands_on"), catalog)
    meaning = {row["slug"]: row["meaning"] for row in reference.rows("hands_on_levels")}
    return tuple(Option(o.value, o.label, o.n, o.on, meaning.get(o.value, "")) for o in found)


def _lengths(state: SearchState, result: Result) -> tuple[Option, ...]:
    counts = result.facets.get("weeks")
    return tuple(
        Option(
            str(weeks),
            f"{weeks} week{'s' if weeks > 1 else ''}",
            None if counts is None else counts.get(str(weeks), 0),
            state.weeks == weeks,
        )
        for weeks in LENGTHS
    )


def _ratings(state: SearchState, result: Result) -> tuple[Option, ...]:
    counts = result.facets.get("rating")
    return tuple(
        Option(
            f"{band:g}",
            f"{band:g} and more",
            None if counts is None else counts.get(f"{band:g}", 0),
            state.rating_min == band,
        )
        for band in reversed(RATING_BANDS)
    )


def histogram(state: SearchState, price: PriceFacet | None) -> tuple[Bar, ...]:
    """Twenty bars from the least to the greatest price; a chosen range lights those inside."""
    if price is None:
        return ()
    first, last = min(price.bins), max(price.bins)
    width = max(BIN_CENTS, -(-(last - first + BIN_CENTS) // (BARS * BIN_CENTS)) * BIN_CENTS)
    heights = [0] * BARS
    for edge, count in price.bins.items():
        heights[(edge - first) // width] += count
    most = max(heights)
    low = -1 if state.price_min is None else state.price_min
    high = last + width if state.price_max is None else state.price_max
    return tuple(
        Bar(
            round(4 + 40 * count / most) if count else 2,
            first + (number + 1) * width > low and first + number * width <= high,
        )
        for number, count in enumerate(heights)
    )
