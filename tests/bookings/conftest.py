"""A small app with the candidate's rooms, people to act, and a browser's habits."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest
from flask import Flask, Request, g
from flask.testing import FlaskClient
from sqlalchemy import event
from werkzeug.test import TestResponse

from marketplace.bookings import card_views, request_views, views
from marketplace.core import ids
from marketplace.core.db import db
from marketplace.core.web import Viewer
from marketplace.payments import views as payment_views
from tests import factories
from tests.payments.double import PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_SECRET, StripeDouble
from tests.support import apps, database

PERSON = "X-Test-Person"


def identify(request: Request) -> Viewer | None:
    """Who a test says it is; no cookie and no query."""
    given = request.headers.get(PERSON)
    if not given:
        return None
    person_id, email, name = given.split("|")
    return Viewer(ids.UUID(person_id), ids.uuid7(), name, email)


def small_app(**more: str) -> AbstractContextManager[Flask]:
    """The rooms of bookings and payments on the test database, inside its context."""
    rooms = (views.mine, request_views.steps, card_views.cards, payment_views.hooks)
    return apps.small(rooms, identify, **more)


@pytest.fixture(scope="session")
def double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeDouble]:
    """The Stripe double as a process."""
    with StripeDouble(tmp_path_factory.mktemp("double")) as running:
        yield running


@pytest.fixture
def site(migrated: None, double: StripeDouble) -> Iterator[Flask]:
    """The small app on an empty database and an empty double."""
    database.wipe()
    double.control("reset")
    with small_app(
        STRIPE_SECRET_KEY=SECRET_KEY,
        STRIPE_PUBLISHABLE_KEY=PUBLISHABLE_KEY,
        STRIPE_API_BASE=double.url,
        STRIPE_JS_URL=f"{double.url}/v3/",
        STRIPE_WEBHOOK_SECRET=WEBHOOK_SECRET,
    ) as app:
        yield app


@dataclass
class Form:
    """A form of a page with what a browser would send of it unchanged."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._open: Form | None = None
        self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self._open = Form(given.get("action") or "", (given.get("method") or "get").lower())
            self.found.append(self._open)
        if self._open is None or not given.get("name"):
            return
        name, value = str(given["name"]), given.get("value") or ""
        self._open.names.append(name)
        ticked = given.get("type") not in ("checkbox", "radio") or "checked" in given
        if tag == "input" and ticked and "disabled" not in given:
            self._open.fields[name] = value
        if tag == "textarea":
            self._area = name
            self._open.fields[name] = ""

    def handle_data(self, data: str) -> None:
        if self._area and self._open:
            self._open.fields[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""
        if tag == "form":
            self._open = None


@dataclass
class Page:
    """An answer as a person sees it."""

    answer: TestResponse

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.answer.status_code

    @property
    def html(self) -> str:
        """The page's source."""
        return self.answer.get_data(as_text=True)

    @property
    def text(self) -> str:
        """The words without markup."""
        bare = re.sub(r"<(script|style)\b.*?</\1>", " ", self.html, flags=re.S)
        return " ".join(re.sub(r"<[^>]+>", " ", bare).replace("\xa0", " ").split())

    @property
    def plain(self) -> str:
        """The words without the request's own id."""
        return self.text.replace(self.answer.headers["X-Request-Id"], "")

    @property
    def to(self) -> str:
        """Where it redirects to."""
        return self.answer.headers.get("Location", "")

    @property
    def forms(self) -> list[Form]:
        """Every form of the page."""
        parser = _Forms()
        parser.feed(self.html)
        return parser.found

    def form(self, end: str) -> Form:
        """The form whose address ends like this."""
        found = [form for form in self.forms if form.action.endswith(end)]
        assert found, f"no form to {end} in {[form.action for form in self.forms]}"
        return found[0]


class Browser:
    """A signed-in browser without scripts: it sends a form as the page has it."""

    def __init__(self, app: Flask, who: factories.Candidate | None) -> None:
        self.client: FlaskClient = app.test_client()
        self.headers = {"Origin": "http://localhost"}
        if who is not None:
            self.headers[PERSON] = f"{who.id}|{who.email}|{who.name}"

    def get(self, path: str, **headers: str) -> Page:
        """Open a page."""
        return self._seen(self.client.get(path, headers=self.headers | headers))

    def post(self, path: str, fields: dict[str, str]) -> Page:
        """Send fields as they are."""
        return self._seen(self.client.post(path, data=fields, headers=self.headers))

    def _seen(self, answer: TestResponse) -> Page:
        """Session and `g` end with the request, as they do outside a test's app context."""
        db.session.remove()
        for name in list(g):
            g.pop(name)
        return Page(answer)

    def send(self, page: Page, end: str, *without: str, **fields: str) -> Page:
        """Send the form of a page, with some fields changed or left out."""
        form = page.form(end)
        kept = {name: value for name, value in form.fields.items() if name not in without}
        return self.post(form.action, kept | fields)


@pytest.fixture
def queries(site: Flask) -> Iterator[list[str]]:
    """The statements sent to the database; PostgreSQL's announcement of the scope, one for each
    transaction like its BEGIN, is left out."""
    sent: list[str] = []

    verbs = ("SELECT", "INSERT", "UPDATE", "DELETE")

    def note(connection, cursor, statement, *rest) -> None:
        if statement.startswith(verbs) and "set_config(" not in statement:
            sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield sent
    event.remove(db.engine, "before_cursor_execute", note)
