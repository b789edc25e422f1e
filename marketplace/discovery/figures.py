"""What the market holds, in numbers, as the search engine counts it: the same number as the search
that a link leads to, in milliseconds however many listings there are.

While the engine is away the database counts how many there are, and prices are left out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from marketplace.discovery import queries
from marketplace.discovery.places import Area
from marketplace.listings import cities
from marketplace.search.documents import LENGTHS
from marketplace.search.engines import engine
from marketplace.search.port import Query, SearchUnavailable, Sort


@dataclass(frozen=True)
class Market:
    """Open listings by specialty, by city and by state; what has none is left out."""

    specialties: Mapping[str, int]
    cities: Mapping[str, int]

    @property
    def states(self) -> dict[str, int]:
        """By state, two letters."""
        found: dict[str, int] = {}
        for slug, count in self.cities.items():
            code = cities.city(slug).state
            found[code] = found.get(code, 0) + count
        return found

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.specialties.values())


@dataclass(frozen=True)
class Prices:
    """All-in prices in cents of one length, over `count` listings. `middle` is the median: of an
    even number the lower of the two in the middle, so it is a price that somebody asks."""

    weeks: int
    count: int
    low: int
    middle: int
    high: int


def market(session: Session) -> Market:
    """Everything that is listed now."""
    try:
        counts = engine().search(Query(per_page=0, facets=("specialty", "city"))).facets
    except SearchUnavailable:
        return Market(queries.by_specialty(session), queries.by_city(session))
    return Market(counts["specialty"], counts["city"])


def least_prices(facet: str, values: Iterable[str]) -> dict[str, int]:
    """The least that one can pay in cents for each value of a facet; none while the engine is
    away."""
    found = {}
    for value in values:
        asked = Query(filters={facet: (value,)}, per_page=0, facets=())
        try:
            prices = engine().search(asked).price_range
        except SearchUnavailable:
            return {}
        if prices:
            found[value] = prices[0]
    return found


def prices(session: Session, area: Area, counts: Mapping[str, int]) -> tuple[Prices, ...]:
    """What each length costs in an area, shortest first. `counts`: its listings by length.

    The median is that of the listing in the middle of the order by price. None while the engine
    is away.
    """
    middle, ranges = {}, {}
    for weeks in LENGTHS:
        count = counts.get(str(weeks), 0)
        if not count:
            continue
        asked = Query(
            filters={area.kind: (area.key,)},
            weeks=weeks,
            sort=Sort.PRICE,
            page=(count + 1) // 2,
            per_page=1,
            facets=(),
            with_fields=False,
        )
        try:
            found = engine().search(asked)
        except SearchUnavailable:
            return ()
        if found.hits and found.price_range:
            middle[weeks] = found.hits[0].id
            ranges[weeks] = found.price_range
    cents = queries.block_prices(session, middle)
    return tuple(
        Prices(weeks, counts[str(weeks)], low, cents[weeks], high)
        for weeks, (low, high) in ranges.items()
        if weeks in cents
    )
