"""The search port: one typed question, one typed answer, whatever engine stands behind it.

Meaning shared by every engine (DESIGN section 5, judged by one contract suite):

- Values are joined by OR inside a facet and by AND across facets; `included` is AND inside too.
- Length, start, price and seats hold together. With `weeks` chosen, price and start are those of
  that block length. Without it, price is that of the shortest block, the least one can pay, and a
  start counts when any length still has a seat.
- A facet's counts ignore its own selection (disjunctive), except `included`, whose counts apply
  it. A count of `weeks` is the total one gets by choosing that length. Zero counts are left out,
  selected values are always shown.
- `eligibility` is one text per listing: the facts that the hard rules look at
  (`listings.hard_rules`). Few listings differ in them, so a search judges each text once and asks
  for those that may fit; total and counts stay exact, and no engine knows a rule.
- Text: every word must match; stop words are skipped; the last word matches as a prefix unless a
  space follows it; 1 typo from 5 letters, 2 from 9, a wrong first letter counts as two; synonyms
  from `search_synonyms.csv`; two or three neighbouring words also match written as one, each joint
  costs one of its typos. Meilisearch alone also finds one word written as the two neighbours that
  stand together most often.
- An explicit sort goes before relevance; a missing value comes last; ties go by id. Of places
  less than a metre apart either may come first.
- The engine proposes ids. Who may see what is decided again by the database.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from marketplace.core.errors import Unavailable
from marketplace.search.documents import LENGTHS, ListingDocument

VALUE_FACETS = (
    "specialty",
    "hands_on",
    "state",
    "city",
    "type",
    "setting",
    "included",
    "accepts",
    "exams",
    "eligibility",
    "agency",
    "seats",
)
"""Facets that a query may filter by value."""

UNTOLD_FACETS = frozenset({"eligibility"})
"""Facets that may be counted and are no words for people: counted only when asked for."""

FACETS = (
    *(facet for facet in VALUE_FACETS if facet not in UNTOLD_FACETS),
    *("specialty_group", "weeks", "rating", "start"),
)
"""Facets that are counted: `specialty_group` ignores the specialty selection, `rating` counts
"at least" bands and ignores `rating_min`, `start` counts months and ignores the start window."""

AND_FACETS = frozenset({"included"})
"""Facets whose selected values must all be there."""

MAX_PER_PAGE = 100


class SearchUnavailable(Unavailable):
    """The engine cannot answer now: the page falls back to the database and says so."""

    def __init__(self, detail: str) -> None:
        super().__init__("Search is off for a moment.", "search_unavailable")
        self.detail = detail


class Sort(StrEnum):
    """Orders of a result. Nothing can be paid for in any of them."""

    BEST = "best"
    """Relevance when text is given, else reviewed quality."""
    PRICE = "price"
    PRICE_DESC = "price_desc"
    START = "start"
    HANDS_ON = "hands_on"
    RATING = "rating"
    DISTANCE = "distance"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Near:
    """A circle: the great-circle distance to the point is at most `radius_m` metres."""

    lat: float
    lng: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the map, edges included. West must not exceed east: a box over the
    antimeridian is refused."""

    south: float
    west: float
    north: float
    east: float

    def __post_init__(self) -> None:
        if self.south > self.north or self.west > self.east:
            raise ValueError("a box needs south <= north and west <= east")


@dataclass(frozen=True, slots=True)
class Scope:
    """What the server lets this search see. Never filled from user input, never widened by it:
    it is joined by AND and no disjunctive count drops it."""

    agency: str | None = None
    """Only this agency's listings (its storefront)."""


@dataclass(frozen=True, slots=True)
class Query:
    """One question. Prices are cents, `starts` are ISO weeks, pages count from 1."""

    text: str = ""
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    weeks: int | None = None
    price_min: int | None = None
    price_max: int | None = None
    starts: tuple[str, ...] | None = None
    rating_min: float | None = None
    near: Near | None = None
    box: Box | None = None
    sort: Sort = Sort.BEST
    page: int = 1
    per_page: int = 20
    facets: tuple[str, ...] = FACETS
    highlight: bool = False
    with_fields: bool = True
    """Whether hits carry their stored fields; whoever reads the database does not need them."""
    scope: Scope = Scope()

    def __post_init__(self) -> None:
        counted = set(self.facets) - set(FACETS) - UNTOLD_FACETS
        unknown = set(self.filters) - set(VALUE_FACETS) | counted
        if unknown:
            raise ValueError(f"no such facet: {sorted(unknown)}")
        if self.weeks is not None and self.weeks not in LENGTHS:
            raise ValueError(f"no such block length: {self.weeks}")
        if self.page < 1 or not 0 <= self.per_page <= MAX_PER_PAGE:
            raise ValueError("page counts from 1 and per_page is 0 to 100")
        if self.sort is Sort.DISTANCE and self.near is None:
            raise ValueError("sorting by distance needs a place")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text and whether it matched. Never HTML: the template escapes and marks it."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Hit:
    """A proposed listing: its id, the indexed version and a few stored fields."""

    id: str
    version: int
    fields: Mapping[str, object]
    distance_m: float | None = None
    highlights: Mapping[str, tuple[Piece, ...]] = field(default_factory=dict)


HIT_FIELDS = (
    "title",
    "specialty",
    "hands_on",
    "type",
    "setting",
    "city",
    "state",
    "lat",
    "lng",
    "agency",
    "weeks",
    "rating",
    "reviews",
)
"""The stored fields of a hit."""


@dataclass(frozen=True, slots=True)
class PriceFacet:
    """Prices in cents under all filters except the price range itself.

    `bins` maps the lower edge of each bar, `BIN_CENTS` wide, to its number of listings.
    """

    min_cents: int
    max_cents: int
    bins: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Result:
    """One answer. `facets` lists each facet's values by count, most first, then by value."""

    total: int
    page: int
    per_page: int
    hits: tuple[Hit, ...]
    facets: Mapping[str, Mapping[str, int]]
    price: PriceFacet | None
    """None when nothing matches without the price range."""
    price_range: tuple[int, int] | None
    """Least and greatest price in cents under all filters; None without hits."""
    listed: int = 0
    """All listings of the scope, whatever is asked; 0 when nothing can count."""

    @property
    def pages(self) -> int:
        """How many pages there are, at least 1."""
        return max(1, -(-self.total // self.per_page)) if self.per_page else 1


@dataclass(frozen=True, slots=True)
class FacetHit:
    """A facet value that matches what is typed, with its disjunctive count."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Deletion:
    """Take a listing out, unless the index holds a newer version of it."""

    id: str
    version: int


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the engine answers, and whether its settings are those of the code."""

    ok: bool
    engine: str
    documents: int = 0
    needs_rebuild: bool = False
    detail: str = ""


Progress = Callable[[int], None]
"""Called with the number of documents indexed so far."""


class Engine(Protocol):
    """What every engine does. Every method raises `SearchUnavailable` when the engine cannot."""

    def search(self, query: Query) -> Result:
        """Answer a query."""

    def facet_search(
        self,
        facet: str,
        text: str,
        query: Query,
        *,
        limit: int = 20,
        labels: Mapping[str, str] | None = None,
    ) -> Sequence[FacetHit]:
        """Values of a facet whose label (else slug) matches `text`, words as prefix or typo,
        counted under the query's other filters. Without text: the values with most listings."""

    def apply(
        self, documents: Iterable[ListingDocument], deletions: Iterable[Deletion] = ()
    ) -> None:
        """Take in changes; they are certain to be visible only after `flush`. An older version
        than the one held is dropped."""

    def flush(self) -> None:
        """Make everything applied so far visible to every reader."""

    def rebuild(
        self, documents: Iterable[ListingDocument], progress: Progress | None = None
    ) -> int:
        """Build a new index beside the old one, then swap: readers never see an empty index.
        Returns the number of documents."""

    def versions(self) -> Mapping[str, int]:
        """Every listing's id and indexed version."""

    def documents(self) -> Iterator[Mapping[str, object]]:
        """Every listing as it is held, to compare with the database (I16)."""

    def health(self) -> Health:
        """The engine's state. Never raises."""
