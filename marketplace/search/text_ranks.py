"""Relevance of a free text over columns, from lookups of single words and phrases.

Each reading of a part of the question gives every listing a rank (0: no match); the ranks along
the best complete reading add up. Ranks of a word are remembered and only brought up to date with
the listings that changed since.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

import numpy as np
import numpy.typing as npt

from marketplace.search.columns import Columns, Ints
from marketplace.search.words import Edge, Question

Ranks = npt.NDArray[np.uint8]
Key = tuple[tuple[str, ...], bool, int, bool]
"""What a reading looks up, wherever it stands in a question."""

REMEMBERED_BYTES = 24_000_000


class Lookup(Protocol):
    """The slots of listings that answer one reading, by rank, least rank first."""

    def __call__(self, edge: Edge, since: int) -> Iterable[tuple[int, npt.NDArray[np.int64]]]:
        """Pairs (rank, slots) among the rows whose stamp is greater than `since`."""


@dataclass(frozen=True, slots=True)
class _Entry:
    stamp: int
    ranks: Ranks


class RankCache:
    """Ranks by reading, the least recently used forgotten first. Safe between threads."""

    def __init__(self) -> None:
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._lock = Lock()

    def ranks(self, edge: Edge, columns: Columns, stamp: int, lookup: Lookup) -> Ranks:
        """The rank of every slot for one reading; `stamp` is the columns' last one."""
        key = (edge.words, edge.prefix, edge.typos, edge.synonym)
        with self._lock:
            entry = self._entries.get(key)
        if entry is not None and entry.stamp == stamp:
            ranks = entry.ranks
        elif entry is not None and entry.stamp < stamp:
            ranks = np.zeros(columns.size, np.uint8)
            ranks[: len(entry.ranks)] = entry.ranks
            ranks[columns.stamp > entry.stamp] = 0
            _fill(ranks, lookup(edge, entry.stamp))
        else:
            ranks = np.zeros(columns.size, np.uint8)
            _fill(ranks, lookup(edge, -1))
        self._remember(key, _Entry(stamp, ranks))
        return ranks

    def _remember(self, key: Key, entry: _Entry) -> None:
        room = max(16, REMEMBERED_BYTES // max(1, len(entry.ranks)))
        with self._lock:
            held = self._entries.get(key)
            if held is None or held.stamp <= entry.stamp:
                self._entries[key] = entry
            self._entries.move_to_end(key)
            while len(self._entries) > room:
                self._entries.popitem(last=False)


def _fill(ranks: Ranks, found: Iterable[tuple[int, npt.NDArray[np.int64]]]) -> None:
    for rank, slots in found:
        ranks[slots] = rank


def relevance(
    asked: Question, columns: Columns, stamp: int, cache: RankCache, lookup: Lookup
) -> Ints:
    """The relevance of every slot, 0 where some part of the question has no answer.

    `best[i]` is the relevance of the question from word i on; the end matches everything with 1.
    """
    count = len(asked.words)
    best: list[Ints] = [np.zeros(columns.size, np.int32) for _ in range(count)]
    best.append(np.ones(columns.size, np.int32))
    for edge in reversed(asked.edges):
        rest = best[edge.after]
        ranks = cache.ranks(edge, columns, stamp, lookup)
        span = edge.after - edge.first
        reading = np.where((ranks > 0) & (rest > 0), rest + ranks.astype(np.int32) * span, 0)
        np.maximum(best[edge.first], reading, out=best[edge.first])
    return best[0]
