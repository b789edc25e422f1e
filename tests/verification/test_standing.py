"""Suspension, watch, expiry: closed with the next request, existing candidates served."""

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.bookings import operations as bookings
from marketplace.bookings.models import Booking
from marketplace.bookings.operations import Wanted
from marketplace.core import clock, context
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from marketplace.core.outbox import OutboxMessage
from marketplace.listings import operations as listings
from marketplace.listings.models import Attending, Offering, Rotation, Site
from marketplace.tenants.models import Agency
from marketplace.verification import standing
from tests import factories
from tests.verification import support
from tests.verification.support import ADMIN

STOP = "Three rotations turned out not to exist."
BACK = "The hospitals have confirmed every rotation."


@pytest.fixture
def market(app: Flask) -> factories.Market:
    return support.approved()


def change(market: factories.Market, event: str, why: str = STOP) -> None:
    with open_session(factories.a_system()) as session:
        standing.change(session, ADMIN, market.agency_id, event, why)


def hold(market: factories.Market, person: factories.Candidate, offering: int = 0) -> UUID:
    with open_session(person.scope) as session:
        wanted = Wanted(market.rotation_id, market.offerings[offering], 4, f"form-{offering}")
        return bookings.hold(session, person.actor, wanted).id


def test_suspension_closes_with_the_next_request(market: factories.Market) -> None:
    person = factories.candidate()
    made = factories.booking(market, person, "confirmed")
    waits = factories.booking(market, factories.candidate("Bo Wait"), "requested", offering=1)
    change(market, "suspend")
    agency, listed = support.agency_of(market), support.rotation_of(market)
    assert (agency.state, agency.is_public, agency.takes_bookings) == ("suspended", False, False)
    assert (listed.state, listed.public, listed.withheld) == ("paused", False, True)
    with open_session(context.public(), readonly=True) as session:
        assert session.get(Rotation, market.rotation_id) is None
        assert session.scalars(select(Offering)).all() == []
    with pytest.raises(NotFound):
        hold(market, factories.candidate("Cy New"), 2)
    with (
        pytest.raises(Invalid) as refused,
        open_session(context.agency(market.agency_id)) as session,
    ):
        listings.publish(session, support.owner(market), market.rotation_id)
    assert "stopped" in refused.value.errors["agency"]
    # who has booked is served: the agency still answers, the candidate still reads and cancels
    with open_session(context.agency(market.agency_id)) as session:
        bookings.approve(session, market.staff_actor, waits.id)
    with open_session(person.scope) as session:
        assert session.get_one(Booking, made.id).state == "confirmed"
        bookings.cancel(session, person.actor, made.id, expected_cents=0)
    support.no_violations()


def test_reinstating_opens_what_was_open(market: factories.Market) -> None:
    change(market, "suspend")
    change(market, "reinstate", BACK)
    agency, listed = support.agency_of(market), support.rotation_of(market)
    assert (agency.state, agency.takes_bookings) == ("verified", True)
    assert (listed.state, listed.withheld) == ("published", False)
    hold(market, factories.candidate())
    support.no_violations()


def test_what_the_agency_paused_stays_paused(market: factories.Market) -> None:
    change(market, "suspend")
    with open_session(context.agency(market.agency_id)) as session:
        listings.pause(session, support.owner(market), market.rotation_id)
    change(market, "reinstate", BACK)
    assert support.rotation_of(market).state == "paused"


def test_what_lacks_something_else_stays_closed(market: factories.Market) -> None:
    change(market, "suspend")
    with open_session(factories.a_system()) as session:
        session.get_one(Rotation, market.rotation_id).signed_version = None
    change(market, "reinstate", BACK)
    listed = support.rotation_of(market)
    assert (listed.state, listed.withheld) == ("paused", False)


def test_a_hold_is_no_booking_yet(market: factories.Market) -> None:
    person = factories.candidate()
    key = hold(market, person)
    change(market, "suspend")
    with (
        pytest.raises(Conflict, match="Nothing was charged"),
        open_session(person.scope) as session,
    ):
        bookings.accept_terms(
            session, person.actor, key, candidate={}, consent={}, wanted_installments=0
        )


def test_limited_stays_open_and_says_so(market: factories.Market) -> None:
    change(market, "limit", "Trainees report mostly watching.")
    assert support.agency_of(market).takes_bookings
    assert support.rotation_of(market).public
    change(market, "lift", "The last ten reviews say that it is as listed.")
    assert support.agency_of(market).state == "verified"


def test_refusals_of_changes(market: factories.Market) -> None:
    refusals: list[tuple[str, str, type[DomainError]]] = [
        ("suspend", "  short ", Invalid),
        ("approve", STOP, Invalid),
        ("reinstate", STOP, Conflict),
        ("lift", STOP, Conflict),
    ]
    for event, why, kind in refusals:
        with pytest.raises(kind):
            change(market, event, why)
    with pytest.raises(Forbidden), open_session(context.agency(market.agency_id)) as session:
        standing.change(session, support.owner(market), market.agency_id, "lift", STOP)
    fresh = support.new_agency()
    change(fresh, "suspend")
    change(fresh, "reinstate", BACK)
    assert support.agency_of(fresh).state == "new"  # was never approved: papers first


def test_expiry_stops_bookings_at_once_and_hides_with_the_sweep(app: Flask) -> None:
    market = support.approved(until=30)
    made = factories.booking(market, factories.candidate(), "requested")
    clock.advance(timedelta(days=31))
    with pytest.raises(Conflict, match="cannot take new bookings"):  # no sweep has come by
        hold(market, factories.candidate("Cy New"), 2)
    support.pass_days(0)
    listed = support.rotation_of(market)
    assert (listed.public, listed.withheld) == (False, True)
    assert not support.agency_of(market).is_public
    support.no_violations()
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.get_one(Booking, made.id).state == "requested"
        sent = session.scalars(
            select(OutboxMessage).where(OutboxMessage.topic == "search.index")
        ).all()
    assert any(str(market.rotation_id) in row.payload.get("rotation_ids", ()) for row in sent)
    support.upload(market, "insurance", 200)
    support.send(market)
    support.decide(market)
    assert support.agency_of(market).takes_bookings and support.rotation_of(market).public
    support.no_violations()


def test_the_last_day_still_counts(app: Flask) -> None:
    market = support.approved(until=30)
    support.pass_days(30)
    assert support.rotation_of(market).public and support.agency_of(market).takes_bookings
    support.pass_days(1)
    assert not support.rotation_of(market).public


def test_an_inpatient_listing_needs_the_sites_letter(market: factories.Market) -> None:
    with open_session(factories.a_system()) as session:
        session.get_one(Rotation, market.rotation_id).setting = "inpatient"
    with pytest.raises(Conflict, match="hospital"):
        hold(market, factories.candidate())
    support.pass_days(0)
    assert support.rotation_of(market).withheld
    support.upload(market, "site-letter", 60, site_id=market.site_id)
    support.send(market)
    support.decide(market)
    assert support.rotation_of(market).public
    support.pass_days(61)
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.get_one(Site, market.site_id).letter_until is None
    assert not support.rotation_of(market).public


@pytest.mark.parametrize("field", ["state", "excluded_at"])
def test_the_checks_see_what_is_open_anyway(market: factories.Market, field: str) -> None:
    """Written past every guard, the invariant names it."""
    with open_session(factories.a_system()) as session:
        if field == "state":
            session.get_one(Agency, market.agency_id).state = "suspended"
        else:
            session.get_one(Attending, market.attending_id).excluded_at = clock.now()
    with pytest.raises(AssertionError):
        support.no_violations()
