import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import meilisearch
import pytest
from flask import Flask

from marketplace.search.documents import ListingDocument
from marketplace.search.embedded_engine import EmbeddedEngine
from marketplace.search.meilisearch import MeiliEngine
from marketplace.search.port import Engine
from tests.search import market, shop
from tests.search.shop import Get

ENGINES = ["embedded", *(["meilisearch"] if os.environ.get("MEILI_URL") else [])]


def open_engine(name: str, folder: Path, index: str) -> Engine:
    """The embedded engine on a folder, or a real server's own index for these tests."""
    if name == "embedded":
        return EmbeddedEngine(folder)
    url, key = os.environ["MEILI_URL"], os.environ.get("MEILI_KEY", "")
    return MeiliEngine(url, key, index=index, read_seconds=60)  # the server may be a slow build


@contextmanager
def own_index(name: str) -> Iterator[str]:
    """An index name nobody else uses; what a server holds under it goes away at the end."""
    index = f"contract_{uuid4().hex[:12]}"
    yield index
    if name == "meilisearch":
        client = meilisearch.Client(os.environ["MEILI_URL"], os.environ.get("MEILI_KEY"))
        client.wait_for_task(client.delete_index(index).task_uid)


@pytest.fixture(scope="session", params=ENGINES)
def engine_settings(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """What tells the whole application which engine to use."""
    if request.param == "embedded":
        yield {}
        return
    with own_index(request.param) as index:
        yield {name: os.environ.get(name, "") for name in ("MEILI_URL", "MEILI_KEY")} | {
            "MEILI_INDEX": index
        }


@pytest.fixture
def shop_app(migrated: None, engine_settings: dict[str, str]) -> Iterator[Flask]:
    """The search room over the small market."""
    with shop.open_shop(**engine_settings) as app:
        yield app


@pytest.fixture
def get(shop_app: Flask) -> Get:
    """Reads a page of it as a guest."""
    return shop.getter(shop_app)


@pytest.fixture(scope="session", params=[2_000, pytest.param(10_000, marks=pytest.mark.full)])
def documents(request: pytest.FixtureRequest) -> tuple[ListingDocument, ...]:
    return market.hand_made() + market.synthetic(request.param)


@pytest.fixture(scope="session", params=ENGINES)
def engine(
    request: pytest.FixtureRequest,
    documents: tuple[ListingDocument, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Engine]:
    """One engine over the whole market, read only."""
    with own_index(request.param) as index:
        made = open_engine(request.param, tmp_path_factory.mktemp("search"), index)
        made.rebuild(documents)
        yield made


@pytest.fixture(scope="session")
def flat(documents: tuple[ListingDocument, ...]) -> list[dict[str, object]]:
    return [document.as_dict() for document in documents]


@dataclass(frozen=True)
class Opener:
    """Opens one engine as often as one likes, in any process; each call is another client."""

    name: str
    folder: Path
    index: str

    def __call__(self) -> Engine:
        return open_engine(self.name, self.folder, self.index)


@pytest.fixture(params=ENGINES)
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """A small engine of the hand-made listings for writing."""
    with own_index(request.param) as index:
        made = Opener(request.param, tmp_path / "search", index)
        made().rebuild(market.hand_made())
        yield made
