"""Every route, asked by every role, for own, foreign and missing things."""

import pytest

from tests.contracts import routes, walk
from tests.contracts.conftest import Stage
from tests.contracts.routes import ROWS, Row


def test_every_route_is_in_the_table(stage: Stage) -> None:
    assert routes.unlisted(stage.app) == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_row(stage: Stage, row: Row) -> None:
    assert walk.check_row(stage, row) == []
