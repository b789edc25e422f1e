"""What the search page shows: the engine proposes, the database decides, this puts it together."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from marketplace.bookings.order import tint
from marketplace.core import clock
from marketplace.core.formats import month_day
from marketplace.listings import catalog as lists
from marketplace.listings.policies import preset, terms_from
from marketplace.listings.refunds import refund_table
from marketplace.search import fallback
from marketplace.search.catalog import Catalog, reference_catalog
from marketplace.search.engines import engine
from marketplace.search.facets import COUNTED, Bar, Facet, facets, histogram
from marketplace.search.pins import Pin, clusters, state_shapes
from marketplace.search.port import Engine, Query, Result, SearchUnavailable, Sort
from marketplace.search.rows import Listing, Start, agency_labels, listings
from marketplace.search.state import MAX_VALUES, Args, Chip, SearchState

SORTS = (
    (Sort.BEST, "Best match"),
    (Sort.PRICE, "Lowest price"),
    (Sort.PRICE_DESC, "Highest price"),
    (Sort.START, "Earliest start"),
    (Sort.HANDS_ON, "Most hands-on"),
    (Sort.RATING, "Top rated"),
    (Sort.VALUE, "Best value"),
    (Sort.DISTANCE, "Nearest"),
)
RADII = (25, 50, 80, 160, 320)
"""Kilometres offered around a city."""
SHOWN_STARTS = 3
MAX_TRIALS = 12
"""Filters tried one by one when nothing is found."""
_ICONS = {
    "card": "heart-pulse",
    "neuro": "brain",
    "neuro-psych": "brain",
    "peds": "baby",
    "women-children": "baby",
    "fm": "hand-heart",
    "psych": "sparkles",
    "em": "siren",
    "surg": "activity",
    "surgical": "activity",
    "obgyn": "venus",
    "ortho": "bone",
    "rad": "scan-line",
    "path": "microscope",
    "oph": "eye",
    "hospital-based": "hospital",
}
_KINDS = {"hands-on": "hands-on", "observership": "observership", "virtual": "telehealth"}


@dataclass(frozen=True, slots=True)
class Card:
    """One listing as the page shows it."""

    id: UUID
    url: str
    specialty: str
    doctor: str
    tint: str
    icon: str
    level: str
    level_kind: str
    type: str
    site: str
    place: str
    weeks: int
    lengths: int
    price_cents: int
    starts: tuple[Start, ...]
    more_starts: int
    refund: str
    included: tuple[str, ...]
    rating: str
    reviews: int
    km: int | None
    query: str
    """What the listing's address adds, so that it opens on the asked length."""

    @property
    def last_seat(self) -> bool:
        """One seat is left at the next start."""
        return bool(self.starts) and self.starts[0].seats == 1


@dataclass(frozen=True, slots=True)
class Way:
    """A way out of an empty result: what it leaves, its address, and how many it gives."""

    label: str
    url: str
    count: int


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Everything the template needs."""

    state: SearchState
    title: str
    total: int
    all: int
    pages: int
    cards: tuple[Card, ...]
    facets: Mapping[str, Facet]
    bars: tuple[Bar, ...]
    price: tuple[int, int] | None
    chips: tuple[Chip, ...]
    without: tuple[Way, ...] = ()
    only: tuple[Way, ...] = ()
    pins: tuple[Pin, ...] = ()
    states: tuple[tuple[str, str, int], ...] = ()
    words_off: bool = False
    near_label: str = ""
    sorts: tuple[tuple[Sort, str], ...] = ()
    find: str = ""
    """What is typed to find a city."""

    def tag(self, *extra: str) -> str:
        """A validator that changes with anything shown; known before the page is rendered."""
        told = repr((self, *extra)).encode()
        return hashlib.blake2b(told, digest_size=16).hexdigest()

    @property
    def first(self) -> int:
        """The number of the first card among all."""
        return (self.state.page - 1) * self.state.per_page + 1

    @property
    def radii(self) -> tuple[int, ...]:
        """The distances offered, the asked one among them."""
        return tuple(sorted({*RADII, self.state.within_km}))

    @property
    def shapes(self) -> tuple[str, ...]:
        """The states of the map."""
        return state_shapes()

    @property
    def around(self) -> tuple[tuple[str, str], ...]:
        """For a single chosen city, the way to what lies around it."""
        chosen = self.state.values("city")
        if self.state.near or len(chosen) != 1:
            return ()
        wider = replace(self.state.without("city"), near=chosen[0])
        return (("Include places up to 80 km around", address(wider)),)

    def to(self, state: SearchState) -> str:
        """The address of another state."""
        return address(state)

    def page_url(self, number: int) -> str:
        """The address of a page of this search."""
        return address(replace(self.state, page=number))

    def city_url(self, slugs: tuple[str, ...]) -> str:
        """The list of what a pin stands for."""
        return address(self._only("city", slugs))

    def state_url(self, code: str) -> str:
        """The list of one state."""
        return address(self._only("state", (code,)))

    def _only(self, facet: str, values: tuple[str, ...]) -> SearchState:
        """The list with these values of a facet and no others."""
        state = self.state.without(facet)
        for value in values:
            state = state.toggle(facet, value)
        return replace(state, view="list")

    def at(self, **changes: object) -> str:
        """The address of this search with something changed, on page 1 unless said."""
        return address(replace(self.state, **({"page": 1} | changes)))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Found:
    """A result and what made it. `words_off`: the engine is away, the database answered."""

    state: SearchState
    query: Query
    result: Result
    engine: Engine | None = field(repr=False)

    @property
    def words_off(self) -> bool:
        """The engine is away: no text search and no counts."""
        return self.engine is None


def address(state: SearchState) -> str:
    """The one address of a search."""
    asked = state.canonical()
    return f"/rotations?{asked}" if asked else "/rotations"


def known(session: Session) -> Catalog:
    """The reference catalog with the agencies of the database."""
    return reference_catalog().with_labels("agency", agency_labels(session))


def read(args: Args, catalog: Catalog) -> SearchState:
    """The state of a query string."""
    return SearchState.parse(args, catalog)


def find(
    session: Session, state: SearchState, catalog: Catalog, counted: Sequence[str] = COUNTED
) -> Found:
    """Ask the engine, or the database while it is away. A page past the last becomes the last."""
    query = replace(state.to_query(catalog, highlight=False), facets=tuple(counted))
    try:
        asked = engine()
        result = asked.search(query)
        if state.page > result.pages:
            query = replace(query, page=result.pages)
            result = asked.search(query)
    except SearchUnavailable:
        asked, result = None, fallback.search(session, query)
    return Found(replace(state, page=result.page), query, result, asked)


def compose(session: Session, state: SearchState, catalog: Catalog) -> SearchPage:
    """The whole page of a search: at most five reads, whatever it finds."""
    found = find(session, state, catalog)
    state, result = found.state, found.result
    ids = [UUID(hit.id) for hit in result.hits]
    km = {UUID(h.id): round(h.distance_m / 1000) for h in result.hits if h.distance_m is not None}
    on_map = state.view == "map"
    shown = () if on_map else listings(session, ids, state.weeks)
    chips = state.chips(catalog)
    without = ways_without(found, chips, catalog) if not result.total else ()
    counts = _city_counts(state, result) if on_map else {}
    return SearchPage(
        state=state,
        title=_title(state, catalog),
        total=result.total,
        all=found.engine.health().documents if found.engine else 0,
        pages=result.pages,
        cards=tuple(card(row, state, catalog, km.get(row.id)) for row in shown),
        facets=facets(state, result, catalog),
        bars=histogram(state, result.price),
        price=(result.price.min_cents, result.price.max_cents) if result.price else None,
        chips=chips,
        without=without,
        only=ways_with_one(found, catalog) if not result.total and not without else (),
        pins=clusters(counts, MAX_VALUES),
        states=_states(counts, catalog),
        words_off=found.words_off,
        near_label=catalog.label("city", state.near) if state.near else "",
        sorts=SORTS if state.near else SORTS[:-1],
    )


def card(row: Listing, state: SearchState, catalog: Catalog, km: int | None = None) -> Card:
    """A listing in the words of a card; starts are those inside the asked dates."""
    starts = tuple(start for start in row.starts if inside(state, start.day))
    shade = tint(row.specialty)
    return Card(
        id=row.id,
        url=f"/rotations/{row.slug}",
        specialty=catalog.label("specialty", row.specialty),
        doctor=row.doctor,
        tint=shade,
        icon=_ICONS.get(shade, "stethoscope"),
        level=catalog.label("hands_on", row.level),
        level_kind=next((kind for name, kind in _KINDS.items() if row.level.startswith(name)), ""),
        type=lists.rotation_type(row.type).label,
        site=row.site,
        place=row.city.label,
        weeks=row.weeks,
        lengths=len(row.prices),
        price_cents=row.price_cents,
        starts=starts[:SHOWN_STARTS],
        more_starts=max(0, len(starts) - SHOWN_STARTS),
        refund=refund_line(row, starts[0].day) if starts else "",
        included=tuple(catalog.label("included", value) for value in row.included),
        rating=f"{row.rating:.1f}" if row.rating is not None else "",
        reviews=row.reviews,
        km=km,
        query=f"?weeks={state.weeks}" if state.weeks else "",
    )


def inside(state: SearchState, day: date) -> bool:
    """Whether a start lies in the asked dates."""
    after = state.start_from is None or day >= state.start_from
    return after and (state.start_to is None or day <= state.start_to)


def refund_line(row: Listing, start: date) -> str:
    """The best refund one still gets for this start, with the last day of it, in short words."""
    held = row.cancellation
    terms = preset(str(held["preset"])) if "preset" in held else terms_from(held)
    today = clock.today(row.city.timezone)
    best = refund_table(terms, row.price_cents, start, today=today)[0]
    if not best.percent or best.last_day is None:
        return "No refund for a change of mind"
    share = "Full refund" if best.percent == 100 else f"{best.percent}% back"
    return f"{share} until {month_day(best.last_day)}"


def _title(state: SearchState, catalog: Catalog) -> str:
    """The search in words, for the heading: one specialty, one place, or the general name."""
    one = {key: values[0] for key, values in state.facets if len(values) == 1}
    what = catalog.label("specialty", one["specialty"]) if "specialty" in one else "Clinical"
    place = next((catalog.label(k, one[k]) for k in ("city", "state") if k in one), "")
    if state.near:
        return f"{what} rotations near {catalog.label('city', state.near)}"
    return f"{what} rotations in {place}" if place else f"{what} rotations"


def ways_without(found: Found, chips: Sequence[Chip], catalog: Catalog) -> tuple[Way, ...]:
    """Each filter whose removal alone finds something, most first."""
    return _counted(found, [(c.label, c.without) for c in chips[:MAX_TRIALS]], catalog)


def ways_with_one(found: Found, catalog: Catalog) -> tuple[Way, ...]:
    """Each facet value that finds something alone, most first."""
    bare = found.state.cleared()
    tried = [
        (catalog.label(key, value), bare.toggle(key, value))
        for key, values in found.state.facets
        for value in values
    ]
    return _counted(found, tried[:MAX_TRIALS], catalog)


def _counted(
    found: Found, tried: Sequence[tuple[str, SearchState]], catalog: Catalog
) -> tuple[Way, ...]:
    if found.engine is None:
        return ()
    ways = []
    for label, state in tried:
        query = replace(state.to_query(catalog, highlight=False), per_page=0, page=1, facets=())
        ways.append(Way(label, address(state), found.engine.search(query).total))
    return tuple(sorted((way for way in ways if way.count), key=lambda way: -way.count))


def _city_counts(state: SearchState, result: Result) -> dict[str, int]:
    """Listings by city under all filters (the facet's own counts ignore the chosen cities)."""
    counts = result.facets.get("city", {})
    chosen = state.values("city")
    return {slug: n for slug, n in counts.items() if n and (not chosen or slug in chosen)}


def _states(counts: Mapping[str, int], catalog: Catalog) -> tuple[tuple[str, str, int], ...]:
    """Code, name and listings of each state on the map, by name."""
    found: dict[str, int] = {}
    for slug, count in counts.items():
        code = slug[-2:].upper()
        found[code] = found.get(code, 0) + count
    names = catalog.labels["state"]
    return tuple((code, names[code], found[code]) for code in names if code in found)
