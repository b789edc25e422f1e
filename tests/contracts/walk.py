"""One walk over every route, role and object. Each check returns what is wrong, in words."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from werkzeug.test import TestResponse

from marketplace.accounts.permissions import may
from tests.contracts import headers, routes, tables, world
from tests.contracts.callers import ACTORS, ANONYMOUS, BY_KEY, Actor
from tests.contracts.conftest import Stage
from tests.contracts.pages import form_to
from tests.contracts.routes import Row
from tests.contracts.world import House
from tests.support import database
from tests.support.counts import full

SIGN_IN = "sign-in"
MARKS = ("candidate", "staff", "agency", "doctor")
_NAMES = re.compile(r"{(\w+)}")
LINKS = frozenset(
    {
        *("decide", "decide_accepted", "sign", "sign_refusable"),
        *("link", "reset", "join", "unsubscribe", "asked_link"),
    }
)
"""The names of tokens that an e-mail carries: whoever holds one may read what it is about."""
_ENDS = tuple(actor for actor in ACTORS if actor.role in ("", "owner", "read-only"))
OTHER = {"alpha": "beta", "beta": "alpha"}


@dataclass(frozen=True)
class Cell:
    """One request of the matrix: who asks for whose thing."""

    row: Row
    actor: Actor
    whose: str  # none, own, foreign, missing, foreign-house, missing-house, crossed

    def __str__(self) -> str:
        return f"{self.row.key} as {self.actor.key} for {self.whose}"


def cells(row: Row) -> Iterator[Cell]:
    """The cells of a row; without `bin/test --full`, those that can differ."""
    for actor in _actors(row):
        for whose in _whose(row, actor):
            yield Cell(row, actor, whose)


def two_cells(row: Row) -> Iterator[Cell]:
    """Whoever may use a row, with their own thing and with the other house's."""
    actor = BY_KEY.get(owner_of(row, "alpha"), ANONYMOUS)
    if row.objects:
        yield Cell(row, actor, "foreign")
    yield Cell(row, actor, "own" if row.objects or row.of_agency else "none")


def _actors(row: Row) -> tuple[Actor, ...]:
    """Everybody; for what everybody may use, somebody of each kind."""
    if full():
        return ACTORS
    if row.who not in (routes.PUBLIC, routes.SIGNED_IN):
        # which role may do what is no question of the database: SQLite's lane asks every role
        return _ENDS if database.IS_POSTGRES else ACTORS
    some = ("anonymous", "candidate-alpha", "owner-alpha")
    if row.method == "GET":
        some = (*some, "attending-alpha", "admin")
    return tuple(BY_KEY[key] for key in some)


def _whose(row: Row, actor: Actor) -> tuple[str, ...]:
    if not row.of_agency:
        return ("own", "foreign", "missing") if row.objects else ("none",)
    if not row.objects:
        return ("own", "foreign-house", "missing-house")
    every = ("own", "foreign", "missing", "foreign-house", "missing-house", "crossed")
    if full() or actor.role == "owner":
        return every
    return every[:3] if actor.kind == "staff" else ("own", "foreign-house", "missing-house")


def names(stage: Stage, cell: Cell) -> dict[str, str]:
    """What fills the address: the things of the actor's own house, of the other one, or none."""
    own = stage.world.house(cell.actor.house or "alpha").names
    foreign = stage.world.house(OTHER[cell.actor.house or "alpha"]).names
    return {
        "none": own,
        "own": own,
        "foreign": foreign | {"slug": own["slug"]},
        "missing": own | world.missing() | {"slug": own["slug"]},
        "foreign-house": foreign,
        "missing-house": own | world.missing(),
        "crossed": own | {"slug": foreign["slug"]},
    }[cell.whose]


# --- what has to come ---------------------------------------------------------------------------


def expected(cell: Cell) -> frozenset[int] | str:
    """The statuses that are right for a cell, or SIGN_IN."""
    row, actor = cell.row, cell.actor
    ok, missing = frozenset({row.ok}), frozenset({404})
    if row.who == routes.PUBLIC:
        if cell.whose == "missing":
            return frozenset({row.missing})
        if actor.kind != "anonymous" and row.inside:
            return frozenset({row.inside})
        return ok
    if row.who == routes.LINK:
        return _for_link(cell, ok)
    if actor.kind == "anonymous":
        return SIGN_IN
    if row.who == routes.SIGNED_IN:
        return missing if cell.whose == "missing" else ok
    if row.who == routes.ADMIN:
        if row.foreign and actor.kind == "admin" and cell.whose == "foreign":
            return frozenset({row.foreign})
        there = cell.whose in ("own", "none", "foreign")  # the platform has one of each
        return ok if actor.kind == "admin" and there else missing
    if row.who in (routes.CANDIDATE, routes.ATTENDING):
        return ok if actor.kind == row.who and cell.whose in ("own", "none") else missing
    return _for_staff(cell, ok)


def _for_link(cell: Cell, ok: frozenset[int]) -> frozenset[int]:
    if cell.whose == "missing":
        return frozenset({404})
    if cell.actor.kind == "anonymous":
        return ok
    if cell.actor.kind == "attending" and cell.whose == "own":
        return ok
    return frozenset({cell.row.wrong})


def _for_staff(cell: Cell, ok: frozenset[int]) -> frozenset[int]:
    inside = cell.whose in ("own", "foreign", "missing")
    if cell.actor.kind != "staff" or not inside:
        return frozenset({404})
    if cell.row.who == routes.VIEW_OWNER:
        return ok if cell.whose == "own" and cell.actor.role == "owner" else frozenset({404})
    allowed = cell.row.who == routes.STAFF or may(cell.actor.role, cell.row.who)
    if cell.whose == "own":
        return ok if allowed else frozenset({403})
    return frozenset({404}) if allowed else frozenset({403, 404})


def is_allowed(cell: Cell) -> bool:
    """Does the table let this actor do this with this thing?"""
    found = expected(cell)
    fine = {cell.row.ok, cell.row.inside}
    return isinstance(found, frozenset) and bool(found & fine)


# --- sending ------------------------------------------------------------------------------------


controls: dict[str, tuple[str, ...]] = {}
"""The names of the controls that each form was last seen with."""


def form_of(stage: Stage, row: Row, house: House, key: str = "") -> dict[str, Any]:
    """What a browser would send: the page's own fields, and what a person fills in."""
    sent: dict[str, Any] = {}
    if row.page:
        page = stage.call.send(BY_KEY.get(key, ANONYMOUS), "GET", row.page.format(**house.names))
        assert page.status_code == 200, f"{row.page} for {key}: {page.status_code}"
        form = form_to(page.text, row.path.format(**house.names))
        sent, controls[row.key] = form.sent(), tuple(form.names())
    sent |= {name: value.format(**house.names) for name, value in row.fields.items()}
    sent.pop("csrf_token", None)
    if row.upload:
        sent[row.upload] = house.sent_file(row.upload)
    return sent


def owner_of(row: Row, house: str) -> str:
    """The key of somebody in a house who may use this row."""
    if row.who in (routes.PUBLIC, routes.LINK):
        return ANONYMOUS.key
    if row.who == routes.ADMIN:
        return "admin"
    if row.who in (routes.SIGNED_IN, routes.CANDIDATE):
        return f"candidate-{house}"
    return f"attending-{house}" if row.who == routes.ATTENDING else f"owner-{house}"


class Forms:
    """The forms of each row and house, read once from their pages."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._known: dict[tuple[str, str], dict[str, Any]] = {}

    def of(self, cell: Cell) -> dict[str, Any]:
        """A fresh copy of the form that this actor's own house would send."""
        house = self._stage.world.house(cell.actor.house or "alpha")
        key = (cell.row.key, house.key)
        if key not in self._known:
            owner = owner_of(cell.row, house.key)
            self._known[key] = form_of(self._stage, cell.row, house, owner)
            self._stage.reset()
        sent = dict(self._known[key])
        if cell.row.upload:
            sent[cell.row.upload] = house.sent_file(cell.row.upload)
        return sent


def ask(stage: Stage, cell: Cell, forms: Forms) -> TestResponse:
    """The request of a cell."""
    path = cell.row.path.format(**names(stage, cell))
    data = forms.of(cell) if cell.row.method == "POST" else None
    return stage.call.send(cell.actor, cell.row.method, path, data=data)


# --- checks of one row --------------------------------------------------------------------------


@dataclass
class Seen:
    """An answer of a cell."""

    cell: Cell
    status: int
    body: str
    headers: dict[str, str]


def check_row(stage: Stage, row: Row, asked: Iterable[Cell] | None = None) -> list[str]:
    """Everything that is wrong with one row: statuses, oracles, writes, leaks."""
    wrong: list[str] = []
    forms = Forms(stage)
    same: dict[tuple[str, str], Seen] = {}
    stage.tables.moved()
    for cell in cells(row) if asked is None else asked:
        try:
            answer = ask(stage, cell, forms)
        except Exception as error:  # noqa: BLE001  (a crash is a finding)
            wrong.append(f"{cell}: {type(error).__name__}: {error}"[:400])
            stage.reset()
            continue
        wrong += check_status(cell, answer)
        wrong += check_writes(stage, cell)
        wrong += check_leaks(stage, cell, answer)
        wrong += check_canaries(stage, cell, answer)
        wrong += check_oracle(stage, cell, answer, same)
        stranger = cell.actor.kind == "anonymous"
        found = headers.check(row, answer, stage.double.url, anonymous=stranger)
        wrong += [f"{cell}: {one}" for one in found]
        answer.close()
    return wrong


def check_status(cell: Cell, answer: TestResponse) -> list[str]:
    """The answer is the one the table says."""
    right = expected(cell)
    if right == SIGN_IN:
        to = answer.headers.get("Location", "")
        fine = answer.status_code == 303 and to.startswith("/sign-in?next=")
        return [] if fine else [f"{cell}: {answer.status_code} instead of the way to sign in"]
    assert isinstance(right, frozenset)
    if answer.status_code in right:
        return []
    return [f"{cell}: {answer.status_code} instead of {sorted(right)}"]


def check_writes(stage: Stage, cell: Cell) -> list[str]:
    """A GET writes nothing, a refused form changes nothing, an accepted one does something."""
    accepted = is_allowed(cell) and cell.row.method == "POST"
    if not stage.tables.moved():
        return [f"{cell}: accepted, and nothing changed"] if accepted and cell.row.changes else []
    now = stage.tables.state()
    if not tables.changes(stage.base, now):  # only the journals: the next test puts them back
        stage.dirty = True
        return [f"{cell}: accepted, and nothing changed"] if accepted and cell.row.changes else []
    found, foreign = tables.changes(stage.base, now), check_foreign(stage, cell, now)
    stage.put_back()
    if foreign:
        return foreign
    if accepted and (cell.row.changes or {table for table, _ in found} <= cell.row.writes):
        return []
    if is_allowed(cell) and {table for table, _ in found} <= cell.row.writes:
        return []
    return [f"{cell}: changed {tables.said(found)}"]


def changed(stage: Stage) -> set[tuple[str, str]]:
    """What differs from the world as it was built, journals left out."""
    return tables.changes(stage.base, stage.tables.state())


def check_leaks(stage: Stage, cell: Cell, answer: TestResponse) -> list[str]:
    """No word that belongs to others is in the answer."""
    said = f"{answer.get_data().decode(errors='replace')}\n{answer.headers}".lower()
    if "zq" not in said or cell.actor.kind == "admin":
        return []
    wrong = ["zqplatform"] if "zqplatform" in said else []
    for house in (stage.world.alpha, stage.world.beta):
        for kind in MARKS:
            mark = house.secret(kind)
            if mark in said and not _may_read(cell, kind, house.key):
                wrong.append(mark)
    return [f"{cell}: shows {mark}" for mark in wrong]


def check_canaries(stage: Stage, cell: Cell, answer: TestResponse) -> list[str]:
    """Nothing of another house is in the answer, in any column, but what is for everybody."""
    said = f"{answer.get_data().decode(errors='replace')}\n{answer.headers}"
    asked = cell.row.path.format(**names(stage, cell))
    found = []
    for house in _others(cell):
        mine = house == (cell.actor.house or "alpha")
        if LINKS & {*cell.row.objects} and cell.whose == ("own" if mine else "foreign"):
            continue  # a link shows what it is about to whoever holds it
        found += stage.canaries.found(house, said, asked)
    return [f"{cell}: shows {one}" for one in found]


def check_foreign(stage: Stage, cell: Cell, now: tables.State) -> list[str]:
    """Nobody but the platform, and who holds a link, changes a row of another house."""
    if cell.row.who in (routes.LINK, routes.PUBLIC):
        return []
    found = [
        f"{house} {one}" for house in _others(cell) for one in stage.canaries.foreign(house, now)
    ]
    return [f"{cell}: changed rows of {one}" for one in found]


def _others(cell: Cell) -> list[str]:
    """The houses that this actor does not belong to."""
    if cell.actor.kind == "admin":
        return []
    return [house for house in OTHER if house != cell.actor.house]


def _may_read(cell: Cell, kind: str, house: str) -> bool:
    """Is this mark for the actor, or for whoever holds the link of the address?"""
    actor = cell.actor
    if kind in cell.row.shows and cell.whose in ("own", "foreign"):
        return True
    if actor.house != house:
        return False
    readers = {
        "candidate": ("candidate", "attending", "staff"),
        "staff": ("staff",),
        "agency": ("staff", "attending"),
        "doctor": ("staff", "attending"),
    }
    return actor.kind in readers[kind]


def check_oracle(
    stage: Stage, cell: Cell, answer: TestResponse, same: dict[tuple[str, str], Seen]
) -> list[str]:
    """Foreign and missing things answer alike, to the byte, after masking what is echoed."""
    if cell.whose in ("own", "none") and is_allowed(cell):
        return []
    if answer.status_code not in (403, 404, 410) and cell.row.who != routes.PUBLIC:
        return []
    if cell.whose == "none" or is_allowed(cell) or cell.actor.kind == "anonymous":
        return []
    if cell.row.who == routes.LINK and answer.status_code == 403:
        return []  # who holds the link may know that there is something
    group = "house" if cell.row.of_agency and cell.whose not in ("foreign", "missing") else "thing"
    if group == "house" and cell.whose == "own" and cell.actor.kind == "staff":
        return []  # their own house: a refusal by role
    seen = Seen(
        cell,
        answer.status_code,
        masked(stage, cell, answer.get_data(as_text=True)),
        {
            name: masked(stage, cell, value)
            for name, value in answer.headers
            if name not in ("X-Request-Id", "Content-Length")
        },
    )
    first = same.setdefault((cell.actor.key, group), seen)
    if (first.status, first.body, first.headers) == (seen.status, seen.body, seen.headers):
        return []
    return [f"{cell}: differs from the answer for {first.cell.whose} ({first.status})"]


def masked(stage: Stage, cell: Cell, text: str) -> str:
    """A text without what any answer carries of its own: ids of requests, tokens, the address."""
    text = re.sub(r"\b[0-9a-f]{16}\b", "<request>", text)
    text = re.sub(r'(name="csrf_token" value=|csrf-token" content=)"[^"]*"', r"\1<token>", text)
    known = names(stage, cell)
    for value in sorted((known[name] for name in _NAMES.findall(cell.row.path)), key=len):
        if len(value) < 6:  # a word that pages use too: only where it stands in an address
            text = re.sub(rf"(/|%2F){value}\b", r"\1<name>", text)
        else:
            text = text.replace(value, "<name>").replace(quote(value), "<name>")
    return text
