"""Two hundred people ask for the last seats in the same moment: as many hold one as there are, the
rest are told clearly. Each is a thread of its own that waits for all others, and each has a
connection of its own: what decides is the database."""

from collections.abc import Callable, Iterator
from contextvars import Context
from datetime import timedelta
from functools import partial
from threading import Barrier, Thread
from uuid import UUID

import pytest
from flask import Flask
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import create_engine, insert, select, update

from marketplace.accounts import operations as accounts
from marketplace.accounts.models import Person
from marketplace.accounts.operations import Device
from marketplace.bookings import operations
from marketplace.core import context, ids
from marketplace.core.context import Actor
from marketplace.core.db import db, open_session
from marketplace.core.errors import Conflict
from marketplace.core.words import words
from marketplace.invariants import violations
from marketplace.listings import inviting, places, pool
from marketplace.listings.models import Attending, AttendingWeek, Offering
from tests import factories
from tests.support import database

SEATS, PEOPLE = 5, 200
_RAW_TOKEN = "5f" * 20


@pytest.fixture(autouse=True)
def a_connection_for_each(request: pytest.FixtureRequest) -> Iterator[None]:
    """As many connections as people, so that none waits for a free one of ours."""
    app = request.getfixturevalue("web_app" if "web_app" in request.fixturenames else "app")
    if not database.IS_POSTGRES:
        yield  # each thread opens the file itself
        return
    with app.app_context():
        before = db.engines[None]
        with before.connect() as connection:
            most = int(connection.exec_driver_sql("SHOW max_connections").scalar_one())
        # a server that somebody names may allow fewer: two thirds are for this test
        room = min(PEOPLE, most * 2 // 3)
        db.engines[None] = create_engine(before.url, pool_size=room, max_overflow=0)
    yield
    with app.app_context():
        db.engines[None].dispose()
        db.engines[None] = before


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


class Site:
    """The whole web app, for browsers that are signed in and have the form open."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        signed = URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token")
        self.form_token = signed.dumps(_RAW_TOKEN)

    def cookies(self, everyone: list[UUID]) -> list[str]:
        """A signed-in browser's cookie for each person."""
        signer = self.app.session_interface.get_signing_serializer(self.app)
        name = self.app.config["SESSION_COOKIE_NAME"]
        with open_session(factories.a_system()) as session:
            tokens = [
                accounts.start_sign_in(session, person, Device("127.0.0.1", "test"))
                for person in everyone
            ]
        kept = {"_fresh": True, "csrf_token": _RAW_TOKEN, "_permanent": True}
        return [f"{name}={signer.dumps(kept | {'_user_id': token})}" for token in tokens]

    def hold(self, cookie: str, form: dict[str, str]) -> str:
        """Send step 1 of a request: "held", or the words beside the start."""
        answer = self.app.test_client(use_cookies=False).post(
            "/me/requests",
            data=form,
            headers={
                "Cookie": cookie,
                "Origin": "http://localhost",
                "X-CSRFToken": self.form_token,
            },
        )
        if answer.status_code == 303 and answer.headers["Location"].endswith("/eligibility"):
            return "held"
        if answer.status_code == 409 and words("error.seat-taken.title") in answer.text:
            return "taken"
        return f"{answer.status_code}: {answer.text}"


def ask(app: Flask, wanted: operations.Wanted, person: UUID) -> str:
    """One person's request, as its own process of a web server would make it."""
    with app.app_context():
        try:
            with open_session(context.person(person)) as session:
                operations.hold(session, Actor("candidate", person), wanted)
        except Conflict as refusal:
            return refusal.code
    return "held"


def race(calls: list[Callable[[], str]]) -> list[str]:
    """What each call answered. All start in the same moment."""
    together, answers = Barrier(len(calls)), [""] * len(calls)

    def run(number: int) -> None:
        together.wait(timeout=60)
        try:
            answers[number] = calls[number]()
        except Exception as error:  # noqa: BLE001  (a crash is an answer that no test expects)
            answers[number] = f"{type(error).__name__}: {error}"

    threads = [Thread(target=Context().run, args=(run, n)) for n in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    return answers


def all_is_well() -> list[str]:
    with open_session(factories.a_system(), readonly=True) as session:
        return violations(session)


def test_five_of_two_hundred_hold_a_seat(app) -> None:
    market = factories.market(capacity=SEATS)
    with open_session(factories.a_system()) as session:
        session.execute(update(Attending).values(weekly_capacity=SEATS + 3))
    wanted = operations.Wanted(market.rotation_id, market.offerings[0], 4, "form")
    answers = race([partial(ask, app, wanted, person) for person in people(PEOPLE)])
    assert answers.count("held") == SEATS
    assert set(answers) == {"held", "offering_full"}
    assert all_is_well() == []


def test_one_doctor_of_two_agencies_has_one_seat_in_a_week(web_app: Flask) -> None:
    """The attending's weeks are one pool: of two hundred forms sent at once to two agencies one
    holds the seat, and the others are shown what is free."""
    with web_app.app_context():
        forms = two_agencies_with_one_seat()
        site = Site(web_app)
        cookies = site.cookies(people(PEOPLE))
    answers = race([partial(site.hold, cookie, forms[n % 2]) for n, cookie in enumerate(cookies)])
    assert answers.count("held") == 1
    assert set(answers) == {"held", "taken"}
    with web_app.app_context():
        with open_session(factories.a_system(), readonly=True) as session:
            weeks = session.scalars(select(AttendingWeek.taken)).all()
            assert weeks == [1, 1, 1, 1]
            assert sum(session.scalars(select(Offering.taken))) == 1
        assert all_is_well() == []


def two_agencies_with_one_seat() -> tuple[dict[str, str], dict[str, str]]:
    """The forms of step 1 for the same week of the same doctor at either agency."""
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
        twin_form = {"rotation": twin.slug, "offering": str(start.id), "weeks": "4"}
    return {
        "rotation": here.slug,
        "offering": str(here.offerings[0]),
        "weeks": "4",
    }, twin_form


def test_one_form_sent_many_times_is_one_booking(app) -> None:
    market = factories.market()
    me = people(1)[0]
    wanted = operations.Wanted(market.rotation_id, market.offerings[0], 4, "same form")
    answers = race([partial(ask, app, wanted, me)] * 30)
    assert set(answers) <= {"held", "already_live", "overlap"}
    assert all_is_well() == []
    with open_session(factories.a_system(), readonly=True) as session:
        assert sum(session.scalars(select(Offering.taken))) == 1


def test_a_block_needs_a_seat_in_each_of_its_weeks(app) -> None:
    """One full week of the attending's four refuses the block, and takes nothing of the others."""
    market = factories.market(capacity=3)
    with open_session(context.person(market.attending_id)) as session:
        pool.set_capacity(session, market.doctor_actor, {}, 1)
    with open_session(factories.a_system()) as session:
        third = AttendingWeek(
            attending_id=market.attending_id,
            week=market.starts[0] + timedelta(weeks=2),
            capacity=0,
            taken=0,
        )
        session.add(third)
    wanted = operations.Wanted(market.rotation_id, market.offerings[0], 4, "form")
    assert ask(app, wanted, people(1)[0]) == "attending_full"
    with open_session(factories.a_system(), readonly=True) as session:
        assert sum(session.scalars(select(AttendingWeek.taken))) == 0
        assert sum(session.scalars(select(Offering.taken))) == 0
