"""Every refusal of the request itself is a page in our words, and a part where a part was asked."""

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from marketplace.core import web
from tests.accounts import conftest as accounts
from tests.support import apps, database

PART = {"HX-Request": "true", "HX-Request-Type": "partial"}
SAME = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}
Ask = Callable[[FlaskClient, dict[str, str]], TestResponse]


def without_token(client: FlaskClient, headers: dict[str, str]) -> TestResponse:
    return client.post("/me/profile", data={"school": "Lagos"}, headers=SAME | headers)


def from_another_site(client: FlaskClient, headers: dict[str, str]) -> TestResponse:
    return client.post("/theme", headers=headers | {"Sec-Fetch-Site": "cross-site"})


def nowhere(client: FlaskClient, headers: dict[str, str]) -> TestResponse:
    return client.get("/no-such-page", headers=headers)


def another_method(client: FlaskClient, headers: dict[str, str]) -> TestResponse:
    return client.delete("/guides", headers=SAME | headers)


def too_large(client: FlaskClient, headers: dict[str, str]) -> TestResponse:
    body = b"x" * (web.MAX_BODY + 1)
    kind = "multipart/form-data; boundary=b"
    return client.post("/reset", data=body, content_type=kind, headers=SAME | headers)


REFUSED: list[tuple[Ask, int, str, str]] = [
    (without_token, 400, "We could not read that request", "open for a long time"),
    (from_another_site, 403, "You cannot do this", "sent from another site"),
    (nowhere, 404, "We could not find this page", "may be mistyped"),
    (another_method, 405, "This address does not take that action", "use the buttons"),
    (too_large, 413, "This file is too large", "up to 10 MB"),
]


@pytest.fixture(scope="module")
def app(migrated: None) -> Iterator[Flask]:
    database.wipe()
    with apps.whole() as whole:
        with whole.app_context():
            accounts.person()
        yield whole


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Somebody who is signed in."""
    visitor = accounts.Visitor(app)
    assert visitor.sign_in("ana@people.example").status_code == 303
    return visitor.client


@pytest.mark.parametrize(
    ("ask", "status", "title", "words"), REFUSED, ids=[str(one[1]) for one in REFUSED]
)
def test_it_is_a_page_and_a_part(
    client: FlaskClient, ask: Ask, status: int, title: str, words: str
) -> None:
    page, part = ask(client, {}), ask(client, PART)
    for answer in (page, part):
        assert (answer.status_code, answer.mimetype) == (status, "text/html")
        assert re.findall(r"<h1[^>]*>(.*?)</h1>", answer.text) == [title]
        assert words in answer.text
        step = "Open the page" if status == 405 else "Go to the home page"
        assert 'role="alert"' in answer.text and step in answer.text
        assert answer.headers["X-Request-Id"] in answer.text
        assert "private" in answer.headers["Cache-Control"]
        assert "HX-Request-Type" in answer.vary
        assert "'unsafe" not in answer.headers["Content-Security-Policy"]
    assert page.text.startswith("<!doctype html>") and f"<title>{title}" in page.text
    assert "<html" not in part.text and "<title" not in part.text


@pytest.mark.parametrize(
    ("came_from", "link"),
    [
        ("http://localhost/me/profile?tab=1", 'href="/me/profile?tab=1">Back to the page'),
        ("http://localhost/me/account/password", 'href="/me/profile">Back'),  # takes forms only
        ("http://elsewhere.example/me/profile", 'href="/">Go to the home page'),
        ("http://localhost//elsewhere.example", 'href="/me/profile">Back'),
        ("http://[", 'href="/">Go to the home page'),  # no address at all
    ],
)
def test_a_refused_form_leads_back_to_its_page(
    client: FlaskClient, came_from: str, link: str
) -> None:
    answer = without_token(client, {"Referer": came_from})
    assert answer.status_code == 400 and link in answer.text


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/api/v1/nothing", "GET", 404), ("/api/v1/rotations", "DELETE", 405)],
)
def test_a_program_is_told_in_json(
    client: FlaskClient, path: str, method: str, status: int
) -> None:
    answer = client.open(path, method=method, headers=SAME)
    assert answer.status_code == status and answer.json
    assert answer.json["error"] == {
        "status": status,
        "message": answer.json["error"]["message"],
        "request_id": answer.headers["X-Request-Id"],
    }
    assert len(answer.json["error"]["message"]) > 20


def test_every_status_that_the_product_gives_has_words() -> None:
    assert {400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 429, 500, 503} == set(web._TITLES)
