"""Security headers on every kind of answer; the whole walk of `test_matrix` checks them too."""

import pytest

from tests.contracts import headers, walk
from tests.contracts.callers import ANONYMOUS, BY_KEY
from tests.contracts.conftest import Stage
from tests.contracts.routes import PUBLIC, ROWS, Row
from tests.support.counts import on_one_database

PUBLIC_PAGES = [row for row in ROWS if row.who == PUBLIC and row.method == "GET"]


def page(stage: Stage, endpoint: str, **more: str) -> tuple[Row, object]:
    row = next(one for one in ROWS if one.endpoint == endpoint)
    actor = BY_KEY.get(walk.owner_of(row, "alpha"), ANONYMOUS)
    path = row.path.format(**stage.world.alpha.names)
    return row, stage.call.send(actor, row.method, path, headers=more)


@pytest.mark.parametrize("row", PUBLIC_PAGES, ids=lambda row: row.key)
def test_reading_public_pages_leaves_no_cookie(stage: Stage, row: Row) -> None:
    answer = stage.call.send(ANONYMOUS, "GET", row.path.format(**stage.world.alpha.names))
    assert answer.status_code == row.ok
    assert answer.headers.getlist("Set-Cookie") == []
    assert headers.check(row, answer, stage.double.url, anonymous=True) == []


@pytest.mark.parametrize("endpoint", ["cards.see_card", "cards.see_payment"])
def test_card_pages_reach_the_provider(stage: Stage, endpoint: str) -> None:
    row, answer = page(stage, endpoint)
    found = headers.policy(answer)
    assert all(stage.double.url in found[name] for name in headers.PROVIDER)
    assert headers.check(row, answer, stage.double.url, anonymous=False) == []


def test_no_other_page_reaches_the_provider(stage: Stage) -> None:
    reach = set()
    for row in ROWS:
        if row.method == "GET":
            _, answer = page(stage, row.endpoint)
            if stage.double.url in answer.headers["Content-Security-Policy"]:
                reach.add(row.endpoint)
    stage.put_back()
    assert reach == {"cards.see_card", "cards.see_payment"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/no-such-page", 404),
        ("POST", "/guides", 405),
        ("GET", "/admin", 404),
        ("GET", "/me/bookings/RND-000000", 404),
        ("POST", "/me/profile", 400),
        ("GET", "/api/v1/rotations/none", 404),
        ("POST", "/webhooks/stripe", 400),
    ],
)
@pytest.mark.parametrize("part", [{}, {"HX-Request": "true", "HX-Request-Type": "partial"}])
def test_errors_and_their_fragments(
    stage: Stage, method: str, path: str, status: int, part: dict[str, str]
) -> None:
    actor = BY_KEY["candidate-alpha"]
    answer = stage.call.send(actor, method, path, headers=part, token=False)
    assert answer.status_code == status
    row = Row("errors", path, PUBLIC, method)
    assert headers.check(row, answer, stage.double.url, anonymous=False) == []


def test_an_id_of_the_sender_is_kept_only_when_it_is_plain(stage: Stage) -> None:
    sent = {"X-Request-Id": "abcdef-0123456789"}
    assert stage.call.send(ANONYMOUS, "GET", "/fees", headers=sent).headers["X-Request-Id"] == (
        "abcdef-0123456789"
    )
    for bad in ("<script>", "a" * 65, "short", "a b c d e f g h"):
        answer = stage.call.send(ANONYMOUS, "GET", "/fees", headers={"X-Request-Id": bad})
        assert answer.headers["X-Request-Id"] != bad


@on_one_database
def test_no_redirect_names_a_host_or_a_scheme(stage: Stage) -> None:
    """Behind a proxy an absolute one would lead to http, or wherever a Host header says."""
    wrong = []
    for row in ROWS:
        if row.method != "GET":
            continue
        path = row.path.format(**stage.world.alpha.names)
        actor = BY_KEY.get(walk.owner_of(row, "alpha"), ANONYMOUS)
        for asked in (f"{path}?next=//evil.example", f"/{path[1:].replace('/', '//')}"):
            answer = stage.call.send(actor, "GET", asked, headers={"Host": "evil.example"})
            to = answer.headers.get("Location", "/")
            outside = row.endpoint in ("cards.hosted_card", "cards.bank_page")
            if not outside and (to.startswith("//") or not to.startswith("/")):
                wrong.append(f"{asked}: {to}")
            answer.close()
    stage.put_back()
    assert wrong == []


@pytest.mark.parametrize("name", ["Host", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded"])
def test_addresses_do_not_follow_the_host_header(stage: Stage, name: str) -> None:
    """Absolute addresses come from the settings."""
    for path in ("/", "/rotations", "/sitemap.xml", "/robots.txt", "/guides", "/sign-in"):
        answer = stage.call.send(ANONYMOUS, "GET", path, headers={name: "evil.example"})
        assert "evil.example" not in answer.text
        assert "evil.example" not in str(answer.headers)
