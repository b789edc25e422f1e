"""The index of the embedded engine: tantivy keeps, publishes and looks up words.

The only module that imports tantivy. A listing keeps one slot for life; each change is a new
document with a greater stamp, a deletion leaves a marker with its version, so that a late older
change cannot bring the listing back.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tantivy
from tantivy import Occur
from tantivy import Query as Clause

from marketplace.search import columns as cols
from marketplace.search import columns_file
from marketplace.search.documents import ALLOWED_FIELDS, BODY, NAMES, TITLE, ListingDocument
from marketplace.search.index_folder import Mark
from marketplace.search.port import (
    Deletion,
)
from marketplace.search.text_ranks import RankCache
from marketplace.search.words import Edge, compounds, words

FORMAT = 1
"""Raise it when documents must be indexed anew."""
WRITER_BYTES = 64_000_000
_BATCH = 5_000
"""Listings read at once into columns."""

_EXACT_TITLE, _EXACT_NAMES, _EXACT_BODY, _PREFIX_TITLE, _PREFIX, _TYPO = 6, 5, 4, 3, 2, 1
_SYNONYM_TITLE, _SYNONYM = 5, 4


def fingerprint() -> str:
    """Changes when an index made by older code must be rebuilt."""
    made_of = [FORMAT, sorted(ALLOWED_FIELDS), TITLE, NAMES, BODY]
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for name in ("slot", "stamp", "version"):
        builder.add_unsigned_field(name, indexed=True, fast=True, stored=True)
    builder.add_text_field("id", tokenizer_name="raw", index_option="basic", stored=True)
    for name in ("title", "names", "body"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="position")
    for name in ("any", "initial"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="basic")
    builder.add_bytes_field("source", stored=True)
    return builder.build()


_SCHEMA = _schema()


def _with_initial(word: str) -> str:
    """The word with its first letter three times: within two edits of it lie only words with the
    same first letter, at the same distance as before."""
    return word[:1] * 2 + word


def _document(row: cols.Row) -> tantivy.Document:
    """A listing, or the marker of a deleted one, as tantivy keeps it."""
    made = tantivy.Document()
    made.add_unsigned("slot", row.slot)
    made.add_unsigned("stamp", row.stamp)
    made.add_unsigned("version", row.version)
    made.add_text("id", row.id)
    if row.document is None:
        return made
    made.add_bytes("source", json.dumps(row.document, separators=(",", ":")).encode())
    found: set[str] = set()
    for field, sources in (("title", TITLE), ("names", NAMES), ("body", BODY)):
        for source in sources:
            text = str(row.document.get(source) or "")
            kept = words(text)
            made.add_text(field, " ".join(kept))
            found.update(kept, compounds(text))
    made.add_text("any", " ".join(found))
    made.add_text("initial", " ".join(map(_with_initial, found)))
    return made


def _row(stored: tantivy.Document) -> cols.Row:
    source = stored.get_all("source")
    return cols.Row(
        slot=stored["slot"][0],
        stamp=stored["stamp"][0],
        id=stored["id"][0],
        version=stored["version"][0],
        document=json.loads(bytes(source[0])) if source else None,
    )


def _count(searcher: tantivy.Searcher, clause: Clause) -> int:
    return int(searcher.search(clause, limit=1).count)  # type: ignore[attr-defined] # not in stubs


def _term(field: str, value: object) -> Clause:
    return Clause.const_score_query(Clause.term_query(_SCHEMA, field, value), 1.0)


def _fuzzy(field: str, word: str, edits: int, *, prefix: bool) -> Clause:
    return Clause.fuzzy_term_query(_SCHEMA, field, word, distance=edits, prefix=prefix)


def _phrase(field: str, phrase: Sequence[str]) -> Clause:
    return Clause.const_score_query(Clause.phrase_query(_SCHEMA, field, list(phrase)), 1.0)


def _stamped(first: int, last: int | None = None) -> Clause:
    kind = tantivy.FieldType.Unsigned
    return Clause.const_score_query(Clause.range_query(_SCHEMA, "stamp", kind, first, last), 0.0)


def _either(*clauses: Clause) -> Clause:
    return Clause.boolean_query([(Occur.Should, clause) for clause in clauses])


def _both(*clauses: Clause) -> Clause:
    return Clause.boolean_query([(Occur.Must, clause) for clause in clauses])


def _readings(edge: Edge) -> list[tuple[int, Clause]]:
    """Clauses for one reading of a part of the question, least rank first."""
    if len(edge.words) > 1:
        loose = _either(_phrase("names", edge.words), _phrase("body", edge.words))
        return [(_SYNONYM, loose), (_SYNONYM_TITLE, _phrase("title", edge.words))]
    word, prefix = edge.words[0], edge.prefix
    if edge.synonym:
        return [(_SYNONYM, _term("any", word)), (_SYNONYM_TITLE, _term("title", word))]
    found: list[tuple[int, Clause]] = []
    if edge.typos:
        near = _fuzzy("initial", _with_initial(word), edge.typos, prefix=prefix)
        if edge.typos > 1:
            near = _either(near, _fuzzy("any", word, edge.typos - 1, prefix=prefix))
        found.append((_TYPO, near))
    if prefix:
        found.append((_PREFIX, _fuzzy("any", word, 0, prefix=True)))
        found.append((_PREFIX_TITLE, _fuzzy("title", word, 0, prefix=True)))
    found.append((_EXACT_BODY, _term("any", word)))
    found.append((_EXACT_NAMES, _term("names", word)))
    found.append((_EXACT_TITLE, _term("title", word)))
    return found


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One committed state: tantivy's view of it and the columns made from it."""

    mark: Mark
    index: tantivy.Index
    searcher: tantivy.Searcher
    columns: cols.Columns
    stamp: int
    cache: RankCache

    def slots(self, clause: Clause) -> npt.NDArray[np.int64]:
        """The slots a clause finds; of the clause or of its opposite, whichever is shorter."""
        count = _count(self.searcher, clause)
        if count > self.columns.size // 2:
            others = Clause.boolean_query(
                [(Occur.Must, Clause.all_query()), (Occur.MustNot, clause)]
            )
            keep = np.ones(self.columns.size, np.bool_)
            keep[self._pull(others, self.searcher.num_docs - count)] = False
            return np.flatnonzero(keep)
        return self._pull(clause, count)

    def _pull(self, clause: Clause, count: int) -> npt.NDArray[np.int64]:
        if not count:
            return np.zeros(0, np.int64)
        # Ordered by the slot, each hit brings it along: cheaper than asking for it afterwards.
        found = self.searcher.search(clause, limit=count, count=False, order_by_field="slot")
        return np.array([slot for slot, _ in found.hits], np.int64)

    def lookup(self, edge: Edge, since: int) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
        """The slots of one reading by rank (see `text_ranks.Lookup`), each in its best rank only:
        what is pulled out of the index costs most."""
        readings = _readings(edge)
        for n, (rank, clause) in enumerate(readings):
            better = [(Occur.MustNot, other) for _, other in readings[n + 1 :]]
            wanted = Clause.boolean_query([(Occur.Must, clause), *better])
            if since >= 0:
                wanted = _both(wanted, _stamped(since + 1))
            yield rank, self.slots(wanted)

    def sources(self, slots: Sequence[int]) -> dict[int, Mapping[str, object]]:
        """The stored documents of some slots."""
        if not slots:
            return {}
        clause = Clause.term_set_query(_SCHEMA, "slot", list(slots))
        hits = self.searcher.search(clause, limit=len(slots), count=False).hits
        rows = (_row(self.searcher.doc(address)) for _, address in hits)
        return {row.slot: row.document for row in rows if row.document is not None}

    def documents(self) -> Iterator[Mapping[str, object]]:
        """The stored documents of all listings."""
        for rows in _rows_since(self.searcher, 0):
            yield from (row.document for row in rows if row.document is not None)


def caught_up(searcher: tantivy.Searcher, held: cols.Columns) -> cols.Columns:
    """The columns with every row taken in that is newer than they are."""
    for rows in _rows_since(searcher, held.last_stamp + 1):
        held = cols.updated(held, sorted(rows, key=lambda row: row.stamp))
    return held


def _rows_since(searcher: tantivy.Searcher, stamp: int) -> Iterator[list[cols.Row]]:
    """The rows from a stamp on, in batches."""
    for first in range(stamp, _last(searcher, "stamp") + 1, _BATCH):
        clause = _stamped(first, first + _BATCH - 1)
        count = _count(searcher, clause)
        hits = searcher.search(clause, limit=max(count, 1), count=False).hits
        yield [_row(searcher.doc(address)) for _, address in hits]


def _last(searcher: tantivy.Searcher, field: str) -> int:
    """The greatest value there is, -1 when there is none."""
    found = searcher.search(
        Clause.all_query(), limit=1, order_by_field=field, order=tantivy.Order.Desc
    ).hits
    return int(found[0][0]) if found else -1


def opened(mark: Mark, folder: Path, held: Snapshot | None) -> Snapshot:
    """The newest committed state of an index folder; what `held` knows is not read again.

    Raises ValueError or OSError when the folder cannot be read.
    """
    if held is None:
        index = tantivy.Index.open(str(folder))
        index.config_reader("manual")
        before, cache = columns_file.load(folder), RankCache()
    else:
        index, before, cache = held.index, held.columns, held.cache
    index.reload()
    searcher = index.searcher()
    after = caught_up(searcher, before)
    return Snapshot(mark, index, searcher, after, after.last_stamp, cache)


@contextmanager
def changing(folder: Path, *, new: bool) -> Iterator["Changes"]:
    """Changes to an index, committed together when the block ends well, else not at all."""
    index = tantivy.Index(_SCHEMA, str(folder)) if new else tantivy.Index.open(str(folder))
    writer = index.writer(WRITER_BYTES, 1)
    try:
        yield Changes(None if new else index.searcher(), writer)
        writer.commit()
    except BaseException:
        writer.rollback()
        raise
    finally:
        writer.wait_merging_threads()


def keep_columns(folder: Path) -> None:
    """Leave a copy of a whole index's columns in its folder."""
    searcher = tantivy.Index.open(str(folder)).searcher()
    columns_file.save(caught_up(searcher, columns_file.load(folder)), folder)


class Changes:
    """Puts changes into a writer in order of version."""

    def __init__(self, held: tantivy.Searcher | None, writer: tantivy.IndexWriter) -> None:
        self._held = held
        self._writer = writer
        self._fresh: dict[str, cols.Row] = {}
        self._next_slot = 0 if held is None else _last(held, "slot") + 1
        self._next_stamp = 0 if held is None else _last(held, "stamp") + 1

    @property
    def last_stamp(self) -> int:
        """The stamp of the last row put."""
        return self._next_stamp - 1

    @property
    def listings(self) -> int:
        """How many listings were put."""
        return sum(row.document is not None for row in self._fresh.values())

    def put(self, change: ListingDocument | Deletion) -> None:
        """Take in one change unless what is held is newer."""
        held = self._fresh.get(change.id) or self._stored(change.id)
        if held is not None and not _replaces(change, held):
            return
        row = cols.Row(
            slot=self._next_slot if held is None else held.slot,
            stamp=self._next_stamp,
            id=change.id,
            version=change.version,
            document=None if isinstance(change, Deletion) else change.as_dict(),
        )
        self._next_stamp += 1
        if held is None:
            self._next_slot += 1
        else:
            self._writer.delete_documents_by_term("id", change.id)
        self._writer.add_document(_document(row))
        self._fresh[change.id] = row

    def _stored(self, key: str) -> cols.Row | None:
        if self._held is None:
            return None
        hits = self._held.search(_term("id", key), limit=1).hits
        return _row(self._held.doc(hits[0][1])) if hits else None


def _replaces(change: ListingDocument | Deletion, held: cols.Row) -> bool:
    """A newer version always; the same version again, but it does not bring back a deleted one."""
    if isinstance(change, ListingDocument) and held.document is None:
        return change.version > held.version
    return change.version >= held.version
