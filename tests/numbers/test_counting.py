"""Views: which count, one Redis command a page, rows once, and nothing waits for Redis."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.core import clock, context, counters
from marketplace.core.counters import Batch
from marketplace.core.db import open_session
from marketplace.numbers import counting, jobs
from marketplace.numbers.models import ListingDay
from tests import factories
from tests.support import valkey

SYSTEM = context.system("test")
PERSON = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}


@pytest.mark.parametrize(
    ("method", "headers", "counted"),
    [
        ("GET", {}, True),
        ("GET", {"Referer": "http://x/rotations?q=cardiology"}, True),
        ("GET", {"Referer": "http://["}, True),  # no address
        ("GET", {"Referer": "http://x/rotations/a?start=2027-01-04"}, False),  # another start
        ("HEAD", {}, False),
        ("GET", {"Sec-Purpose": "prefetch"}, False),
        ("GET", {"HX-Request": "true"}, False),
        ("GET", {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}, False),
        ("GET", {"User-Agent": "curl/8.5.0 (x86_64-pc-linux-gnu)"}, False),
        ("GET", {"User-Agent": ""}, False),
    ],
)
def test_what_counts(method: str, headers: dict[str, str], counted: bool) -> None:
    assert counting.counts(method, "/rotations/a", PERSON | headers) is counted


def views() -> dict[tuple[object, str], int]:
    with open_session(SYSTEM, readonly=True) as session:
        rows = session.scalars(select(ListingDay)).all()
        return {(row.rotation_id, str(row.day)): row.views for row in rows}


def test_a_batch_is_written_once_and_adds_up(app: Flask) -> None:
    market, today = factories.market(), str(clock.today("UTC"))
    one = f"{today} {market.rotation_id}"
    odd = {f"{today} {uuid4()}": 5, "nonsense": 1, "2027-99-99 x": 2, f"{one}x": 3}
    batch = Batch("first", {one: 3} | odd)
    assert jobs.write_batch(SYSTEM, batch) is True
    assert jobs.write_batch(SYSTEM, batch) is False  # the job died before it dropped the batch
    assert jobs.write_batch(SYSTEM, Batch("second", {one: 2})) is True
    assert views() == {(market.rotation_id, today): 5}


def test_views_are_the_agencys_own(app: Flask) -> None:
    market, other = factories.market(), factories.market()
    today = str(clock.today("UTC"))
    jobs.write_batch(SYSTEM, Batch("b", {f"{today} {market.rotation_id}": 3}))
    scopes = (
        context.agency(other.agency_id),
        context.public(),
        context.person(market.attending_id),
    )
    for scope in scopes:
        with open_session(scope, readonly=True) as session:
            assert session.scalars(select(ListingDay)).all() == []
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        assert len(session.scalars(select(ListingDay)).all()) == 1


@pytest.fixture
def away() -> Iterator[None]:
    counters.configure("unix:///nowhere/valkey.sock")
    yield
    counters.configure("")


def test_without_redis_a_page_waits_for_nothing(app: Flask, away: None) -> None:
    began = time.perf_counter()
    for _ in range(200):
        counting.note(uuid4())
    assert time.perf_counter() - began < 1.0
    jobs.flush_views(SYSTEM)  # says nothing and does nothing
    assert views() == {}


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[None]:
    """A real Valkey."""
    with valkey.running(tmp_path) as url:
        counters.configure(url)
        yield
        counters.configure("")


def test_counted_in_redis_and_flushed_to_rows(app: Flask, redis: None) -> None:
    market, today = factories.market(), str(clock.today("UTC"))
    for _ in range(3):
        counting.note(market.rotation_id)
    waiting = counters.take(counting.COUNTER)
    assert waiting is not None  # taken, and then the job died
    counting.note(market.rotation_id)
    clock.advance(timedelta(days=1))
    counting.note(market.rotation_id)
    jobs.flush_views(SYSTEM)
    tomorrow = str(clock.today("UTC"))
    assert views() == {(market.rotation_id, today): 4, (market.rotation_id, tomorrow): 1}
    jobs.flush_views(SYSTEM)
    assert sum(views().values()) == 5
    assert counters.take(counting.COUNTER) is None
