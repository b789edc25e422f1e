"""The middle of the market: only of enough agencies, and never one agency's own number."""

import random

import pytest

from marketplace.numbers import market, page
from marketplace.numbers.measures import MEASURES


@pytest.mark.parametrize("known", [0, 1, 4])
def test_fewer_than_five_agencies_have_no_middle(known: int) -> None:
    assert market.middle([10.0] * known + [None] * 20) is None


def test_five_have_one_and_nobodys_number_is_in_it() -> None:
    """Each quantile is a mean of three, rounded: changing any one agency's number to another one
    of the same rounding tells nothing, and no shown number is an input."""
    found = market.middle([11.0, 23.0, 37.0, 59.0, 83.0])
    assert found == {"n": 5, "p25": 24.0, "median": 40.0, "p75": 60.0}
    assert not {24.0, 40.0, 60.0} & {11.0, 23.0, 37.0, 59.0, 83.0}


@pytest.mark.parametrize("seed", range(20))
def test_the_middle_is_inside_and_in_order(seed: int) -> None:
    chance = random.Random(seed)
    values = [chance.uniform(100, 999) for _ in range(chance.randint(5, 60))]
    found = market.middle(values)
    assert found is not None
    assert min(values) * 0.95 <= found["p25"] <= found["median"] <= found["p75"]
    assert found["p75"] <= max(values) * 1.05


def test_a_measure_that_few_have_is_left_out() -> None:
    rows = [{"answer": 5.0, "letter": None} for _ in range(6)]
    rows[0]["letter"] = 3.0
    assert list(market.of_all(rows)) == ["answer"]


def test_words_say_what_the_colour_says() -> None:
    by = {one.slug: one for one in MEASURES}
    assert page.compared(by["answer"], 9, 31) == ("good", "22 h faster")
    assert page.compared(by["letter"], 34, 26) == ("bad", "8 days later")
    assert page.compared(by["confirmed"], 58, 46) == ("good", "12 points higher")
    assert page.compared(by["cancelled"], 2.1, 2.4) == ("ok", "About the same")


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0, "0"), (2.44, "2.4"), (9.0, "9"), (1234.5, "1,234")]
)
def test_numbers_as_people_read_them(value: float, shown: str) -> None:
    assert page.plain(value) == shown
