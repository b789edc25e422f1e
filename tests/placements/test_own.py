"""What is the attending's own: the weeks, and the people who answer in their name."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.accounts.models import Delegate, Person
from marketplace.bookings.models import BookingTransition
from marketplace.core import context
from marketplace.core.audit import AuditEntry
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.errors import Invalid
from marketplace.core.mail import MailMessage
from marketplace.listings import operations as listings
from marketplace.listings import pool
from marketplace.listings.models import Attending, AttendingWeek
from marketplace.placements import attending_views, own_views
from tests import factories
from tests.support import rooms
from tests.support.rooms import Browser, words_of

PAGE = "/attending/delegates"


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site([attending_views.mine, own_views.own]) as site:
        yield site


@pytest.fixture
def market(app: Flask) -> factories.Market:
    return factories.market(capacity=5)


@pytest.fixture
def doctor(app: Flask, market: factories.Market) -> Browser:
    return Browser(app, market.attending_id)


# --- weeks --------------------------------------------------------------------------------------


def week_of(market: factories.Market, day) -> AttendingWeek | None:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.get(AttendingWeek, (market.attending_id, day))


def set_weeks(market: factories.Market, weeks, usual=None) -> int:
    with open_session(context.person(market.attending_id)) as session:
        return pool.set_capacity(session, market.doctor_actor, weeks, usual)


def test_a_week_never_goes_below_what_is_taken(market: factories.Market) -> None:
    for name in ("Ana", "Ben"):
        factories.booking(market, factories.candidate(name), "requested")
    first = market.starts[0]
    with pytest.raises(Invalid) as refused:
        set_weeks(market, {first: 1})
    assert list(refused.value.errors) == [f"w-{first}"]
    assert set_weeks(market, {first: 2, first - timedelta(weeks=1): 0}) == 2
    row = week_of(market, first)
    assert row and (row.capacity, row.taken) == (2, 2)


def test_weeks_of_the_page(doctor: Browser, market: factories.Market) -> None:
    made = factories.booking(market, factories.candidate(), "requested", weeks=2)
    first = market.starts[0]
    page = doctor.get("/attending/capacity").text
    assert "Harbor Rotations" in page and f'name="w-{first}"' in page
    sent = {"usual": "3", f"w-{first}": "4"}
    assert doctor.post("/attending/capacity", sent, page="/attending/capacity").status_code == 303
    row = week_of(market, first)
    assert row and row.capacity == 4
    low = {"usual": "3", f"w-{first}": "0"}
    refused = doctor.post("/attending/capacity", low, page="/attending/capacity")
    assert refused.status_code == 422 and "cannot go below" in refused.text
    assert made.state == "requested"


def test_the_usual_number_is_for_weeks_that_nobody_set(
    doctor: Browser, market: factories.Market
) -> None:
    sent = {"usual": "7"}
    assert doctor.post("/attending/capacity", sent, page="/attending/capacity").status_code == 303
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.get_one(Attending, market.attending_id).weekly_capacity == 7


# --- delegates ----------------------------------------------------------------------------------


def named(doctor: Browser, app: Flask, email: str = "olive@example.org") -> Browser:
    sent = {"name": "Olive Office", "email": email}
    assert doctor.post(PAGE, sent, page=PAGE).status_code == 303
    factories.run_outbox("accounts.delegate_named")
    with open_session(factories.a_system(), readonly=True) as session:
        person = session.scalars(select(Person).where(Person.email == email)).one()
    return Browser(app, person.id)


def test_a_delegate_answers_in_the_attendings_name_and_is_seen(
    app: Flask, doctor: Browser, market: factories.Market
) -> None:
    olive = named(doctor, app)
    made = factories.booking(market, factories.candidate(), "approved")
    at = f"/attending/bookings/{made.reference}"
    page = olive.get(at)
    assert page.status_code == 200 and "You answer in their name" in page.text
    assert "You answer in their name" not in doctor.get(at).text
    assert olive.post(f"{at}/accept", page=at).status_code == 303
    with open_session(factories.a_system(), readonly=True) as session:
        step = session.scalars(
            select(BookingTransition).where(BookingTransition.event == "accept")
        ).one()
        assert step.actor_name == "Olive Office for Dr. Isabel Fuentes"
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "booking.accept")
        ).one()
        assert entry.actor_id == olive.person


def test_a_removed_delegate_is_out_with_the_next_request(
    app: Flask, doctor: Browser, market: factories.Market
) -> None:
    olive = named(doctor, app)
    assert olive.get("/attending").status_code == 200
    with open_session(factories.a_system(), readonly=True) as session:
        key = session.scalars(select(Delegate)).one().id
    assert doctor.post(f"{PAGE}/{key}/end", page=PAGE).status_code == 303
    assert olive.get("/attending").status_code == 404
    assert doctor.get(PAGE).text.count("Olive Office") == 0


def test_signing_and_naming_stay_with_the_attending(
    app: Flask, doctor: Browser, market: factories.Market
) -> None:
    olive = named(doctor, app)
    factories.unsign(market.rotation_id)
    with open_session(context.agency(market.agency_id)) as session:
        key = listings.ask_signature(session, market.staff_actor, market.rotation_id).id
    at = f"/attending/sign/{key}"
    lines = {f"s-{slug}": "y" for slug in factories.HANDS_ON}
    sent = lines | {"sure": "1", "full_name": "Isabel Fuentes"}
    assert olive.post(at, sent, page="/attending/delegates").status_code == 403
    assert olive.post(f"{at}/return", {"comment": "Not so."}, page=PAGE).status_code == 403
    more = {"name": "Somebody", "email": "more@example.org"}
    assert olive.post(PAGE, more, page=PAGE).status_code == 403
    assert "Let them answer" not in olive.get(PAGE).text
    assert doctor.post(at, sent, page=at).status_code == 303


def test_whoever_answers_for_two_chooses(
    app: Flask, doctor: Browser, market: factories.Market
) -> None:
    olive = named(doctor, app)
    other = factories.market()
    named(Browser(app, other.attending_id), app)
    made = factories.booking(other, factories.candidate(), "approved")
    at = f"/attending/bookings/{made.reference}"
    assert olive.get(at).status_code == 404  # the first one's pages
    chosen = {"attending": str(other.attending_id)}
    assert olive.post("/attending/answer-for", chosen, page="/attending").status_code == 303
    assert olive.get(at).status_code == 200
    stranger = {"attending": str(factories.market().attending_id)}
    assert olive.post("/attending/answer-for", stranger, page="/attending").status_code == 404


def test_a_delegate_of_nobody_sees_nothing(app: Flask, market: factories.Market) -> None:
    assert Browser(app, factories.candidate().id).get("/attending").status_code == 404


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"name": "", "email": "a@example.org"}, "name"),
        ({"name": "Olive", "email": "no"}, "email"),
        ({"name": "Olive", "email": "olive@example.org"}, "email"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    app: Flask, doctor: Browser, sent: dict[str, str], field: str
) -> None:
    named(doctor, app)
    answer = doctor.post(PAGE, sent, page=PAGE)
    assert answer.status_code == 422 and f'id="{field}-err"' in answer.text


def test_delegates_are_written_to_and_sign_in(
    app: Flask, doctor: Browser, market: factories.Market
) -> None:
    named(doctor, app)
    factories.booking(market, factories.candidate(), "approved")
    factories.run_outbox("notifications.tell")
    with open_session(factories.a_system(), readonly=True) as session:
        mails = session.scalars(
            select(MailMessage).where(MailMessage.to_address == "olive@example.org")
        ).all()
    by_slug = {mail.slug: mail.text for mail in mails}
    assert "delegate-named" in by_slug
    assert "/attending/bookings/" in by_slug["attending-decide"]
    assert "/decide/" not in by_slug["attending-decide"]


def test_a_delegate_is_no_attending_by_kind() -> None:
    from marketplace.accounts.delegates import require_attending
    from marketplace.core.errors import Forbidden

    for actor in (Actor("attending", role="delegate"), Actor("candidate"), Actor("agency")):
        with pytest.raises(Forbidden):
            require_attending(actor)


def test_the_page_names_what_stays(doctor: Browser) -> None:
    assert "sign what trainees do" in words_of(doctor.get(PAGE).text)
