"""Less a week in longer lengths: filled in by the agency, counted from the prices."""

from collections.abc import Iterator

import pytest
from flask import Flask
from hypothesis import assume, given
from hypothesis import strategies as st

from marketplace.core import context
from marketplace.core.db import open_session
from marketplace.core.errors import Invalid
from marketplace.listings import drafts, editor_views, longer
from marketplace.listings.models import BLOCK_WEEKS
from tests import factories
from tests.factories import Market
from tests.support import rooms
from tests.support.rooms import Browser, words_of

LENGTHS = st.sampled_from(BLOCK_WEEKS)
CENTS = st.integers(1, 10_000_000)
PERCENT = st.integers(1, longer.MAX_PERCENT)


# --- the rule of rounding -----------------------------------------------------------------------


@given(LENGTHS, CENTS, LENGTHS, PERCENT)
def test_the_saving_is_what_was_said(base: int, cents: int, weeks: int, percent: int) -> None:
    assume(weeks > base)
    price = longer.price_of(base, cents, weeks, percent)
    exact = cents * weeks * (100 - percent) / (100 * base)
    assert isinstance(price, int) and price >= 1
    assert price <= max(exact, 1) and exact - price < 100
    if price >= longer.WHOLE_DOLLARS_FROM:
        assert price % 100 == 0
    if price > 1:
        assert longer.saving(base, cents, weeks, price) >= percent
    if price >= 100:  # a dollar: rounding is less than a percent
        assert longer.saving(base, cents, weeks, price) == percent


@given(st.dictionaries(LENGTHS, CENTS, min_size=1), st.sampled_from(BLOCK_WEEKS[1:]), PERCENT)
def test_only_lengths_from_there_on_change(
    prices: dict[int, int], since: int, percent: int
) -> None:
    if min(prices) >= since:
        with pytest.raises(Invalid):
            longer.filled(prices, since, percent)
        return
    found = longer.filled(prices, since, percent)
    assert found.keys() == prices.keys() | {since}
    assert all(found[weeks] == prices[weeks] for weeks in prices if weeks < since)
    assert longer.filled(found, since, percent) == found  # pressing it twice is pressing it once


def test_a_saving_is_never_invented() -> None:
    assert longer.savings({}) == {}
    assert longer.savings({4: 165_000}) == {4: 0}
    assert longer.savings({2: 110_000, 4: 165_000, 8: 440_000, 12: 900_000}) == {
        2: 0,
        4: 25,
        8: 0,  # the same rate
        12: 0,  # dearer by the week
    }


# --- the pages ----------------------------------------------------------------------------------


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site([editor_views.editor]) as site:
        yield site


@pytest.fixture
def market(app: Flask) -> Market:
    return factories.market()


@pytest.fixture
def desk(app: Flask, market: Market) -> Browser:
    return Browser(app, market.staff["manager"])


def prices_of(market: Market) -> dict[int, int]:
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        blocks = drafts.working(session, market.slug).blocks
        return {block.weeks: block.price_cents for block in blocks}


FORM = {"price-2": "1100", "price-4": "2200", "price-12": "9000", "deposit": "20"} | {
    "installments": "4"
}


def test_the_button_fills_in_the_longer_prices(desk: Browser, market: Market) -> None:
    """Without scripts: one form, one button; two steps of discount are two presses."""
    path = f"/agency/{market.agency_slug}/listings/{market.slug}/edit/price"
    assert 'name="use" value="longer"' in desk.get(path).text
    sent = FORM | {"use": "longer", "off": "10", "since": "8"}
    assert desk.post(path, sent, page=path).status_code == 303
    assert prices_of(market) == {2: 110_000, 4: 220_000, 8: 396_000, 12: 594_000}
    again = FORM | {"price-8": "3960", "price-12": "5940"}
    again |= {"use": "longer", "off": "15", "since": "12"}
    assert desk.post(path, again, page=path).status_code == 303
    assert prices_of(market) == {2: 110_000, 4: 220_000, 8: 396_000, 12: 561_000}
    page = words_of(desk.get(path).text)
    assert "8 weeks 10% less a week" in page and "12 weeks 15% less a week" in page
    assert page.count("% less a week") == 2


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"off": "0"}, "off", "from 1 to 50"),
        ({"off": "ten"}, "off", "from 1 to 50"),
        ({"off": "51"}, "off", "from 1 to 50"),
        ({"since": "3"}, "since", "Choose a length."),
        ({"since": "2"}, "since", "Write the price of a shorter length first."),
        ({"price-2": "99999"}, "price-8", "more than $100,000"),
    ],
)
def test_a_discount_that_cannot_be(
    desk: Browser, market: Market, change: dict[str, str], field: str, said: str
) -> None:
    path = f"/agency/{market.agency_slug}/listings/{market.slug}/edit/price"
    before = prices_of(market)
    sent = FORM | {"use": "longer", "off": "10", "since": "8"} | change
    answer = desk.post(path, sent, page=path)
    assert answer.status_code == 422 and f'id="{field}-err"' in answer.text
    assert said in words_of(answer.text) and f'value="{sent["off"]}"' in answer.text
    assert 'value="9000"' in answer.text and prices_of(market) == before


def test_no_discount_without_its_button(desk: Browser, market: Market) -> None:
    """What saves itself while somebody types, and Enter in another field, fill in nothing."""
    path = f"/agency/{market.agency_slug}/listings/{market.slug}/edit/price"
    for more in ({"off": "10", "since": "8"}, {"use": "longer", "off": "", "since": "8"}):
        assert desk.post(path, FORM | more, page=path).status_code == 303
        assert prices_of(market) == {2: 110_000, 4: 220_000, 12: 900_000}


def test_candidates_read_what_a_longer_length_saves(web_app: Flask) -> None:
    with web_app.app_context():
        market = factories.market()  # 2 weeks $1,100, 4 weeks $1,650, 8 weeks $3,000
    page = words_of(web_app.test_client().get(f"/rotations/{market.slug}").text)
    assert "25% less a week" in page and "31% less a week" in page
    assert page.count("% less a week") == 2  # nothing at the shortest
    assert "Less a week: compared with 2 weeks." in page
