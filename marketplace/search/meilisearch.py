"""The Meilisearch engine, through the official client. The only module that imports it.

Seen on a server of v1.50; the contract suite runs on one when MEILI_URL is set. Keys: the web's
may only `search`, the worker's has `RIGHTS["worker"]`. Never the master key: `make_keys` alone
takes it.

Every write is a queued task: `flush` and `rebuild` wait for theirs and a failed one raises. A
deletion leaves a marker document with its version, so that a late older change cannot bring the
listing back; no search sees markers. One process writes (the worker).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from time import monotonic, sleep
from typing import Any, TypeVar, cast
from uuid import NAMESPACE_URL, uuid4, uuid5

import meilisearch
from meilisearch.errors import (
    MeilisearchApiError,
    MeilisearchError,
    MeilisearchTimeoutError,
)
from meilisearch.index import Index

from marketplace.listings.cities import distance_km
from marketplace.search.documents import ListingDocument
from marketplace.search.facet_values import match_values
from marketplace.search.highlights import Highlighter
from marketplace.search.meili_query import (
    Json,
    Plan,
    field_of,
    fingerprint,
    plan,
    price_fields,
    settings,
)
from marketplace.search.port import (
    HIT_FIELDS,
    Deletion,
    FacetHit,
    Health,
    Hit,
    PriceFacet,
    Progress,
    Query,
    Result,
    SearchUnavailable,
)
from marketplace.search.words import question

READ_SECONDS, WRITE_SECONDS = 1.5, 20
"""How long a request may take: a reader waits for a page, the worker for a batch taken in."""
SILENT_SECONDS = 3.0
"""How long a server that kept silent is not asked again."""
TASK_MS = 60_000
"""How long a change may take to become visible before it counts as failed."""
REBUILD_MS = 3_600_000
_BATCH = 2_000
_PAGE = 1_000
_SERVER_ONLY = frozenset({"deleted", "_geo"})
_SETTINGS_ID = "rounds-settings"
"""A marker document: the settings the index was built with, and its name while it was filled."""
_POLL_SECONDS = 0.05


RIGHTS: Mapping[str, tuple[str, ...]] = {
    "web": ("search",),
    "worker": (
        "search",
        "documents.get",
        "documents.add",
        "indexes.get",
        "indexes.create",
        "indexes.delete",
        "indexes.swap",
        "settings.update",
        "tasks.get",
    ),
}
"""What each process may do, on our index and its successors only."""


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except MeilisearchError as error:
        raise SearchUnavailable(str(error)) from error


def make_keys(url: str, master_key: str, index: str) -> dict[str, str]:
    """The key of each process of `RIGHTS`, made on the server; the same ones when asked again.

    Raises `SearchUnavailable`.
    """
    client = meilisearch.Client(url, master_key, timeout=WRITE_SECONDS)
    found = {}
    with _available():
        for process, rights in RIGHTS.items():
            uid = str(uuid5(NAMESPACE_URL, f"rounds:{index}:{process}"))
            wanted = {
                "uid": uid,
                "name": f"rounds {process}",
                "actions": list(rights),
                "indexes": [f"{index}*"],
                "expiresAt": None,
            }
            try:
                found[process] = client.create_key(wanted).key
            except MeilisearchApiError as error:
                if error.code != "api_key_already_exists":
                    raise
                found[process] = client.get_key(uid).key
    return found


class MeiliEngine:
    """The search port on a Meilisearch server. Safe to share between threads."""

    def __init__(
        self, url: str, key: str, *, index: str = "listings", read_seconds: float = READ_SECONDS
    ) -> None:
        self._client = meilisearch.Client(url, key or None, timeout=WRITE_SECONDS)
        self._reader = meilisearch.Client(url, key or None, timeout=read_seconds)  # type: ignore[arg-type]
        self._silent_until = 0.0
        self._index = index
        self._waiting: list[ListingDocument | Deletion] = []

    # Reading

    def search(self, query: Query) -> Result:
        """Answer a query (see the port)."""
        planned = plan(query, self._index)
        results = self._answers(planned.queries)
        main = results[0]
        return Result(
            total=int(main["totalHits"]),
            page=query.page,
            per_page=query.per_page,
            hits=_hits(main["hits"], query),
            facets={facet: _facet(facet, query, planned, results) for facet in query.facets},
            price=_price(results[planned.price], query),
            price_range=_price_range(main, query),
            listed=int(results[planned.listed]["totalHits"]),
        )

    def _answers(self, queries: Sequence[Json]) -> list[Any]:
        """The answers to one multi-search. Readers do not queue up behind a server that hangs:
        once it kept silent, the next ones are told at once."""
        if monotonic() < self._silent_until:
            raise SearchUnavailable("the server did not answer in time")
        try:
            with _available():
                return cast("list[Any]", self._reader.multi_search(list(queries))["results"])
        except SearchUnavailable as error:
            if isinstance(error.__cause__, MeilisearchTimeoutError):
                self._silent_until = monotonic() + SILENT_SECONDS
            raise

    def facet_search(
        self,
        facet: str,
        text: str,
        query: Query,
        *,
        limit: int = 20,
        labels: Mapping[str, str] | None = None,
    ) -> Sequence[FacetHit]:
        """Values of a facet that match what is typed (see the port).

        Matched here, not by the server: its facet search knows the whole value's beginning only,
        so "diego" would not find San Diego.
        """
        counts = self.search(_only(query, facet)).facets[facet]
        return match_values(counts, text, limit=limit, labels=labels or {})

    def versions(self) -> Mapping[str, int]:
        """Every listing's id and indexed version."""
        with _available():
            held = _held(self._client.index(self._index))
        return {key: version for key, (version, gone) in held.items() if not gone}

    def documents(self) -> Iterator[Mapping[str, object]]:
        """Every listing as it is held, without what only the server needs."""
        with _available():
            for document in _all(self._client.index(self._index)):
                if not document["deleted"]:
                    yield {k: v for k, v in document.items() if k not in _SERVER_ONLY}

    def health(self) -> Health:
        """The server's state and the index's. Never raises."""
        try:
            with _available():
                self._client.health()
                rebuild = self._needs_rebuild()
                count = 0 if rebuild else self.search(_COUNT).total
        except SearchUnavailable as error:
            return Health(False, "meilisearch", detail=error.detail)
        return Health(not rebuild, "meilisearch", count, rebuild)

    def _needs_rebuild(self) -> bool:
        """True when there is no index, or one made with other settings."""
        return self._settings_marker().get("fingerprint") != fingerprint()

    def _settings_marker(self) -> Json:
        """What the index says of itself; nothing when there is none."""
        try:
            return dict(self._client.index(self._index).get_document(_SETTINGS_ID))
        except MeilisearchApiError as error:
            if error.code in ("index_not_found", "document_not_found"):
                return {}
            raise

    # Writing

    def apply(
        self, documents: Iterable[ListingDocument], deletions: Iterable[Deletion] = ()
    ) -> None:
        """Collect changes; `flush` writes them."""
        self._waiting += documents
        self._waiting += deletions

    def flush(self) -> None:
        """Send what was applied, older versions than those held dropped, and wait until visible.

        When it fails nothing is kept: the caller applies it again.
        """
        changes, self._waiting = self._waiting, []
        if not changes:
            return
        with _available():
            if self._needs_rebuild():
                raise SearchUnavailable("the index must be rebuilt before it takes changes")
            index = self._client.index(self._index)
            for some in _batches(changes):
                held = _held_of(index, sorted({change.id for change in some}))
                newer = _newest(some, held)
                if newer:
                    self._done(index.add_documents(newer, "id").task_uid, TASK_MS)

    def rebuild(
        self, documents: Iterable[ListingDocument], progress: Progress | None = None
    ) -> int:
        """Fill a new index, swap it in, remove the old one."""
        with _available():
            fresh = f"{self._index}_{uuid4().hex[:12]}"
            before = self._before()
            self._create(fresh)
            try:
                count = self._fill(fresh, documents, progress)
                self._swap(fresh)
                self._carry_over(fresh, before)
            finally:
                self._done(self._client.delete_index(fresh).task_uid, TASK_MS)
        self._waiting = []
        return count

    def _create(self, name: str) -> None:
        """A new index with the settings, applied before any document comes in."""
        self._done(self._client.create_index(name, {"primaryKey": "id"}).task_uid, TASK_MS)
        index = self._client.index(name)
        self._done(index.update_settings(settings()).task_uid, TASK_MS)

    def _fill(
        self, name: str, documents: Iterable[ListingDocument], progress: Progress | None
    ) -> int:
        index = self._client.index(name)
        count = 0
        for some in _batches(documents):
            task = index.add_documents([_stored(document) for document in some], "id")
            self._done(task.task_uid, REBUILD_MS)
            for _ in some:
                count += 1
                if progress is not None:
                    progress(count)
        marker = _marker(_SETTINGS_ID, 0) | {"fingerprint": fingerprint(), "built_as": name}
        self._done(index.add_documents([marker], "id").task_uid, TASK_MS)
        return count

    def _before(self) -> Mapping[str, tuple[int, bool]]:
        """What the old index held when the rebuild began; nothing when there was none."""
        try:
            return _held(self._client.index(self._index))
        except MeilisearchApiError as error:
            if error.code != "index_not_found":
                raise
        self._done(self._client.create_index(self._index, {"primaryKey": "id"}).task_uid, TASK_MS)
        return {}

    def _swap(self, fresh: str) -> None:
        """Exchange the two, and wait until readers get the new one. The outcome is looked at, not
        the task: the server hides the task of a swap from keys that are limited to our indexes."""
        self._client.swap_indexes([{"indexes": [self._index, fresh]}])
        last = monotonic() + TASK_MS / 1000
        while self._settings_marker().get("built_as") != fresh:
            if monotonic() > last:
                raise SearchUnavailable("the new index was not swapped in")
            sleep(_POLL_SECONDS)

    def _carry_over(self, old: str, before: Mapping[str, tuple[int, bool]]) -> None:
        """Bring into the new index the markers of the old one and what changed meanwhile."""
        index = self._client.index(self._index)
        now, held = _held(index), _held(self._client.index(old))
        wanted = [
            key
            for key, (version, gone) in held.items()
            if key != _SETTINGS_ID
            and (gone or before.get(key) != (version, gone))
            and version > now.get(key, (-1, False))[0]
        ]
        for some in _batches(wanted):
            parameters: dict[str, object] = {"ids": some, "limit": len(some)}
            found = self._client.index(old).get_documents(parameters).results
            task = index.add_documents([dict(document) for document in found], "id")
            self._done(task.task_uid, TASK_MS)

    def _done(self, task: int, timeout_ms: int) -> None:
        """Wait for a task; raises `SearchUnavailable` when it did not succeed."""
        ended = self._client.wait_for_task(task, timeout_in_ms=timeout_ms)
        if ended.status != "succeeded":
            raise SearchUnavailable(f"task {task} {ended.status}: {ended.error}")


_COUNT = Query(facets=(), per_page=0)


def _only(query: Query, facet: str) -> Query:
    """The query for one facet's counts alone."""
    return replace(query, facets=(facet,), per_page=0, page=1, highlight=False)


T = TypeVar("T")


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, _BATCH)):
        yield some


def _stored(document: ListingDocument) -> Json:
    """A listing as the server keeps it: the public document and what the server needs."""
    flat = document.as_dict() | {"deleted": False}
    if document.lat is not None and document.lng is not None:
        flat["_geo"] = {"lat": document.lat, "lng": document.lng}
    return flat


def _marker(key: str, version: int) -> Json:
    return {"id": key, "version": version, "deleted": True}


def _newest(
    changes: Sequence[ListingDocument | Deletion], held: Mapping[str, tuple[int, bool]]
) -> list[Json]:
    """What to send: of each listing the newest change, if it is newer than what is held.

    The same version again is sent again, but does not bring back a deleted listing.
    """
    current = dict(held)
    newest: dict[str, Json] = {}
    for change in changes:
        version, gone = current.get(change.id, (-1, False))
        revives = isinstance(change, ListingDocument) and gone
        if change.version < version or (revives and change.version == version):
            continue
        deleted = isinstance(change, Deletion)
        current[change.id] = change.version, deleted
        newest[change.id] = (
            _marker(change.id, change.version) if isinstance(change, Deletion) else _stored(change)
        )
    return list(newest.values())


def _held_of(index: Index, keys: Sequence[str]) -> dict[str, tuple[int, bool]]:
    """Version and whether deleted, of the listings that the index knows."""
    fields = ["id", "version", "deleted"]
    found = index.get_documents({"ids": list(keys), "fields": fields, "limit": len(keys)})
    return {str(d.id): (int(d.version), bool(d.deleted)) for d in found.results}


def _held(index: Index) -> dict[str, tuple[int, bool]]:
    """The same of every document."""
    every = _all(index, fields=["id", "version", "deleted"])
    return {str(d["id"]): (int(d["version"]), bool(d["deleted"])) for d in every}


def _all(index: Index, **asked: object) -> Iterator[dict[str, Any]]:
    """Every document, markers among them, page by page."""
    offset, total = 0, 1
    while offset < total:
        found = index.get_documents({**asked, "offset": offset, "limit": _PAGE})
        yield from map(dict, found.results)
        offset, total = offset + _PAGE, found.total


def _hits(found: Sequence[Json], query: Query) -> tuple[Hit, ...]:
    asked = question(query.text)
    marker = Highlighter(asked)
    marked = query.highlight and bool(asked.words)
    return tuple(
        Hit(
            id=str(document["id"]),
            version=int(cast("int", document["version"])),
            fields={n: document.get(n) for n in HIT_FIELDS if query.with_fields},
            distance_m=_distance(document, query),
            highlights=marker.highlight(document) if marked else {},
        )
        for document in found
    )


def _distance(document: Json, query: Query) -> float | None:
    if query.near is None:
        return None
    lat, lng = cast("float", document["lat"]), cast("float", document["lng"])
    return 1000 * distance_km(query.near.lat, query.near.lng, lat, lng)


def _facet(facet: str, query: Query, planned: Plan, results: Sequence[Json]) -> dict[str, int]:
    """The counts of one facet in the port's order, selected values always."""
    if facet in planned.facets:
        counts = _distribution(results[planned.facets[facet]], field_of(facet, query))
    else:
        totals = {
            str(w): int(cast("int", results[n]["totalHits"])) for w, n in planned.lengths.items()
        }
        counts = {weeks: n for weeks, n in totals.items() if n}
    selected = [str(query.weeks)] if facet == "weeks" and query.weeks else []
    known = {value.casefold() for value in counts}
    for value in selected or query.filters.get(facet, ()):
        if value.casefold() not in known:
            counts[value] = 0
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _distribution(result: Json, field: str) -> dict[str, int]:
    every = cast("Mapping[str, Mapping[str, int]]", result.get("facetDistribution") or {})
    return {value: n for value, n in every.get(field, {}).items() if n}


def _price(result: Json, query: Query) -> PriceFacet | None:
    field, bars = price_fields(query)
    ends = _ends(result, field)
    if ends is None:
        return None
    counts = _distribution(result, bars)
    bins = {int(float(edge)): n for edge, n in counts.items()}
    return PriceFacet(*ends, dict(sorted(bins.items())))


def _price_range(result: Json, query: Query) -> tuple[int, int] | None:
    return _ends(result, price_fields(query)[0])


def _ends(result: Json, field: str) -> tuple[int, int] | None:
    every = cast("Mapping[str, Mapping[str, float]]", result.get("facetStats") or {})
    stats = every.get(field)
    return (int(stats["min"]), int(stats["max"])) if stats else None
