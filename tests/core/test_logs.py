"""Logs: one JSON object a line, the request's id also on what its job writes, and no secret."""

import io
import json
import logging
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import SQLAlchemyError

from marketplace.core import context, jobs, logs, mail
from marketplace.core.db import db, engine_options, open_session
from marketplace.core.mail import MailMessage
from marketplace.core.outbox import OutboxMessage
from tests import factories
from tests.support import apps, database
from tests.support.rooms import Browser

KEYS = {"at", "level", "logger", "request_id", "message"}
OURS = "request-of-a-test-1"
SAME = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost", "X-Request-Id": OURS}


class Log(io.StringIO):
    """What was written to standard error."""

    def lines(self, message: str = "") -> list[dict[str, Any]]:
        """Every line, read as JSON; those with this message when one is named."""
        found: list[dict[str, Any]] = [json.loads(line) for line in self.getvalue().splitlines()]
        return [line for line in found if not message or line["message"] == message]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """The logging of the product, as every process sets it."""
    written, root = Log(), logging.getLogger()
    kept, level = root.handlers[:], root.level
    with monkeypatch.context() as patch:
        patch.setattr("sys.stderr", written)
        logs.configure()
    yield written
    root.handlers[:] = kept
    root.setLevel(level)


@pytest.fixture
def site(migrated: None) -> Iterator[Flask]:
    """The whole app, whose queue is away: each request that writes work says so."""
    database.wipe()
    with apps.whole(REDIS_URL="unix:///nowhere/valkey.sock") as app:
        app.testing = False  # a crash is answered, as in production
        yield app
        app.testing = True


def ask(site: Flask, path: str, **form: str) -> int:
    return Browser(site).client.post(path, data=form, headers=SAME).status_code


# --- one line -----------------------------------------------------------------------------------


def test_a_record_is_one_line_of_json_with_its_keys(log: Log) -> None:
    logging.getLogger("rounds.test").info("two\nlines of %s", "words", extra={"row": 7})
    assert log.getvalue().count("\n") == 1
    (line,) = log.lines()
    assert set(line) == KEYS | {"row"}
    assert line["message"] == "two\nlines of words" and line["row"] == 7
    assert (line["level"], line["logger"]) == ("info", "rounds.test")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["at"])


def test_an_error_brings_its_traceback_in_the_same_line(log: Log) -> None:
    try:
        raise RuntimeError("on\npurpose")
    except RuntimeError:
        logging.getLogger("rounds.test").exception("failed", extra={"what": {1, 2}})
    (line,) = log.lines()
    assert set(line) == KEYS | {"what", "error"}
    assert "RuntimeError: on\npurpose" in line["error"]
    assert log.getvalue().count("\n") == 1


def test_debug_and_what_others_chat_is_left_out(log: Log) -> None:
    logging.getLogger("rounds.test").debug("detail")
    for name in ("werkzeug", "rq.worker", "stripe", "urllib3"):
        logging.getLogger(name).info("chat")
    assert log.lines() == []


# --- from the request to its job ----------------------------------------------------------------


def run_waiting() -> list[str]:
    """Do what waits in the outbox as the worker does, in its own context; returns the answers."""
    with open_session(factories.a_system(), readonly=True) as session:
        keys = session.scalars(
            select(OutboxMessage.id).where(OutboxMessage.done_at.is_(None))
        ).all()
    return [jobs.run_message(str(key)) for key in keys]


def test_one_id_from_the_request_over_its_job_to_the_job_of_that_job(site: Flask, log: Log) -> None:
    """Somebody asks for a link; a job writes the message; another job cannot send it."""
    with site.app_context():
        ana = factories.candidate()
    assert ask(site, "/sign-in/link", email=ana.email) < 400
    (asked,) = log.lines("request")
    assert asked["request_id"] == OURS and asked["logger"] == "rounds.web"
    assert (asked["method"], asked["path"], asked["status"]) == ("POST", "/sign-in/link", 303)
    assert 0 < asked["ms"] < 30_000
    (away,) = log.lines("queue is away")
    assert away["request_id"] == OURS and away["level"] == "warning"
    context.request_id.set("-")
    with socket.socket() as held, site.app_context():
        held.bind(("127.0.0.1", 0))  # a port that nobody listens on
        mail.configure(f"smtp://127.0.0.1:{held.getsockname()[1]}", "rounds@example.org")
        assert run_waiting() == ["done"]
        assert run_waiting() == ["failed"]
    (done,) = log.lines("job done")
    assert done["request_id"] == OURS and done["topic"] == "accounts.mail_link"
    assert done["outbox_id"] and 0 < done["ms"] < 30_000
    (failed,) = log.lines("job failed")
    assert failed["request_id"] == OURS and failed["topic"] == "core.mail.deliver"
    assert "ConnectionRefusedError" in failed["error"]
    assert context.request_id.get() == "-"  # the worker's own lines are not this request's


def test_probes_and_static_files_are_not_told(site: Flask, log: Log) -> None:
    """They come every few seconds and say nothing."""
    client = site.test_client()
    asset = str(site.jinja_env.globals["asset_url"]("app.css"))  # type: ignore[operator]
    for path in ("/healthz", "/readyz", asset):
        assert client.get(path).status_code == 200
    assert log.lines() == []
    assert client.get("/sign-in?next=/me").status_code == 200
    (line,) = log.lines()
    assert set(line) == KEYS | {"method", "path", "status", "ms"}
    assert line["path"] == "/sign-in"  # without its query


# --- no secrets ---------------------------------------------------------------------------------


def token_of_the_mail() -> str:
    with open_session(factories.a_system(), readonly=True) as session:
        body = session.scalars(select(MailMessage.text)).one()
    found = re.search(r"/sign-in/link/(\S+)", body)
    assert found
    return found[1]


def test_a_link_stays_out_of_the_log_also_when_its_page_fails(
    site: Flask, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.app_context():
        ana = factories.candidate()
        ask(site, "/sign-in/link", email=ana.email)
        run_waiting()
        token = token_of_the_mail()
    path, visitor = f"/sign-in/link/{token}", site.test_client()
    with socket.socket() as held, monkeypatch.context() as away, site.app_context():
        held.bind(("127.0.0.1", 0))
        gone = f"postgresql+psycopg://rounds@127.0.0.1:{held.getsockname()[1]}/rounds"
        away.setitem(db.engines, None, create_engine(gone, **engine_options(gone)))
        assert visitor.get(path, headers=SAME).status_code == 503
        assert ask(site, path, password="a long secret passphrase") == 503
    with monkeypatch.context() as broken:
        broken.setitem(site.view_functions, "accounts.see_link", lambda token: 1 // 0)
        assert visitor.get(path, headers=SAME).status_code == 500
    for message, times in (("the database did not answer", 2), ("request failed", 1)):
        lines = log.lines(message)
        assert [line["path"] for line in lines] == ["/sign-in/link/<token>"] * times
        assert all(line["request_id"] == OURS for line in lines)
    assert visitor.get(f"{path}/", headers=SAME).status_code == 404
    (lost,) = [line for line in log.lines("request") if line["status"] == 404]
    assert lost["path"] == "no such address"
    for secret in (token, "a long secret passphrase", ana.email):
        assert secret not in log.getvalue()


def test_an_error_of_the_database_does_not_tell_the_values(app: Flask, log: Log) -> None:
    """They are names, addresses and hashes."""
    engine = create_engine(database.DATABASE_URL, **engine_options(database.DATABASE_URL))
    assert db.engine.hide_parameters
    with pytest.raises(SQLAlchemyError) as error, engine.connect() as connection:
        connection.execute(text("SELECT :secret FROM nowhere"), {"secret": "of a person"})
    engine.dispose()
    assert "nowhere" in str(error.value) and "of a person" not in str(error.value)
