"""The demo's pages: accounts, clock, mailbox; a message cannot run anything."""

from collections.abc import Iterator
from functools import cache
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient

from demo import pages as demo_pages
from demo.accounts import ACCOUNTS
from demo.web import create_app
from marketplace.core import clock, mail
from marketplace.core.config import Config, ConfigError
from marketplace.core.context import system
from marketplace.core.db import open_session
from tests.support import apps, database

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@cache
def _app() -> Flask:
    return create_app(Config.from_env(database.settings()))


@pytest.fixture
def demo_app(migrated: None) -> Iterator[Flask]:
    database.wipe()
    with apps.started(_app()) as app:
        yield app


@pytest.fixture
def client(demo_app: Flask) -> FlaskClient:
    return demo_app.test_client()


def _post_mail(app: Flask, to: str, html: str = "<html><head></head><body>Hi</body></html>") -> str:
    with app.app_context(), open_session(system("test")) as session:
        key = mail.post(
            session,
            slug="test",
            to=to,
            name="Test Person",
            subject=f"For {to}",
            text="Open http://localhost/decide/abc now",
            html=html,
            dedupe_key=str(uuid4()),
        )
        return str(key)


def test_outside_the_demo_it_does_not_start() -> None:
    safe = database.settings(DEMO="0", STRIPE_API_BASE="")
    with pytest.raises(ConfigError):
        create_app(Config.from_env(safe))


def test_home_lists_every_account(client: FlaskClient) -> None:
    page = client.get("/demo").get_data(as_text=True)
    for account in ACCOUNTS:
        assert account.email in page and account.password in page


@pytest.mark.parametrize("by", sorted(demo_pages.STEPS))
def test_the_clock_moves(client: FlaskClient, by: str) -> None:
    before = clock.offset()
    answer = client.post("/demo/clock", data={"by": by}, headers=SAME_ORIGIN)
    assert answer.status_code == 303
    assert clock.offset() - before == demo_pages.STEPS[by][1]


@pytest.mark.parametrize("by", ["", "-1d", "1000d", "<b>"])
def test_the_clock_takes_only_its_steps(client: FlaskClient, by: str) -> None:
    before = clock.offset()
    assert client.post("/demo/clock", data={"by": by}, headers=SAME_ORIGIN).status_code == 422
    assert clock.offset() == before


def test_the_clock_is_not_moved_from_elsewhere(client: FlaskClient) -> None:
    answer = client.post("/demo/clock", data={"by": "1d"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_mailbox_shows_all_or_one_address(demo_app: Flask, client: FlaskClient) -> None:
    assert "No message" in client.get("/demo/mailbox").get_data(as_text=True)
    _post_mail(demo_app, "one@demo.example")
    _post_mail(demo_app, "two@demo.example")
    everybody = client.get("/demo/mailbox").get_data(as_text=True)
    assert "For one@demo.example" in everybody and "For two@demo.example" in everybody
    one = client.get("/demo/mailbox?to=One@demo.example").get_data(as_text=True)
    assert "For one@demo.example" in one and "For two@demo.example" not in one


def test_a_message_in_text_and_in_a_sandbox(demo_app: Flask, client: FlaskClient) -> None:
    key = _post_mail(demo_app, "one@demo.example")
    page = client.get(f"/demo/mailbox/{key}")
    text = page.get_data(as_text=True)
    assert 'href="http://localhost/decide/abc"' in text
    assert 'sandbox="' in text and "allow-scripts" not in text
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]


def test_the_html_of_a_message_runs_nothing(demo_app: Flask, client: FlaskClient) -> None:
    key = _post_mail(demo_app, "one@demo.example", "<html><head></head><script>x</script></html>")
    answer = client.get(f"/demo/mailbox/{key}/html")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox")
    assert "allow-scripts" not in policy and "allow-forms" not in policy
    assert "default-src 'none'" in policy and "script-src" not in policy
    assert '<base target="_top">' in answer.get_data(as_text=True)


def test_an_unknown_message(client: FlaskClient) -> None:
    assert client.get(f"/demo/mailbox/{uuid4()}").status_code == 404
    assert client.get(f"/demo/mailbox/{uuid4()}/html").status_code == 404
