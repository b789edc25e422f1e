"""What the search page shows: the engine proposes, the database decides, this puts it together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import urlencode
from uuid import UUID

from marketplace.bookings.order import tint
from marketplace.core import clock
from marketplace.core.formats import month_day
from marketplace.listings import catalog as lists
from marketplace.listings import letter_words
from marketplace.listings.fit_words import FitWords
from marketplace.listings.letter_words import Letter
from marketplace.listings.policies import preset, terms_from
from marketplace.listings.refunds import refund_table
from marketplace.search import works_for_me
from marketplace.search.answers import ANSWER_PARAMS, Facts
from marketplace.search.catalog import Catalog
from marketplace.search.facet_values import match_values
from marketplace.search.facets import Bar, Facet, facets, folded, histogram, options
from marketplace.search.finding import Found, address
from marketplace.search.pins import Pin, clusters, state_shapes
from marketplace.search.port import Result, Sort
from marketplace.search.rows import Listing, Start
from marketplace.search.state import FACET_PARAMS, MAX_COMPARED, MAX_VALUES, Chip, SearchState
from marketplace.search.works_for_me import NOBODY, Me, Who

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
TYPED_CITIES = 12
"""Cities shown for what is typed."""
SHOWN_STARTS = 3
MAX_TRIALS = 12
"""Filters tried one by one when nothing is found."""
ICONS = {
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
    fit: FitWords | None = None
    """What it is to the candidate; None when nothing is known about them."""
    letter: Letter | None = None
    """Whether a letter of the first start comes in time."""
    compared: bool = False
    compare_url: str = ""
    """This search with the listing put aside to compare, or taken out; empty when four are."""

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
    cities: Facet
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
    typed: str = ""
    """What is typed to find a city."""
    all_cities: bool = False
    unfolded: frozenset[str] = frozenset()
    """Long facets that show all their values."""
    me: Me | None = None
    season: str = ""

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
    def compare_url(self) -> str:
        """Where the listings put aside stand side by side."""
        return compare_address(self.state)

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

    def cities_url(self, everything: bool = True, path: str = "/rotations/cities") -> str:
        """Where the cities of this search are listed, all of them or the first few."""
        asked = [self.state.canonical()] if self.state.canonical() else []
        return "?".join([path, "&".join([*asked, *(["cities=all"] if everything else [])])])

    def values_url(self, key: str, everything: bool = True, path: str = "") -> str:
        """Where the values of a long facet are listed, all of them or the first few."""
        asked = [self.state.canonical()] if self.state.canonical() else []
        more = [f"more={key}"] if everything else []
        return "?".join([path or f"/rotations/values/{key}", "&".join([*asked, *more])])

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
        chosen = dict(self.state.facets) | {facet: tuple(sorted(values))}
        facets = tuple((key, chosen[key]) for key in FACET_PARAMS if key in chosen)
        return replace(self.state, facets=facets, view="list", page=1)

    def at(self, **changes: object) -> str:
        """The address of this search with something changed, on page 1 unless said."""
        return address(replace(self.state, **({"page": 1} | changes)))  # type: ignore[arg-type]


def compose(
    found: Found,
    who: Who | None = None,
    *,
    typed: str = "",
    all_cities: bool = False,
    unfolded: frozenset[str] = frozenset(),
) -> SearchPage:
    """The page of an answered search; reads nothing. `who` looks; `typed` narrows the list of
    cities, `all_cities` unfolds it, `unfolded` names the other long facets to unfold."""
    state, result, catalog = found.state, found.result, found.catalog
    chips = state.chips(catalog)
    without = () if result.total else ways_without(found, chips)
    counts = _city_counts(state, result) if state.view == "map" else {}
    km = {hit.id: round(hit.distance_m / 1000) for hit in result.hits if hit.distance_m is not None}
    return SearchPage(
        state=state,
        title=_title(state, catalog),
        total=result.total,
        all=result.listed,
        pages=result.pages,
        cards=tuple(
            card(row, state, catalog, km.get(str(row.id)), found.candidate) for row in found.rows
        ),
        facets=facets(state, result, catalog),
        cities=cities_facet(found, typed, all_cities),
        bars=histogram(state, result.price),
        price=(result.price.min_cents, result.price.max_cents) if result.price else None,
        chips=chips,
        without=without,
        only=() if result.total or without else ways_with_one(found),
        pins=clusters(counts, MAX_VALUES),
        states=_states(counts, catalog),
        words_off=found.words_off,
        near_label=catalog.label("city", state.near) if state.near else "",
        sorts=SORTS if state.near else SORTS[:-1],
        typed=typed,
        all_cities=all_cities,
        unfolded=unfolded,
        me=works_for_me.me(who or NOBODY, found.misfits),
        season=letter_words.season_note(),
    )


def cities_facet(found: Found, typed: str = "", everything: bool = False) -> Facet:
    """The cities: those that match what is typed, or all by name, or the first few."""
    state, catalog, labels = found.state, found.catalog, found.catalog.labels["city"]
    counts = found.result.facets.get("city")
    values = options("city", state, counts, catalog)
    if typed:
        known = counts if counts is not None else dict.fromkeys(labels, 0)
        match = match_values(known, typed, limit=TYPED_CITIES, labels=labels)
        by_slug = {option.value: option for option in values}
        return Facet("city", "City", tuple(by_slug[hit.value] for hit in match))
    if everything:
        return Facet("city", "City", tuple(sorted(values, key=lambda option: option.label)))
    return folded("city", "City", values)


def card(
    row: Listing,
    state: SearchState,
    catalog: Catalog,
    km: int | None = None,
    candidate: Facts | None = None,
) -> Card:
    """A listing in the words of a card; starts are those inside the asked dates."""
    starts = tuple(start for start in row.starts if inside(state, start.day))
    first = starts[0].day if starts else None
    shade = tint(row.specialty)
    return Card(
        id=row.id,
        url=f"/rotations/{row.slug}",
        specialty=catalog.label("specialty", row.specialty),
        doctor=row.doctor,
        tint=shade,
        icon=ICONS.get(shade, "stethoscope"),
        level=catalog.label("hands_on", row.level),
        level_kind=next((kind for name, kind in _KINDS.items() if row.level.startswith(name)), ""),
        type=lists.rotation_type(row.type).label,
        site=row.site.removesuffix(f", {row.city.name}"),
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
        query=_carried(state),
        compared=row.slug in state.compare,
        compare_url=address(state.comparing(row.slug))
        if row.slug in state.compare or len(state.compare) < MAX_COMPARED
        else "",
        fit=works_for_me.verdict_of(row, candidate, first) if candidate else None,
        letter=letter_words.letter(first, row.weeks, row.letter_days, row.city.timezone)
        if first and row.type != "research"
        else None,
    )


def _carried(state: SearchState) -> str:
    """What a listing's address keeps of a search: the length and what the candidate told."""
    kept = {name: getattr(state, name) for name in ("weeks", *ANSWER_PARAMS)}
    pairs = [(name, value) for name, value in kept.items() if value]
    asked = urlencode([*pairs, *(("compare", slug) for slug in state.compare)])
    return f"?{asked}" if asked else ""


def compare_address(state: SearchState) -> str:
    """Where the chosen listings stand side by side; keeps what the candidate told."""
    pairs = [("rotation", slug) for slug in state.compare]
    pairs += [("weeks", str(state.weeks))] if state.weeks else []
    told = [(name, str(getattr(state, name))) for name in ANSWER_PARAMS if getattr(state, name)]
    return f"/compare?{urlencode([*pairs, *told])}"


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


def ways_without(found: Found, chips: Sequence[Chip]) -> tuple[Way, ...]:
    """Each filter whose removal alone finds something, most first."""
    return _counted(found, [(chip.label, chip.without) for chip in chips[:MAX_TRIALS]])


def ways_with_one(found: Found) -> tuple[Way, ...]:
    """Each facet value that finds something alone, most first."""
    bare = found.state.cleared()
    tried = [
        (found.catalog.label(key, value), bare.toggle(key, value))
        for key, values in found.state.facets
        for value in values
    ]
    return _counted(found, tried[:MAX_TRIALS])


def _counted(found: Found, tried: Sequence[tuple[str, SearchState]]) -> tuple[Way, ...]:
    ways = [Way(label, address(state), found.count(state)) for label, state in tried]
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
