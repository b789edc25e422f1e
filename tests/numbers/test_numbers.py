"""What is measured of real bookings, what the page shows of it, and to whom."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask

from marketplace.accounts.permissions import ALLOWED, may
from marketplace.bookings import operations
from marketplace.core import clock, context, counters
from marketplace.core.db import open_session
from marketplace.numbers import jobs, measuring, views
from marketplace.numbers.models import AgencyNumbers, MarketNumbers
from tests import factories
from tests.support import rooms
from tests.support.rooms import Browser, words_of

SYSTEM = context.system("test")


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site([views.room]) as site:
        yield site


def numbers_of(market: factories.Market) -> AgencyNumbers:
    with open_session(SYSTEM, readonly=True) as session:
        row = session.get_one(AgencyNumbers, market.agency_id)
        session.expunge(row)
        return row


def test_an_agency_is_measured_by_its_own_bookings(app: Flask) -> None:
    market, other = factories.market(capacity=9), factories.market(capacity=9)
    asked = factories.booking(market, factories.candidate("Ana"), "requested")
    clock.advance(timedelta(hours=10))
    with open_session(context.agency(market.agency_id)) as session:
        operations.approve(session, market.staff_actor, asked.id)
    factories.booking(market, factories.candidate("Berta"), "cancelled_by_provider")
    factories.booking(other, factories.candidate("Cleo"), "requested")
    clock.advance(timedelta(days=7))
    today = f"{clock.today('UTC') - timedelta(days=7)}"
    jobs.write_batch(SYSTEM, counters.Batch("b", {f"{today} {market.rotation_id}": 30}))
    jobs.measure(SYSTEM)
    found = numbers_of(market)
    assert found.measured["confirmed"] == 50.0
    assert found.measured["cancelled"] == 100.0
    assert found.measured["requests"] == 2 / 12
    assert found.weekly["requests"][-1] == 2
    assert found.weekly["views"][-1] == 30
    assert 0 < found.measured["answer"] <= 10.0
    assert found.measured["letter"] is None
    assert numbers_of(other).measured["confirmed"] == 0.0
    with open_session(SYSTEM, readonly=True) as session:
        assert session.get_one(MarketNumbers, 1).measured == {}  # two agencies are too few


def test_a_letters_delay_counts_from_the_last_day(app: Flask) -> None:
    from marketplace.placements import operations as placements

    market = factories.market(capacity=9)
    made = factories.booking(market, factories.candidate(), "completed")
    clock.advance(timedelta(days=9))
    for status, actor, scope in (
        ("asked", made.candidate.actor, made.candidate.scope),
        ("promised", market.doctor_actor, context.person(market.attending_id)),
        ("uploaded", market.doctor_actor, context.person(market.attending_id)),
    ):
        with open_session(scope) as session:
            placements.set_letter(session, actor, made.id, status)
    clock.advance(timedelta(days=7))
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        found = measuring.measure(session, measuring.window())
    assert found.measured["letter"] is not None and 7 <= found.measured["letter"] <= 11


def with_numbers(market: factories.Market, **measured: float) -> None:
    with open_session(SYSTEM) as session:
        session.add(
            AgencyNumbers(
                agency_id=market.agency_id,
                measured=measured,
                weekly={"views": [1.0] * 11 + [7.0], "answer": [None] * 12},
                last_week=measuring.window().last_week,
            )
        )


def test_the_page_compares_only_with_enough_agencies(app: Flask) -> None:
    market = factories.market()
    address = f"/agency/{market.agency_slug}/numbers"
    page = Browser(app, market.staff["manager"])
    assert "Not measured yet" in page.get(address).text
    with_numbers(market, answer=9.0)
    alone = words_of(page.get(address).text)
    assert "No market median yet" in alone and "Too few agencies to compare" in alone
    assert "No answers" in alone
    with open_session(SYSTEM) as session:
        middle = {"n": 7, "p25": 20.0, "median": 31.0, "p75": 44.0}
        session.add(MarketNumbers(id=1, measured={"answer": middle}))
    beside = words_of(page.get(address).text)
    assert "median of 7 agencies" in beside and "22 h faster" in beside


@pytest.mark.parametrize("role", sorted(ALLOWED))
def test_money_given_back_is_for_those_who_may_see_money(app: Flask, role: str) -> None:
    market = factories.market()
    with_numbers(market, refunded=4.0)
    page = Browser(app, market.staff[role]).get(f"/agency/{market.agency_slug}/numbers")
    assert page.status_code == 200
    assert ("Money given back" in page.text) is may(role, "money.view")
