"""An app with the rooms of accounts and admin only, people to act, and a browser's habits."""

from collections.abc import Iterator
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from marketplace.accounts import identity, passwords, team_views, views
from marketplace.accounts.models import Membership, Person
from marketplace.admin import (
    agency_views,
    announcement_views,
    list_views,
    money_views,
    people_views,
)
from marketplace.admin import views as admin_views
from marketplace.core import assets, context, jobs, pages, web
from marketplace.core.config import Config
from marketplace.core.db import open_session
from marketplace.core.mail import MailMessage
from marketplace.core.outbox import OutboxMessage
from marketplace.tenants.models import Agency
from marketplace.wiring import create_core
from tests.support import database

PASSWORD = "violet harbor lantern nine"
SYSTEM = context.system("test")
ADMIN_ROOMS = (
    admin_views.room,
    people_views.room,
    list_views.room,
    announcement_views.room,
    agency_views.room,
    money_views.room,
)
_hash = passwords.hashed(PASSWORD)


@cache
def _app() -> Flask:
    """Built once: compressing the static files takes most of a second."""
    app = create_core(Config.from_env(database.settings()))
    app.testing = True
    identity.init_app(app)
    web.init_app(app, identity.identify)
    assets.init_app(app)
    pages.init_app(app)
    for room in (
        views.room,
        views.mine,
        team_views.team,
        team_views.joining,
        *ADMIN_ROOMS,
    ):
        app.register_blueprint(room)
    return app


@pytest.fixture
def site(migrated: None) -> Iterator[Flask]:
    """The small app on an empty database."""
    database.wipe()
    with _app().app_context():
        yield _app()


class Visitor:
    """A browser: keeps cookies, sends an Origin with each form, and the page's token if it has
    one. It never follows a redirect by itself."""

    def __init__(self, app: Flask, address: str = "10.0.0.1") -> None:
        self.client: FlaskClient = app.test_client()
        self.address = address

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.send("GET", path, headers=headers)

    def post(self, path: str, token: str = "", **fields: str) -> TestResponse:
        data = fields | ({"csrf_token": token} if token else {})
        return self.send("POST", path, data=data, headers={"Origin": "http://localhost"})

    def send(self, method: str, path: str, **options: Any) -> TestResponse:
        """A request in a context of its own: the test's app context must not leak into it."""
        base = {
            "REMOTE_ADDR": self.address,
            "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux) Firefox/1",
        }
        options |= {"method": method, "environ_base": base}
        return Context().run(lambda: self.client.open(path, **options))

    def cookie(self) -> dict[str, Any]:
        """What the session cookie holds."""

        def read() -> dict[str, Any]:
            with self.client.session_transaction() as held:
                return dict(held)

        return Context().run(read)

    def token(self, path: str = "/me/account") -> str:
        """The token of a page of the signed-in person."""
        body = self.get(path).get_data(as_text=True)
        return body.split('name="csrf_token" value="')[1].split('"')[0]

    def sign_in(self, email: str, password: str = PASSWORD, **fields: str) -> TestResponse:
        return self.post("/sign-in", email=email, password=password, **fields)

    def is_in(self) -> bool:
        return self.get("/me/account").status_code == 200


@pytest.fixture
def visitor(site: Flask) -> Visitor:
    return Visitor(site)


def person(email: str = "ana@people.example", **values: Any) -> UUID:
    """A person with a verified address and PASSWORD."""
    from marketplace.core import clock

    with open_session(SYSTEM) as session:
        row = Person(
            **{
                "email": email,
                "name": "Ana Pop",
                "password_hash": _hash,
                "email_verified_at": clock.now(),
            }
            | values
        )
        session.add(row)
        session.flush()
        return row.id


def agency(slug: str = "lakeshore") -> UUID:
    with open_session(SYSTEM) as session:
        row = Agency(slug=slug, name=slug.title())
        session.add(row)
        session.flush()
        return row.id


def member(agency_id: UUID, person_id: UUID, role: str = "owner", name: str = "Ana Pop") -> UUID:
    with open_session(SYSTEM) as session:
        row = Membership(
            agency_id=agency_id,
            person_id=person_id,
            role=role,
            person_name=name,
            person_email=f"{person_id}@people.example",
        )
        session.add(row)
        session.flush()
        return row.id


@dataclass(frozen=True)
class Sent:
    slug: str
    to: str
    subject: str
    text: str
    html: str
    at: datetime

    @property
    def path(self) -> str:
        """The path of the one link in the text."""
        return next(
            line.removeprefix("http://localhost")
            for line in self.text.splitlines()
            if line.startswith("http")
        )


def work() -> None:
    """Do what waits in the outbox, once."""
    with open_session(SYSTEM, readonly=True) as session:
        waiting = session.scalars(
            select(OutboxMessage.id)
            .where(OutboxMessage.done_at.is_(None))
            .order_by(OutboxMessage.id)
        ).all()
    for key in waiting:
        assert jobs.run_message(str(key)) == "done"


def mails() -> list[Sent]:
    """Work, then every message, oldest first."""
    work()
    with open_session(SYSTEM, readonly=True) as session:
        rows = session.scalars(select(MailMessage).order_by(MailMessage.id)).all()
        return [Sent(r.slug, r.to_address, r.subject, r.text, r.html, r.created_at) for r in rows]
