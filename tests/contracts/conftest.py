"""One world for all contract tests: built once, put back after whatever changed it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from unittest.mock import patch

import pytest
from flask import Flask

from marketplace.app import create_app
from marketplace.core import clock, freshness
from marketplace.core.config import Config
from marketplace.core.db import db
from marketplace.wiring import configure
from tests.contracts import world as worlds
from tests.contracts.callers import Caller
from tests.contracts.canaries import Canaries
from tests.contracts.tables import Rows, State, Tables
from tests.contracts.world import World
from tests.payments.double import PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_SECRET, StripeDouble
from tests.support import database


@dataclass
class Stage:
    """The app, the world on it, and its tables."""

    app: Flask
    world: World
    tables: Tables
    call: Caller
    double: StripeDouble
    rows: dict[str, Rows]
    base: State
    built_at: datetime
    set_back: timedelta = timedelta(0)
    dirty: bool = False  # something was written that the last look did not mind

    @cached_property
    def canaries(self) -> Canaries:
        """What is whose in the world as it was built."""
        return Canaries(self.world.owners, self.base)

    def wall(self) -> datetime:
        """The real time, set back: the world stays as young as it was when it was built, however
        long its tests take."""
        return datetime.now(UTC) - self.set_back

    def begin(self) -> None:
        """It is again the moment at which the world was built."""
        self.set_back = datetime.now(UTC) - self.built_at

    def reset(self) -> None:
        """The world as it was built, if anything may have been written."""
        if self.tables.moved() or self.dirty:
            self.put_back()

    def put_back(self) -> None:
        """The world as it was built."""
        self.tables.put_back(self.rows)
        freshness.forget()
        self.dirty = False

    def enter(self) -> None:
        """The world as it was built, after other tests used the database."""
        configure(self.app.extensions["rounds.config"])
        clock.reset()
        clock.advance(self.world.clock_ahead)
        self.put_back()


@pytest.fixture(scope="session")
def contract_double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeDouble]:
    """The Stripe double as a process of its own."""
    with StripeDouble(tmp_path_factory.mktemp("double")) as running:
        yield running


@pytest.fixture(scope="session")
def built(migrated: None, contract_double: StripeDouble) -> Iterator[Stage]:
    """The whole app and the world, once."""
    database.wipe()
    app = create_app(
        Config.from_env(
            database.settings(
                STRIPE_SECRET_KEY=SECRET_KEY,
                STRIPE_PUBLISHABLE_KEY=PUBLISHABLE_KEY,
                STRIPE_API_BASE=contract_double.url,
                STRIPE_JS_URL=f"{contract_double.url}/v3/",
                STRIPE_WEBHOOK_SECRET=WEBHOOK_SECRET,
            )
        )
    )
    app.testing = True
    with app.app_context():
        made = worlds.build(contract_double)
        db.session.remove()
        asset = str(app.jinja_env.globals["asset_url"]("app.css")).rpartition("/")[2]
        for house in (made.alpha, made.beta):
            house.names["asset"] = asset
    tables = Tables()
    call = Caller(app, made)
    rows, state = tables.keep(), tables.state()
    yield Stage(app, made, tables, call, contract_double, rows, state, datetime.now(UTC))
    tables.close()
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="module")
def entered(built: Stage) -> Iterator[Stage]:
    """The world, on its own clock, for one module."""
    with patch.object(clock, "wall", built.wall):
        built.begin()
        built.enter()
        yield built
    clock.reset()


@pytest.fixture
def stage(entered: Stage) -> Stage:
    """The app and the world as it was built."""
    entered.begin()
    entered.reset()
    return entered
