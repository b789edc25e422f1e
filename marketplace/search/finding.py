"""One search, answered: the engine proposes ids, the database says what they are now.

The page, its fragments and the API all start here. While the engine is away the database answers
alone (`fallback`), and each new search asks the engine again, so it comes back by itself.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from sqlalchemy.orm import Session

from marketplace.search import fallback
from marketplace.search.catalog import Catalog, reference_catalog
from marketplace.search.engines import engine
from marketplace.search.port import Engine, Query, Result, SearchUnavailable
from marketplace.search.rows import Listing, agency_labels, listings
from marketplace.search.state import SearchState


@dataclass(frozen=True, slots=True)
class Found:
    """A search and its answer. `rows` are the hits as the database shows them, in their order;
    what is no longer public is not among them."""

    state: SearchState
    query: Query
    result: Result
    rows: tuple[Listing, ...]
    catalog: Catalog = field(repr=False)
    engine: Engine | None = field(default=None, repr=False)

    @property
    def words_off(self) -> bool:
        """The engine is away: words are not used and nothing is counted."""
        return self.engine is None

    def tag(self, *extra: str) -> str:
        """A validator that changes with anything told here; known before anything is rendered."""
        result, price = self.result, self.result.price
        told = (
            self.state.canonical(),
            self.words_off,
            result.listed,
            result.total,
            result.facets,
            price and (price.min_cents, price.max_cents, price.bins),
            [(hit.id, hit.distance_m) for hit in result.hits],
            [row.told for row in self.rows],
            self.catalog.labels["agency"],
            extra,
        )
        return hashlib.blake2b(repr(told).encode(), digest_size=16).hexdigest()

    def count(self, state: SearchState) -> int:
        """How many another search would find; 0 while nothing can count."""
        if self.engine is None:
            return 0
        asked = state.to_query(self.catalog, highlight=False)
        try:
            return self.engine.search(replace(asked, per_page=0, page=1, facets=())).total
        except SearchUnavailable:
            return 0


def known(session: Session) -> Catalog:
    """The reference catalog with the agencies of the database."""
    return reference_catalog().with_labels("agency", agency_labels(session))


def find(
    session: Session,
    state: SearchState,
    catalog: Catalog,
    counted: Sequence[str],
    *,
    with_rows: bool = True,
) -> Found:
    """Answer a search with counts of the facets `counted`: four reads of the database at most.

    A page past the last becomes the last. `with_rows` is off where only counts are shown.
    """
    query = replace(state.to_query(catalog, highlight=False), facets=tuple(counted))
    asked: Engine | None
    try:
        asked = engine()
        result = asked.search(query)
        if state.page > result.pages:
            query = replace(query, page=result.pages)
            result = asked.search(query)
    except SearchUnavailable:
        asked, result = None, fallback.search(session, query)
    ids = [UUID(hit.id) for hit in result.hits] if with_rows else []
    return Found(
        state=replace(state, page=result.page),
        query=query,
        result=result,
        rows=tuple(listings(session, ids, state.weeks)),
        catalog=catalog,
        engine=asked,
    )


def address(state: SearchState) -> str:
    """The one address of a search."""
    asked = state.canonical()
    return f"/rotations?{asked}" if asked else "/rotations"
