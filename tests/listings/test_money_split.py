import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.db import open_session
from marketplace.core.errors import Invalid
from marketplace.listings import views
from marketplace.listings.models import Rotation
from marketplace.listings.money_split import DeclaredShare, MoneyShare, where_money_goes
from tests import factories
from tests.support import rooms
from tests.support.rooms import Browser, words_of


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


AMOUNT = r"\$([\d,]+(?:\.\d\d)?)"


@pytest.mark.parametrize(
    ("declared", "labels"),
    [
        ([], ["teaching and placement", "Rounds, the platform"]),
        (
            [("attending", 55), ("site", 9), ("card", 3)],
            [
                "Attending, teaching",
                "Site and badge",
                "Card processing",
                "",
                "Rounds, the platform",
            ],
        ),
    ],
)
def test_on_the_page_the_parts_add_up_to_the_price(
    migrated: None, declared: list[tuple[str, int]], labels: list[str]
) -> None:
    """For each length, odd cents too: what stands there is all of what the candidate pays."""
    prices = {2: 110_000, 4: 165_073, 8: 299_999}
    with rooms.site([views.room]) as app:
        market = factories.market(prices=tuple(prices.items()))
        with open_session(factories.a_system()) as session:
            session.get_one(Rotation, market.rotation_id).price_parts = [
                {"payee": payee, "percent": percent} for payee, percent in declared
            ]
        for weeks, price in prices.items():
            page = Browser(app).get(f"/rotations/{market.slug}?weeks={weeks}").text
            (part,) = re.findall(r'<section class="sec" id="money".*?</section>', page, re.S)
            (rows,) = re.findall(r'<ul class="split">(.*?)</ul>', part, re.S)
            *shares, total = [words_of(row) for row in re.findall(r"<li.*?</li>", rows, re.S)]
            assert len(shares) == len(labels)
            assert all(words in row for words, row in zip(labels, shares, strict=True))
            cents = [
                round(float(re.findall(AMOUNT, row)[0].replace(",", "")) * 100) for row in shares
            ]
            assert all(one > 0 for one in cents) and sum(cents) == price
            paid = f"${price // 100:,}" + (f".{price % 100:02d}" if price % 100 else "")
            assert total.startswith(f"You pay {paid}") and f"Where your {paid} goes" in words_of(
                part
            )
