"""The candidate's bookings: every state, what is next, taking back, cancelling, the calendar."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace.bookings.models import Booking
from marketplace.core import clock, context
from marketplace.core.db import open_session
from marketplace.payments.gateway import NeedsAction
from marketplace.payments.models import Installment, Refund
from marketplace.placements import operations as placements
from marketplace.placements.models import Placement
from tests import factories
from tests.bookings.conftest import Browser
from tests.core.test_components import check_page

PAGES = {
    "held": ("We hold this seat for you", "Continue your request"),
    "requested": ("Your request is sent", "Take back my request"),
    "approved": ("The agency said yes", "Take back my request"),
    "accepted": ("The doctor said yes", "Take back my request"),
    "payment_needed": ("Your bank said no", "Use another card"),
    "confirmed": ("Your seat is confirmed", "Cancel this booking"),
    "active": ("Your rotation is running", "Add to calendar"),
    "completed": ("Your rotation is finished", "Write your review"),
    "closed": ("This booking is closed", "Write your review"),
    "declined": ("This request was declined", "See other starts"),
    "withdrawn": ("You took back your request", "See other starts"),
    "expired": ("This request ended without an answer", "See other starts"),
    "cancelled_by_candidate": ("You cancelled this booking", "On its way back"),
    "cancelled_by_provider": ("The agency cancelled. You get everything back", "On its way back"),
    "no_show": ("You did not come and we heard nothing", "tell us what happened"),
}


@pytest.fixture
def market(site):
    return factories.market()


@pytest.fixture
def ana(site):
    return factories.candidate()


@pytest.fixture
def browser(site, ana):
    return Browser(site, ana)


def url(made, page: str = "") -> str:
    return f"/me/bookings/{made.reference}{'/' + page if page else ''}"


def rows(model, **by):
    with open_session(factories.a_system(), readonly=True) as session:
        return list(session.scalars(select(model).filter_by(**by)))


# --- every state ---


@pytest.mark.parametrize("state", PAGES)
def test_the_page_of_every_state(browser, market, ana, state):
    made = factories.booking(market, ana, state)
    page = browser.get(url(made))
    assert page.status == 200
    title, offer = PAGES[state]
    assert title in page.text
    assert offer in page.text
    assert "What happened" in page.text
    check_page(page.html)
    assert page.html.count("<h1") == 1


@pytest.mark.parametrize("state", PAGES)
def test_the_page_of_a_booking_takes_few_queries(browser, market, ana, state, queries):
    made = factories.booking(market, ana, state)
    queries.clear()
    assert browser.get(url(made)).status == 200
    assert len(queries) <= 6, queries  # 2 more tell who is asking: 8 in all


def test_a_list_of_bookings_takes_two_queries(browser, market, ana, queries):
    for number in range(3):
        factories.booking(market, ana, "requested", offering=number)
    for path in ("/me", "/me/bookings"):
        queries.clear()
        page = browser.get(path)
        assert page.text.count("Open booking") == 3
        assert len(queries) <= 2, queries


def test_who_acts_by_when_and_what_otherwise(browser, market, ana):
    made = factories.booking(market, ana, "requested")
    text = browser.get(url(made)).text
    assert "The agency acts next. By" in text
    assert "If the agency does not answer, your request ends, you pay nothing" in text
    assert "Request sent" in text
    assert "First day" in text


def test_an_ended_hold_says_so(browser, market, ana):
    made = factories.booking(market, ana, "held")
    clock.advance(timedelta(minutes=21))
    page = browser.get(url(made))
    assert "Your 20 minutes are over" in page.text
    assert "Continue your request" not in page.text


def test_a_payment_that_is_being_checked_is_polled(browser, market, ana):
    made = factories.booking(market, ana, "accepted")
    with open_session(factories.a_system()) as session:
        row = session.scalars(
            select(Installment).where(Installment.plan_id == made.plan_id, Installment.seq == 0)
        ).one()
        row.state = "unknown"
    page = browser.get(url(made))
    assert "We are checking your payment" in page.text
    assert f'hx-get="{url(made)}"' in page.html
    part = browser.get(url(made), **{"HX-Request": "true", "HX-Request-Type": "partial"})
    assert part.html.lstrip().startswith("<section")
    assert "<html" not in part.html


def test_the_banks_question_leads_to_the_confirmation(browser, market, ana):
    made = factories.booking(market, ana, "accepted")
    factories._charge_deposit(market, made.id, NeedsAction, None)
    page = browser.get(url(made))
    assert "Your bank needs you" in page.text
    assert f'href="{url(made, "pay")}"' in page.html
    assert "Bank asks you" in page.text


def test_an_expired_unpaid_deposit_is_not_called_unanswered(browser, market, ana):
    made = factories.booking(market, ana, "payment_needed")
    from marketplace.bookings import operations

    clock.advance(timedelta(hours=49))
    with open_session(context.agency(market.agency_id)) as session:
        operations.expire(session, made.id, payment_in_flight=False)
    assert "the deposit was not paid" in browser.get(url(made)).text


def test_a_withdrawn_attendings_yes_is_not_shown_as_done(browser, market, ana):
    from marketplace.bookings import operations

    made = factories.booking(market, ana, "accepted")
    with open_session(context.person(market.attending_id)) as session:
        operations.undo_accept(session, market.doctor_actor, made.id)
    text = browser.get(url(made)).text
    assert "Dr. Fuentes took the acceptance back" in text
    assert "Attending accepts , now" in text


# --- next for you ---


def test_without_bookings_the_page_leads_to_the_search(browser):
    page = browser.get("/me")
    assert page.status == 200
    assert "Nothing needs you right now" in page.text
    assert 'href="/rotations"' in page.html
    assert "No bookings yet" in browser.get("/me/bookings").text


def test_what_needs_me_comes_most_urgent_first(browser, market, ana):
    later = factories.booking(market, ana, "payment_needed")
    now = factories.booking(factories.market(weeks_ahead=(40,)), ana, "held")
    page = browser.get("/me")
    assert "2 things need you" in page.text
    assert page.html.index(url(now, "eligibility")) < page.html.index(url(later, "card"))


def test_ended_bookings_are_listed_but_not_next(browser, market, ana):
    made = factories.booking(market, ana, "withdrawn")
    assert url(made) not in browser.get("/me").html
    assert url(made) in browser.get("/me/bookings").html


def test_payments_to_come_are_added_up(browser, market, ana):
    factories.booking(market, ana, "confirmed")
    text = browser.get("/me").text
    assert "$330 paid of $1,650" in text


# --- taking back ---


@pytest.mark.parametrize("state", ["held", "requested", "approved", "accepted", "payment_needed"])
def test_a_request_is_taken_back_before_it_is_paid(browser, market, ana, state):
    made = factories.booking(market, ana, state)
    page = browser.get(url(made))
    first = browser.send(page, "/withdraw")
    second = browser.send(page, "/withdraw")
    assert first.to == second.to == url(made)
    assert made.state == "withdrawn"
    assert rows(Refund) == []


def test_a_paid_booking_is_not_taken_back(browser, market, ana):
    made = factories.booking(market, ana, "requested")
    page = browser.get(url(made))
    for step in ("approved", "accepted", "confirmed"):
        factories._STEPS[step](market, ana, made.id, None)
    answer = browser.send(page, "/withdraw")
    assert answer.status == 409
    assert made.state == "confirmed"


# --- cancelling ---


def test_cancelling_shows_the_exact_refund_first(browser, market, ana):
    made = factories.booking(market, ana, "confirmed")
    page = browser.get(url(made, "cancel"))
    assert page.status == 200
    assert "Cancel and refund $330" in page.text
    assert "Visa ending 4242" in page.text
    assert "Keep my seat" in page.text
    check_page(page.html)
    answer = browser.send(page, "/cancel", why="visa")
    assert answer.to == url(made)
    assert made.state == "cancelled_by_candidate"
    assert [row.amount_cents for row in rows(Refund)] == [33_000]
    assert rows(Booking, id=made.id)[0].reason == "visa"
    assert browser.send(page, "/cancel").to == url(made)  # pressed twice
    assert len(rows(Refund)) == 1


def test_a_refund_that_got_smaller_is_shown_again(browser, market, ana):
    made = factories.booking(market, ana, "confirmed")
    page = browser.get(url(made, "cancel"))
    clock.advance(timedelta(days=19 * 7))
    answer = browser.send(page, "/cancel")
    assert answer.status == 409
    assert "The refund has changed" in answer.text
    assert made.state == "confirmed"
    assert "Cancel without a refund" in answer.text
    assert browser.send(answer, "/cancel").status == 303
    assert made.state == "cancelled_by_candidate"
    assert "Nothing comes back" in browser.get(url(made)).text


@pytest.mark.parametrize("cents", ["", "-1", "abc", "9" * 20, "33000.0"])
def test_a_refund_that_cannot_be_read_cancels_nothing(browser, market, ana, cents):
    made = factories.booking(market, ana, "confirmed")
    page = browser.get(url(made, "cancel"))
    answer = browser.send(page, "/cancel", expected_cents=cents)
    assert answer.status == 422
    assert made.state == "confirmed"


def test_a_charge_on_its_way_is_waited_for(browser, market, ana):
    made = factories.booking(market, ana, "confirmed")
    page = browser.get(url(made, "cancel"))
    with open_session(factories.a_system()) as session:
        row = session.scalars(
            select(Installment).where(Installment.plan_id == made.plan_id, Installment.seq == 1)
        ).one()
        row.state = "charging"
    answer = browser.send(page, "/cancel")
    assert answer.status == 409
    assert "A payment is on its way" in answer.text
    assert made.state == "confirmed"


@pytest.mark.parametrize("state", ["requested", "active", "closed"])
def test_what_cannot_be_cancelled_leads_back(browser, market, ana, state):
    made = factories.booking(market, ana, state)
    assert browser.get(url(made, "cancel")).to == url(made)


# --- the rotation ---


def test_check_in_on_the_first_day_and_not_before(browser, market, ana):
    made = factories.booking(market, ana, "confirmed")
    early = browser.get(url(made))
    assert "I am here" not in early.text
    token = browser.get(url(made, "cancel")).form("/cancel").fields["csrf_token"]
    assert browser.post(url(made, "check-in"), {"csrf_token": token}).status == 409
    factories.move_to_day(made.id, "start_on")
    page = browser.get(url(made))
    assert browser.send(page, "/check-in").to == url(made)
    assert browser.send(page, "/check-in").status == 303
    assert made.state == "active"


def test_the_candidate_checks_in_after_the_host_did(browser, market, ana):
    made = factories.booking(market, ana, "confirmed")
    factories.move_to_day(made.id, "start_on")
    with open_session(context.agency(market.agency_id)) as session:
        placements.check_in(session, market.staff_actor, made.id)
    page = browser.get(url(made))
    assert "I am here" in page.text
    assert browser.send(page, "/check-in").status == 303
    assert rows(Placement)[0].candidate_checked_in_at is not None
    after = browser.get(url(made)).text
    assert "I am here" not in after
    assert "It is not as described" not in after


def test_a_start_that_was_none_is_reported(browser, market, ana):
    made = factories.booking(market, ana, "confirmed")
    factories.move_to_day(made.id, "start_on")
    with open_session(context.agency(market.agency_id)) as session:
        placements.check_in(session, market.staff_actor, made.id)
    page = browser.get(url(made))
    short = browser.send(page, "/contest", note="no")
    assert short.status == 422
    assert "Say what happened" in short.text
    assert short.form("/contest").fields["note"] == "no"
    assert browser.send(page, "/contest", note="Nobody was at the clinic.").to == url(made)
    assert rows(Placement)[0].contested_at is not None


def test_complete_on_the_last_day(browser, market, ana):
    made = factories.booking(market, ana, "active")
    assert "My rotation is finished" not in browser.get(url(made)).text
    factories.move_to_day(made.id, "end_on")
    page = browser.get(url(made))
    assert browser.send(page, "/complete").to == url(made)
    assert browser.send(page, "/complete").status == 303
    assert made.state == "completed"


# --- papers ---


@pytest.mark.parametrize("state", ["held", "requested", "cancelled_by_provider"])
def test_the_terms_stay_as_they_were_accepted(browser, market, ana, state):
    from marketplace.listings.models import Rotation

    made = factories.booking(market, ana, state)
    with open_session(factories.a_system()) as session:
        session.get_one(Rotation, market.rotation_id).cancellation = {"preset": "firm"}
    page = browser.get(url(made, "terms"))
    assert page.status == 200
    assert "Terms, version 1" in page.text
    assert "$1,650, all fees" in page.text
    check_page(page.html)


def test_the_calendar_file_follows_rfc_5545(browser, market, ana):
    made = factories.booking(market, ana, "confirmed")
    answer = browser.get(url(made, "calendar.ics")).answer
    body = answer.get_data()
    assert answer.mimetype == "text/calendar"
    assert made.reference in answer.headers["Content-Disposition"]
    lines = body.decode().split("\r\n")
    assert b"\n" not in body.replace(b"\r\n", b"")
    assert all(len(line.encode()) <= 75 for line in lines)
    start = market.starts[0]
    assert f"DTSTART;VALUE=DATE:{start:%Y%m%d}" in lines
    assert f"DTEND;VALUE=DATE:{start + timedelta(days=26):%Y%m%d}" in lines
    assert lines.count("BEGIN:VEVENT") == lines.count("END:VEVENT") > 1
    unfolded = body.decode().replace("\r\n ", "")
    assert "LOCATION:Lakeview Heart Clinic\\, Chicago\\, IL" in unfolded
    assert "STATUS:CONFIRMED" in unfolded


def test_a_cancelled_booking_is_cancelled_in_the_calendar(browser, market, ana):
    made = factories.booking(market, ana, "cancelled_by_provider")
    assert "STATUS:CANCELLED" in browser.get(url(made, "calendar.ics")).html
