"""Cases 51-56 of the search contract: writing, rebuilding, readers in other processes."""

import multiprocessing
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from marketplace.search import embedded, meili_query
from marketplace.search.documents import ListingDocument
from marketplace.search.embedded_engine import EmbeddedEngine
from marketplace.search.meilisearch import MeiliEngine
from marketplace.search.port import Deletion, Engine, Query, SearchUnavailable
from tests.search.conftest import Opener
from tests.search.market import hand_made, synthetic

FIRST = hand_made()[0]


def titles(engine: Engine, text: str) -> list[str]:
    return [str(hit.fields["title"]) for hit in engine.search(Query(text=text)).hits]


def write(engine: Engine, *documents: ListingDocument, gone: tuple[Deletion, ...] = ()) -> None:
    engine.apply(documents, gone)
    engine.flush()


def test_add_replace_delete_are_visible_after_flush(opener: Opener) -> None:
    writer, reader = opener(), opener()
    total = reader.search(Query()).total
    write(writer, replace(FIRST, id="new", title="Quokka ward"))
    assert titles(reader, "quokka") == ["Quokka ward"]
    assert reader.search(Query()).total == total + 1
    write(writer, replace(FIRST, id="new", version=2, title="Numbat ward", state="AK"))
    assert titles(reader, "quokka ") == []
    assert titles(reader, "numbat") == ["Numbat ward"]
    assert reader.search(Query()).facets["state"]["AK"] == 1
    assert reader.versions()["new"] == 2
    write(writer, gone=(Deletion("new", 3),))
    assert titles(reader, "numbat") == []
    assert "AK" not in reader.search(Query()).facets["state"]
    assert "new" not in reader.versions()
    assert reader.search(Query()).total == total


def test_older_versions_are_dropped(opener: Opener) -> None:
    engine = opener()
    write(engine, replace(FIRST, version=5, title="Fifth"))
    write(engine, replace(FIRST, version=4, title="Fourth"))
    assert engine.versions()[FIRST.id] == 5
    write(engine, gone=(Deletion(FIRST.id, 4),))
    assert titles(engine, "fifth") == ["Fifth"]
    write(engine, gone=(Deletion(FIRST.id, 6),))
    write(engine, replace(FIRST, version=5, title="Late"))
    write(engine, replace(FIRST, version=6, title="Late"))
    assert FIRST.id not in engine.versions()
    write(engine, replace(FIRST, version=7, title="Back"))
    assert titles(engine, "back") == ["Back"]


def test_one_batch_keeps_the_newest(opener: Opener) -> None:
    engine = opener()
    versions = (3, 2, 4)
    write(engine, *(replace(FIRST, version=v, title=f"Batch{v}") for v in versions))
    assert engine.versions()[FIRST.id] == 4
    assert titles(engine, "batch4") == ["Batch4"]


def test_a_deletion_is_remembered_through_a_rebuild(opener: Opener) -> None:
    engine = opener()
    write(engine, gone=(Deletion(FIRST.id, 9),))
    engine.rebuild(hand_made()[1:])
    write(engine, replace(FIRST, version=8))
    assert FIRST.id not in engine.versions()


def test_versions_name_every_listing(opener: Opener) -> None:
    assert opener().versions() == {d.id: d.version for d in hand_made()}


def test_readers_never_see_an_empty_index(opener: Opener) -> None:
    reader, writer = opener(), opener()
    stop, wrong = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            result = reader.search(Query(text="clinic"))
            types = sum(result.facets["type"].values())
            if result.total == 0 or types != result.total:
                wrong.append((result.total, types))

    thread = threading.Thread(target=read)
    thread.start()
    steps: list[int] = []
    try:
        for _ in range(4):
            assert writer.rebuild(hand_made() + synthetic(100), steps.append) == 160
    finally:
        stop.set()
        thread.join()
    assert not wrong
    assert steps[159] == 160
    assert reader.search(Query()).total == 160


def test_highlights_and_ranks_follow_changes(opener: Opener) -> None:
    """Remembered ranks of a word are brought up to date with the changed listings only."""
    engine = opener()
    before = engine.search(Query(text="wombat")).total
    for version in range(2, 8):
        title = "Wombat ward" if version % 2 == 0 else "Plain ward"
        write(engine, replace(FIRST, version=version, title=title))
        write(engine, replace(FIRST, id=f"extra-{version}", title="Wombat clinic"))
        extra = version - 1
        assert engine.search(Query(text="wombat")).total == before + extra + (version % 2 == 0)
        assert engine.search(Query(text="wombat ward ")).total == (version % 2 == 0)


def _count(opener: Opener, text: str, answers: "multiprocessing.Queue[int]") -> None:
    answers.put(opener().search(Query(text=text)).total)


def test_another_process_reads_what_was_written(opener: Opener) -> None:
    context = multiprocessing.get_context("spawn")
    write(opener(), replace(FIRST, id="new", title="Quokka ward"))
    answers: multiprocessing.Queue[int] = context.Queue()
    process = context.Process(target=_count, args=(opener, "quokka", answers))
    process.start()
    assert answers.get(timeout=60) == 1
    process.join(timeout=60)
    assert process.exitcode == 0


def _read_on(opener: Opener, answers: "multiprocessing.Queue[tuple[int, int]]") -> None:
    """Search until all twenty are there."""
    engine = opener()
    total = 0
    while total < 20:
        result = engine.search(Query(text="quokka"))
        total = result.total
        answers.put((total, sum(result.facets["specialty"].values())))
        time.sleep(0.005)


def test_counts_stay_consistent_while_another_process_writes(opener: Opener) -> None:
    context = multiprocessing.get_context("spawn")
    engine = opener()
    answers: multiprocessing.Queue[tuple[int, int]] = context.Queue()
    process = context.Process(target=_read_on, args=(opener, answers), daemon=True)
    process.start()
    seen = [answers.get(timeout=120)]
    for number in range(20):
        write(engine, replace(FIRST, id=f"new-{number}", title="Quokka ward"))
    while seen[-1][0] < 20:
        seen.append(answers.get(timeout=120))
    process.join(timeout=60)
    assert process.exitcode == 0
    assert all(total == counted for total, counted in seen)
    assert [total for total, _ in seen] == sorted(total for total, _ in seen)


def test_a_change_is_visible_in_less_than_two_seconds(opener: Opener) -> None:
    writer, reader = opener(), opener()
    for number in range(3):
        begun = time.monotonic()
        write(writer, replace(FIRST, id=f"new-{number}", title="Quokka ward"))
        assert reader.search(Query(text="quokka")).total == number + 1
        assert time.monotonic() - begun < 2


def test_other_settings_ask_for_a_rebuild(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Case 55: an index that other code made takes no change, and a rebuild heals it."""
    assert not opener().health().needs_rebuild
    for module in (embedded, meili_query):
        monkeypatch.setattr(module, "FORMAT", module.FORMAT + 1)
    engine = opener()
    assert engine.health().needs_rebuild
    with pytest.raises(SearchUnavailable):
        write(engine, replace(FIRST, version=2))
    engine.rebuild(hand_made()[1:])
    assert engine.search(Query()).total == len(hand_made()) - 1
    assert not engine.health().needs_rebuild


def test_no_server_is_one_typed_error() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    engine = MeiliEngine(url, "key")
    for call in (lambda: engine.search(Query()), engine.versions, lambda: write(engine, FIRST)):
        with pytest.raises(SearchUnavailable):
            call()
    assert not engine.health().ok


def test_a_server_that_keeps_silent_is_not_waited_for_twice() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        engine = MeiliEngine(f"http://127.0.0.1:{silent.getsockname()[1]}", "key")
        begun = time.monotonic()
        for _ in range(20):
            with pytest.raises(SearchUnavailable):
                engine.search(Query())
        assert 1 < time.monotonic() - begun < 2


def test_no_index_is_one_typed_error(tmp_path: Path) -> None:
    engine = EmbeddedEngine(tmp_path)
    with pytest.raises(SearchUnavailable) as caught:
        engine.search(Query())
    assert caught.value.status == 503
    with pytest.raises(SearchUnavailable):
        engine.versions()
    with pytest.raises(SearchUnavailable):
        write(engine, FIRST)
    health = engine.health()
    assert (health.ok, health.needs_rebuild) == (False, True)
    engine.rebuild([FIRST])
    assert engine.search(Query()).total == 1
    assert engine.health().ok


def test_damaged_index_is_one_typed_error(tmp_path: Path) -> None:
    EmbeddedEngine(tmp_path).rebuild([FIRST])
    head = next(tmp_path.glob("gen-*/meta.json"))
    head.write_text("{")
    with pytest.raises(SearchUnavailable):
        EmbeddedEngine(tmp_path).search(Query())


def test_an_index_of_other_code_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    EmbeddedEngine(tmp_path).rebuild([FIRST])
    monkeypatch.setattr(embedded, "FORMAT", embedded.FORMAT + 1)
    with pytest.raises(SearchUnavailable, match="off"):
        EmbeddedEngine(tmp_path).search(Query())


def test_a_second_writer_waits_then_is_refused(tmp_path: Path) -> None:
    engine = EmbeddedEngine(tmp_path, lock_seconds=0.1)
    engine.rebuild([FIRST])

    def listings():  # type: ignore[no-untyped-def]
        with pytest.raises(SearchUnavailable):
            write(EmbeddedEngine(tmp_path, lock_seconds=0.1), replace(FIRST, version=2))
        yield FIRST

    assert engine.rebuild(listings()) == 1


def test_a_failed_rebuild_leaves_the_old_index(tmp_path: Path) -> None:
    engine = EmbeddedEngine(tmp_path)
    engine.rebuild(hand_made())

    def broken():  # type: ignore[no-untyped-def]
        yield FIRST
        raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError):
        engine.rebuild(broken())
    assert engine.search(Query()).total == len(hand_made())
    engine.rebuild([FIRST])
    assert len(list(tmp_path.glob("gen-*"))) <= 2
    assert engine.search(Query()).total == 1


def test_only_named_fields_enter_the_index() -> None:
    from marketplace.search.documents import ALLOWED_FIELDS

    for document in (*hand_made(), *synthetic(200)):
        assert set(document.as_dict()) <= ALLOWED_FIELDS
    assert not {field for field in ALLOWED_FIELDS if "email" in field or "npi" in field}
