"""Agencies and money on the platform's pages: real sums, running balances, read only."""

from uuid import UUID, uuid4

import pytest
from flask import Flask

from marketplace.admin import money_queries, queries
from marketplace.core.db import open_session
from marketplace.core.errors import NotFound
from marketplace.payments import ledger
from marketplace.payments.ledger import Line
from tests.accounts.conftest import SYSTEM, Visitor, agency, member, person, site, visitor

__all__ = ["site", "visitor"]  # fixtures


@pytest.fixture
def admin(visitor: Visitor) -> Visitor:
    person("ines@rounds.example", name="Ines Carvalho", is_admin=True)
    visitor.sign_in("ines@rounds.example")
    return visitor


def post(agency_id: UUID, number: int, cents: int, account: str = "guest_funds") -> None:
    """Money comes in (or goes back, with a negative sum)."""
    with open_session(SYSTEM) as session:
        ledger.post(
            session,
            agency_id=agency_id,
            plan_id=None,
            kind="charge" if cents > 0 else "refund",
            source_key=f"{account}:{number}",
            lines=[Line("stripe_clearing", cents), Line(account, -cents)],
        )


def test_an_account_with_its_running_balance(site: Flask, admin: Visitor) -> None:
    lakeshore, harbor = agency(), agency("harbor")
    for number, cents in enumerate((10_000, 5_000, -3_000)):
        post(lakeshore, number, cents)
    post(harbor, 9, 700)
    with open_session(SYSTEM, readonly=True) as session:
        mine = money_queries.account(session, "guest_funds", "lakeshore")
        everybody = money_queries.account(session, "guest_funds")
        second = money_queries.account(session, "guest_funds", page=2)
        with pytest.raises(NotFound):
            money_queries.account(session, "pockets")
    assert [row.balance for row in mine.rows] == [12_000, 15_000, 10_000]
    assert [row.cents for row in mine.rows] == [-3_000, 5_000, 10_000]
    assert mine.cents == 12_000 == mine.rows[0].balance
    assert everybody.cents == 12_700 and everybody.total == 4 and second.rows == ()
    assert mine.rows[0].others == ("At the payment provider",)
    page = admin.get("/admin/ledger/guest_funds?agency=lakeshore").text
    assert "$120" in page and "Harbor" in page  # a choice of the filter
    assert admin.get("/admin/ledger/pockets").status_code == 404
    for nonsense in ("page=x", "page=0", "page=99999999", "agency=zz"):
        assert admin.get(f"/admin/ledger/guest_funds?{nonsense}").status_code == 200
    found = admin.get(f"/admin/ledger/transactions/{mine.rows[0].transaction_id}").text
    assert "Refund, $30" in found and "Zero" in found
    assert admin.get(f"/admin/ledger/transactions/{uuid4()}").status_code == 404
    assert "$127" in admin.get("/admin/ledger").text
    assert admin.get("/admin/payments").status_code == 200


def test_agencies(admin: Visitor) -> None:
    lakeshore = agency()
    agency("harbor")
    owner = person("own@people.example", name="Otto Owner")
    member(lakeshore, owner, "owner", "Otto Owner")
    post(lakeshore, 1, 4_200)

    def shown(query: str) -> int:
        return admin.get(f"/admin/agencies?{query}").text.count('role="rowheader"')

    assert shown("") == 2 and shown("q=LAKE") == 1 and shown("q=%25") == 0
    assert shown("state=new") == 2 and shown("state=suspended") == 0 and shown("state=zz") == 2
    page = admin.get("/admin/agencies/lakeshore").text
    assert f"/admin/people/{owner}" in page and "$42" in page
    assert "/admin/verification/agencies/lakeshore" in page
    assert admin.get("/admin/agencies/nobody").status_code == 404


def test_what_needs_somebody(admin: Visitor) -> None:
    assert "Nothing needs you" in admin.get("/admin").text
    agency()
    with open_session(SYSTEM, readonly=True) as session:
        (wish,) = queries.needs_you(session)
    assert (wish.words, wish.number) == ("agency not approved yet", 1)
