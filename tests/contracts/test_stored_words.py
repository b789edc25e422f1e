"""Every text of every row is hostile: no page runs it, no file of cells computes it.

The words are written past all forms, straight into the rows: whatever checks a form has, what
shows a text has to escape it. `test_hostile_forms` walks the forms themselves.
"""

import csv
import io
import re
from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

from marketplace.core.spreadsheets import FORMULA_STARTS
from tests.contracts import canaries, walk
from tests.contracts.callers import ANONYMOUS, BY_KEY
from tests.contracts.conftest import Stage
from tests.contracts.routes import ROWS
from tests.support.counts import on_one_database

pytestmark = on_one_database

SCRIPT = (
    """</script></title></textarea>'"><img src=x onerror=zqxss()>{{7654321*1234567}}"""
    "<a hx-get=/zqxss>"
)
FORMULA = "=HYPERLINK(zqxss)"
_RAW = re.compile(r"<img src=x onerror|<a hx-get=/zqxss|</script></title|9449772114007")
assert str(7654321 * 1234567) == "9449772114007"


@pytest.fixture
def house(stage: Stage) -> Iterator[Stage]:
    """A world that is put back: its texts are replaced by hostile ones."""
    yield stage
    stage.put_back()


def answers(stage: Stage, word: str, ending: str = "") -> Iterator[tuple[str, TestResponse]]:
    """Every page (or every file with this ending) with this word in the place of each text."""
    canaries.plant(stage.world.owners, lambda table, column: word)
    for row in ROWS:
        if row.method == "GET" and row.path.endswith(ending):
            actor = BY_KEY.get(walk.owner_of(row, "alpha"), ANONYMOUS)
            answer = stage.call.send(actor, "GET", row.path.format(**stage.world.alpha.names))
            yield row.key, answer
            answer.close()


def test_no_page_runs_a_stored_text(house: Stage) -> None:
    wrong, shown = [], 0
    for key, answer in answers(house, SCRIPT):
        said = answer.get_data().decode(errors="replace")
        shown += "zqxss" in said
        if answer.status_code >= 500:
            wrong.append(f"{key}: {answer.status_code}")
        if answer.mimetype == "text/html" and (found := _RAW.search(said)):
            wrong.append(f"{key}: {found[0]}")
    assert wrong == []
    assert shown > 40


def test_no_cell_computes_a_stored_text(house: Stage) -> None:
    wrong, shown = [], 0
    for key, answer in answers(house, FORMULA, ".csv"):
        for line in csv.reader(io.StringIO(answer.text.lstrip("\ufeff"))):
            shown += sum("zqxss" in cell for cell in line)
            wrong += [f"{key}: {cell}" for cell in line if cell.startswith(FORMULA_STARTS)]
    assert wrong == []
    assert shown > 5
