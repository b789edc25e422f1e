"""Listings as columns of numbers: what filters, counts and orders them in the embedded engine.

One row ("slot") per listing. A generation of columns is never changed once made: a reader keeps
the one it began with, changes make a new one. Values of a facet become small numbers (codes); a
facet with several values per listing becomes one bit per value.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

from marketplace.search.documents import LENGTHS, suffix_of

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bits = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]
T = TypeVar("T", bound=np.generic)

CODED = (
    "specialty",
    "specialty_group",
    "hands_on",
    "type",
    "setting",
    "state",
    "city",
    "agency",
    "seats",
    "eligibility",
)
"""Facets with at most one value per listing."""
FLAGGED = ("included", "accepts", "exams", "rating_bands")
"""Facets with several values per listing."""
NUMBERS = ("hands_on_rank", "quality", "value", "reviews")
ALL_LENGTHS = (0, *LENGTHS)
"""Block lengths in weeks; 0 stands for "any"."""
MISSING = np.int32(2**31 - 1)
"""No price, no start: sorts last."""
EARTH_M = 6_371_008.8
_WORD_BITS = 64


class Vocabulary:
    """Values of one facet as codes from 1 on; 0 means no value. Codes are never reused."""

    def __init__(self, values: Sequence[str] = ("",)) -> None:
        self.values = list(values)
        self._codes = {value.casefold(): n for n, value in enumerate(values) if n}

    def code(self, value: str) -> int:
        """The value's code, made when new. Case does not matter."""
        key = value.casefold()
        found = self._codes.get(key)
        if found is None:
            found = len(self.values)
            self.values.append(value)
            self._codes[key] = found
        return found

    def bits(self, values: Iterable[str]) -> int:
        """One bit per value, the first value's the lowest."""
        whole = 0
        for value in values:
            whole |= 1 << (self.code(value) - 1)
        return whole

    def find(self, value: str) -> int | None:
        """The value's code, None when no listing ever had it."""
        return self._codes.get(value.casefold())


@dataclass(frozen=True, slots=True)
class Row:
    """One change: what a slot holds from now on. `document` is None for a deleted listing."""

    slot: int
    stamp: int
    id: str
    version: int
    document: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class Columns:
    """All listings of one generation. Prices in cents, places as points of the unit sphere."""

    vocabularies: Mapping[str, Vocabulary]
    ids: npt.NDArray[np.object_]
    id_rank: Longs
    """Position of the id among all ids: settles ties."""
    stamp: Longs
    """Order of the row's last change."""
    version: Longs
    alive: Mask
    codes: Mapping[str, Ints]
    flags: Mapping[str, Bits]
    """Per facet a matrix (words, slots): one bit per value."""
    numbers: Mapping[str, Ints]
    rating: Floats
    price: Mapping[int, Ints]
    soonest: Mapping[int, Ints]
    starts: Mapping[int, Bits]
    """Per length the same of the ISO weeks with a free seat, and of their months."""
    months: Mapping[int, Bits]
    place: Floats
    """(2, slots): latitude and longitude, nan without a place."""
    sphere: Floats
    """(3, slots): the same as a point of the unit sphere."""
    totals: dict[str, Longs] = field(default_factory=dict, compare=False)
    """Counts over all listings of this generation, kept once worked out (see `counting`)."""

    @property
    def size(self) -> int:
        """Number of slots, deleted ones included."""
        return len(self.ids)

    @property
    def last_stamp(self) -> int:
        """Stamp of the newest row, -1 when there is none."""
        return int(self.stamp.max()) if self.size else -1


def empty() -> Columns:
    """No listings."""
    names = (*CODED, *FLAGGED, "starts", "months")
    longs = np.zeros(0, np.int64)
    return Columns(
        vocabularies={name: Vocabulary() for name in names},
        ids=np.zeros(0, np.object_),
        id_rank=longs,
        stamp=longs,
        version=longs,
        alive=np.zeros(0, np.bool_),
        codes={name: np.zeros(0, np.int32) for name in CODED},
        flags={name: np.zeros((1, 0), np.uint64) for name in FLAGGED},
        numbers={name: np.zeros(0, np.int32) for name in NUMBERS},
        rating=np.zeros(0, np.float64),
        price={length: np.zeros(0, np.int32) for length in ALL_LENGTHS},
        soonest={length: np.zeros(0, np.int32) for length in ALL_LENGTHS},
        starts={length: np.zeros((1, 0), np.uint64) for length in ALL_LENGTHS},
        months={length: np.zeros((1, 0), np.uint64) for length in ALL_LENGTHS},
        place=np.zeros((2, 0)),
        sphere=np.zeros((3, 0)),
    )


def updated(old: Columns, rows: Sequence[Row]) -> Columns:
    """New columns with the changes taken in, the old ones untouched.

    Rows of one slot must come in the order of their stamps.
    """
    if not rows:
        return old
    latest = list({row.slot: row for row in rows}.values())
    slots = np.array([row.slot for row in latest], np.int64)
    size = max(old.size, int(slots.max()) + 1)
    docs = [row.document or {} for row in latest]
    put = _Put(old.vocabularies, slots, size, docs)
    ids = put.any(old.ids, [row.id for row in latest])
    grown = size > old.size
    place = put.matrix(old.place, np.array([_place(doc) for doc in docs]).T)
    return replace(
        old,
        ids=ids,
        id_rank=_ranks(ids) if grown else old.id_rank,
        stamp=put.any(old.stamp, [row.stamp for row in latest]),
        version=put.any(old.version, [row.version for row in latest]),
        alive=put.any(old.alive, [row.document is not None for row in latest]),
        codes={name: put.codes(name, old.codes[name]) for name in CODED},
        flags={name: put.flags(name, old.flags[name]) for name in FLAGGED},
        numbers={
            name: put.any(old.numbers[name], [doc.get(name) or 0 for doc in docs])
            for name in NUMBERS
        },
        rating=put.any(old.rating, [_number(doc.get("rating"), -1.0) for doc in docs]),
        price={n: put.ints(f"price_{suffix_of(n)}", old.price[n]) for n in ALL_LENGTHS},
        soonest={n: put.ints(f"soonest_{suffix_of(n)}", old.soonest[n]) for n in ALL_LENGTHS},
        starts={n: put.starts(n, old.starts[n]) for n in ALL_LENGTHS},
        months={n: put.months(n, old.months[n]) for n in ALL_LENGTHS},
        place=place,
        sphere=put.matrix(old.sphere, _sphere(place[0, slots], place[1, slots])),
        totals={},
    )


class _Put:
    """Writes the changed rows of one column into a copy of it."""

    def __init__(
        self,
        vocabularies: Mapping[str, Vocabulary],
        slots: Longs,
        size: int,
        docs: Sequence[Mapping[str, object]],
    ) -> None:
        self.vocabularies, self.slots, self.size, self.docs = vocabularies, slots, size, docs

    def any(self, old: npt.NDArray[T], values: Iterable[object]) -> npt.NDArray[T]:
        """A column of plain values."""
        new = np.zeros(self.size, old.dtype)
        new[: len(old)] = old
        new[self.slots] = np.array(list(values), old.dtype)
        return new

    def ints(self, name: str, old: Ints) -> Ints:
        """A column of numbers that may be missing."""
        return self.any(old, [doc.get(name, MISSING) for doc in self.docs])

    def matrix(self, old: npt.NDArray[T], values: npt.NDArray[T]) -> npt.NDArray[T]:
        """Several columns at once."""
        new = np.zeros((max(len(old), len(values)), self.size), old.dtype)
        new[: len(old), : old.shape[1]] = old
        new[:, self.slots] = 0
        new[: len(values), self.slots] = values
        return new

    def codes(self, name: str, old: Ints) -> Ints:
        """A facet with one value."""
        code = self.vocabularies[name].code
        return self.any(old, [code(str(doc[name])) if doc.get(name) else 0 for doc in self.docs])

    def flags(self, name: str, old: Bits) -> Bits:
        """A facet with several values."""
        return self._flags(name, [_texts(doc, name) for doc in self.docs], old)

    def starts(self, length: int, old: Bits) -> Bits:
        """The weeks of one length."""
        name = f"starts_{suffix_of(length)}"
        return self._flags("starts", [_texts(doc, name) for doc in self.docs], old)

    def months(self, length: int, old: Bits) -> Bits:
        """The months of one length's weeks."""
        name = f"months_{suffix_of(length)}"
        return self._flags("months", [_texts(doc, name) for doc in self.docs], old)

    def _flags(self, vocabulary: str, rows: Sequence[Sequence[str]], old: Bits) -> Bits:
        """The bits of each row, 64 a word; most rows share their values with another."""
        known = self.vocabularies[vocabulary]
        seen: dict[tuple[str, ...], int] = {}
        bits: list[int] = []
        for row in rows:
            key = tuple(row)
            found = seen.get(key)
            if found is None:
                found = seen[key] = known.bits(key)
            bits.append(found)
        count = max(1, -(-(len(known.values) - 1) // _WORD_BITS))
        low = (1 << _WORD_BITS) - 1
        words = [[value >> (_WORD_BITS * word) & low for value in bits] for word in range(count)]
        return self.matrix(old, np.array(words, np.uint64))


def _texts(doc: Mapping[str, object], name: str) -> Sequence[str]:
    return cast("Sequence[str]", doc.get(name, ()))


def _number(value: object, missing: float) -> float:
    return float(value) if isinstance(value, int | float) else missing


def _place(doc: Mapping[str, object]) -> tuple[float, float]:
    return _number(doc.get("lat"), np.nan), _number(doc.get("lng"), np.nan)


def _sphere(lat: Floats, lng: Floats) -> Floats:
    north, east = np.radians(lat), np.radians(lng)
    return np.stack((np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)))


def _ranks(ids: npt.NDArray[np.object_]) -> Longs:
    """Each id's position in the order of all ids. Unused slots come first."""
    texts = [str(value) for value in ids]
    order = sorted(range(len(texts)), key=texts.__getitem__)
    ranks = np.empty(len(texts), np.int64)
    ranks[order] = np.arange(len(texts))
    return ranks


def distances(columns: Columns, lat: float, lng: float) -> Floats:
    """Great-circle metres from a point to every slot, nan without a place."""
    point = _sphere(np.array(lat), np.array(lng))
    chord = np.sqrt(((columns.sphere - point[:, None]) ** 2).sum(axis=0))
    return cast("Floats", 2 * EARTH_M * np.arcsin(np.minimum(chord / 2, 1.0)))
