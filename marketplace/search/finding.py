"""One search, answered: the engine proposes ids, the database says what they are now.

The page, its fragments and the API all start here. While the engine is away the database answers
alone (`fallback`), and each new search asks the engine again, so it comes back by itself.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from sqlalchemy.orm import Session

from marketplace.core import clock
from marketplace.listings import hard_rules
from marketplace.search import fallback
from marketplace.search.answers import Facts
from marketplace.search.catalog import Catalog, reference_catalog
from marketplace.search.engines import engine
from marketplace.search.port import Engine, Query, Result, Scope, SearchUnavailable
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
    candidate: Facts | None = field(default=None, repr=False)
    """What is known about who looks; None when nothing is."""
    fitting: tuple[str, ...] | None = field(default=None, repr=False)
    """The values of `eligibility` that may fit them."""

    @property
    def misfits(self) -> int:
        """How many listings of this search do not fit, hidden or not; 0 while nothing counts."""
        counts = self.result.facets.get("eligibility", {})
        return sum(counts.values()) - sum(counts.get(text, 0) for text in self.fitting or ())

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
            clock.now().date(),  # verdicts, letters and refunds are those of a day
            extra,
        )
        return hashlib.blake2b(repr(told).encode(), digest_size=16).hexdigest()

    def need_engine(self) -> None:
        """Raise `SearchUnavailable` when the database answered alone."""
        if self.engine is None:
            raise SearchUnavailable("the engine is away")

    def count(self, state: SearchState) -> int:
        """How many another search would find; 0 while nothing can count."""
        if self.engine is None:
            return 0
        asked = state.to_query(self.catalog, highlight=False, fitting=self.fitting)
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
    candidate: Facts | None = None,
    only_agency: str | None = None,
) -> Found:
    """Answer a search with counts of the facets `counted`: three reads of the database at most.

    A page past the last becomes the last. `with_rows` is off where only counts are shown.
    `candidate`: the facts about who looks, for `fits`. `only_agency`: the slug of the agency whose
    site asks; nothing that a reader sends widens it.
    """
    fitting = None
    facets = (*counted, "eligibility") if candidate is not None else tuple(counted)

    def asks() -> Query:
        plain = state.to_query(catalog, highlight=False, fitting=fitting)
        return replace(plain, facets=facets, with_fields=False, scope=Scope(agency=only_agency))

    asked: Engine | None
    try:
        asked = engine()
        if candidate is not None:
            fitting = hard_rules.fitting(candidate, _eligibility(asked))
        query = asks()
        result = asked.search(query)
        if state.page > result.pages:
            query = replace(query, page=result.pages)
            result = asked.search(query)
    except SearchUnavailable:
        if candidate is not None:
            fitting = hard_rules.fitting(candidate, fallback.eligibility_values(session))
        query = asks()
        asked, result = None, fallback.search(session, query)
    ids = [UUID(hit.id) for hit in result.hits] if with_rows else []
    return Found(
        state=replace(state, page=result.page),
        query=query,
        result=result,
        rows=tuple(listings(session, ids, state.weeks)),
        catalog=catalog,
        engine=asked,
        candidate=candidate,
        fitting=fitting,
    )


def _eligibility(asked: Engine) -> Iterable[str]:
    """Every value of the facet among all listings: one search that returns none of them."""
    everything = Query(per_page=0, facets=("eligibility",))
    return asked.search(everything).facets["eligibility"]


def address(state: SearchState) -> str:
    """The one address of a search."""
    asked = state.canonical()
    return f"/rotations?{asked}" if asked else "/rotations"
