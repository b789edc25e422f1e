"""Nothing in the order can be paid for: not by an agency, and not through the address."""

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from marketplace.core.db import open_session
from marketplace.listings.models import Rotation
from marketplace.search import jobs
from marketplace.search.documents import ALLOWED_FIELDS, ListingFacts, document_from
from marketplace.search.listings import facts_of, public_ids
from marketplace.search.page import SORTS
from marketplace.search.port import Sort
from marketplace.tenants.models import Agency
from tests.search import shop
from tests.search.shop import Get

ORDERS = ("best", "price", "price_desc", "start", "hands_on", "rating", "value", "distance")
NEAR = "near=chicago-il&within_km=3000"
MONEY = re.compile(r"fee|paid|plan|boost|featur|sponsor|promot|premium|bid|priority|payout|budget")


def order(get: Get, asked: str) -> list[str]:
    """Every hit of a question, in order, by the name in its address."""
    answer = get(f"/api/v1/rotations?per_page=100&{asked}")
    assert answer.status_code == 200, asked
    return [hit["url"].rpartition("/")[2] for hit in answer.get_json()["hits"]]


def orders(get: Get) -> dict[str, list[str]]:
    questions = [f"sort={name}&{NEAR}" for name in ORDERS] + ["q=clinic", "q=cardiology&weeks=4"]
    found = {asked: order(get, asked) for asked in questions}
    assert all(len(hits) > 7 for hits in found.values())
    assert len({tuple(hits) for hits in found.values()}) >= len(ORDERS) - 1
    return found


def test_the_orders_are_the_documented_ones(get: Get) -> None:
    """Best match, price both ways, start, hands-on, rating, value; around a place by distance."""
    assert set(Sort) == set(ORDERS)
    offered = re.findall(r'<option value="(\w+)"', _select(get("/rotations").text))
    assert sorted(offered) == sorted(name for name in ORDERS if name != "distance")
    assert re.findall(r'<option value="(\w+)"', _select(get(f"/rotations?{NEAR}").text)) == [
        *offered,
        "distance",
    ]
    assert {sort for sort, _ in SORTS} == set(ORDERS)
    (told,) = [
        one
        for one in get("/api/v1/openapi.json").get_json()["paths"]["/api/v1/rotations"]["get"][
            "parameters"
        ]
        if one["name"] == "sort"
    ]
    assert sorted(told["schema"]["enum"]) == sorted(ORDERS)


def _select(page: str) -> str:
    found = re.search(r'<select[^>]*id="sort".*?</select>', page, re.S)
    assert found is not None
    return found[0]


def test_nothing_about_money_but_the_price_is_in_the_index() -> None:
    names = ALLOWED_FIELDS | set(ListingFacts.__slots__)
    assert [name for name in names if MONEY.search(name)] == []


def test_what_an_agency_pays_changes_no_order(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform earns twenty times as much from one of the two agencies, in every way that its
    row can say; the index is made anew; the lists are the same, also without the engine."""
    before, documents = orders(get), _documents()
    with open_session(shop.SYSTEM) as session:
        for agency in session.scalars(select(Agency)):
            paying = agency.slug == "house-2"
            agency.platform_fee_percent = 40 if paying else 2
            agency.payout_account = f"acct_{agency.slug}" if paying else None
            agency.payouts_stopped = not paying
            agency.deposit_percent = 50 if paying else 10
            agency.max_installments = 1 if paying else 6
            agency.tagline = "The best" if paying else ""
            agency.settings = {"plan": "gold", "featured": True, "boost": 9} if paying else {}
        for listed in session.scalars(select(Rotation)):
            listed.deposit_percent = 50 if listed.slug[-1] in "13579" else 10
            listed.price_parts = [["Platform", 90 if listed.slug[-1] in "13579" else 1]]
    jobs.rebuild(shop.SYSTEM)
    assert _documents() == documents
    assert orders(get) == before
    shop.take_away(monkeypatch)
    for name in ("price", "price_desc", "start", "rating"):
        assert order(get, f"sort={name}") == order(get, f"sort={name}&boost=house-2"), name


def _documents() -> list[dict[str, Any]]:
    with open_session(shop.SYSTEM, readonly=True) as session:
        found = [document_from(one).as_dict() for one in facts_of(session, public_ids(session))]
    return [{key: value for key, value in one.items() if key != "version"} for one in found]


@pytest.mark.parametrize("sort", [*ORDERS[:-1], "paid", "featured", ""])
def test_no_other_parameter_changes_the_order(get: Get, sort: str) -> None:
    usual = order(get, f"sort={sort}")
    words = ("boost", "featured", "promoted", "sponsored", "rank", "priority", "first", "order")
    for value in ("house-2", "1", "-1"):
        more = urlencode([(name, value) for name in words])
        assert order(get, f"sort={sort}&{more}") == usual
    if sort not in ORDERS:
        assert usual == order(get, "")
