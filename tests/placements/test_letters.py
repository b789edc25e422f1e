"""Letters of recommendation: when they are due, and who is reminded on which day, each once."""

from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.bookings.models import Booking
from marketplace.core import clock, context, jobs
from marketplace.core.db import open_session
from marketplace.core.mail import MailMessage
from marketplace.placements import letters, operations
from marketplace.placements.models import Placement
from tests import factories
from tests.factories import Made, Market

DAYS = 21


@pytest.fixture
def market(app: Flask) -> Market:
    return factories.market(letter_policy={"policy": "writes-when-earned", "within_days": DAYS})


def move(market: Market, made: Made, status: str) -> None:
    actor = made.candidate.actor if status == "asked" else market.doctor_actor
    assert actor.person_id is not None
    with open_session(context.person(actor.person_id)) as session:
        operations.set_letter(session, actor, made.id, status)


@pytest.fixture
def made(market: Market) -> Made:
    found = factories.booking(market, factories.candidate(), "completed")
    move(market, found, "asked")
    return found


def due(made: Made) -> date:
    with open_session(factories.a_system(), readonly=True) as session:
        booking = session.get_one(Booking, made.id)
        return letters.due_on(booking, session.get_one(Placement, made.id))


def at(made: Made, days: int) -> None:
    """Look so many days after the letter was due."""
    clock.advance(timedelta(days=days) + (due(made) - clock.today("America/Chicago")))
    for _ in range(2):  # a second look changes nothing
        jobs.run_tick("notifications.letters_due")


def sent(slug: str) -> list[str]:
    with open_session(factories.a_system(), readonly=True) as session:
        return list(session.scalars(select(MailMessage.subject).where(MailMessage.slug == slug)))


def test_the_policy_of_the_listing_says_when(made: Made) -> None:
    with open_session(factories.a_system(), readonly=True) as session:
        assert due(made) == session.get_one(Booking, made.id).end_on + timedelta(days=DAYS)


def test_each_step_is_sent_once_and_the_agency_comes_last(made: Made) -> None:
    at(made, -8)
    assert sent("letter-reminder") == []
    at(made, -7)
    assert len(sent("letter-reminder")) == 1
    at(made, 0)
    assert len(sent("letter-reminder")) == 2
    at(made, 10)
    assert len(sent("letter-reminder")) == 3 and sent("agency-letter-late") == []
    at(made, 14)
    assert len(sent("letter-reminder")) == 3
    assert set(sent("agency-letter-late")) == {"The letter for Amara Nwosu is late"}


@pytest.mark.parametrize("status", ["uploaded", "declined"])
def test_an_answer_stops_them(market: Market, made: Made, status: str) -> None:
    at(made, -7)
    move(market, made, "promised")
    move(market, made, status)
    at(made, 14)
    assert len(sent("letter-reminder")) == 1 and sent("agency-letter-late") == []


def test_missed_steps_are_not_made_up_for_one_by_one(made: Made) -> None:
    at(made, 14)
    assert len(sent("letter-reminder")) == 1 and len(set(sent("agency-letter-late"))) == 1


def test_nobody_is_reminded_of_what_was_not_asked_for(market: Market) -> None:
    made = factories.booking(market, factories.candidate(), "completed")
    at(made, 14)
    assert sent("letter-reminder") == []


def test_who_is_asked_late_has_as_many_days_from_then(market: Market) -> None:
    made = factories.booking(market, factories.candidate(), "completed")
    clock.advance(timedelta(days=90))
    move(market, made, "asked")
    assert due(made) == clock.today("America/Chicago") + timedelta(days=DAYS)
