"""The request as a browser without scripts sends it: dates, eligibility, review."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace.accounts.models import CandidateProfile
from marketplace.bookings.models import Booking
from marketplace.core import clock, context
from marketplace.core.db import open_session
from marketplace.listings.models import Offering, Rotation
from marketplace.payments.models import PaymentPlan
from tests import factories
from tests.bookings.conftest import Browser

EVERY_BOX = {"ok_card": "1", "ok_terms": "1", "ok_share": "1"}


@pytest.fixture
def market(site):
    return factories.market()


@pytest.fixture
def ana(site):
    return factories.candidate()


@pytest.fixture
def browser(site, ana):
    return Browser(site, ana)


def booked(**by) -> Booking:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.scalars(select(Booking).filter_by(**by)).one()


def hold(browser, market, number=0, **fields):
    page = browser.get(f"/me/request/{market.slug}?offering={market.offerings[number]}&weeks=4")
    return browser.send(page, "/me/requests", **fields)


def to_review(browser, market, number=0):
    answer = hold(browser, market, number)
    page = browser.get(answer.to)
    return browser.send(page, "/eligibility", read_advisory="1", why="I want to learn.")


# --- step 1 ---


def test_a_guest_signs_in_first_and_comes_back(site, market):
    answer = Browser(site, None).get(f"/me/request/{market.slug}?weeks=4")
    assert (answer.status, answer.to) == (
        303,
        f"/sign-in?next=/me/request/{market.slug}%3Fweeks%3D4",
    )


def test_the_dates_page_shows_starts_prices_and_the_schedule(browser, market):
    page = browser.get(f"/me/request/{market.slug}?weeks=4")
    assert page.status == 200
    assert "2 of 2 seats left" in page.text
    assert "$1,100" in page.text
    assert "Total, all fees $1,650" in page.text
    assert "$1,650 to" in page.text and "25% less a week" in page.text
    assert page.form("/me/requests").fields["offering"] == str(market.offerings[0])


def test_a_start_can_be_chosen_by_its_day(browser, market):
    page = browser.get(f"/me/request/{market.slug}?start={market.starts[1]}&weeks=4")
    assert page.form("/me/requests").fields["offering"] == str(market.offerings[1])


def test_choosing_holds_a_seat_for_20_minutes(browser, market, ana):
    answer = hold(browser, market)
    made = booked(candidate_id=ana.id)
    assert (answer.status, answer.to) == (303, f"/me/bookings/{made.reference}/eligibility")
    assert made.state == "held"
    assert timedelta(minutes=19) < made.deadline_at - clock.now() <= timedelta(minutes=20)


def test_the_same_form_sent_twice_is_one_request(browser, market, ana):
    page = browser.get(f"/me/request/{market.slug}")
    first = browser.send(page, "/me/requests")
    second = browser.send(page, "/me/requests")
    assert first.to == second.to
    assert booked(candidate_id=ana.id).state == "held"


def test_nothing_chosen_is_said_beside_the_fields(browser, market):
    page = browser.get(f"/me/request/{market.slug}")
    answer = browser.send(page, "/me/requests", "offering", "weeks")
    assert answer.status == 422
    assert "Choose a start." in answer.text
    assert "Choose a length." in answer.text


@pytest.mark.parametrize("weeks", ["0", "3", "999", "-4", "four", "4.5", "٤", "9" * 40])
def test_a_length_that_is_not_offered_is_refused(browser, market, weeks):
    page = browser.get(f"/me/request/{market.slug}")
    answer = browser.send(page, "/me/requests", weeks=weeks)
    assert answer.status == 422
    assert "Choose" in answer.text


def test_somebody_elses_start_is_not_a_start_of_this_rotation(browser, market):
    other = factories.market()
    page = browser.get(f"/me/request/{market.slug}")
    answer = browser.send(page, "/me/requests", offering=str(other.offerings[0]))
    assert answer.status == 422
    assert "Choose one of these starts." in answer.text


def test_a_full_start_shows_the_nearest_free_ones(browser, site):
    market = factories.market(capacity=1)
    page = browser.get(f"/me/request/{market.slug}?offering={market.offerings[1]}&weeks=4")
    factories.booking(market, factories.candidate("Bo Lind"), "held", offering=1)
    answer = browser.send(page, "/me/requests")
    assert answer.status == 409
    assert "Someone took this seat a moment ago" in answer.text
    assert f"offering={market.offerings[0]}&amp;weeks=4" in answer.html
    assert f"offering={market.offerings[2]}&amp;weeks=4" in answer.html
    assert str(market.offerings[1]) not in answer.form("/me/requests").fields.values()
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.get_one(Offering, market.offerings[1]).taken == 1


def test_a_doctor_without_a_free_week_takes_no_seat_of_the_start(browser, site):
    market = factories.market(capacity=5)  # the doctor takes three at a time
    for name in ("Bo Lind", "Cy Reyes", "Di Okoro"):
        factories.booking(market, factories.candidate(name), "held")
    page = browser.get(f"/me/request/{market.slug}?offering={market.offerings[0]}&weeks=4")
    assert "Full" in page.text
    form = page.form("/me/requests")
    answer = browser.post(form.action, form.fields | {"offering": str(market.offerings[0])})
    assert answer.status == 409
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.get_one(Offering, market.offerings[0]).taken == 3


def test_a_closed_start_is_refused(browser, market):
    page = browser.get(f"/me/request/{market.slug}")
    with open_session(factories.a_system()) as session:
        session.get_one(Offering, market.offerings[0]).closed_at = clock.now()
    answer = browser.send(page, "/me/requests")
    assert answer.status == 409
    assert "closed by the agency" in answer.text


def test_two_rotations_in_the_same_weeks_are_refused(browser, market):
    other = factories.market()
    first = hold(browser, market)
    page = browser.get(f"/me/request/{other.slug}?offering={other.offerings[0]}&weeks=4")
    answer = browser.send(page, "/me/requests")
    assert answer.status == 409
    assert first.to.split("/")[3] in answer.text  # the booking in the way is named


def test_asking_again_for_what_is_held_goes_on_with_it(browser, market, ana):
    first, second = hold(browser, market), hold(browser, market)
    assert first.to == second.to
    assert booked(candidate_id=ana.id).state == "held"


def test_changing_the_dates_takes_the_place_of_the_first_hold(browser, market, ana):
    first = hold(browser, market, 0)
    second = hold(browser, market, 1)
    assert second.status == 303
    assert second.to != first.to
    assert booked(candidate_id=ana.id, state="held").offering_id == market.offerings[1]
    assert booked(candidate_id=ana.id, state="withdrawn").offering_id == market.offerings[0]
    with open_session(factories.a_system(), readonly=True) as session:
        taken = [session.get_one(Offering, key).taken for key in market.offerings]
    assert taken == [0, 1, 0]


def test_a_change_that_fails_keeps_the_first_hold(browser, site, ana):
    market = factories.market(capacity=1)
    first = hold(browser, market, 0)
    page = browser.get(f"/me/request/{market.slug}?offering={market.offerings[1]}&weeks=4")
    factories.booking(market, factories.candidate("Bo Lind"), "held", offering=1)
    assert browser.send(page, "/me/requests").status == 409
    made = booked(candidate_id=ana.id)
    assert (made.state, made.reference) == ("held", first.to.split("/")[3])


def test_a_draft_and_a_missing_rotation_look_the_same(browser, site):
    draft = factories.market(state="draft")
    hidden = browser.get(f"/me/request/{draft.slug}")
    missing = browser.get("/me/request/no-such-rotation")
    assert hidden.status == missing.status == 404
    assert browser.post("/me/requests", {"rotation": draft.slug}).status in (400, 404)


def test_when_nothing_is_open_the_page_says_so(browser, site):
    market = factories.market(weeks_ahead=())
    page = browser.get(f"/me/request/{market.slug}")
    assert page.status == 200
    assert "No start is open now" in page.text


def test_a_form_without_a_token_is_refused(browser, market):
    page = browser.get(f"/me/request/{market.slug}")
    assert browser.send(page, "/me/requests", "csrf_token").status == 400


# --- step 2 ---


def test_a_full_profile_only_needs_the_ticks(browser, market):
    page = browser.get(hold(browser, market).to)
    assert page.status == 200
    assert "We need a few answers" in page.text
    assert "min left" in page.text
    names = page.form("/eligibility").names
    assert "read_advisory" in names
    assert "status" not in names
    answer = browser.send(page, "/eligibility", read_advisory="1")
    assert (answer.status, answer.to.split("/")[-1]) == (303, "agree")


def test_what_is_missing_is_asked_and_saved_in_the_profile(site, market):
    bo = factories.candidate("Bo Lind", profile=False)
    browser = Browser(site, bo)
    page = browser.get(hold(browser, market).to)
    names = page.form("/eligibility").names
    assert {"status", "birth_date", "needs_visa", "read_advisory"} <= set(names)
    answer = browser.send(
        page,
        "/eligibility",
        status="graduate",
        graduation_date="2023-07-01",
        birth_date="1999-01-02",
        needs_visa="no",
        read_advisory="1",
    )
    assert answer.status == 303, answer.text
    with open_session(bo.scope, readonly=True) as session:
        profile = session.get_one(CandidateProfile, bo.id)
        assert (profile.status, str(profile.birth_date)) == ("graduate", "1999-01-02")
        assert profile.needs_visa is False


def test_without_answers_nothing_goes_on_and_typing_is_kept(site):
    market = factories.market(eligibility={"max_years_since_graduation": 5})
    browser = Browser(site, factories.candidate("Bo Lind", profile=False))
    page = browser.get(hold(browser, market).to)
    answer = browser.send(page, "/eligibility", graduation_date="yesterday", why="My own words")
    assert answer.status == 422
    assert "Write the date like 2027-06-07." in answer.text
    form = answer.form("/eligibility")
    assert (form.fields["graduation_date"], form.fields["why"]) == ("yesterday", "My own words")
    answer = browser.send(answer, "/eligibility", graduation_date="")
    assert answer.status == 422
    assert "Please answer this." in answer.text
    assert "Tick this to go on." in answer.text


def test_the_adult_tick_stands_for_a_date_of_birth(site, market):
    browser = Browser(site, factories.candidate("Bo Lind", birth_date=None))
    page = browser.get(hold(browser, market).to)
    assert browser.send(page, "/eligibility", read_advisory="1").status == 422
    answer = browser.send(page, "/eligibility", read_advisory="1", adult="1")
    assert answer.status == 303


def test_a_minor_is_told_beside_the_field(site, market):
    browser = Browser(site, factories.candidate("Bo Lind", birth_date=None))
    page = browser.get(hold(browser, market).to)
    young = str(clock.now().year - 15) + "-01-01"
    answer = browser.send(page, "/eligibility", read_advisory="1", birth_date=young)
    assert answer.status == 422
    assert "You must be 18 or older to book." in answer.text


def test_a_rotation_that_does_not_fit_says_why_and_gives_the_seat_back(site):
    students = factories.market(type="elective", accepts=["student"])
    ana = factories.candidate()
    browser = Browser(site, ana)
    page = browser.get(hold(browser, students).to)
    assert "This rotation does not fit you" in page.text
    assert "only for students" in page.text
    refused = browser.send(page, "/eligibility", read_advisory="1")
    assert refused.status == 422
    assert 'href="#fit"' in refused.html
    answer = browser.send(page, "/withdraw")
    assert answer.status == 303
    assert booked(candidate_id=ana.id).state == "withdrawn"
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.get_one(Offering, students.offerings[0]).taken == 0


def test_a_rotation_that_was_paused_takes_no_request(browser, market):
    answer = hold(browser, market)
    with open_session(factories.a_system()) as session:
        rotation = session.get_one(Rotation, market.rotation_id)
        rotation.state, rotation.public = "paused", False
    page = browser.get(answer.to)
    assert page.status == 409
    assert "takes no new requests" in page.text


# --- step 3 ---


def test_the_review_shows_schedule_refund_and_consent(browser, market):
    page = browser.get(to_review(browser, market).to)
    assert page.status == 200
    for words in (
        "What you pay, and when",
        "What you get back",
        "$330",
        "version 1",
        "Full refund",
    ):
        assert words in page.text, words


def test_boxes_left_open_are_named_and_ticks_kept(browser, market):
    page = browser.get(to_review(browser, market).to)
    answer = browser.send(page, "/agree", ok_terms="1")
    assert answer.status == 422
    assert "Tick this to allow the payments." in answer.text
    assert answer.form("/agree").fields["ok_terms"] == "1"
    assert "ok_card" not in answer.form("/agree").fields


def test_accepting_freezes_schedule_consent_and_snapshot(browser, market, ana):
    page = browser.get(to_review(browser, market).to)
    answer = browser.send(page, "/agree", **EVERY_BOX)
    made = booked(candidate_id=ana.id)
    assert (answer.status, answer.to) == (303, f"/me/bookings/{made.reference}/card")
    assert made.plan_id is not None
    assert made.candidate["name"] == "Amara Nwosu"
    assert made.candidate["why"] == "I want to learn."
    assert made.consent["terms"] is True
    text = str(made.candidate)
    assert ana.email not in text
    assert "1998" not in text  # the date of birth stays with the candidate
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.get_one(PaymentPlan, made.plan_id).total_cents == 165_000


def test_from_dates_to_terms_takes_few_statements(browser, market, queries):
    browser.get("/sign-in")  # what is read once for the process
    queries.clear()
    page = browser.get(to_review(browser, market).to)
    assert browser.send(page, "/agree", **EVERY_BOX).status == 303
    assert len(queries) <= 42, (len(queries), queries)


def test_accepting_twice_makes_one_plan(browser, market):
    page = browser.get(to_review(browser, market).to)
    first = browser.send(page, "/agree", **EVERY_BOX)
    second = browser.send(page, "/agree", **EVERY_BOX)
    assert first.to == second.to
    with open_session(factories.a_system(), readonly=True) as session:
        assert len(session.scalars(select(PaymentPlan)).all()) == 1


def test_a_schedule_that_moved_is_shown_again_before_it_counts(browser, market):
    page = browser.get(to_review(browser, market).to)
    answer = browser.send(page, "/agree", **EVERY_BOX, shown="yesterday")
    assert answer.status == 409
    assert "The payment dates moved" in answer.text
    assert browser.send(answer, "/agree", **EVERY_BOX).status == 303


def test_review_comes_after_eligibility(browser, market):
    reference = hold(browser, market).to.split("/")[3]
    answer = browser.get(f"/me/bookings/{reference}/agree")
    assert answer.to == f"/me/bookings/{reference}/eligibility"


def test_a_profile_that_changed_is_judged_again(browser, market, ana):
    page = browser.get(to_review(browser, market).to)
    with open_session(factories.a_system()) as session:
        rotation = session.get_one(Rotation, market.rotation_id)
        rotation.accepts = ["student"]
    answer = browser.send(page, "/agree", **EVERY_BOX)
    assert answer.to.endswith("/eligibility")
    assert booked(candidate_id=ana.id).plan_id is None


# --- the clock ---


def test_ten_more_minutes_once(browser, market, ana):
    page = browser.get(hold(browser, market).to)
    before = booked(candidate_id=ana.id).deadline_at
    answer = browser.send(page, "/extend")
    assert answer.to.endswith("/eligibility")
    assert booked(candidate_id=ana.id).deadline_at == before + timedelta(minutes=10)
    again = browser.send(page, "/extend")
    assert again.status == 303
    assert booked(candidate_id=ana.id).deadline_at == before + timedelta(minutes=10)
    assert "Add 10 minutes" not in browser.get(answer.to).text


@pytest.mark.parametrize("path", ["eligibility", "agree", "card"])
@pytest.mark.parametrize("swept", [False, True])
def test_an_ended_hold_is_gone_and_shows_free_starts(browser, market, ana, path, swept):
    reference = hold(browser, market).to.split("/")[3]
    clock.advance(timedelta(minutes=21))
    if swept:
        from marketplace.bookings import operations

        with open_session(context.agency(market.agency_id)) as session:
            operations.expire(session, booked(candidate_id=ana.id).id, payment_in_flight=False)
    page = browser.get(f"/me/bookings/{reference}/{path}")
    assert page.status == 410
    assert "Your 20 minutes are over" in page.text
    assert f"/me/request/{market.slug}?offering={market.offerings[1]}&amp;weeks=4" in page.html


def test_sending_a_step_after_the_end_of_the_hold_is_gone(browser, market, ana):
    page = browser.get(hold(browser, market).to)
    clock.advance(timedelta(minutes=21))
    assert browser.send(page, "/eligibility", read_advisory="1").status == 410
    assert browser.send(page, "/extend").status == 410
    assert booked(candidate_id=ana.id).consent == {}


# --- whose ---


@pytest.mark.parametrize(
    "path", ["", "/eligibility", "/agree", "/card", "/cancel", "/pay", "/terms", "/calendar.ics"]
)
def test_a_foreign_and_a_missing_booking_are_the_same_404(site, market, ana, path):
    made = factories.booking(market, ana, "held")
    stranger = Browser(site, factories.candidate("Bo Lind"))
    foreign = stranger.get(f"/me/bookings/{made.reference}{path}")
    missing = stranger.get(f"/me/bookings/RND-XXXXXX{path}")
    assert foreign.status == missing.status == 404
    assert foreign.plain == missing.plain


def test_the_attending_is_not_the_candidate_of_a_booking(site, market, ana):
    made = factories.booking(market, ana, "approved")
    doctor = factories.Candidate(market.attending_id, "Dr. Isabel Fuentes", "d@example.org")
    assert Browser(site, doctor).get(f"/me/bookings/{made.reference}").status == 404


@pytest.mark.parametrize(
    "path", ["withdraw", "extend", "check-in", "complete", "cancel", "card", "pay"]
)
def test_nobody_acts_on_a_foreign_booking(site, market, ana, path):
    made = factories.booking(market, ana, "held")
    stranger = Browser(site, factories.candidate("Bo Lind"))
    token = stranger.get(f"/me/request/{market.slug}").form("/me/requests").fields["csrf_token"]
    answer = stranger.post(f"/me/bookings/{made.reference}/{path}", {"csrf_token": token})
    assert answer.status == 404
    assert made.state == "held"
