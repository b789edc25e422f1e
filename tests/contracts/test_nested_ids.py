"""A foreign id anywhere: in one part of an address, and in each field of each form.

`test_matrix` asks for the other house's things by a whole address; here only one id of a request
is swapped, with all the rest in order: a booking of ours with a child of theirs.
"""

import io
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from tests.contracts import canaries, walk
from tests.contracts.callers import ANONYMOUS, BY_KEY
from tests.contracts.conftest import Stage
from tests.contracts.routes import ADMIN, LINK, PUBLIC, ROWS, Row
from tests.contracts.tables import State
from tests.support.counts import on_one_database

pytestmark = on_one_database


def swaps(stage: Stage) -> dict[str, str]:
    """Every id and name of the first house with the like of the second one."""
    found: dict[str, str] = {}
    for table, rows in stage.base.items():
        words: dict[str, list[tuple[Any, ...]]] = {"alpha": [], "beta": []}
        for row in rows.values():
            if house := canaries.house_of(stage.world.owners, table, row):
                words[house].append(tuple(row.get(name) for name in ("id", "slug", "reference")))
        for mine, theirs in zip(words["alpha"], words["beta"], strict=False):
            found |= {str(a): str(b) for a, b in zip(mine, theirs, strict=True) if a and b}
    return found


_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{5,}")


def crossed(stage: Stage, row: Row) -> Iterator[str]:
    """The address of a row with one of its parts swapped."""
    mine, theirs = stage.world.alpha.names, stage.world.beta.names
    for name in row.objects if len(row.objects) > 1 else ():
        if mine[name] != theirs[name]:
            yield row.path.format(**mine | {name: theirs[name]})


def test_one_foreign_part_of_an_address_is_missing(stage: Stage) -> None:
    wrong = []
    for row in ROWS:
        if row.who in (PUBLIC, ADMIN, LINK):
            continue
        actor = BY_KEY.get(walk.owner_of(row, "alpha"), ANONYMOUS)
        for path in crossed(stage, row):
            answer = stage.call.send(
                actor, row.method, path, data={} if row.method == "POST" else None
            )
            if answer.status_code != 404:
                wrong.append(f"{row.method} {path}: {answer.status_code}")
            answer.close()
    stage.put_back()
    assert wrong == []


def forms(stage: Stage) -> Iterator[tuple[Row, str, dict[str, Any]]]:
    """Each form with the ids of one of its fields swapped."""
    known = swaps(stage)
    for row in ROWS:
        if row.method != "POST" or row.who in (PUBLIC, ADMIN, LINK):
            continue
        form = walk.form_of(stage, row, stage.world.alpha, walk.owner_of(row, "alpha"))
        stage.reset()
        for name, value in form.items():
            if not isinstance(value, str):
                continue
            other = _WORD.sub(lambda found: known.get(found[0], found[0]), value)
            if other != value:
                yield row, name, form | {name: other}


def refers(stage: Stage, after: State) -> list[str]:
    """Rows of the first house that changed and name a row of the second one."""
    theirs = {
        key[0]
        for table, rows in stage.base.items()
        for key, row in rows.items()
        if canaries.house_of(stage.world.owners, table, row) == "beta" and isinstance(key[0], UUID)
    }
    found = []
    for table, rows in after.items():
        for key, row in rows.items():
            if stage.base[table].get(key) == row:
                continue
            if canaries.house_of(stage.world.owners, table, row) == "alpha":
                found += [
                    f"{table}.{name}"
                    for name, value in row.items()
                    if isinstance(value, UUID) and value in theirs
                ]
    return found


def test_one_foreign_id_in_a_form_changes_and_shows_nothing(stage: Stage) -> None:
    wrong, tried = [], 0
    for row, name, form in forms(stage):
        tried += 1
        actor = BY_KEY.get(walk.owner_of(row, "alpha"), ANONYMOUS)
        path = row.path.format(**stage.world.alpha.names)
        file = {row.upload: stage.world.alpha.sent_file(row.upload)} if row.upload else {}
        answer = stage.call.send(actor, "POST", path, data=form | file)
        said = answer.get_data().decode(errors="replace")
        label = f"{row.key} with their {name}"
        if answer.status_code >= 500:
            wrong.append(f"{label}: {answer.status_code}")
        asked = " ".join(
            str(value) for value in form.values() if not isinstance(value, tuple | io.BytesIO)
        )
        wrong += [f"{label}: shows {one}" for one in stage.canaries.found("beta", said, asked)]
        if stage.tables.moved():
            after = stage.tables.state()
            wrong += [f"{label}: changes {one}" for one in stage.canaries.foreign("beta", after)]
            wrong += [f"{label}: refers by {one}" for one in refers(stage, after)]
            stage.put_back()
    assert wrong == [] and tried > 8
