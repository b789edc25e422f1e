"""Pages for strangers are made smaller; pages with a token in them never are."""

import gzip
import json
from collections.abc import Iterator

import brotli
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from marketplace.core import compression, ids, web
from marketplace.core.web import Viewer
from tests.support import apps, database

LONG = "<p>" + "Rotations in cardiology. " * 200 + "</p>"
UNPACK = {None: bytes, "br": brotli.decompress, "gzip": gzip.decompress}
room = web.Room("long", __name__, side="public")
mine = web.Room("own", __name__, side="person", url_prefix="/me")


@room.get("/long")
def long_page() -> str:
    return LONG


@room.get("/short")
def short_page() -> str:
    return "<p>short</p>"


@room.get("/missing")
def missing_page() -> tuple[str, int]:
    return LONG, 404


@room.post("/sent")
def sent() -> str:
    return LONG


@mine.get("/long")
def own_page() -> str:
    return LONG


def identify(request) -> Viewer | None:
    """Signed in when a header says so."""
    if "X-Test-In" not in request.headers:
        return None
    return Viewer(ids.uuid7(), ids.uuid7(), "Ana Silva", "ana@example.org")


@pytest.fixture
def client(migrated: None) -> Iterator[FlaskClient]:
    with apps.small((room, mine), identify) as app:
        yield app.test_client()


def encoding(answer: TestResponse) -> str | None:
    return answer.headers.get("Content-Encoding")


@pytest.mark.parametrize(
    ("accepted", "used"),
    [
        ("br", "br"),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("br;q=0, gzip", "gzip"),
        ("*", "br"),
        ("identity", None),
        ("br;q=0, gzip;q=0", None),
        ("", None),
    ],
)
def test_a_page_comes_as_the_browser_takes_it(
    client: FlaskClient, accepted: str, used: str | None
) -> None:
    answer = client.get("/long", headers={"Accept-Encoding": accepted})
    assert encoding(answer) == used
    assert UNPACK[used](answer.data) == LONG.encode()
    assert answer.content_length == len(answer.data)
    assert "Accept-Encoding" in answer.vary
    assert (len(answer.data) < len(LONG) / 10) == (used is not None)


@pytest.mark.parametrize("path", ["/short", "/missing"])
def test_what_is_not_worth_it_stays_as_it_is(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers={"Accept-Encoding": "br"})
    assert encoding(answer) is None and answer.text.startswith("<p>")
    assert "Accept-Encoding" in answer.vary  # a cache must not mix it up with a compressed one


def test_the_answer_to_head_is_not_touched(client: FlaskClient) -> None:
    answer = client.head("/long", headers={"Accept-Encoding": "br"})
    assert encoding(answer) is None and answer.data == b""


def test_what_may_hold_a_token_is_never_compressed(client: FlaskClient) -> None:
    """Its length would tell the token bit by bit (core/compression.py)."""
    own = {"Accept-Encoding": "br", "X-Test-In": "1"}
    same = {"Sec-Fetch-Site": "same-origin", "Accept-Encoding": "br"}
    for answer in (
        client.get("/me/long", headers=own),
        client.get("/long", headers=own),
        client.post("/sent", headers=same),
    ):
        assert answer.status_code == 200 and answer.text == LONG
        assert encoding(answer) is None


@pytest.mark.parametrize("used", [None, "br", "gzip"])
def test_the_products_own_pages(migrated: None, used: str | None) -> None:
    """The same page and the same JSON, whichever way they travel."""
    database.wipe()
    with apps.whole() as app:
        client = app.test_client(use_cookies=False)
        page = client.get("/rotations", headers={"Accept-Encoding": used or ""})
        told = client.get("/api/v1/openapi.json", headers={"Accept-Encoding": used or ""})
        plain = client.get("/rotations")
    assert (encoding(page), encoding(told)) == (used, used)
    assert "Accept-Encoding" in page.vary and {"HX-Request-Type", "Cookie"} <= set(page.vary)
    assert UNPACK[used](page.data).decode() == plain.text
    assert json.loads(UNPACK[used](told.data))["openapi"].startswith("3.1")
    assert len(plain.data) > compression.LEAST
