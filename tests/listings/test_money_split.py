import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.errors import Invalid
from marketplace.listings.money_split import DeclaredShare, MoneyShare, where_money_goes


def test_the_agency_keeps_what_is_left():
    declared = [DeclaredShare("attending", cents=90000), DeclaredShare("card", percent=3)]
    assert where_money_goes(165000, declared, 7) == (
        MoneyShare("attending", 90000),
        MoneyShare("card", 4950),
        MoneyShare("agency", 58500),
        MoneyShare("platform", 11550),
    )


@given(st.integers(1, 10**7), st.integers(0, 40), st.integers(0, 60))
def test_the_split_sums_to_the_price(price, percent, platform):
    split = where_money_goes(price, [DeclaredShare("site", percent=percent)], platform)
    assert sum(line.cents for line in split) == price
    assert all(line.cents >= 0 for line in split)


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ([DeclaredShare("site", cents=100001)], r"\$70\.01 more"),
        ([DeclaredShare("site"), DeclaredShare("site")], "once"),
        ([DeclaredShare("agency", cents=1)], "follows"),
        ([DeclaredShare("site", cents=-1)], "negative"),
    ],
)
def test_impossible_shares_are_refused(declared, words):
    with pytest.raises(Invalid) as refusal:
        where_money_goes(100000, declared, 7)
    assert re.search(words, refusal.value.errors["money_split"])
