"""Verbs taken by people who cannot see the money: it moves in the agency's scope, by a row."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace.bookings import operations
from marketplace.bookings.models import Booking
from marketplace.core import clock, context
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict
from marketplace.payments.models import PaymentPlan, Refund, Release
from tests import factories


def rows(model, **by):
    with open_session(factories.a_system(), readonly=True) as session:
        return list(session.scalars(select(model).filter_by(**by)))


def test_a_candidates_check_in_frees_half_of_the_money_after_72_hours(app):
    made = factories.booking(factories.market(), factories.candidate(), "active")
    (release,) = rows(Release, plan_id=made.plan_id)
    assert (release.share, release.percent) == ("start", 50)
    assert timedelta(hours=71) < release.due_at - clock.now() < timedelta(hours=73)


def test_nothing_is_freed_when_the_booking_was_cancelled_before_the_worker_came(app):
    made = factories.booking(factories.market(), factories.candidate(), "confirmed")
    factories.move_to_day(made.id, "start_on")
    with open_session(made.candidate.scope) as session:
        operations.check_in(session, made.candidate.actor, made.id)
    with open_session(context.agency(made.market.agency_id)) as session:
        operations.provider_cancel(session, made.market.staff_actor, made.id, reason="illness")
    factories.run_outbox("bookings.share_earned")
    assert rows(Release, plan_id=made.plan_id) == []


def test_an_attending_who_declines_stops_the_plan(app):
    made = factories.booking(factories.market(), factories.candidate(), "approved")
    with open_session(context.person(made.market.attending_id)) as session:
        operations.decline(session, made.market.doctor_actor, made.id, reason="full")
    factories.run_outbox("bookings.return_money")
    assert made.state == "declined"
    assert rows(PaymentPlan, id=made.plan_id)[0].state == "stopped"


def test_an_attending_who_cancels_gives_everything_back(app):
    made = factories.booking(factories.market(), factories.candidate(), "confirmed")
    with open_session(context.person(made.market.attending_id)) as session:
        operations.provider_cancel(session, made.market.doctor_actor, made.id, reason="illness")
    factories.run_outbox("bookings.return_money")
    assert made.state == "cancelled_by_provider"
    (refund,) = rows(Refund, plan_id=made.plan_id)
    (booking,) = rows(Booking, id=made.id)
    assert refund.amount_cents == booking.refund_cents == 33_000
    assert refund.provider_fault


def test_an_attending_cannot_cancel_what_has_begun(app):
    made = factories.booking(factories.market(), factories.candidate(), "active")
    with (
        pytest.raises(Conflict, match="agency"),
        open_session(context.person(made.market.attending_id)) as session,
    ):
        operations.provider_cancel(session, made.market.doctor_actor, made.id, reason="illness")
    assert made.state == "active"
