"""The port's question in Meilisearch's words: settings, filters, the queries of one multi-search.

Pure: no client, no network. Rules of the server are from its documentation and source (v1.50).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from marketplace.search.documents import BODY, LENGTHS, NAMES, TITLE, suffix_of
from marketplace.search.port import AND_FACETS, HIT_FIELDS, VALUE_FACETS, Query, Sort
from marketplace.search.words import question, synonyms

Json = dict[str, object]

FORMAT = 1
"""Raise it when documents must be indexed anew."""
SEPARATORS = tuple(
    chr(code) for code in (*range(33, 127), *range(161, 256)) if not chr(code).isalnum()
)
"""Marks that end a word; the server leaves out some of them by itself, such as < and =."""
MAX_HITS = 1_000_000
MAX_FACET_VALUES = 2_000
_SUFFIXES = tuple(suffix_of(length) for length in (0, *LENGTHS))
_FAMILY = {"specialty_group": "specialty"}
_FIELD = {"rating": "rating_bands"}


def settings() -> Json:
    """All settings of the index, as code."""
    exact = [*VALUE_FACETS, "specialty_group", "rating_bands", "weeks", "deleted"]
    exact += [f"{kind}_{end}" for kind in ("starts", "months", "price_bin") for end in _SUFFIXES]
    ranged = ["rating", "version", *(f"price_{end}" for end in _SUFFIXES)]
    return {
        "searchableAttributes": [*TITLE, *NAMES, *BODY],
        "filterableAttributes": [
            _filterable(exact, comparison=False),
            _filterable(ranged, comparison=True),
            "_geo",
        ],
        "sortableAttributes": [
            *("id", "quality", "hands_on_rank", "rating", "value", "_geo"),
            *(f"{kind}_{end}" for kind in ("price", "soonest") for end in _SUFFIXES),
        ],
        # A chosen order comes first; without one the rule has no effect.
        "rankingRules": [
            *("sort", "words", "typo", "proximity", "attributeRank", "wordPosition", "exactness"),
            *("quality:desc", "id:asc"),
        ],
        "synonyms": {
            " ".join(term): [" ".join(phrase) for phrase in phrases]
            for term, phrases in synonyms().items()
        },
        # Stop words are dropped from the question, not from the index: see `asked_text`.
        "stopWords": [],
        "separatorTokens": list(SEPARATORS),
        "typoTolerance": {
            "enabled": True,
            "minWordSizeForTypos": {"oneTypo": 5, "twoTypos": 9},
            "disableOnNumbers": True,
        },
        "pagination": {"maxTotalHits": MAX_HITS},
        "faceting": {"maxValuesPerFacet": MAX_FACET_VALUES},
        "facetSearch": False,
        "localizedAttributes": [{"attributePatterns": ["*"], "locales": ["eng"]}],
    }


def _filterable(names: Sequence[str], *, comparison: bool) -> Json:
    """Only what is used: each feature costs time and memory when indexing."""
    return {
        "attributePatterns": list(names),
        "features": {
            "facetSearch": False,
            "filter": {"equality": True, "comparison": comparison},
        },
    }


def fingerprint() -> str:
    """Changes when the index must be rebuilt."""
    made_of = json.dumps([FORMAT, settings()], sort_keys=True)
    return hashlib.sha256(made_of.encode()).hexdigest()[:16]


def quoted(value: str) -> str:
    """A value as a filter writes it; the server undoes first the quotes, then every backslash."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _one_of(field: str, values: Iterable[str]) -> str:
    return f"{field} IN [{', '.join(map(quoted, values))}]"


def asked_text(text: str) -> str:
    """The question's words as the port reads them: operators and stop words gone, a space at the
    end when the last word is whole."""
    asked = question(text)
    return " ".join(asked.words) + ("" if asked.prefix or not asked.words else " ")


@dataclass(frozen=True, slots=True)
class Filters:
    """What a query demands. `always` is joined to every query, the scope among it; of `families`
    a facet's counts leave out their own."""

    always: tuple[str, ...]
    families: Mapping[str, tuple[str, ...]]

    def without(self, *families: str) -> list[str]:
        """All conditions but those of some families."""
        kept = (parts for name, parts in self.families.items() if name not in families)
        return [*self.always, *(part for parts in kept for part in parts)]


def filters(query: Query, length: int | None = None) -> Filters:
    """The conditions of a query, with another block length when one is given."""
    weeks = query.weeks if length is None else length
    suffix = suffix_of(weeks or 0)
    families: dict[str, tuple[str, ...]] = {}
    for facet, values in query.filters.items():
        if values and facet in AND_FACETS:
            families[facet] = tuple(f"{facet} = {quoted(value)}" for value in values)
        elif values:
            families[facet] = (_one_of(facet, values),)
    if weeks is not None:
        families["weeks"] = (f"price_{suffix} EXISTS",)
    bounds = ((">=", query.price_min), ("<=", query.price_max))
    price = tuple(f"price_{suffix} {sign} {cents}" for sign, cents in bounds if cents is not None)
    if price:
        families["price"] = price
    if query.starts is not None:
        some = _one_of(f"starts_{suffix}", query.starts)
        families["start"] = (some if query.starts else "version < 0",)
    if query.rating_min is not None:
        families["rating"] = (f"rating >= {query.rating_min}",)
    return Filters(tuple(_always(query)), families)


def _scope(query: Query) -> list[str]:
    """What the server demands of every query: no marker, and only the scope's listings."""
    agency = query.scope.agency
    return ["deleted = false", *([] if agency is None else [f"agency = {quoted(agency)}"])]


def _always(query: Query) -> Iterable[str]:
    yield from _scope(query)
    if query.near is not None:
        yield f"_geoRadius({query.near.lat}, {query.near.lng}, {query.near.radius_m})"
    if query.box is not None:
        box = query.box
        yield f"_geoBoundingBox([{box.north}, {box.east}], [{box.south}, {box.west}])"


def sort_of(query: Query) -> list[str]:
    """The explicit order, ties by id. None for the best match: the ranking rules decide."""
    suffix = suffix_of(query.weeks or 0)
    if query.sort is Sort.BEST:
        return []
    if query.sort is Sort.DISTANCE and query.near is not None:
        return [f"_geoPoint({query.near.lat}, {query.near.lng}):asc", "id:asc"]
    key = {
        Sort.PRICE: f"price_{suffix}:asc",
        Sort.PRICE_DESC: f"price_{suffix}:desc",
        Sort.START: f"soonest_{suffix}:asc",
        Sort.HANDS_ON: "hands_on_rank:desc",
        Sort.RATING: "rating:desc",
        Sort.VALUE: "value:desc",
    }[query.sort]
    return [key, "id:asc"]


def field_of(facet: str, query: Query) -> str:
    """The document's field that a facet counts."""
    if facet == "start":
        return f"months_{suffix_of(query.weeks or 0)}"
    return _FIELD.get(facet, facet)


def price_fields(query: Query) -> tuple[str, str]:
    """The price and its bar of the histogram, for the asked length."""
    suffix = suffix_of(query.weeks or 0)
    return f"price_{suffix}", f"price_bin_{suffix}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The queries of one multi-search and where the answer to each part is found."""

    queries: tuple[Json, ...]
    facets: Mapping[str, int]
    """Facet to the number of the query that counts it."""
    price: int
    lengths: Mapping[int, int]
    """Block length to the query whose total is its count; empty when the facet tells."""
    listed: int
    """The query that counts all listings of the scope."""


def plan(query: Query, index: str) -> Plan:
    """The main query, then one without hits for each group whose counts leave themselves out."""
    conditions = filters(query)
    wanted = {facet: _FAMILY.get(facet, facet) for facet in query.facets}
    own = [family for family in conditions.families if family not in AND_FACETS]
    by_length = "weeks" in wanted and bool({"price", "start"} & conditions.families.keys())
    families = [f for f in own if (f in wanted.values() or f == "price")]
    if by_length and "weeks" in families:
        families.remove("weeks")
    number = {family: n for n, family in enumerate(families, 1)}
    facets = {
        facet: number.get(family, 0)
        for facet, family in wanted.items()
        if not (by_length and facet == "weeks")
    }
    fields: list[list[str]] = [[] for _ in range(len(families) + 1)]
    for facet, n in facets.items():
        fields[n].append(field_of(facet, query))
    price, price_bin = price_fields(query)
    fields[number.get("price", 0)] += [price, price_bin]
    if price not in fields[0]:
        fields[0].append(price)
    queries = [_main(query, index, conditions, fields[0])]
    queries += [
        _counting(query, index, conditions.without(family), fields[n])
        for family, n in number.items()
    ]
    lengths: dict[int, int] = {}
    for length in LENGTHS if by_length else ():
        lengths[length] = len(queries)
        queries.append(_counting(query, index, filters(query, length).without(), []))
    queries.append(_counting(query, index, _scope(query), []) | {"q": ""})
    return Plan(tuple(queries), facets, number.get("price", 0), lengths, len(queries) - 1)


def _main(query: Query, index: str, conditions: Filters, fields: Sequence[str]) -> Json:
    names = HIT_FIELDS if query.with_fields else ("lat", "lng")
    highlighted = ["title", "text"] if query.highlight else []
    return {
        **_counting(query, index, conditions.without(), fields),
        "page": query.page,
        "hitsPerPage": query.per_page,
        "sort": sort_of(query),
        "attributesToRetrieve": [*dict.fromkeys(("id", "version", *names, *highlighted))],
    }


def _counting(query: Query, index: str, conditions: Sequence[str], fields: Sequence[str]) -> Json:
    """`page` and `hitsPerPage` always, never limit and offset: only then are totals exact."""
    return {
        "indexUid": index,
        "q": asked_text(query.text),
        "matchingStrategy": "all",
        "filter": list(conditions),
        "facets": list(fields),
        "page": 1,
        "hitsPerPage": 0,
    }
