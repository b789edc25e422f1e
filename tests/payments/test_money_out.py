"""Money that leaves: refunds and the agency's share, through Stripe's library against the double.

The provider's own books are what counts here, not our rows.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace.bookings import operations
from marketplace.bookings.models import Booking
from marketplace.core import clock, context, jobs
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict
from marketplace.invariants import violations
from marketplace.payments import payouts
from marketplace.payments.models import Installment, Refund, Transfer
from marketplace.tenants.models import Agency
from tests import factories
from tests.factories import Made, Market
from tests.payments.double import SECRET_KEY, StripeDouble, http
from tests.support import apps

WAIT = timedelta(hours=72)


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeDouble]:
    with StripeDouble(tmp_path_factory.mktemp("double")) as running:
        yield running


@pytest.fixture
def app(migrated: None, double: StripeDouble) -> Iterator[Flask]:
    from tests.support import database

    database.wipe()
    double.control("reset")
    with apps.core(STRIPE_SECRET_KEY=SECRET_KEY, STRIPE_API_BASE=double.url) as core:
        yield core


@pytest.fixture
def market(app: Flask) -> Market:
    return factories.market()


def at_stripe(double: StripeDouble, kind: str) -> list[dict[str, Any]]:
    """All refunds or transfers in the provider's books."""
    headers = {"Authorization": f"Bearer {SECRET_KEY}"}
    answer = http.request("GET", f"{double.url}/v1/{kind}", fields={"limit": 100}, headers=headers)
    assert answer.status == 200, answer.data
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def cents(rows: list[dict[str, Any]]) -> int:
    return sum(row["amount"] for row in rows)


def paid(made: Made) -> int:
    with open_session(factories.a_system(), readonly=True) as session:
        state = Installment.plan_id == made.plan_id, Installment.state == "paid"
        return session.scalar(select(func.sum(Installment.amount_cents)).where(*state)) or 0


def pay_everything(made: Made) -> None:
    """The worker charges each installment on its date."""
    for _ in range(40):
        jobs.run_tick("payments.charge_due")
        factories.run_outbox()
        with open_session(factories.a_system(), readonly=True) as session:
            state = Installment.plan_id == made.plan_id, Installment.state != "paid"
            due = session.scalar(select(func.min(Installment.due_on)).where(*state))
        if due is None:
            return
        clock.advance(max(timedelta(days=1), timedelta(days=(due - clock.now().date()).days)))
    raise AssertionError("an installment was never paid")


def clean() -> None:
    with open_session(factories.a_system(), readonly=True) as session:
        found = [one for one in violations(session) if not one.startswith("I16")]
    assert found == []  # the index is not part of these tests


def again(*ticks: str) -> None:
    """The worker comes by as often as it likes."""
    for _ in range(3):
        for tick in ticks:
            jobs.run_tick(tick)
        factories.run_outbox()


# --- refunds --------------------------------------------------------------------------------------


def by_candidate(made: Made) -> int:
    with open_session(made.candidate.scope) as session:
        quote = operations.refund_quote(session, operations.locked(session, made.id)).refund_cents
        operations.cancel(session, made.candidate.actor, made.id, expected_cents=quote)
    return quote


def by_agency(made: Made) -> int:
    with open_session(context.agency(made.market.agency_id)) as session:
        operations.provider_cancel(
            session, made.market.staff_actor, made.id, reason="the clinic closes"
        )
    return paid(made)


def by_attending(made: Made) -> int:
    with open_session(context.person(made.market.attending_id)) as session:
        operations.provider_cancel(session, made.market.doctor_actor, made.id, reason="illness")
    return paid(made)


SIDES = pytest.mark.parametrize("cancel", [by_candidate, by_agency, by_attending])


@SIDES
def test_a_cancelled_booking_is_returned_by_the_provider_once(
    double: StripeDouble, market: Market, cancel: Callable[[Made], int]
) -> None:
    made = factories.booking(market, factories.candidate(), "confirmed", double=double)
    assert cents(double.charges()) == paid(made) > 0
    expected = cancel(made)
    assert expected > 0 and at_stripe(double, "refunds") == []  # a row first, then the call
    again("payments.send_refunds")
    sent = at_stripe(double, "refunds")
    assert cents(sent) == expected
    assert {row["charge"] for row in sent} == {row["id"] for row in double.charges()}
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.get_one(Booking, made.id).refund_cents == expected
        assert set(session.scalars(select(Refund.state))) == {"succeeded"}
        assert set(session.scalars(select(Refund.external_id))) == {row["id"] for row in sent}
    clean()


@pytest.mark.parametrize("kind", ["lost", "dropped", "500", "500_after", "429"])
def test_a_refund_without_an_answer_is_sent_again_and_is_one(
    double: StripeDouble, market: Market, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = factories.booking(market, factories.candidate(), "confirmed", double=double)
    double.fault(kind, "POST /v1/refunds", count=3)  # the library tries three times by itself
    expected = by_agency(made)
    factories.run_outbox()
    with open_session(factories.a_system(), readonly=True) as session:
        assert set(session.scalars(select(Refund.state))) <= {"unknown", "sending", "succeeded"}
    double.control("faults", method="DELETE")
    real = clock.wall
    monkeypatch.setattr(clock, "wall", lambda: real() + timedelta(minutes=10))
    again("payments.send_refunds")
    assert cents(at_stripe(double, "refunds")) == expected
    with open_session(factories.a_system(), readonly=True) as session:
        assert set(session.scalars(select(Refund.state))) == {"succeeded"}
    clean()


# --- the agency's share ---------------------------------------------------------------------------


def ready_account(double: StripeDouble, market: Market) -> str:
    with open_session(factories.a_system()) as session:
        session.get_one(Agency, market.agency_id).email = "desk@example.org"
    owner = Actor("agency", market.staff["owner"], market.agency_id, "An Owner", "owner")
    account = payouts.open_account(owner)
    double.control(f"accounts/{account}/onboard")
    payouts.account_changed(account)
    return account


def complete(made: Made) -> None:
    factories.move_to_day(made.id, "end_on")
    with open_session(context.agency(made.market.agency_id)) as session:
        operations.complete(session, made.market.staff_actor, made.id)
    factories.run_outbox()


def check_in(made: Made) -> None:
    factories.move_to_day(made.id, "start_on")
    with open_session(made.candidate.scope) as session:
        operations.check_in(session, made.candidate.actor, made.id)
    factories.run_outbox()


OUT = ("payments.release_due", "payments.send_transfers")


def test_the_share_leaves_after_its_wait_and_in_two_halves(
    double: StripeDouble, market: Market
) -> None:
    account = ready_account(double, market)
    made = factories.booking(market, factories.candidate(), "confirmed", double=double)
    pay_everything(made)
    with open_session(factories.a_system(), readonly=True) as session:
        row = session.get_one(Booking, made.id)
        price, fee = row.price_cents, int(row.terms["platform_fee_percent"])
    assert cents(double.charges()) == price == paid(made)
    own = price - round(price * fee / 100)
    check_in(made)
    again(*OUT)
    clock.advance(WAIT - timedelta(hours=1))
    again(*OUT)
    assert at_stripe(double, "transfers") == []
    clock.advance(timedelta(hours=2))
    again(*OUT)
    first = at_stripe(double, "transfers")
    parts = len(double.charges())  # each payment is shared by itself, to the cent
    assert abs(cents(first) - own / 2) <= parts
    assert {row["destination"] for row in first} == {account}
    assert {row["source_transaction"] for row in first} == {row["id"] for row in double.charges()}
    complete(made)
    clock.advance(WAIT - timedelta(hours=1))
    again(*OUT)
    assert at_stripe(double, "transfers") == first
    clock.advance(timedelta(hours=2))
    again(*OUT)
    everything = at_stripe(double, "transfers")
    assert len(everything) == 2 * parts and abs(cents(everything) - own) <= parts
    with open_session(factories.a_system(), readonly=True) as session:
        kept = session.scalar(select(func.sum(Transfer.fee_cents))) or 0
    assert cents(everything) + kept == price
    clean()


def test_a_transfer_without_an_answer_is_sent_again_and_is_one(
    double: StripeDouble, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready_account(double, market)
    made = factories.booking(market, factories.candidate(), "confirmed", double=double)
    pay_everything(made)
    check_in(made)
    clock.advance(WAIT + timedelta(hours=1))
    double.fault("lost", "POST /v1/transfers", count=3)
    jobs.run_tick("payments.release_due")
    jobs.run_tick("payments.send_transfers")
    double.control("faults", method="DELETE")
    real = clock.wall
    monkeypatch.setattr(clock, "wall", lambda: real() + timedelta(minutes=10))
    again(*OUT)
    sent = at_stripe(double, "transfers")
    assert len(sent) == len(double.charges()) == len({row["source_transaction"] for row in sent})
    with open_session(factories.a_system(), readonly=True) as session:
        assert set(session.scalars(select(Transfer.state))) == {"succeeded"}
    clean()


def test_nothing_is_cancelled_past_a_transfer(double: StripeDouble, market: Market) -> None:
    ready_account(double, market)
    made = factories.booking(market, factories.candidate(), "confirmed", double=double)
    pay_everything(made)
    check_in(made)
    clock.advance(WAIT + timedelta(hours=1))
    again(*OUT)
    with pytest.raises(Conflict, match="already paid out"):
        by_agency(made)
    assert at_stripe(double, "refunds") == []
    clean()
