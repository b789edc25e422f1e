"""Starts in bulk, seats, notice and blackouts: nothing that is taken is ever touched."""

from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.core import clock, context, jobs
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict, Forbidden, Invalid, NotFound
from marketplace.listings import availability, notice
from marketplace.listings.models import Offering, Rotation
from tests import factories
from tests.factories import Market


@pytest.fixture
def market(app: Flask) -> Market:
    return factories.market()


def agency(market: Market):
    return open_session(context.agency(market.agency_id))


def starts(market: Market) -> dict[date, Offering]:
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        return {row.start_on: row for row in session.scalars(select(Offering))}


def add(market: Market, *days: date, seats: int = 2) -> availability.Added:
    with agency(market) as session:
        return availability.add_starts(session, market.staff_actor, market.rotation_id, days, seats)


def black(market: Market, first: date, last: date, **where: object) -> availability.Closed:
    given = {"site_id": None, "attending_id": None, "reason": ""} | where
    with agency(market) as session:
        found = availability.black_out(
            session, market.staff_actor, market.agency_id, first=first, last=last, **given
        )
        session.flush()
        session.expunge(found.blackout)
        return found


def test_a_pattern_of_mondays() -> None:
    first = factories.monday(10)
    assert availability.mondays(first, first + timedelta(days=29), 2) == [
        first,
        first + timedelta(weeks=2),
        first + timedelta(weeks=4),
    ]


@pytest.mark.parametrize(
    ("shift", "until", "every", "field"),
    [(1, 30, 1, "first"), (0, -1, 1, "until"), (0, 30, 0, "every"), (0, 3000, 1, "until")],
)
def test_a_pattern_that_is_none(shift: int, until: int, every: int, field: str) -> None:
    first = factories.monday(10) + timedelta(days=shift)
    with pytest.raises(Invalid) as refused:
        availability.mondays(first, first + timedelta(days=until), every)
    assert field in refused.value.errors


def test_what_is_there_stays(market: Market) -> None:
    fresh = market.starts[0] + timedelta(weeks=1)
    added = add(market, market.starts[0], fresh, seats=5)
    assert (added.added, added.there) == (1, 1)
    found = starts(market)
    assert (found[market.starts[0]].capacity, found[fresh].capacity) == (2, 5)
    assert found[fresh].public


@pytest.mark.parametrize(
    ("weeks", "seats", "field"), [(0, 2, "first"), (30, 0, "seats"), (120, 2, "until")]
)
def test_starts_that_cannot_be(market: Market, weeks: int, seats: int, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        add(market, factories.monday(weeks), seats=seats)
    assert field in refused.value.errors


def test_seats_never_go_below_what_is_taken(market: Market) -> None:
    for name in ("Ana", "Ben"):
        factories.booking(market, factories.candidate(name), "requested")
    key = market.offerings[0]
    with pytest.raises(Invalid, match="check the form"), agency(market) as session:
        availability.set_seats(session, market.staff_actor, key, 1)
    with agency(market) as session:
        assert availability.set_seats(session, market.staff_actor, key, 4).capacity == 4
        assert availability.set_seats(session, market.staff_actor, key, 2).capacity == 2


def test_close_and_open(market: Market) -> None:
    key = market.offerings[0]
    with agency(market) as session:
        availability.close_start(session, market.staff_actor, key)
    assert starts(market)[market.starts[0]].closed_at
    with agency(market) as session:
        availability.reopen_start(session, market.staff_actor, key)
    assert starts(market)[market.starts[0]].closed_at is None


def test_another_agencys_start_is_missing(market: Market) -> None:
    other = factories.market()
    for verb in (availability.close_start, availability.reopen_start):
        with pytest.raises(NotFound), agency(market) as session:
            verb(session, market.staff_actor, other.offerings[0])


def test_a_role_that_only_looks(market: Market) -> None:
    actor = Actor("agency", market.staff["read-only"], market.agency_id, role="read-only")
    with pytest.raises(Forbidden), agency(market) as session:
        availability.close_start(session, actor, market.offerings[0])


def test_notice_closes_by_itself(market: Market) -> None:
    with agency(market) as session:
        notice.set_notice(session, market.staff_actor, market.rotation_id, 60)
    assert all(row.closed_at is None for row in starts(market).values())
    first = market.starts[0]
    today = clock.today("America/Chicago")  # the site's day: at night it is not that of UTC
    clock.advance(timedelta(days=(first - today).days - 59))
    jobs.run_tick("listings.close_near")
    found = starts(market)
    assert found[first].closed_at and found[market.starts[1]].closed_at is None
    with pytest.raises(Conflict), agency(market) as session:
        availability.reopen_start(session, market.staff_actor, market.offerings[0])


def test_a_blackout_closes_what_runs_into_it_and_no_booking(market: Market) -> None:
    made = factories.booking(market, factories.candidate(), "requested")
    first, second, third = market.starts
    closed = black(market, first + timedelta(days=10), second)
    assert (closed.starts, closed.booked) == (2, 1)
    found = starts(market)
    assert found[first].closed_at and found[second].closed_at
    assert found[third].closed_at is None and found[first].taken == 1
    assert made.state == "requested"
    assert add(market, second - timedelta(weeks=1)).blacked_out == 1
    with pytest.raises(Conflict), agency(market) as session:
        availability.reopen_start(session, market.staff_actor, market.offerings[0])
    with agency(market) as session:
        assert availability.lift_blackout(session, market.staff_actor, closed.blackout.id) == 2
    assert all(row.closed_at is None for row in starts(market).values())


def test_what_was_closed_by_hand_stays_closed(market: Market) -> None:
    with agency(market) as session:
        availability.close_start(session, market.staff_actor, market.offerings[0])
    closed = black(market, market.starts[0], market.starts[1])
    assert closed.starts == 1
    with agency(market) as session:
        availability.lift_blackout(session, market.staff_actor, closed.blackout.id)
    assert starts(market)[market.starts[0]].closed_at


def test_a_blackout_of_another_site_closes_nothing(market: Market) -> None:
    with open_session(factories.a_system()) as session:
        elsewhere = factories.site(session, market.agency_id, name="Another clinic").id
    assert black(market, market.starts[0], market.starts[2], site_id=elsewhere).starts == 0
    for where in ({"site_id": factories.market().site_id}, {"attending_id": market.site_id}):
        with pytest.raises(Invalid):
            black(market, market.starts[0], market.starts[2], **where)


def test_an_archived_listing_has_no_new_starts(market: Market) -> None:
    with open_session(factories.a_system()) as session:
        row = session.get_one(Rotation, market.rotation_id)
        row.state, row.public = "archived", False
    with pytest.raises(Conflict):
        add(market, factories.monday(30))
