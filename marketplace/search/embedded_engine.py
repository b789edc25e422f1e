"""The embedded engine: the search port on a folder of this machine.

Words are looked up by tantivy (`embedded.py`), filters, counts and orders come from columns. One
process writes (the worker), any number read: `search` notices a new commit by itself.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

import numpy as np

from marketplace.search import columns_file
from marketplace.search.counting import Selection, counts_of
from marketplace.search.documents import ListingDocument
from marketplace.search.embedded import (
    Snapshot,
    changing,
    fingerprint,
    keep_columns,
    opened,
)
from marketplace.search.facet_values import match_values
from marketplace.search.highlights import Highlighter
from marketplace.search.index_folder import IndexFolder
from marketplace.search.port import (
    HIT_FIELDS,
    Deletion,
    FacetHit,
    Health,
    Hit,
    Progress,
    Query,
    Result,
    SearchUnavailable,
)
from marketplace.search.text_ranks import relevance
from marketplace.search.words import question

_OPEN_TRIES = 3
_KEEP_AFTER = 5_000
"""Changes after which the writer keeps a new copy of the columns."""


@contextmanager
def _available() -> Iterator[None]:
    """Tantivy reports every fault as ValueError; a missing or locked folder is an OSError."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise SearchUnavailable(str(error)) from error


class EmbeddedEngine:
    """The search port on a folder of this machine. Safe to share between threads.

    Readers open it and search. The one writing process (the worker) also calls `apply`, `flush`
    and `rebuild`; a second writer waits `lock_seconds` for the lock, then gets
    `SearchUnavailable`.
    """

    def __init__(self, root: Path, *, lock_seconds: float = 20.0) -> None:
        self._folder = IndexFolder(root, "meta.json")
        self._lock_seconds = lock_seconds
        self._lock = Lock()
        self._snapshot: Snapshot | None = None
        self._waiting: list[ListingDocument | Deletion] = []

    # Reading

    def search(self, query: Query) -> Result:
        """Answer a query (see the port)."""
        with _available():
            snapshot = self._current()
            chosen = self._select(snapshot, query)
            return Result(
                total=len(chosen.slots()),
                page=query.page,
                per_page=query.per_page,
                hits=self._hits(snapshot, chosen),
                facets=counts_of(chosen, query.facets),
                price=chosen.price(),
                price_range=chosen.price_range(),
                listed=int(np.count_nonzero(chosen.listed)),
            )

    def facet_search(
        self,
        facet: str,
        text: str,
        query: Query,
        *,
        limit: int = 20,
        labels: Mapping[str, str] | None = None,
    ) -> Sequence[FacetHit]:
        """Values of a facet that match what is typed (see the port)."""
        with _available():
            counts = self._select(self._current(), query).count(facet)
        return match_values(counts, text, limit=limit, labels=labels or {})

    def versions(self) -> Mapping[str, int]:
        """Every listing's id and indexed version."""
        with _available():
            held = self._current().columns
        alive = np.flatnonzero(held.alive)
        return dict(zip(held.ids[alive].tolist(), held.version[alive].tolist(), strict=True))

    def documents(self) -> Iterator[Mapping[str, object]]:
        """Every listing as it is held."""
        with _available():
            yield from self._current().documents()

    def health(self) -> Health:
        """The engine's state. Never raises."""
        try:
            with _available():
                held = self._current().columns
        except SearchUnavailable as error:
            return Health(False, "embedded", 0, self.needs_rebuild(), error.detail)
        return Health(True, "embedded", int(held.alive.sum()))

    def needs_rebuild(self) -> bool:
        """True when there is no index, or one made with other settings."""
        mark = self._folder.mark()
        return mark is None or self._folder.settings(mark[0]) != fingerprint()

    def _select(self, snapshot: Snapshot, query: Query) -> Selection:
        asked = question(query.text)
        if not asked.words:
            return Selection(snapshot.columns, query)
        ranks = relevance(asked, snapshot.columns, snapshot.stamp, snapshot.cache, snapshot.lookup)
        return Selection(snapshot.columns, query, ranks)

    def _hits(self, snapshot: Snapshot, chosen: Selection) -> tuple[Hit, ...]:
        slots, query = chosen.page(), chosen.query
        asked = question(query.text)
        marked = query.highlight and bool(asked.words)
        marker = Highlighter(asked)
        sources = snapshot.sources(slots) if query.with_fields or marked else {}
        held = snapshot.columns
        return tuple(
            Hit(
                id=str(held.ids[slot]),
                version=int(held.version[slot]),
                fields={n: sources[slot][n] for n in HIT_FIELDS if query.with_fields},
                distance_m=None if query.near is None else float(chosen.distance[slot]),
                highlights=marker.highlight(sources[slot]) if marked else {},
            )
            for slot in slots
        )

    def _current(self) -> Snapshot:
        """The newest committed state, read again only when it changed."""
        mark = self._folder.mark()
        if mark is None:
            raise OSError("there is no index yet")
        held = self._snapshot
        if held is not None and held.mark == mark:
            return held
        with self._lock:
            return self._refreshed()

    def _refreshed(self) -> Snapshot:
        for attempt in range(_OPEN_TRIES):
            mark = self._folder.mark()
            held = self._snapshot
            if mark is None:
                raise OSError("there is no index yet")
            if held is not None and held.mark == mark:
                return held
            if held is None or held.mark[0] != mark[0]:
                if self._folder.settings(mark[0]) != fingerprint():
                    raise OSError("the index was made with other settings and must be rebuilt")
                held = None
            try:
                self._snapshot = opened(mark, self._folder.root / mark[0], held)
            except (ValueError, OSError):
                # A rebuild or a merge may take the files away between the two steps: look again.
                if attempt + 1 == _OPEN_TRIES:
                    raise
        if self._snapshot is None:
            raise OSError("the index cannot be opened")
        return self._snapshot

    # Writing

    def apply(
        self, documents: Iterable[ListingDocument], deletions: Iterable[Deletion] = ()
    ) -> None:
        """Collect changes; `flush` writes them."""
        self._waiting += documents
        self._waiting += deletions

    def flush(self) -> None:
        """Write what was applied in one commit, older versions than those held dropped.

        When it fails nothing of it is written and nothing kept: the caller applies it again.
        """
        changes, self._waiting = self._waiting, []
        if not changes:
            return
        with _available(), self._folder.writing(self._lock_seconds):
            mark = self._folder.mark()
            if mark is None or self.needs_rebuild():
                raise OSError("the index must be rebuilt before it takes changes")
            folder = self._folder.root / mark[0]
            with changing(folder, new=False) as target:
                for change in changes:
                    target.put(change)
            if target.last_stamp - columns_file.saved_stamp(folder) > _KEEP_AFTER:
                keep_columns(folder)

    def rebuild(
        self, documents: Iterable[ListingDocument], progress: Progress | None = None
    ) -> int:
        """Build a new generation, then swap."""
        with _available(), self._folder.writing(self._lock_seconds):
            name = self._folder.begin(fingerprint())
            folder = self._folder.root / name
            with changing(folder, new=True) as target:
                for done, document in enumerate(documents, 1):
                    target.put(document)
                    if progress is not None:
                        progress(done)
                for marker in self._markers():
                    target.put(marker)
            keep_columns(folder)
            self._folder.swap(name)
            self._waiting = []
            return target.listings

    def _markers(self) -> list[Deletion]:
        """Deletions that the current generation remembers."""
        with suppress(ValueError, OSError):
            held = self._current().columns
            gone = np.flatnonzero(~held.alive & (held.ids != 0)).tolist()
            return [Deletion(str(held.ids[n]), int(held.version[n])) for n in gone]
        return []
