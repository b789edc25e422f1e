"""The request's order and its guards, on a small app of its own."""

import pytest
from flask import Flask

from marketplace.core import context, health, web
from marketplace.core.db import db, open_session
from marketplace.core.errors import Conflict, Gone, Invalid, NotFound, TooMany, Unavailable
from marketplace.tenants.models import Agency
from tests.support import apps, database

SAME = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}
SYSTEM = context.system("test")
ERRORS = {
    "invalid": Invalid({"name": "Give a name."}),
    "missing": NotFound(),
    "conflict": Conflict("Somebody was faster."),
    "gone": Gone("This link has ended."),
    "many": TooMany("Wait a moment.", retry_after=30),
    "away": Unavailable("The search is away."),
}
room = web.Room("try", __name__, side="public")
mine = web.Room("mine", __name__, side="person", url_prefix="/me")


@room.post("/agencies/<slug>")
def make(slug: str):
    db.session.add(Agency(slug=slug, name=slug))
    return "made", 201


@room.get("/fail/<kind>")
def fail(kind: str):
    raise ERRORS[kind]


@room.get("/crash")
def crash():
    raise RuntimeError("secret of the house")


@room.post("/half")
def half():
    db.session.add(Agency(slug="half", name="half"))
    db.session.flush()
    return "sorry", 409


@room.get("/page")
def page():
    return "<p>page</p>"


@room.get("/card")
def card():
    web.allow_card_origins()
    return "<p>card</p>"


@mine.get("/")
def home():
    return "mine"


def nobody(request) -> None:
    """Nobody is signed in."""


@pytest.fixture
def small(migrated):
    database.wipe()
    with apps.small((room, mine, health.room), nobody) as app:
        app.testing = False  # a crash is answered, as in production
        yield app


def slugs(app: Flask) -> set[str]:
    with app.app_context(), open_session(SYSTEM, readonly=True) as session:
        return {row.slug for row in session.query(Agency)}


def test_a_refused_answer_commits_nothing(small, monkeypatch) -> None:
    monkeypatch.setattr(web, "_scope_and_actor", lambda: (SYSTEM, context.SYSTEM))
    client = small.test_client()
    assert client.post("/agencies/kept", headers=SAME).status_code == 201
    assert client.post("/half", headers=SAME).status_code == 409
    assert slugs(small) == {"kept"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.test"},
        {},
    ],
    ids=str,
)
def test_forms_of_other_sites_are_refused(small, headers, monkeypatch) -> None:
    monkeypatch.setattr(web, "_scope_and_actor", lambda: (SYSTEM, context.SYSTEM))
    assert small.test_client().post("/agencies/evil", headers=headers).status_code == 403
    assert slugs(small) == set()


@pytest.mark.parametrize("kind", sorted(ERRORS))
def test_errors_are_pages_and_fragments(small, kind) -> None:
    error, client = ERRORS[kind], small.test_client()
    whole = client.get(f"/fail/{kind}")
    part = client.get(f"/fail/{kind}", headers={"HX-Request-Type": "partial"})
    assert whole.status_code == part.status_code == error.status
    assert error.message in whole.text and error.message in part.text
    assert "<html" in whole.text and "<html" not in part.text
    assert whole.headers["X-Request-Id"] in whole.text
    if kind == "many":
        assert whole.headers["Retry-After"] == "30"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("DELETE", "/page", 405), ("GET", "/healthz", 200)],
)
def test_every_status_has_its_page(small, method, path, status) -> None:
    answer = small.test_client().open(path, method=method, headers=SAME)
    assert answer.status_code == status
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_crash_tells_the_request_id_and_nothing_else(small, caplog) -> None:
    answer = small.test_client().get("/crash")
    assert answer.status_code == 500
    assert "secret of the house" not in answer.text
    assert answer.headers["X-Request-Id"] in answer.text
    assert "secret of the house" in caplog.text


def test_the_policy_is_strict_and_card_pages_add_the_provider_only(small) -> None:
    client = small.test_client()
    policy = client.get("/page").headers["Content-Security-Policy"]
    assert "unsafe" not in policy and "http" not in policy
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    wider = client.get("/card").headers["Content-Security-Policy"]
    assert "script-src 'self' http://127.0.0.1:9" in wider
    assert "frame-src http://127.0.0.1:9" in wider
    assert "unsafe" not in wider


def test_public_pages_set_no_cookie_and_say_what_they_depend_on(small) -> None:
    answer = small.test_client().get("/page")
    assert "Set-Cookie" not in answer.headers
    assert {"HX-Request-Type", "Cookie"} <= set(answer.vary)


def test_private_pages_ask_to_sign_in_and_come_back(small) -> None:
    answer = small.test_client().get("/me/?tab=1")
    assert answer.status_code == 303
    assert answer.location == "/sign-in?next=/me/%3Ftab%3D1"


@pytest.mark.parametrize(
    "target",
    ["//evil.test", "/\\evil.test", "https://evil.test", "javascript:x", "", None, "/a\nb", "\t/x"],
)
def test_only_paths_of_our_own_are_followed(target) -> None:
    assert web.safe_next(target, "/home") == "/home"


def test_own_paths_are_followed() -> None:
    assert web.safe_next("/me/bookings?x=1", "/home") == "/me/bookings?x=1"


def test_readiness_says_which_part_is_away(small) -> None:
    answer = small.test_client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {"database": True, "queue": False}
