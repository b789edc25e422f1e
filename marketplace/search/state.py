"""The state of the search page: the query string and nothing else.

The page, its fragments and `GET /api/v1/rotations` read it with the same parameters. Reading
never fails: what makes no sense is dropped and named in `notes`. `canonical` writes it back with
a fixed order and nothing empty, so that equal states have equal addresses.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Protocol, TypeVar
from urllib.parse import parse_qsl, urlencode

from marketplace.core import clock
from marketplace.core.money import dollars
from marketplace.core.words import words
from marketplace.search.answers import ANSWER_PARAMS, PASSED, STATUSES, YEARS, facts_told
from marketplace.search.catalog import Catalog, reference_catalog
from marketplace.search.documents import LENGTHS
from marketplace.search.port import MAX_PER_PAGE, Near, Query, Scope, Sort
from marketplace.search.weeks import window

FACET_PARAMS = (
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
)
"""Parameters that may be repeated."""
SINGLE_PARAMS = (
    "weeks",
    "price_min",
    "price_max",
    "start_from",
    "start_to",
    "near",
    "within_km",
    "rating_min",
)
VIEWS = ("list", "map")
PER_PAGE = 20
WITHIN_KM = 80
MAX_TEXT = 200
MAX_VALUES = 50
"""Values of one facet that are looked at."""
MAX_COMPARED = 4
MAX_PAGE = 100_000
NOTHING = "-"
"""A value of `eligibility` that no listing has."""
MAX_CENTS = 100_000_000

_CONTROL = re.compile(r"[\x00-\x1f\x7f\s]+")
_NUMBER = re.compile(r"\d{1,12}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SLUG = re.compile(r"[a-z0-9-]{1,200}", re.ASCII)
_RATING = re.compile(r"[0-5](\.\d{1,2})?", re.ASCII)
_T = TypeVar("_T")


def compared(slugs: Iterable[str]) -> tuple[str, ...]:
    """The listings to compare: what can be a slug, each once, at most four, in their order."""
    known = (slug for slug in slugs if _SLUG.fullmatch(slug))
    return tuple(dict.fromkeys(known))[:MAX_COMPARED]


class Args(Protocol):
    """A parsed query string, such as Flask's `request.args`."""

    def getlist(self, key: str) -> list[str]:
        """Every value of a parameter, in order."""


@dataclass(frozen=True, slots=True)
class Chip:
    """One thing that narrows the search, and the state without it."""

    param: str
    value: str
    label: str
    without: "SearchState"


@dataclass(frozen=True, slots=True)
class SearchState:
    """What is asked. Prices in cents, dates local to the sites, `near` a city's slug.

    `status`, `graduated` and `passed` answer the questions of "Works for me" (search.answers);
    `fits` hides what does not fit. `compare` holds the slugs of listings put side by side, in the
    order of choosing; they narrow nothing.
    """

    q: str = ""
    facets: tuple[tuple[str, tuple[str, ...]], ...] = ()
    weeks: int | None = None
    price_min: int | None = None
    price_max: int | None = None
    start_from: date | None = None
    start_to: date | None = None
    near: str | None = None
    within_km: int = WITHIN_KM
    rating_min: float | None = None
    status: str | None = None
    graduated: int | None = None
    passed: str | None = None
    fits: bool = False
    compare: tuple[str, ...] = ()
    sort: Sort = Sort.BEST
    view: str = "list"
    page: int = 1
    per_page: int = PER_PAGE
    notes: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def parse(cls, args: Args, catalog: Catalog | None = None) -> "SearchState":
        """Read a query string. Never raises; `notes` says what was left out and why."""
        return _Reader(args, catalog or reference_catalog()).state()

    @classmethod
    def of_query(cls, query: str) -> "SearchState":
        """Read a query string as text. Never raises."""
        return cls.parse(_Pairs(query))

    def values(self, facet: str) -> tuple[str, ...]:
        """The chosen values of a facet."""
        return dict(self.facets).get(facet, ())

    def canonical(self, *, page: bool = True) -> str:
        """The query string in its one spelling: fixed order, sorted values, nothing usual."""
        pairs: list[tuple[str, str]] = [("q", self.q)] if self.q else []
        pairs += [(facet, value) for facet, values in self.facets for value in values]
        for name in SINGLE_PARAMS:
            value = getattr(self, name)
            if value is not None and not (name == "within_km" and self._usual_radius):
                pairs.append((name, f"{value:g}" if isinstance(value, float) else str(value)))
        pairs += [(name, str(value)) for name in ANSWER_PARAMS if (value := getattr(self, name))]
        pairs += [("fits", "1")] if self.fits else []
        pairs += [("compare", slug) for slug in self.compare]
        usual = SearchState()
        for name in ("sort", "view", "per_page", "page"):
            if getattr(self, name) != getattr(usual, name) and (page or name != "page"):
                pairs.append((name, str(getattr(self, name))))
        return urlencode(pairs)

    @property
    def _usual_radius(self) -> bool:
        return self.near is None or self.within_km == WITHIN_KM

    def toggle(self, facet: str, value: str) -> "SearchState":
        """The value added, or taken out when it was there; back on page 1.

        Raises `KeyError` when there is no such facet.
        """
        if facet not in FACET_PARAMS:
            raise KeyError(facet)
        held = self.values(facet)
        left = tuple(v for v in held if v != value) if value in held else (*held, value)
        return self._with_facet(facet, left)

    def without(self, param: str, value: str | None = None) -> "SearchState":
        """One parameter taken out, or one value of a facet; back on page 1.

        Without its place, `near` takes the radius and the order by distance along. Raises
        `KeyError` when there is no such parameter.
        """
        if param in FACET_PARAMS:
            left = tuple(v for v in self.values(param) if value is not None and v != value)
            return self._with_facet(param, left)
        if param == "q":
            return replace(self, q="", page=1)
        if param not in (*SINGLE_PARAMS, *ANSWER_PARAMS, "fits", "sort", "view"):
            raise KeyError(param)
        if param == "near":
            sort = Sort.BEST if self.sort is Sort.DISTANCE else self.sort
            return replace(self, near=None, within_km=WITHIN_KM, sort=sort, page=1)
        usual = getattr(SearchState(), param)
        return _changed(self, param, usual)

    def cleared(self) -> "SearchState":
        """Nothing asked; order, view, page size and what the candidate told stay."""
        sort = Sort.BEST if self.sort is Sort.DISTANCE else self.sort
        return replace(self.bare, sort=sort, view=self.view, per_page=self.per_page)

    @property
    def bare(self) -> "SearchState":
        """What the candidate told and put aside to compare, and nothing else."""
        return SearchState(
            status=self.status,
            graduated=self.graduated,
            passed=self.passed,
            compare=self.compare,
        )

    @property
    def impersonal(self) -> "SearchState":
        """The same search without what the candidate told or put aside: what an address for
        everybody names."""
        return replace(self, status=None, graduated=None, passed=None, fits=False, compare=())

    def comparing(self, slug: str) -> "SearchState":
        """The listing put aside to compare, or taken out when it was there; the page stays."""
        if slug in self.compare:
            return replace(self, compare=tuple(one for one in self.compare if one != slug))
        return replace(self, compare=(*self.compare, slug)[:MAX_COMPARED])

    def told(self, today: date) -> dict[str, object]:
        """The candidate.* facts of the answers on a day; empty when nothing is answered."""
        return facts_told(self.status, self.graduated, self.passed, today)

    def on_page(self, page: int) -> "SearchState":
        """The same search on another page, counted from 1."""
        return replace(self, page=page)

    def sized(self, per_page: int) -> "SearchState":
        """The same search with another number of hits on a page, on page 1."""
        return replace(self, per_page=per_page, page=1)

    def sorted_by(self, sort: Sort) -> "SearchState":
        """The same search in another order, on page 1."""
        return replace(self, sort=sort, page=1)

    def viewed_as(self, view: str) -> "SearchState":
        """The same search as a list or a map, on page 1."""
        return replace(self, view=view, page=1)

    def _with_facet(self, facet: str, values: Iterable[str]) -> "SearchState":
        chosen = dict(self.facets) | {facet: tuple(sorted(set(values)))}
        return replace(self, facets=_ordered(chosen), page=1)

    @property
    def narrowed(self) -> bool:
        """Whether anything is asked, so that "clear all" has something to do."""
        return self.cleared().canonical(page=False) != self.canonical(page=False)

    def chips(self, catalog: Catalog | None = None) -> tuple[Chip, ...]:
        """Everything that narrows the search, in the order of the address."""
        known = catalog or reference_catalog()
        found = [("q", "", f"“{self.q.strip()}”")] if self.q.strip() else []
        for facet, values in self.facets:
            found += [(facet, value, known.label(facet, value)) for value in values]
        if self.weeks:
            found.append(("weeks", "", f"{self.weeks} week{'s' if self.weeks > 1 else ''}"))
        if self.price_min is not None:
            found.append(("price_min", "", f"From {dollars(self.price_min)}"))
        if self.price_max is not None:
            found.append(("price_max", "", f"Up to {dollars(self.price_max)}"))
        if self.start_from is not None:
            found.append(("start_from", "", f"Starts on or after {_day(self.start_from)}"))
        if self.start_to is not None:
            found.append(("start_to", "", f"Starts by {_day(self.start_to)}"))
        if self.near is not None:
            place = known.label("city", self.near)
            found.append(("near", "", f"Within {self.within_km} km of {place}"))
        if self.rating_min is not None:
            found.append(("rating_min", "", f"Rated {self.rating_min:g} or more"))
        if self.fits:
            found.append(("fits", "", words("works-for-me.on")))
        return tuple(
            Chip(param, value, label, self.without(param, value or None))
            for param, value, label in found
        )

    def starts(self, today: date) -> tuple[str, ...] | None:
        """The asked start dates as ISO weeks, None when any date will do.

        An open end reaches about three years, an open beginning is today.
        """
        if self.start_from is None and self.start_to is None:
            return None
        first = self.start_from or today
        return window(first, self.start_to or date.max)

    def to_query(
        self,
        catalog: Catalog | None = None,
        *,
        today: date | None = None,
        scope: Scope | None = None,
        highlight: bool = True,
        fitting: Sequence[str] | None = None,
    ) -> Query:
        """The engine's question. `today` opens a window without a beginning (default: the clock's
        UTC day); `scope` comes from the server, never from the query string. `fitting`: the values
        of `eligibility` that may fit; None when nothing is known about the candidate, and then
        `fits` hides nothing."""
        near = (catalog or reference_catalog()).places.get(self.near or "")
        filters = dict(self.facets)
        if self.fits and fitting is not None:
            filters["eligibility"] = tuple(fitting) or (NOTHING,)
        return Query(
            text=self.q,
            filters=filters,
            weeks=self.weeks,
            price_min=self.price_min,
            price_max=self.price_max,
            starts=self.starts(today or clock.now().date()),
            rating_min=self.rating_min,
            near=Near(near.lat, near.lng, self.within_km * 1000) if near else None,
            sort=Sort.BEST if self.sort is Sort.DISTANCE and near is None else self.sort,
            page=self.page,
            per_page=self.per_page,
            highlight=highlight,
            scope=scope or Scope(),
        )


class _Pairs:
    """A query string as `Args`."""

    def __init__(self, query: str) -> None:
        self._pairs = parse_qsl(query)

    def getlist(self, key: str) -> list[str]:
        return [value for name, value in self._pairs if name == key]


def _changed(state: SearchState, param: str, value: object) -> SearchState:
    changes: dict[str, object] = {param: value, "page": 1}
    return replace(state, **changes)  # type: ignore[arg-type]  # the field's own default


def _ordered(chosen: dict[str, tuple[str, ...]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((facet, chosen[facet]) for facet in FACET_PARAMS if chosen.get(facet))


def _day(day: date) -> str:
    return f"{day:%b} {day.day}, {day.year}"


class _Reader:
    """Reads one query string and notes what it leaves out."""

    def __init__(self, args: Args, catalog: Catalog) -> None:
        self._args = args
        self._catalog = catalog
        self._notes: list[str] = []

    def state(self) -> SearchState:
        """Everything read."""
        facets = _ordered({facet: self._values(facet) for facet in FACET_PARAMS})
        low, high = self._pair("price_min", "price_max", self._cents)
        start_from, start_to = self._pair("start_from", "start_to", self._day)
        near = self._one("near", lambda text: self._catalog.value("city", text))
        sort = self._one("sort", _sort) or Sort.BEST
        if sort is Sort.DISTANCE and near is None:
            self._drop("sort", "needs a place")
            sort = Sort.BEST
        return SearchState(
            q=self._text(),
            facets=facets,
            weeks=self._one("weeks", lambda text: _whole(text, LENGTHS)),
            price_min=low,
            price_max=high,
            start_from=start_from,
            start_to=start_to,
            near=near,
            within_km=(self._one("within_km", _radius) or WITHIN_KM) if near else WITHIN_KM,
            rating_min=self._one("rating_min", _rating),
            status=self._one("status", lambda text: text if text in STATUSES else None),
            graduated=self._one("graduated", lambda text: _whole(text, YEARS)),
            passed=self._one("passed", lambda text: text if text in PASSED else None),
            fits=bool(self._one("fits", lambda text: text if text == "1" else None)),
            compare=compared(self._args.getlist("compare")),
            sort=sort,
            view=self._one("view", lambda text: text if text in VIEWS else None) or "list",
            page=self._one("page", lambda text: _whole(text, range(1, MAX_PAGE + 1))) or 1,
            per_page=self._one("per_page", lambda text: _whole(text, range(1, MAX_PER_PAGE + 1)))
            or PER_PAGE,
            notes=tuple(self._notes),
        )

    def _text(self) -> str:
        """The free text; one space at its end stays, it says that the last word is whole."""
        asked = self._args.getlist("q")
        text = _CONTROL.sub(" ", asked[0]).lstrip() if asked else ""
        if len(text) > MAX_TEXT:
            self._drop("q", f"only the first {MAX_TEXT} characters are used")
        kept = text[:MAX_TEXT].encode("utf-8", "ignore").decode()
        return kept if kept.strip() else ""

    def _values(self, facet: str) -> tuple[str, ...]:
        asked = [text for text in self._args.getlist(facet) if text.strip()]
        known: set[str] = set()
        for text in asked[:MAX_VALUES]:
            value = self._catalog.value(facet, text.encode("utf-8", "ignore").decode())
            if value is None:
                self._drop(facet, "is not known")
            else:
                known.add(value)
        if len(asked) > MAX_VALUES:
            self._drop(facet, f"only the first {MAX_VALUES} are used")
        return tuple(sorted(known))

    def _one(self, name: str, read: Callable[[str], _T | None]) -> _T | None:
        """The first value of a parameter that is not empty."""
        asked = [text.strip() for text in self._args.getlist(name) if text.strip()]
        if not asked:
            return None
        value = read(asked[0])
        if value is None:
            self._drop(name, "could not be read")
        return value

    def _pair(
        self, low: str, high: str, read: Callable[[str], _T | None]
    ) -> tuple[_T | None, _T | None]:
        """A range; ends in the wrong order are exchanged."""
        first, last = self._one(low, read), self._one(high, read)
        if first is not None and last is not None and last < first:  # type: ignore[operator]
            self._drop(high, "was before its beginning, so the two are exchanged")
            return last, first
        return first, last

    def _cents(self, text: str) -> int | None:
        return _whole(text, range(MAX_CENTS + 1))

    def _day(self, text: str) -> date | None:
        try:
            return date.fromisoformat(text) if _DAY.fullmatch(text) else None
        except ValueError:
            return None

    def _drop(self, name: str, why: str) -> None:
        note = f"{name}: {why}"
        if note not in self._notes:
            self._notes.append(note)


def _whole(text: str, allowed: Sequence[int]) -> int | None:
    if not _NUMBER.fullmatch(text):
        return None
    number = int(text)
    return number if number in allowed else None


def _radius(text: str) -> int | None:
    return _whole(text, range(1, 5_001))


def _rating(text: str) -> float | None:
    if not _RATING.fullmatch(text):
        return None
    number = float(text)
    return number if 0 < number <= 5 else None


def _sort(text: str) -> Sort | None:
    return Sort(text) if text in list(Sort) else None
