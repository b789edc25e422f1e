"""The agency's queue pages, with somebody of each side."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import event

from marketplace.bookings import views as booking_views
from marketplace.bookings import workspace_views
from marketplace.core.db import db
from marketplace.desk import queue_views
from marketplace.desk import views as reply_views
from marketplace.numbers import views as number_views
from marketplace.placements import attending_views, link_views
from tests import factories
from tests.support import rooms
from tests.support.rooms import Browser


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site(
        [
            workspace_views.workspace,
            queue_views.queue,
            reply_views.room,
            number_views.room,
            booking_views.mine,
            attending_views.mine,
            link_views.link,
        ]
    ) as site:
        yield site


@pytest.fixture
def market(app: Flask) -> factories.Market:
    return factories.market(capacity=9)


@pytest.fixture
def desk(app: Flask, market: factories.Market) -> Browser:
    return Browser(app, market.staff["coordinator"])


@pytest.fixture
def statements(app: Flask) -> Iterator[list[str]]:
    """The statements sent to the database, without the announcement of the scope."""
    sent: list[str] = []

    def note(connection, cursor, statement, *rest) -> None:
        verbs = ("SELECT", "INSERT", "UPDATE", "DELETE")
        if statement.startswith(verbs) and "set_config(" not in statement:
            sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield sent
    event.remove(db.engine, "before_cursor_execute", note)


def a_booking(
    market: factories.Market, state: factories.State = "requested", name: str = "Amara Nwosu"
) -> factories.Made:
    return factories.booking(market, factories.candidate(name), state)


def base(market: factories.Market, tail: str = "") -> str:
    return f"/agency/{market.agency_slug}/bookings{tail}"
