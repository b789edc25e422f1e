"""Two hundred people ask for five seats at once: five hold one, the rest are told clearly."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from flask import Flask
from sqlalchemy import insert, select, update

from marketplace.accounts.models import Person
from marketplace.bookings import operations
from marketplace.core import context, ids
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict
from marketplace.invariants import violations
from marketplace.listings import inviting, places, pool
from marketplace.listings.models import Attending, AttendingWeek, Offering
from tests import factories

SEATS, PEOPLE, THREADS = 5, 200, 40


def people(count: int) -> list[UUID]:
    keys = [ids.uuid7() for _ in range(count)]
    with open_session(factories.a_system()) as session:
        session.execute(
            insert(Person),
            [
                {"id": key, "email": f"{key}@example.org", "name": "Racer", "is_admin": False}
                for key in keys
            ],
        )
    return keys


def ask(app: Flask, wanted_of, person: UUID) -> str:
    """One person's request, as its own process of a web server would make it."""
    with app.app_context():
        try:
            with open_session(context.person(person)) as session:
                operations.hold(session, Actor("candidate", person), wanted_of(person))
        except Conflict as refusal:
            return refusal.code
    return "held"


def race(app: Flask, wanted_of, everyone: list[UUID]) -> list[str]:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda person: ask(app, wanted_of, person), everyone))


def all_is_well() -> list[str]:
    with open_session(factories.a_system(), readonly=True) as session:
        return violations(session)


def test_five_of_two_hundred_hold_a_seat(app) -> None:
    market = factories.market(capacity=SEATS)
    with open_session(factories.a_system()) as session:
        session.execute(update(Attending).values(weekly_capacity=SEATS + 3))
    answers = race(
        app,
        lambda person: operations.Wanted(market.rotation_id, market.offerings[0], 4, "form"),
        people(PEOPLE),
    )
    assert answers.count("held") == SEATS
    assert set(answers) == {"held", "offering_full"}
    assert all_is_well() == []


def test_one_doctor_of_two_agencies_has_one_seat_in_a_week(app) -> None:
    """The attending's weeks are one pool: two agencies cannot sell the same one twice."""
    here, there = factories.market(capacity=9), factories.market(capacity=9)
    with open_session(factories.a_system()) as session:
        npi = session.get_one(Attending, here.attending_id).npi
        asked = inviting.invite(
            session, there.staff_actor, there.agency_id, places.Invitation(npi, "desk@example.org")
        )
        assert asked.attending_id == here.attending_id  # the same person again
        inviting.answer(session, here.doctor_actor, asked.id, yes=True)
    with open_session(context.person(here.attending_id)) as session:
        pool.set_capacity(session, here.doctor_actor, {}, 1)
    with open_session(factories.a_system()) as session:
        site = factories.site(session, there.agency_id)
        twin = factories.rotation(session, there.agency_id, site.id, here.attending_id)
        factories.block(session, twin, 4, 150_000)
        start = factories.offering(session, twin, here.starts[0], 9)
        twin_id, start_id = twin.id, start.id

    def wanted_of(person: UUID) -> operations.Wanted:
        if person.int % 2:
            return operations.Wanted(twin_id, start_id, 4, "form")
        return operations.Wanted(here.rotation_id, here.offerings[0], 4, "form")

    answers = race(app, wanted_of, people(PEOPLE))
    assert answers.count("held") == 1
    assert set(answers) == {"held", "attending_full"}
    with open_session(factories.a_system(), readonly=True) as session:
        weeks = session.scalars(select(AttendingWeek.taken)).all()
        assert weeks == [1, 1, 1, 1]
        assert sum(session.scalars(select(Offering.taken))) == 1
    assert all_is_well() == []


def test_one_form_sent_many_times_is_one_booking(app) -> None:
    market = factories.market()
    me = people(1)[0]
    wanted = operations.Wanted(market.rotation_id, market.offerings[0], 4, "same form")
    answers = race(app, lambda person: wanted, [me] * 30)
    assert set(answers) <= {"held", "already_live", "overlap"}
    assert all_is_well() == []
    with open_session(factories.a_system(), readonly=True) as session:
        assert sum(session.scalars(select(Offering.taken))) == 1
