"""The agency's account at the provider, through Stripe's library against the double."""

from collections.abc import Iterator

import pytest
from flask import Flask

from marketplace.core import context
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict, Forbidden
from marketplace.payments import jobs, payout_views, payouts
from marketplace.payments.models import Charge, PaymentPlan, Transfer
from marketplace.tenants.models import Agency
from tests import factories
from tests.factories import Market
from tests.payments.double import SECRET_KEY, StripeDouble
from tests.support import rooms
from tests.support.rooms import Browser, words_of


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeDouble]:
    with StripeDouble(tmp_path_factory.mktemp("double")) as running:
        yield running


@pytest.fixture
def app(migrated: None, double: StripeDouble) -> Iterator[Flask]:
    double.control("reset")
    settings = {"STRIPE_SECRET_KEY": SECRET_KEY, "STRIPE_API_BASE": double.url}
    with rooms.site([payout_views.payouts_room], **settings) as site:
        yield site


@pytest.fixture
def market(app: Flask) -> Market:
    made = factories.market()
    with open_session(factories.a_system()) as session:
        session.get_one(Agency, made.agency_id).email = "desk@example.org"
    return made


def clerk(market: Market, role: str) -> Actor:
    return Actor("agency", market.staff[role], market.agency_id, "A Clerk", role)


def waiting_share(market: Market) -> Transfer:
    """A share that waits because there is no account."""
    made = factories.booking(market, factories.candidate(), "confirmed")
    with open_session(factories.a_system()) as session:
        plan = session.get_one(PaymentPlan, made.plan_id)
        charge = session.query(Charge).filter(Charge.plan_id == plan.id).first()
        row = Transfer(
            agency_id=market.agency_id,
            plan_id=plan.id,
            charge_id=charge.id,
            share="start",
            amount_cents=10_000,
            fee_cents=0,
            key="t1",
        )
        session.add(row)
        session.flush()
        key = row.id
    jobs.send_transfer(key, market.agency_id)
    return share(market, key)


def share(market: Market, key: object) -> Transfer:
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        return session.get_one(Transfer, key)


def test_from_nothing_to_ready(app: Flask, double: StripeDouble, market: Market) -> None:
    row = waiting_share(market)
    assert (row.state, row.blocked_by) == ("blocked", "no payout account")
    base = f"/agency/{market.agency_slug}/payouts"
    desk = Browser(app, market.staff["owner"])
    assert "Not set up" in words_of(desk.get(base).text)
    assert desk.post(f"{base}/connect", page=base).status_code == 303
    page = words_of(desk.get(base).text)
    assert "Not finished" in page and "A bank account" in page
    assert share(market, row.id).next_try_at is None  # tried again with the next tick
    onward = desk.get(f"{base}/stripe")
    assert onward.status_code == 303 and onward.location.startswith(f"{double.url}/onboarding/")
    account = payouts.account_of(market.agency_id)
    jobs.send_transfer(row.id, market.agency_id)
    assert share(market, row.id).state == "blocked"  # the account takes nothing yet
    double.control(f"accounts/{account}/onboard")
    assert "Ready" in words_of(desk.get(base).text)
    payouts.account_changed(account)
    assert share(market, row.id).next_try_at is None


def test_twice_is_one_account(market: Market) -> None:
    owner = clerk(market, "owner")
    first = payouts.open_account(owner)
    with open_session(factories.a_system()) as session:
        session.get_one(Agency, market.agency_id).payout_account = None  # a crash came first
    assert payouts.open_account(owner) == first == payouts.open_account(owner)


def test_who_may(app: Flask, market: Market) -> None:
    for role in ("manager", "finance", "coordinator", "read-only"):
        with pytest.raises(Forbidden):
            payouts.open_account(clerk(market, role))
        with pytest.raises(Forbidden):
            payouts.onboarding_url(clerk(market, role), "http://localhost/x")
    base = f"/agency/{market.agency_slug}/payouts"
    assert Browser(app, market.staff["read-only"]).get(base).status_code == 403
    assert "Set up payouts" not in Browser(app, market.staff["manager"]).get(base).text


def test_words_when_something_is_missing(
    app: Flask, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_session(factories.a_system()) as session:
        session.get_one(Agency, market.agency_id).email = ""
    with pytest.raises(Conflict):
        payouts.open_account(clerk(market, "owner"))
    desk = Browser(app, market.staff["owner"])
    base = f"/agency/{market.agency_slug}/payouts"
    with open_session(factories.a_system()) as session:
        session.get_one(Agency, market.agency_id).payout_account = "acct_unknown"
    assert "does not know this account" in words_of(desk.get(base).text)
    from marketplace.core.errors import Unavailable

    def silent(*args: object) -> None:
        raise Unavailable("No answer")

    monkeypatch.setattr(type(payouts.gateway()), "fetch_account", silent)
    answer = desk.get(base)
    assert answer.status_code == 200 and "does not answer" in words_of(answer.text)
