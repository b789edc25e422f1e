"""What is measured of real bookings, what the page shows of it, and to whom."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace.accounts.permissions import ALLOWED, may
from marketplace.bookings import operations
from marketplace.core import clock, context, counters
from marketplace.core.db import open_session
from marketplace.core.formats import month_day
from marketplace.numbers import jobs, measuring, views
from marketplace.numbers.measures import MEASURES
from marketplace.numbers.models import AgencyNumbers, MarketNumbers
from marketplace.payments import operations as payments
from marketplace.payments.models import Installment, Refund
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


def midweek() -> None:
    """Go on to a Wednesday: what a test does in some hours is then in one week."""
    clock.advance(timedelta(days=(2 - clock.today("UTC").weekday()) % 7))


def test_seats_and_refunds_are_measured_week_by_week(app: Flask) -> None:
    """Filled: the coming twelve weeks, by start. Refunds: of what was paid in the weeks."""
    midweek()
    market = factories.market(capacity=4, weeks_ahead=(6, 11, 30))
    factories.booking(market, factories.candidate("Ana"), "confirmed")
    factories.booking(market, factories.candidate("Berta"), "confirmed", offering=1)
    given_up = factories.booking(market, factories.candidate("Cleo"), "cancelled_by_provider")
    factories.booking(market, factories.candidate("Dina"), "confirmed", offering=2)
    measured = measured_of(market)
    assert measured.measured["refunded"] is None  # all of it was in this week, which is not over
    assert measured.measured["filled"] == 25.0  # 1 of 4 and 1 of 4; the third start is later
    today = clock.today("UTC")
    weeks = {(start - today).days - 1 for start in market.starts[:2]}
    shown = [25.0 if any(n * 7 <= day < n * 7 + 7 for day in weeks) else None for n in range(12)]
    assert measured.weekly["filled"] == shown
    clock.advance(timedelta(days=7))
    assert measured_of(market).measured["refunded"] == 0.0  # promised, and not sent yet
    with open_session(SYSTEM) as session:
        for key in session.scalars(select(Refund.id)):
            payments.settle_refund(session, key, f"re_{key.hex}")
        paid = session.scalar(
            select(func.sum(Installment.amount_cents)).where(Installment.paid_at.is_not(None))
        )
        back = session.scalar(
            select(func.sum(Refund.amount_cents)).where(Refund.plan_id == given_up.plan_id)
        )
    assert (paid, back) == (396_000, 165_000)  # Ana and Cleo all, Berta and Dina a deposit
    measured = measured_of(market)
    assert measured.measured["refunded"] == pytest.approx(41.67, abs=0.01)
    assert measured.weekly["refunded"] == [0.0] * 11 + [500.0]  # of an average week's payments


def measured_of(market: factories.Market) -> measuring.Measured:
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        return measuring.measure(session, measuring.window())


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
    found = measured_of(market)
    assert found.measured["letter"] is not None and 7 <= found.measured["letter"] <= 11
    assert found.weekly["letter"] == [None] * 11 + [found.measured["letter"]]


SIX = {  # measure -> (the own number, as it is shown; the market's median, as it is shown)
    "views": (7.0, "7", 40.0, "Market median 40 a week"),
    "requests": (2.0, "2", 4.0, "Market median 4 a week"),
    "answer": (9.0, "9 h", 30.0, "Market median 30 h"),
    "filled": (71.0, "71%", 50.0, "Market median 50%"),
    "refunded": (3.0, "3%", 5.0, "Market median 5%"),
    "letter": (34.0, "34 d", 20.0, "Market median 20 d"),
}
CHARTS = {
    "views": "Listing views last week",
    "requests": "Requests last week",
    "answer": "Hours to answer last week",
    "filled": "Seats filled, next 7 days",
    "refunded": "Given back last week",
    "letter": "Days to a letter last week",
}
STRIPS = {"answer", "filled", "refunded", "letter"}


def with_numbers(market: factories.Market, **measured: float) -> None:
    """Numbers of the last weeks; the latest week of each has the same number."""
    weekly = {
        slug: [value, *[None] * 11] if slug == "filled" else [*[None] * 10, value / 2, value]
        for slug, value in measured.items()
    }
    with open_session(SYSTEM) as session:
        session.add(
            AgencyNumbers(
                agency_id=market.agency_id,
                measured=measured,
                weekly=weekly,
                last_week=measuring.window().last_week,
            )
        )


def market_of(agencies: int) -> factories.Market:
    """So many agencies; the first has its own six numbers, the others the market's."""
    first = factories.market()
    with_numbers(first, **{slug: own for slug, (own, _, _, _) in SIX.items()})
    for _ in range(agencies - 1):
        with_numbers(factories.market(), **{slug: of for slug, (_, _, of, _) in SIX.items()})
    jobs.measure_market(SYSTEM)
    return first


def cards_of(html: str) -> dict[str, str]:
    """The charts' cards by their label."""
    cards = re.findall(r'<div class="panel stat">.*?</details></div>', html, re.S)
    return {re.findall(r'stat__l">([^<]*)<', card)[0]: card for card in cards}


def test_each_of_six_numbers_is_drawn_beside_the_median_of_five(app: Flask) -> None:
    market = market_of(5)
    page = Browser(app, market.staff["owner"]).get(f"/agency/{market.agency_slug}/numbers").text
    assert "beside the anonymous median of 5 agencies" in words_of(page)
    cards = cards_of(page)
    assert list(cards) == list(CHARTS.values())
    for slug, (_, own, _, median) in SIX.items():
        card = cards[CHARTS[slug]]
        assert f'stat__v">{own}</p>' in card and f'stat__c">{median}</p>' in card
        drawing = re.findall(r"<svg.*?</svg>", card, re.S)
        assert len(drawing) == 1 and drawing[0].count('class="med"') == 1
        assert 'class="now"' in drawing[0] or "<circle" in drawing[0]
        table = words_of(card[card.index("<table") :])
        assert table.count("none") == (11 if slug == "filled" else 10)  # a row for each week
        assert f" {own.split()[0].rstrip('%')}" in table
    for slug in STRIPS:
        row = row_of(page, next(one.label for one in MEASURES if one.slug == slug))
        assert SIX[slug][1].split(" d")[0] in words_of(row)
        assert f"{SIX[slug][3].removeprefix('Market median ')}" in words_of(row)
        assert row.count('<svg class="strip"') == 1 and row.count('class="md"') == 1


def row_of(html: str, measure: str) -> str:
    (row,) = (one for one in re.findall(r"<tr.*?</tr>", html, re.S) if f">{measure}<" in one)
    return row


def test_of_four_agencies_no_median_is_shown_nor_drawn(app: Flask) -> None:
    market = market_of(4)
    page = Browser(app, market.staff["owner"]).get(f"/agency/{market.agency_slug}/numbers").text
    cards = cards_of(page)
    assert list(cards) == list(CHARTS.values())
    for slug, (_, own, _, _) in SIX.items():
        card = cards[CHARTS[slug]]
        assert f'stat__v">{own}</p>' in card and "No market median yet" in card
    assert 'class="med"' not in page and '<svg class="strip"' not in page
    assert "Market median" not in page and "market median" not in page.replace("No market", "")
    assert words_of(page).count("Too few agencies to compare") == len(STRIPS)


def test_the_next_week_of_starts_comes_first(app: Flask) -> None:
    market = market_of(1)
    page = Browser(app, market.staff["owner"]).get(f"/agency/{market.agency_slug}/numbers").text
    card = cards_of(page)[CHARTS["filled"]]
    tomorrow = clock.today("UTC") + timedelta(days=1)
    first, last = month_day(tomorrow), month_day(tomorrow + timedelta(weeks=11))
    assert re.findall(r"<span>(\w+\s\d+)</span>", card) == [first, last]
    assert card.index('class="now"') < card.index('class="base"')


def test_the_page_says_what_it_has_not(app: Flask) -> None:
    market = factories.market()
    address = f"/agency/{market.agency_slug}/numbers"
    page = Browser(app, market.staff["manager"])
    assert "Not measured yet" in page.get(address).text
    with_numbers(market)
    alone = words_of(page.get(address).text)
    for words in ("No views", "No requests", "No answers", "No starts", "Nothing paid"):
        assert words in alone
    assert "No letters" in alone and "Nothing to measure yet" in alone


@pytest.mark.parametrize("role", sorted(ALLOWED))
def test_money_given_back_is_for_those_who_may_see_money(app: Flask, role: str) -> None:
    market = factories.market()
    with_numbers(market, refunded=4.0)
    page = Browser(app, market.staff[role]).get(f"/agency/{market.agency_slug}/numbers")
    assert page.status_code == 200
    assert ("Money given back" in page.text) is may(role, "money.view")
    assert (CHARTS["refunded"] in page.text) is may(role, "money.view")
