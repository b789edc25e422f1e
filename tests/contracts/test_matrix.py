"""Every route, asked by every role, for own, foreign and missing things."""

import re
from typing import Any

import pytest

from tests.contracts import routes, walk, world
from tests.contracts.callers import ANONYMOUS, BY_KEY
from tests.contracts.conftest import Stage
from tests.contracts.routes import ROWS, Row
from tests.contracts.walk import Cell
from tests.support.counts import halves

HOME_BADGE = re.compile(r"</svg>Home<span class=\"nav__n[^>]*>(\d+)<")
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


def by_endpoint(endpoint: str, method: str = "GET") -> Row:
    return next(row for row in ROWS if (row.endpoint, row.method) == (endpoint, method))


def test_every_route_is_in_the_table(stage: Stage) -> None:
    assert routes.unlisted(stage.app) == []


@pytest.mark.parametrize("row", halves(ROWS), ids=lambda row: row.key)
def test_row(stage: Stage, row: Row) -> None:
    assert walk.check_row(stage, row) == []


@pytest.mark.parametrize("key", halves(["anonymous", "candidate-alpha", "owner-alpha", "admin"]))
def test_methods_that_a_route_does_not_have(stage: Stage, key: str) -> None:
    """405, before anything is looked at; and HEAD is a GET without its body."""
    wrong = []
    taken = {(row.method, row.path) for row in ROWS}
    for path in sorted({row.path for row in ROWS}):
        address = path.format(**stage.world.alpha.names)
        for method in UNSAFE:
            if (method, path) in taken:
                continue
            answer = stage.call.send(BY_KEY.get(key, ANONYMOUS), method, address)
            changed = stage.tables.moved() and walk.changed(stage)
            if answer.status_code != 405 or changed:
                wrong.append(f"{method} {path}: {answer.status_code}, {changed}")
                stage.put_back()
    assert wrong == []


def test_head_is_get_without_a_body(stage: Stage) -> None:
    wrong = []
    for row in ROWS:
        if row.method != "GET" or row.writes:
            continue
        actor = BY_KEY.get(walk.owner_of(row, "alpha"), ANONYMOUS)
        answer = stage.call.send(actor, "HEAD", row.path.format(**stage.world.alpha.names))
        if answer.status_code != row.ok or answer.data or stage.tables.moved():
            wrong.append(f"{row.key}: {answer.status_code}, {len(answer.data)} bytes")
    assert wrong == []


# --- what is not published, and things named in a form ------------------------------------------


@pytest.mark.parametrize(
    "path", ["/rotations/{}", "/me/request/{}", "/api/v1/rotations/{}"], ids=str
)
@pytest.mark.parametrize("house", ["alpha", "beta"])
def test_a_draft_is_as_good_as_missing(stage: Stage, path: str, house: str) -> None:
    draft = stage.world.house(house).names["draft"]
    for key in ("candidate-alpha", "owner-alpha", "attending-alpha", "anonymous"):
        bodies = set()
        for slug in (draft, "no-such-rotation"):
            answer = stage.call.send(BY_KEY.get(key, ANONYMOUS), "GET", path.format(slug))
            cell = Cell(by_endpoint("listings.home"), BY_KEY.get(key, ANONYMOUS), "none")
            text = walk.masked(stage, cell, answer.text)
            bodies.add((answer.status_code, text.replace(slug, "<slug>")))
        assert len(bodies) == 1, f"{key} can tell a draft"


SMUGGLED = [
    ("queue.bulk", "owner-alpha", "reference", "requested"),
    ("queue.bulk", "owner-alpha", "reference", "held"),
    ("requests.hold", "candidate-alpha", "offering", "spare_start"),
    ("requests.hold", "candidate-alpha", "rotation", "draft"),
]


@pytest.mark.parametrize(("endpoint", "key", "field", "name"), SMUGGLED)
def test_a_foreign_thing_named_in_a_form(
    stage: Stage, endpoint: str, key: str, field: str, name: str
) -> None:
    """Refused like a missing one, and nothing changes."""
    row, actor = by_endpoint(endpoint, "POST"), BY_KEY[key]
    form = walk.form_of(stage, row, stage.world.alpha, key)
    path = row.path.format(**stage.world.alpha.names)
    stage.reset()
    answers = []
    missing = world.missing() | {"spare_start": world.MISSING_ID}
    for value in (stage.world.beta.names[name], missing[name]):
        answer = stage.call.send(actor, "POST", path, data=form | {field: value})
        assert 400 <= answer.status_code < 500
        assert walk.changed(stage) == set()
        answers.append((answer.status_code, _alike(stage, answer.text, value)))
        stage.reset()
    assert answers[0] == answers[1]


def _alike(stage: Stage, text: str, value: str) -> str:
    cell = Cell(by_endpoint("listings.home"), ANONYMOUS, "none")
    text = walk.masked(stage, cell, text).replace(value, "<value>")
    return re.sub(r"[0-9a-f-]{36}", "<id>", text)


# --- the marks are really there -----------------------------------------------------------------

READ: list[tuple[str, str, str]] = [
    ("workspace.show", "owner-alpha", "candidate"),
    ("queue.bookings_csv", "read-only-alpha", "candidate"),
    ("attending.show", "attending-alpha", "candidate"),
    ("decide.show", "anonymous", "candidate"),
    ("account.profile", "candidate-alpha", "candidate"),
    ("team.team_list", "owner-alpha", "staff"),
    ("workspace.show", "read-only-alpha", "staff"),
    ("queue.calendar", "coordinator-alpha", "candidate"),
    ("replies.index", "finance-alpha", "agency"),
    ("listings_workspace.show", "coordinator-alpha", "agency"),
    ("imports.show", "coordinator-alpha", "agency"),
    ("attending.sign_page", "attending-alpha", "agency"),
    ("signing.show", "anonymous", "agency"),
]


@pytest.mark.parametrize(("endpoint", "key", "kind"), READ)
def test_a_mark_is_read_by_those_it_is_for(
    stage: Stage, endpoint: str, key: str, kind: str
) -> None:
    """Otherwise finding no mark in other answers would prove nothing."""
    house: Any = stage.world.alpha
    path = by_endpoint(endpoint).path.format(**house.names)
    answer = stage.call.send(BY_KEY.get(key, ANONYMOUS), "GET", path)
    assert house.secret(kind) in answer.text.lower()


def test_the_platforms_mark_is_read_by_its_admin(stage: Stage) -> None:
    assert "zqplatform" in stage.call.send(BY_KEY["admin"], "GET", "/admin/jobs").text


def test_an_address_with_a_character_that_no_row_holds(stage: Stage) -> None:
    """PostgreSQL refuses NUL in a text; on either database it is the sender's fault."""
    for key, path in (
        ("owner-alpha", "/agency/{slug}/listings/x%00y"),
        ("candidate-alpha", "/me/bookings/x%00y"),
        ("anonymous", "/rotations/x%00y"),
        ("anonymous", "/attendings/x%00y"),
    ):
        address = path.format(**stage.world.alpha.names)
        answer = stage.call.send(BY_KEY.get(key, ANONYMOUS), "GET", address)
        assert answer.status_code in (400, 404), path


def test_every_page_of_the_workspace_says_the_same_number_of_things_that_wait(stage: Stage) -> None:
    """The badge of Home: one frame for all pages (`desk.frame`)."""
    said: dict[str, set[str]] = {}
    for row in ROWS:
        if row.method == "GET" and row.path.startswith("/agency/{slug}") and row.ok == 200:
            answer = stage.call.send(
                BY_KEY["owner-alpha"], "GET", row.path.format(**stage.world.alpha.names)
            )
            for number in HOME_BADGE.findall(answer.get_data().decode(errors="replace")):
                said.setdefault(number, set()).add(row.endpoint)
    assert len(said) == 1 and len(next(iter(said.values()))) > 20, said
