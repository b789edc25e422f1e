"""A small market in the database and in the index, for the tests of the page and of the API."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from datetime import date
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import event
from sqlalchemy.engine import Engine as DatabaseEngine
from werkzeug.test import TestResponse

from marketplace.core import context
from marketplace.core.db import open_session
from marketplace.search import finding, jobs, views
from marketplace.search.port import Query, Result, SearchUnavailable
from tests import factories
from tests.support import rooms

SYSTEM = context.system("test")
PLACES = (("chicago-il", "IL"), ("aurora-il", "IL"), ("houston-tx", "TX"), ("boston-ma", "MA"))
SPECIALTIES = ("cardiology", "internal-medicine", "neurology")
LEVELS = (
    ("hands-on-inpatient", "externship", "inpatient"),
    ("hands-on-outpatient", "externship", "outpatient"),
    ("observership-outpatient", "observership", "mixed"),
)
LISTINGS = 24
Get = Callable[..., TestResponse]


def build() -> list[UUID]:
    """24 listings in four cities; number n costs 1000 + 50 n dollars for four weeks."""
    with open_session(SYSTEM) as session:
        agencies = [factories.agency(session, slug=f"house-{n}", name=f"House {n}") for n in (1, 2)]
        made = []
        for n in range(LISTINGS):
            owner = agencies[n % 2]
            doctor = factories.attending(session, f"Vera Moss{n}", slug=f"vera-moss-{n}")
            factories.affiliation(session, owner.id, doctor.id)
            city, state = PLACES[n % 4]
            level, kind, setting = LEVELS[n % 3]
            place = factories.site(
                session, owner.id, city=city, state=state, name=f"Alder Clinic {n}"
            )
            listed = factories.rotation(
                session,
                owner.id,
                place.id,
                doctor.id,
                slug=f"listing-{n}",
                title=f"Ward and clinic {n}",
                specialty=SPECIALTIES[n // 8],
                level=level,
                type=kind,
                setting=setting,
                inclusions=["emr-access", "housing-help"][: 1 + n % 2],
                accepts=["graduate"] if n % 3 else ["graduate", "student"],
                required_exams=["usmle_step_1"] if n % 4 == 1 else [],
                eligibility={"max_years_since_graduation": 3} if n % 5 == 2 else {},
                rating_sum=4 * n,
                rating_count=n,
            )
            factories.block(session, listed, 4, 100_000 + 5_000 * n)
            if n % 2:
                factories.block(session, listed, 2, 60_000 + 5_000 * n)
            for ahead in (10 + n % 5, 20):
                factories.offering(session, listed, factories.monday(ahead), capacity=1 + n % 3)
            made.append(listed.id)
    jobs.rebuild(SYSTEM)
    return made


@contextmanager
def open_shop(**settings: str) -> Iterator[Flask]:
    """The app with the search room over the small market."""
    with rooms.site([views.room], **settings) as app:
        build()
        yield app


def getter(app: Flask) -> Get:
    """Reads pages as a guest; a header's name with underscores."""

    def get(path: str, **headers: str) -> TestResponse:
        return Context().run(
            app.test_client(use_cookies=False).get,
            path,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    return get


class Away:
    """An engine that does not answer."""

    def search(self, query: Query) -> Result:
        raise SearchUnavailable("the test took it away")


def take_away(monkeypatch: Any) -> None:
    """From now on the engine is away."""
    monkeypatch.setattr(finding, "engine", Away)


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement sent to the database meanwhile, but for what opens a transaction."""
    seen: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        if "set_config" not in statement:
            seen.append(statement)

    event.listen(DatabaseEngine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(DatabaseEngine, "before_cursor_execute", note)


def monday(ahead: int) -> date:
    """A start of the market."""
    return factories.monday(ahead)
