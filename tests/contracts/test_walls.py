"""Each wall alone: the whole table of routes again, with the other wall really off.

SQLite has one wall, the ORM's, so `test_matrix` is its walk. On PostgreSQL each wall is walked
alone. With no wall at all the same walk has to fail, or it would prove nothing.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from marketplace.core.db import db
from marketplace.tenants import scope
from tests.contracts import routes, walk
from tests.contracts.conftest import Stage
from tests.contracts.routes import ROWS, Row
from tests.support import database
from tests.support.counts import full

ALONE = ["row-level security", "ORM"] if database.IS_POSTGRES else []
GUARDED = [row for row in ROWS if row.of_agency and row.objects]
"""Routes about one thing of an agency."""
CHOSEN = ROWS if full() else tuple(row for row in ROWS if row.who != routes.ADMIN)
"""The platform's pages see everything: for them there is no wall."""


@contextmanager
def only(stage: Stage, *standing: str) -> Iterator[None]:
    """The walls that stand; all others are off. Connections start anew, with new plans."""
    with ExitStack() as off, stage.app.app_context():
        if database.IS_POSTGRES and "row-level security" not in standing:
            off.enter_context(database.no_row_level_security())
        db.engine.dispose()
        scope.walls["orm"] = "ORM" in standing
        try:
            yield
        finally:
            scope.walls["orm"] = True
            db.engine.dispose()


@pytest.fixture(scope="module", params=ALONE)
def alone(entered: Stage, request: pytest.FixtureRequest) -> Iterator[str]:
    """One wall, for all its rows."""
    with only(entered, request.param):
        yield request.param


@pytest.mark.postgres
@pytest.mark.parametrize("row", CHOSEN, ids=lambda row: row.key)
def test_one_wall_alone(alone: str, stage: Stage, row: Row) -> None:
    cells = walk.cells(row) if full() else walk.two_cells(row)
    assert walk.check_row(stage, row, cells) == []


def test_without_walls_the_walk_fails(stage: Stage) -> None:
    """So `only` really takes a wall down, and the walk sees it. A few routes ask for the owner
    themselves besides; nearly all rely on the walls."""
    unseen = set()
    with only(stage):
        for row in GUARDED:
            if not walk.check_row(stage, row, [next(walk.two_cells(row))]):
                unseen.add(row.endpoint)
            stage.reset()
    assert len(unseen) < len(GUARDED) / 10, sorted(unseen)
