"""Deadlines that the worker keeps: what ends, when, and what happens to seat and money."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace.bookings import jobs as booking_jobs
from marketplace.bookings import operations, states
from marketplace.bookings.models import Booking
from marketplace.core import clock, context, jobs
from marketplace.core.db import open_session
from marketplace.invariants import violations
from marketplace.listings.models import Offering
from marketplace.payments import operations as payments
from marketplace.payments.gateway import Declined, Succeeded
from marketplace.payments.models import Charge, Installment, PaymentPlan, Refund
from tests import factories
from tests.factories import Made, Market

SOON = timedelta(minutes=1)


@pytest.fixture
def market(app: object) -> Market:
    return factories.market()


def row(made: Made) -> Booking:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.get_one(Booking, made.id)


def taken(made: Made) -> int:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.get_one(Offering, row(made).offering_id).taken


def sweep() -> None:
    jobs.run_tick("bookings.expire_due")
    factories.run_outbox()


def clean() -> None:
    with open_session(factories.a_system(), readonly=True) as session:
        found = [one for one in violations(session) if not one.startswith("I16")]
    assert found == []  # the index is not part of these tests


def until(made: Made, *, before: timedelta) -> None:
    """Move the clock to so long before the booking's deadline."""
    ends = row(made).deadline_at
    assert ends is not None
    clock.advance(ends - clock.now() - before)


@pytest.mark.parametrize("state", sorted(states.DEADLINE))
def test_each_deadline_ends_its_booking_and_frees_the_seat(market: Market, state: str) -> None:
    made = factories.booking(market, factories.candidate(), state)  # type: ignore[arg-type]
    until(made, before=SOON)
    sweep()
    assert row(made).state == state and taken(made) == 1
    clock.advance(2 * SOON)
    sweep()
    ended = row(made)
    assert ended.state == "expired" and ended.deadline_at is None and taken(made) == 0
    with open_session(factories.a_system(), readonly=True) as session:
        if ended.plan_id:
            assert session.get_one(PaymentPlan, ended.plan_id).state == "stopped"
        assert not session.scalars(select(Refund)).all()  # nothing was charged
    sweep()
    clean()


@pytest.mark.parametrize("state", ["accepted", "confirmed", "active", "completed", "closed"])
def test_what_has_no_deadline_stays(market: Market, state: str) -> None:
    made = factories.booking(market, factories.candidate(), state)  # type: ignore[arg-type]
    assert row(made).deadline_at is None
    clock.advance(timedelta(days=4))
    sweep()
    assert row(made).state == state


def attempt(made: Made) -> Charge:
    """A new attempt to charge the deposit, of which nothing is known yet."""
    with open_session(context.agency(made.market.agency_id)) as session:
        due = session.scalars(
            select(Installment).where(Installment.plan_id == made.plan_id, Installment.seq == 0)
        ).one()
        due.next_try_at = clock.now()
        due.state = "scheduled"
        session.flush()
        begun = payments.begin_charge(session, due.id)
        assert begun is not None
        key = begun.id
    with open_session(factories.a_system(), readonly=True) as session:
        return session.get_one(Charge, key)


def test_an_unknown_payment_stops_the_clock(
    market: Market, caplog: pytest.LogCaptureFixture
) -> None:
    made = factories.booking(market, factories.candidate(), "payment_needed")
    flying = attempt(made)
    until(made, before=-timedelta(hours=5))
    sweep()
    assert row(made).state == "payment_needed" and taken(made) == 1
    assert "booking row failed" not in caplog.text  # it is waited for, not tried and refused
    with open_session(context.agency(market.agency_id)) as session:
        payments.settle_declined(session, flying.id, Declined("pi_x", "expired_card", None, True))
    factories.run_outbox()
    sweep()
    assert row(made).state == "expired" and taken(made) == 0
    clean()


def test_a_success_that_arrives_after_the_end_goes_back_in_full(market: Market) -> None:
    made = factories.booking(market, factories.candidate(), "payment_needed")
    flying = attempt(made)
    with open_session(context.agency(market.agency_id)) as session:
        payments.settle_declined(session, flying.id, Declined("pi_x", "expired_card", None, True))
    factories.run_outbox()
    until(made, before=-SOON)
    sweep()
    assert row(made).state == "expired"
    with open_session(context.agency(market.agency_id)) as session:  # the provider corrects itself
        payments.settle_succeeded(
            session, flying.id, Succeeded("pi_x", "ch_x", flying.amount_cents)
        )
    with open_session(factories.a_system(), readonly=True) as session:
        back = session.scalars(select(Refund)).one()
        assert (back.amount_cents, back.cause) == (flying.amount_cents, "late-success")
    assert row(made).state == "expired" and taken(made) == 0


def test_an_installment_unpaid_past_its_grace_ends_the_booking(market: Market) -> None:
    made = factories.booking(market, factories.candidate(), "confirmed")
    with open_session(factories.a_system(), readonly=True) as session:
        due = session.scalars(
            select(Installment)
            .where(Installment.plan_id == made.plan_id, Installment.state == "scheduled")
            .order_by(Installment.seq)
        ).first()
    assert due is not None and due.next_try_at is not None
    clock.advance(due.next_try_at - clock.now() + SOON)
    factories.settle_due(made.id, Declined)
    factories.run_outbox()
    with open_session(factories.a_system(), readonly=True) as session:
        grace = session.get_one(Installment, due.id).pay_until
    assert grace is not None and grace > clock.now() + timedelta(days=1)
    clock.advance(grace - clock.now() - SOON)
    sweep()
    assert row(made).state == "confirmed"
    clock.advance(2 * SOON)
    with open_session(factories.a_system(), readonly=True) as session:
        quote = operations.refund_quote(session, session.get_one(Booking, made.id)).refund_cents
    jobs.run_tick("bookings.expire_due")
    ended = row(made)
    assert (ended.state, ended.refund_cents) == ("cancelled_by_candidate", quote)
    assert taken(made) == 0
    clean()


def test_one_bad_row_does_not_hold_up_the_others(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = factories.booking(market, factories.candidate("Ann One"), "requested")
    other = factories.booking(market, factories.candidate("Bo Two"), "requested", offering=1)
    until(other, before=-SOON)
    real = booking_jobs.operations.expire

    def fails_once(session: object, key: object, flying: bool) -> None:
        if key == first.id:
            raise RuntimeError("this one")
        real(session, key, flying)  # type: ignore[arg-type]

    with monkeypatch.context() as broken:
        broken.setattr(booking_jobs.operations, "expire", fails_once)
        sweep()
    assert (row(first).state, row(other).state) == ("requested", "expired")
    sweep()
    assert row(first).state == "expired"
