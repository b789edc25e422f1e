"""Apps for tests, each built once for a run: what SQLAlchemy and Jinja prepare is kept, only the
rows and the settings of the process start anew for each test."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from flask import Flask, Request

from marketplace.app import create_app
from marketplace.core import assets, clock, freshness, pages, web
from marketplace.core.config import Config
from marketplace.core.db import db
from marketplace.core.web import Viewer
from marketplace.wiring import configure, create_core
from tests.support import database

# What other machines may have changed is not asked in the middle of a test that counts queries.
freshness.ASK_EVERY = 3600.0

Identify = Callable[[Request], Viewer | None]
Settings = tuple[tuple[str, str], ...]


@cache
def _core(settings: Settings) -> Flask:
    return create_core(Config.from_env(database.settings(**dict(settings))))


@cache
def _whole(settings: Settings) -> Flask:
    return create_app(Config.from_env(database.settings(**dict(settings))))


@cache
def _small(rooms: tuple[web.Room, ...], identify: Identify, settings: Settings) -> Flask:
    app = create_core(Config.from_env(database.settings(**dict(settings))))
    web.init_app(app, identify)
    assets.init_app(app)
    pages.init_app(app)
    for room in rooms:
        app.register_blueprint(room)
    return app


@contextmanager
def core(**more: str) -> Iterator[Flask]:
    """An app without pages, inside its context."""
    with started(_core(_settings(more))) as app, app.app_context():
        yield app


@contextmanager
def small(rooms: Sequence[web.Room], identify: Identify, **more: str) -> Iterator[Flask]:
    """An app of chosen rooms, inside its context."""
    with started(_small(tuple(rooms), identify, _settings(more))) as app, app.app_context():
        yield app


@contextmanager
def whole(**more: str) -> Iterator[Flask]:
    """The whole app, outside any context: a test client opens its own."""
    with started(_whole(_settings(more))) as app:
        yield app


def _settings(more: dict[str, str]) -> Settings:
    return tuple(sorted(more.items()))


@contextmanager
def started(app: Flask) -> Iterator[Flask]:
    """An app with its settings told to the process, on the real time; closes its connections."""
    app.testing = True
    configure(app.extensions["rounds.config"])
    clock.reset()
    with app.app_context():
        freshness.refresh()  # as in a process that has answered before
    yield app
    clock.reset()
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
