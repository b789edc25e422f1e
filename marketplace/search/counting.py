"""Filters, disjunctive counts, price figures and orders over columns: the exact part of a search.

Every condition is a mask over all slots. A facet's counts use the masks of all conditions but its
own ("family"), so each group costs one more AND and one more count, nothing else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import cast

import numpy as np
import numpy.typing as npt

from marketplace.search.columns import (
    CODED,
    MISSING,
    Bits,
    Columns,
    Floats,
    Ints,
    Longs,
    Mask,
    distances,
)
from marketplace.search.documents import BIN_CENTS, LENGTHS
from marketplace.search.port import AND_FACETS, PriceFacet, Query, Sort

Slots = npt.NDArray[np.intp]

_FAMILY = {"specialty_group": "specialty"}
"""Facets counted without another facet's selection."""
_BYTE_BITS = np.array([[byte >> bit & 1 for bit in range(8)] for byte in range(256)], np.int64)
_RANK_BITS = 24
"""Room for the id's position below an order's key: up to 16 million listings."""
_QUALITY_BITS = 14
"""Room for the quality points below the relevance."""
_LAST = 2**38
"""Greater than every order's key."""


@dataclass
class Selection:
    """A query applied to columns. `relevance` is 0 where the text does not match, None without
    text."""

    columns: Columns
    query: Query
    relevance: Ints | None = None
    _slots: dict[frozenset[str], Slots] = field(default_factory=dict)
    _rests: dict[frozenset[str], Slots] = field(default_factory=dict)

    @cached_property
    def distance(self) -> Floats:
        """Metres from the asked place to every slot, nan without a place."""
        if self.query.near is None:
            raise ValueError("the query names no place")
        return distances(self.columns, self.query.near.lat, self.query.near.lng)

    @cached_property
    def listed(self) -> Mask:
        """All listings of the scope."""
        agency = self.query.scope.agency
        if agency is None:
            return self.columns.alive
        return self.columns.alive & self._any_of("agency", (agency,))

    @cached_property
    def base(self) -> Mask:
        """What no facet's count may drop: in scope, text, place."""
        columns, query = self.columns, self.query
        mask = self.listed
        if self.relevance is not None:
            mask = mask & (self.relevance > 0)
        if query.near is not None:
            mask = mask & (self.distance <= query.near.radius_m)
        if query.box is not None:
            lat, lng = columns.place
            mask = mask & (lat >= query.box.south) & (lat <= query.box.north)
            mask = mask & (lng >= query.box.west) & (lng <= query.box.east)
        return mask

    @cached_property
    def conditions(self) -> dict[str, Mask]:
        """One mask per family that the query restricts."""
        query = self.query
        found: dict[str, Mask] = {}
        for facet, values in query.filters.items():
            if values:
                test = self._all_of if facet in AND_FACETS else self._any_of
                found[facet] = test(facet, values)
        if query.weeks is not None:
            found["weeks"] = self.columns.price[query.weeks] != MISSING
        found |= self._for_length(query.weeks or 0)
        if query.rating_min is not None:
            found["rating"] = self.columns.rating >= query.rating_min
        return found

    def _for_length(self, length: int) -> dict[str, Mask]:
        """The conditions whose meaning depends on the block length (0: any)."""
        columns, query = self.columns, self.query
        found: dict[str, Mask] = {}
        if query.price_min is not None or query.price_max is not None:
            price = columns.price[length]
            mask = price != MISSING
            if query.price_min is not None:
                mask &= price >= query.price_min
            if query.price_max is not None:
                mask &= price <= query.price_max
            found["price"] = mask
        if query.starts is not None:
            codes = [columns.vocabularies["starts"].find(week) for week in query.starts]
            found["start"] = _has_any(columns.starts[length], codes)
        return found

    def _any_of(self, facet: str, values: Sequence[str]) -> Mask:
        codes = [self.columns.vocabularies[facet].find(value) for value in values]
        if facet not in CODED:
            return _has_any(self.columns.flags[facet], codes)
        # a table of the codes costs the same for one value as for hundreds (`eligibility`)
        wanted = np.zeros(len(self.columns.vocabularies[facet].values), np.bool_)
        wanted[[code for code in codes if code is not None]] = True
        return wanted[self.columns.codes[facet]]

    def _all_of(self, facet: str, values: Sequence[str]) -> Mask:
        codes = [self.columns.vocabularies[facet].find(value) for value in values]
        if None in codes:
            return np.zeros(self.columns.size, np.bool_)
        matrix = self.columns.flags[facet]
        masks = [(row & bits) == bits for row, bits in zip(matrix, _bits(codes), strict=False)]
        return reduce(np.logical_and, masks)

    def mask(self, dropped: frozenset[str] = frozenset()) -> Mask:
        """Slots that pass everything but the dropped families."""
        kept = [mask for family, mask in self.conditions.items() if family not in dropped]
        return reduce(np.logical_and, kept, self.base)

    def slots(self, *dropped: str) -> Slots:
        """The same as slot numbers, worked out once for each set of dropped families."""
        key = frozenset(dropped).intersection(self.conditions)
        if key not in self._slots:
            self._slots[key] = np.flatnonzero(self.mask(key))
        return self._slots[key]

    def count(self, facet: str) -> dict[str, int]:
        """The counts of one facet, greatest first, then by value; selected values always."""
        counts = self._counters.get(facet, self._count_codes)(facet)
        for value in self._selected(facet):
            counts.setdefault(value, 0)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def _selected(self, facet: str) -> tuple[str, ...]:
        if facet == "weeks":
            return (str(self.query.weeks),) if self.query.weeks else ()
        if facet not in self.query.filters:
            return ()
        known = self.columns.vocabularies[facet]
        codes = ((value, known.find(value)) for value in self.query.filters[facet])
        return tuple(value if code is None else known.values[code] for value, code in codes)

    @property
    def _counters(self) -> dict[str, Callable[[str], dict[str, int]]]:
        return {
            "included": self._count_flags,
            "accepts": self._count_flags,
            "exams": self._count_flags,
            "rating": self._count_ratings,
            "start": self._count_months,
            "weeks": self._count_weeks,
        }

    def _tally(self, name: str, family: str, count: Callable[[Slots], Longs]) -> Longs:
        """What `count` gives for the listings that pass everything but `family`. When they are
        most of all, the rest is counted instead and taken from the whole, known by `name`."""
        slots, columns = self.slots(family), self.columns
        if 2 * len(slots) <= columns.size:
            return count(slots)
        if name not in columns.totals:
            columns.totals[name] = count(np.flatnonzero(columns.alive))
        whole = columns.totals[name]
        rest = self._rest(family)
        if not len(rest):
            return whole
        part = count(rest)[: len(whole)]  # a newer generation may have brought new values
        return whole - np.concatenate((part, np.zeros(len(whole) - len(part), np.int64)))

    def _rest(self, family: str) -> Slots:
        """The listings that `slots` leaves out."""
        key = frozenset((family,)).intersection(self.conditions)
        if key not in self._rests:
            left = self.columns.alive.copy()
            left[self.slots(family)] = False
            self._rests[key] = np.flatnonzero(left)
        return self._rests[key]

    def _count_codes(self, facet: str) -> dict[str, int]:
        codes = self.columns.codes[facet]
        counts = self._tally(
            facet, _FAMILY.get(facet, facet), lambda slots: np.bincount(codes[slots], minlength=1)
        ).tolist()
        values = self.columns.vocabularies[facet].values
        return {values[code]: n for code, n in enumerate(counts) if n and code}

    def _count_flags(self, facet: str) -> dict[str, int]:
        family = "" if facet in AND_FACETS else facet
        return self._named(facet, facet, family, self.columns.flags[facet])

    def _count_ratings(self, _facet: str) -> dict[str, int]:
        bands = self.columns.flags["rating_bands"]
        return self._named("rating_bands", "rating_bands", "rating", bands)

    def _count_months(self, _facet: str) -> dict[str, int]:
        length = self.query.weeks or 0
        return self._named(f"months {length}", "months", "start", self.columns.months[length])

    def _named(self, name: str, vocabulary: str, family: str, flags: Bits) -> dict[str, int]:
        values = self.columns.vocabularies[vocabulary].values
        bits = len(values) - 1
        counts = self._tally(name, family, lambda slots: _count_bits(flags[:, slots], bits))
        return {value: n for value, n in zip(values[1:], counts.tolist(), strict=False) if n}

    def _count_weeks(self, _facet: str) -> dict[str, int]:
        """For each length the total one gets by choosing it."""
        others = self.mask(frozenset({"weeks", "price", "start"}))
        found: dict[str, int] = {}
        for length in LENGTHS:
            masks = [self.columns.price[length] != MISSING, *self._for_length(length).values()]
            number = int(np.count_nonzero(reduce(np.logical_and, masks, others)))
            if number:
                found[str(length)] = number
        return found

    def price(self) -> PriceFacet | None:
        """Prices under everything but the price range, with a histogram."""
        prices = self._prices("price")
        if not len(prices):
            return None
        bins = np.bincount(prices // BIN_CENTS)
        filled = np.flatnonzero(bins).tolist()
        return PriceFacet(
            int(prices.min()), int(prices.max()), {n * BIN_CENTS: int(bins[n]) for n in filled}
        )

    def price_range(self) -> tuple[int, int] | None:
        """Least and greatest price of what matches."""
        prices = self._prices("")
        return (int(prices.min()), int(prices.max())) if len(prices) else None

    def _prices(self, family: str) -> Ints:
        prices = self.columns.price[self.query.weeks or 0][self.slots(family)]
        return cast("Ints", prices[prices != MISSING])

    def page(self) -> list[int]:
        """The slots of the asked page in the asked order."""
        slots = self.slots()
        first = (self.query.page - 1) * self.query.per_page
        last = min(first + self.query.per_page, len(slots))
        if first >= last:
            return []
        keys = (self._key(slots) << _RANK_BITS) + self.columns.id_rank[slots]
        head = np.argpartition(keys, last - 1)[:last] if last < len(slots) else np.arange(last)
        order = head[np.argsort(keys[head])][first:]
        return cast("list[int]", slots[order].tolist())

    def _key(self, slots: Slots) -> Longs:
        """What the order compares, least first."""
        columns, sort = self.columns, self.query.sort
        if sort is Sort.BEST:
            return self._best(slots)
        if sort is Sort.DISTANCE:
            metres = self.distance[slots] * 1000
            return np.where(np.isnan(metres), _LAST, np.round(metres)).astype(np.int64)
        if sort is Sort.RATING:
            return -np.round(columns.rating[slots] * 1000).astype(np.int64)
        if sort in (Sort.HANDS_ON, Sort.VALUE):
            name = "hands_on_rank" if sort is Sort.HANDS_ON else "value"
            return -columns.numbers[name][slots].astype(np.int64)
        rising = columns.soonest if sort is Sort.START else columns.price
        keys = rising[self.query.weeks or 0][slots].astype(np.int64)
        return np.where(keys == MISSING, _LAST, -keys) if sort is Sort.PRICE_DESC else keys

    def _best(self, slots: Slots) -> Longs:
        quality = self.columns.numbers["quality"][slots].astype(np.int64)
        if self.relevance is None:
            return -quality
        return -(self.relevance[slots].astype(np.int64) << _QUALITY_BITS) - quality


def _either(masks: Sequence[Mask], shape: tuple[int, ...]) -> Mask:
    return reduce(np.logical_or, masks) if masks else np.zeros(shape, np.bool_)


def _has_any(matrix: Bits, codes: Sequence[int | None]) -> Mask:
    """Where a slot has any of the codes; `matrix` holds 64 codes a row."""
    masks = [(row & bits) != 0 for row, bits in zip(matrix, _bits(codes), strict=False) if bits]
    return _either(masks, matrix.shape[1:])


def _bits(codes: Sequence[int | None]) -> list[np.uint64]:
    """The codes as bits, 64 a word."""
    whole = sum({1 << (code - 1) for code in codes if code is not None})
    words: list[np.uint64] = []
    while whole or not words:
        words.append(np.uint64(whole & (2**64 - 1)))
        whole >>= 64
    return words


def _count_bits(matrix: Bits, size: int) -> Longs:
    """How often each of the first `size` bits is set."""
    counts: list[Longs] = []
    for row in matrix:
        octets = np.ascontiguousarray(row, "<u8").view(np.uint8).reshape(-1, 8)
        left = -(-(size - 8 * len(counts)) // 8)
        for column in range(min(8, left)):
            counts.append(np.bincount(octets[:, column], minlength=256) @ _BYTE_BITS)
    return np.concatenate(counts)[:size] if counts else np.zeros(0, np.int64)


def counts_of(selection: Selection, facets: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
    """The counts of the asked facets."""
    return {facet: selection.count(facet) for facet in facets}
