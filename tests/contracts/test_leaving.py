"""Export, wipe, import: every page of the agency renders the same, and `check` is clean.

Every GET of the table that has to do with the house is asked before and after, by somebody who may
see it. What people own themselves (their sign-in, a candidate's name, address, profile and card)
never goes into an archive; it is put back here as if they had come along.
"""

import re
import zipfile
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from marketplace import invariants
from marketplace.archive import arriving, leaving
from marketplace.core import context, freshness, storage
from marketplace.core.config import Config
from marketplace.core.db import Base, open_session
from marketplace.search.jobs import rebuild
from tests.contracts import routes, walk
from tests.contracts.callers import ANONYMOUS, BY_KEY
from tests.contracts.conftest import Stage
from tests.contracts.routes import ROWS, Row
from tests.support import database

SYSTEM = context.system("test")
OWN = ("sign_in", "candidate_profile", "customer")  # what people bring themselves
PASSING = [  # what each answer carries of its own, what the clock moves, what is the platform's
    re.compile(r'(csrf_token|form_key)" value="[^"]*"'),
    re.compile(r"\b[0-9a-f]{16}\b"),
    re.compile(r'data-left="\d+">\d+ min'),
    re.compile(r"DTSTAMP:\w+"),
    re.compile(r'<aside class="news".*?</aside>', re.S),
    re.compile(
        r'<section[^>]*aria-labelledby="sim-h".*?</section>', re.S
    ),  # other agencies' rotations
    re.compile(r'<section[^>]*aria-labelledby="in-h".*?</section>', re.S),  # invitations: keys
    re.compile(r'<section[^>]*aria-labelledby="(asked|as)-h".*?</section>', re.S),  # the same
]
ASIDE = {
    "archive.show": "the archives that an installation made stay in it",
    "notifications_desk.team": "an inbox of people",
    "invited.show": "a key that opens one installation",
    "attending_own.see_delegates": "an attending names them, for all agencies",
}


def concerns(row: Row) -> bool:
    """Does this page show something of one house?"""
    if row.method != "GET" or row.endpoint in ASIDE or row.ok != 200:
        return False
    if row.who in (routes.ADMIN, routes.SIGNED_IN, routes.VIEW_OWNER):
        return row.who == routes.VIEW_OWNER
    if row.path.endswith("/import/attendings/export.csv"):
        return False  # holds invitations, too: keys
    of_house = {"house", "rotation", "doctor", "rotation_id"} & set(row.objects)
    return row.who != routes.PUBLIC or bool(of_house)


def pages(stage: Stage) -> dict[str, str]:
    """What every page of the first house says, without what each answer carries of its own."""
    found = {}
    for row in filter(concerns, ROWS):
        actor = BY_KEY.get(walk.owner_of(row, "alpha"), ANONYMOUS)
        path = row.path.format(**stage.world.alpha.names)
        answer = stage.call.send(actor, "GET", path)
        text = answer.get_data().decode(errors="replace")
        for passing in PASSING:
            text = passing.sub("", text)
        found[f"{row.endpoint} {path}"] = f"{answer.status_code}\n{text}"
        answer.close()
    return found


@pytest.fixture
def moved(stage: Stage, tmp_path: Path) -> Iterator[Path]:
    """The archive of the first house; afterwards the world is as it was built."""
    with (
        stage.app.app_context(),
        open_session(SYSTEM, readonly=True) as session,
        (tmp_path / "a.zip").open("wb") as out,
    ):
        leaving.snapshot(session)
        leaving.write(session, out, stage.world.alpha.market.agency_id)
    yield tmp_path / "a.zip"
    config: Config = stage.app.extensions["rounds.config"]
    storage.configure(config.var_dir / "files", config.file_key)
    stage.put_back()
    with stage.app.app_context():
        rebuild(SYSTEM)


def _come_along(stage: Stage) -> None:
    """People bring what is theirs."""
    house = stage.world.alpha
    people = {house.candidate.id, house.doctor, *house.market.staff.values()}
    with open_session(SYSTEM) as session:
        for row in stage.rows["person"]:
            if row["id"] in people:
                values = {name: row[name] for name in ("name", "email", "password_hash")}
                person = Base.metadata.tables["person"]
                session.execute(update(person).where(person.c.id == row["id"]).values(values))
        for name in OWN:
            mine = [row for row in stage.rows[name] if row["person_id"] in people]
            session.execute(insert(Base.metadata.tables[name]), mine)


def _differ(name: str, before: str, after: str) -> list[str]:
    lines = unified_diff(before.splitlines(), after.splitlines(), "before", "after", n=0)
    return [f"{name}: {line[:300]}" for line in lines]


def test_every_page_renders_the_same(stage: Stage, moved: Path, tmp_path: Path) -> None:
    with stage.app.app_context():
        rebuild(SYSTEM)
    before = pages(stage)
    stage.reset()
    assert len(before) > 60
    database.wipe()
    storage.configure(tmp_path / "files", "another installation's key")
    with stage.app.app_context():
        with open_session(SYSTEM) as session:
            loaded = arriving.load(session, context.SYSTEM, moved)
        _come_along(stage)
        freshness.forget()
        rebuild(SYSTEM)
    assert loaded.slug == stage.world.alpha.names["slug"] and len(loaded.files) > 3
    after = pages(stage)
    assert [name for name, said in before.items() if not said.startswith("200")] == []
    assert [line for name in before for line in _differ(name, before[name], after[name])] == []
    with stage.app.app_context(), open_session(SYSTEM, readonly=True) as session:
        broken = {f.check.code: f.rows for f in invariants.examine(session) if f.rows}
    assert broken == {}


def test_what_is_a_candidates_own_stays_behind(stage: Stage, moved: Path) -> None:
    house = stage.world.alpha
    with zipfile.ZipFile(moved) as packed:
        people = packed.read("tables/person.jsonl").decode()
        names = set(packed.namelist())
    assert house.candidate.email not in people and str(house.candidate.id) in people
    assert not names & {f"tables/{name}.jsonl" for name in OWN}


def test_pages_left_aside_are_pages() -> None:
    assert set(ASIDE) <= {row.endpoint for row in ROWS}
