"""What only a server has: keys with least rights, tasks that fail, settings that differ, one round
trip for a page. All of it on the server of MEILI_URL."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import meilisearch
import pytest

from marketplace.search import meili_query
from marketplace.search.meilisearch import MeiliEngine, make_keys
from marketplace.search.port import Deletion, Query, SearchUnavailable
from tests.search.conftest import own_index
from tests.search.market import hand_made

pytestmark = pytest.mark.skipif(not os.environ.get("MEILI_URL"), reason="needs MEILI_URL")
FIRST = hand_made()[0]


@pytest.fixture
def index() -> Iterator[str]:
    with own_index("meilisearch") as name:
        yield name


@contextmanager
def refused(why: str) -> Iterator[None]:
    with pytest.raises(SearchUnavailable) as caught:
        yield
    assert why in caught.value.detail


def client() -> meilisearch.Client:
    return meilisearch.Client(os.environ["MEILI_URL"], os.environ.get("MEILI_KEY"))


def opened(index: str, key: str | None = None) -> MeiliEngine:
    right = os.environ.get("MEILI_KEY", "") if key is None else key
    return MeiliEngine(os.environ["MEILI_URL"], right, index=index)


@pytest.fixture
def keys(index: str) -> Iterator[tuple[str, str]]:
    """A key for the web and one for the worker, for this index and its successors only."""
    made = make_keys(os.environ["MEILI_URL"], os.environ.get("MEILI_KEY", ""), index)
    yield made["web"], made["worker"]
    assert make_keys(os.environ["MEILI_URL"], os.environ.get("MEILI_KEY", ""), index) == made
    for key in made.values():
        client().delete_key(key)


def test_keys_with_least_rights_are_enough(index: str, keys: tuple[str, str]) -> None:
    web, worker = opened(index, keys[0]), opened(index, keys[1])
    assert worker.health().needs_rebuild
    assert worker.rebuild(hand_made()) == len(hand_made())
    worker.apply([replace(FIRST, version=2, title="Quokka ward")], [Deletion("hand-001", 2)])
    worker.flush()
    assert worker.health().ok and len(worker.versions()) == len(hand_made()) - 1
    assert [hit.id for hit in web.search(Query(text="quokka")).hits] == [FIRST.id]
    web.apply([replace(FIRST, version=3)])
    for call in (web.flush, web.versions, lambda: web.rebuild(hand_made())):
        with refused("API key"):
            call()


def test_a_wrong_key_is_one_typed_error(index: str) -> None:
    opened(index).rebuild([FIRST])
    with refused("API key"):
        opened(index, "not-a-key-of-this-server").search(Query())


def test_a_failed_task_is_noticed_and_nothing_is_lost(index: str) -> None:
    """The server takes the batch in, and its task fails later: coordinates that are none."""
    engine, nowhere = opened(index), replace(FIRST, version=2, lat="north")  # type: ignore[arg-type]
    engine.rebuild(hand_made())
    engine.apply([nowhere])
    with refused("task"):
        engine.flush()
    with refused("task"):
        engine.rebuild([*hand_made()[1:5], nowhere])
    assert engine.search(Query()).total == len(hand_made())
    left = [one.uid for one in client().get_indexes()["results"] if one.uid.startswith(index)]
    assert left == [index]


def test_the_server_holds_the_settings_of_the_code(index: str) -> None:
    opened(index).rebuild([FIRST])
    held = client().index(index).get_settings()
    for name, value in meili_query.settings().items():
        told = held[name]
        if isinstance(value, dict) and name != "synonyms":
            told = {key: told[key] for key in value}  # the server adds its own defaults
        is_set = name in ("sortableAttributes", "separatorTokens")
        assert told == value or (is_set and set(told) == set(value)), name  # type: ignore[call-overload]


def test_a_page_is_one_round_trip(index: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = opened(index)
    engine.rebuild(hand_made())
    asked: list[str] = []
    send = meilisearch.client.Client.multi_search
    monkeypatch.setattr(
        meilisearch.client.Client,
        "multi_search",
        lambda self, queries, federation=None: asked.append("x") or send(self, queries, federation),
    )
    query = Query(text="clinic", filters={"state": ("CA", "MA"), "type": ("externship",)}, weeks=4)
    assert engine.search(query).total >= 0
    assert len(asked) == 1
