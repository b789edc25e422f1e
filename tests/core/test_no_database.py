"""The database is away: pages that need it say so, the others go on, nothing is restarted."""

import socket
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import create_engine
from sqlalchemy.pool import QueuePool

from marketplace.core.db import db
from tests.support import apps

AWAY = "postgresql+psycopg://rounds@127.0.0.1:{}/rounds?connect_timeout=2"


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with apps.whole() as whole:
        yield whole


def test_a_page_says_so_and_recovers(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = app.test_client()
    assert visitor.get("/agencies/nobody").status_code == 404
    with socket.socket() as held, monkeypatch.context() as away, app.app_context():
        held.bind(("127.0.0.1", 0))  # a port that nobody listens on
        gone = create_engine(AWAY.format(held.getsockname()[1]))
        away.setitem(db.engines, None, gone)
        answer = visitor.get("/agencies/nobody")
        assert answer.status_code == 503
        assert "A part of Rounds is not answering" in answer.text
        assert "look first whether it arrived" in answer.text
        assert answer.headers["Retry-After"] == "60"
        assert "private" in answer.headers["Cache-Control"]
        assert visitor.get("/sign-in").status_code == 200
        ready = visitor.get("/readyz")
        assert (ready.status_code, ready.json) == (503, {"database": False, "queue": False})
        assert visitor.get("/healthz").status_code == 200  # nobody restarts the process for it
    assert visitor.get("/agencies/nobody").status_code == 404
    assert visitor.get("/readyz").status_code == 200


def test_with_no_free_connection_a_page_says_so_too(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = app.test_client()
    with app.app_context(), monkeypatch.context() as used_up:
        one = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0, "pool_timeout": 0.05}
        engine = create_engine(db.engine.url, **one)
        used_up.setitem(db.engines, None, engine)
        with engine.connect():
            answer = visitor.get("/agencies/nobody")
        assert answer.status_code == 503 and answer.headers["Retry-After"] == "60"
        assert "look first whether it arrived" in answer.text
        assert visitor.get("/agencies/nobody").status_code == 404
        engine.dispose()
