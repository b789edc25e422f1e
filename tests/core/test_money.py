import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.money import dollars, percent_of, share_of, split_evenly

amounts = st.integers(0, 10**10)


@pytest.mark.parametrize(
    ("cents", "text"),
    [
        (0, "$0"),
        (5, "$0.05"),
        (165000, "$1,650"),
        (165050, "$1,650.50"),
        (123456789, "$1,234,567.89"),
        (-165000, "-$1,650"),
        (-5, "-$0.05"),
    ],
)
def test_dollars(cents, text):
    assert dollars(cents) == text


@given(amounts, st.integers(1, 60))
def test_parts_sum_exactly_and_the_first_take_the_spare_cents(cents, parts):
    split = split_evenly(cents, parts)
    assert len(split) == parts
    assert sum(split) == cents
    assert max(split) - min(split) <= 1
    assert list(split) == sorted(split, reverse=True)


@given(amounts, st.integers(0, 100))
def test_percent_is_within_half_a_cent_and_both_sides_never_lose_one(cents, percent):
    part = percent_of(cents, percent)
    assert 0 <= part <= cents
    assert -50 < part * 100 - cents * percent <= 50


@given(amounts)
def test_all_and_nothing_are_exact(cents):
    assert percent_of(cents, 100) == cents
    assert percent_of(cents, 0) == 0


def test_half_a_cent_goes_up():
    assert percent_of(1, 50) == 1
    assert percent_of(101, 50) == 51
    assert percent_of(100003, 33) == 33001


@pytest.mark.parametrize("call", [lambda: split_evenly(-1, 2), lambda: split_evenly(1, 0)])
def test_impossible_splits_are_refused(call):
    with pytest.raises(ValueError, match="cannot split"):
        call()


@pytest.mark.parametrize(("cents", "percent"), [(-1, 10), (1, -10)])
def test_negative_percent_is_refused(cents, percent):
    with pytest.raises(ValueError, match="cannot take"):
        percent_of(cents, percent)


@given(amounts, st.integers(1, 52), st.integers(0, 52))
def test_a_share_is_within_half_a_cent(cents, whole, part):
    assert -whole < (share_of(cents, part, whole) * whole - cents * part) * 2 <= whole


def test_a_share_of_nothing_is_refused():
    with pytest.raises(ValueError, match="1/0"):
        share_of(100, 1, 0)
