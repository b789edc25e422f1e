"""Two houses, and the walls that stand between them."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from flask import Flask

from marketplace.core.db import db
from marketplace.tenants import scope
from tests.support.database import IS_POSTGRES, no_row_level_security
from tests.tenants.market import House, build

WALLS = ["both walls", "row-level security alone", "ORM alone"] if IS_POSTGRES else ["both walls"]
"""SQLite has one wall, the ORM's: there it stands alone anyway."""


@pytest.fixture
def houses(app: Flask) -> tuple[House, House]:
    """Two agencies with the same things."""
    return build("alpha", "9000000001"), build("beta", "9000000002")


@pytest.fixture(params=WALLS)
def walls(app: Flask, request: pytest.FixtureRequest) -> Iterator[str]:
    """Which walls stand; connections start anew, with new plans."""
    scope.walls["orm"] = request.param != "row-level security alone"
    with ExitStack() as off:
        if request.param == "ORM alone":
            off.enter_context(no_row_level_security())
        db.engine.dispose()
        yield request.param
        scope.walls["orm"] = True
        db.engine.dispose()
