"""A small app of chosen rooms on the test database, and a browser whose owner the test names."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context
from html import unescape
from typing import Any
from uuid import UUID

from flask import Flask, Request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from marketplace.accounts import delegates, entrants
from marketplace.accounts.models import Person
from marketplace.core import context, ids, web
from marketplace.core.db import open_session
from marketplace.core.web import Membership, Viewer
from marketplace.listings.models import Attending
from tests.support import apps, database

_PERSON = "X-Test-Person"


def _identify(request: Request) -> Viewer | None:
    """Who the test says it is, with the rights that the database knows."""
    given = request.headers.get(_PERSON)
    if not given:
        return None
    key = UUID(given)
    with open_session(context.system("test: identify"), readonly=True) as session:
        person = session.get_one(Person, key)
        work = entrants.work_of(session, key)
        return Viewer(
            key,
            ids.uuid7(),
            person.name,
            person.email,
            is_attending=session.get(Attending, key) is not None,
            agencies=tuple(Membership(w.agency_id, w.slug, w.name, w.role) for w in work),
            attends_for=tuple(
                (one.attending_id, one.name) for one in delegates.attends_for(session, key)
            ),
        )


@contextmanager
def site(rooms: Sequence[web.Room], **settings: str) -> Iterator[Flask]:
    """The app with these rooms on an empty database, inside its context."""
    database.wipe()
    with apps.small(rooms, _identify, **settings) as app:
        yield app


class Browser:
    """Somebody's browser (nobody's without a person): sends an Origin, and a token with a form."""

    def __init__(self, app: Flask, person: UUID | None = None) -> None:
        self.client: FlaskClient = app.test_client()
        self.person = person

    def get(self, path: str, **headers: str) -> TestResponse:
        return self._send("GET", path, headers=headers)

    def head(self, path: str) -> TestResponse:
        return self._send("HEAD", path, headers={})

    def post(
        self, path: str, data: dict[str, Any] | None = None, *, page: str = ""
    ) -> TestResponse:
        """Send a form. `page` is where it stands; its token goes along."""
        sent = dict(data or {})
        if page:
            sent["csrf_token"] = token_of(self.get(page).text)
        headers = {"Origin": "http://localhost"}
        return self._send("POST", path, headers=headers, data=sent)

    def _send(
        self, method: str, path: str, *, headers: dict[str, str], **more: Any
    ) -> TestResponse:
        if self.person is not None:
            headers = headers | {_PERSON: str(self.person)}
        # a context of its own: the test's app context must not leak into the request
        return Context().run(lambda: self.client.open(path, method=method, headers=headers, **more))


def token_of(html: str) -> str:
    """The form token of a page."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', html)
    assert found, "no form on this page"
    return found[1]


def words_of(html: str) -> str:
    """What a page says, without tags and with single spaces."""
    text = re.sub(r"<(script|style|svg).*?</\1>", " ", html, flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())
