"""The agency's side of bookings: what it sees, what each role may do, and what is refused."""

import csv
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask

from marketplace.accounts.permissions import ALLOWED
from marketplace.bookings import operations, workspace_views
from marketplace.bookings.models import Booking
from marketplace.core import clock, context
from marketplace.core.db import open_session
from marketplace.desk import queue_views
from marketplace.payments.models import Refund
from tests import factories
from tests.support import rooms
from tests.support.rooms import Browser, words_of


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site([workspace_views.workspace, queue_views.queue]) as site:
        yield site


@pytest.fixture
def market(app: Flask) -> factories.Market:
    return factories.market(capacity=5)


@pytest.fixture
def desk(app: Flask, market: factories.Market) -> Browser:
    return Browser(app, market.staff["manager"])


def of(market: factories.Market, made: factories.Made, tail: str = "") -> str:
    return f"/agency/{market.agency_slug}/bookings/{made.reference}{tail}"


def a_booking(market: factories.Market, state: factories.State, name: str = "Amara Nwosu"):
    return factories.booking(market, factories.candidate(name), state)


# --- home and table -----------------------------------------------------------------------------


def test_a_new_agency_sees_its_way_to_the_first_listing(app: Flask) -> None:
    with open_session(factories.a_system()) as session:
        from marketplace.accounts.models import Membership

        agency = factories.agency(session)
        owner = factories.person(session, "Olga Owner")
        session.add(Membership(agency_id=agency.id, person_id=owner.id, role="owner"))
        slug, person = agency.slug, owner.id
    page = Browser(app, person).get(f"/agency/{slug}")
    assert page.status_code == 200
    assert "Getting ready" in page.text


def test_home_names_what_waits_with_its_deadline(desk: Browser, market: factories.Market) -> None:
    made = a_booking(market, "requested")
    a_booking(market, "approved", "Not Waiting")
    page = desk.get(f"/agency/{market.agency_slug}")
    said = words_of(page.text)
    assert page.status_code == 200
    assert "Answer Amara Nwosu's request" in said
    assert "1 to do, 0 overdue" in said
    assert made.reference in page.text
    assert "Not Waiting" not in said


def test_a_missed_check_in_is_overdue(desk: Browser, market: factories.Market) -> None:
    made = a_booking(market, "confirmed")
    factories.move_to_day(made.id, "start_on")
    clock.advance(timedelta(hours=8))
    said = words_of(desk.get(f"/agency/{market.agency_slug}").text)
    assert "1 to do, 1 overdue" in said
    assert "Confirm that Amara Nwosu arrived" in said


def test_views_filters_and_sorts_are_in_the_address(
    desk: Browser, market: factories.Market
) -> None:
    a_booking(market, "requested", "Ana One")
    a_booking(market, "approved", "Berta Two")
    a_booking(market, "held", "Carla Held")
    base = f"/agency/{market.agency_slug}/bookings"
    every = words_of(desk.get(f"{base}?view=all").text)
    assert "Ana One" in every and "Berta Two" in every
    assert "Carla Held" not in every  # a hold that was not sent is nobody's business
    attending = words_of(desk.get(f"{base}?view=attending").text)
    assert "Berta Two" in attending and "Ana One" not in attending
    found = words_of(desk.get(f"{base}?view=all&q=bert").text)
    assert "Berta Two" in found and "Ana One" not in found
    down = desk.get(f"{base}?view=all&sort=-name").text
    assert down.index("Berta Two") < down.index("Ana One")
    assert 'aria-sort="descending"' in down
    part = desk.get(f"{base}?view=all", **{"HX-Request-Type": "partial"}).text
    assert "<html" not in part and 'id="bookings"' in part


@pytest.mark.parametrize(
    "query",
    [
        "view=nonsense&sort=;drop&page=-4",
        "page=99999999999999999999",
        "page=%C2%B2",
        "q=%00%25_%27%22",
        "status=held&specialty=%3Cscript%3E",
    ],
)
def test_nonsense_in_the_address_falls_back(
    desk: Browser, market: factories.Market, query: str
) -> None:
    a_booking(market, "requested")
    assert desk.get(f"/agency/{market.agency_slug}/bookings?{query}").status_code == 200


def test_the_csv_of_a_view_defuses_formulas(desk: Browser, market: factories.Market) -> None:
    a_booking(market, "requested", "=HYPERLINK(1) Evil")
    page = desk.get(f"/agency/{market.agency_slug}/bookings.csv?view=all")
    rows = list(csv.reader(page.data.decode("utf-8-sig").splitlines()))
    assert rows[0][1] == "candidate"
    assert rows[1][1] == "'=HYPERLINK(1) Evil"


def test_bulk_approves_and_answers_for_each(desk: Browser, market: factories.Market) -> None:
    one, two = a_booking(market, "requested", "Ana One"), a_booking(market, "approved", "Berta")
    base = f"/agency/{market.agency_slug}/bookings"
    answer = desk.post(
        f"{base}/bulk",
        {"reference": [one.reference, two.reference], "do": "approve"},
        page=f"{base}?view=all",
    )
    assert answer.status_code == 200
    assert (one.state, two.state) == ("approved", "approved")
    said = words_of(answer.text)
    assert "1 approved, 1 cannot be: already answered" in said
    assert "Not approved: already answered" in said


# --- one booking --------------------------------------------------------------------------------

ALL_STATES: list[factories.State] = [
    "requested",
    "approved",
    "accepted",
    "payment_needed",
    "confirmed",
    "active",
    "completed",
    "closed",
    "declined",
    "withdrawn",
    "expired",
    "cancelled_by_candidate",
    "cancelled_by_provider",
]


@pytest.mark.parametrize("state", ALL_STATES)
def test_the_page_of_a_booking_in_every_state(
    desk: Browser, market: factories.Market, state: factories.State
) -> None:
    made = a_booking(market, state)
    page = desk.get(of(market, made))
    assert page.status_code == 200
    assert "Amara Nwosu" in page.text and "University of Lagos" in page.text
    assert desk.get(f"/agency/{market.agency_slug}/bookings?view=all").status_code == 200
    assert desk.get(f"/agency/{market.agency_slug}").status_code == 200


def test_the_next_step_says_what_happens_otherwise(desk: Browser, market: factories.Market) -> None:
    said = words_of(desk.get(of(market, a_booking(market, "requested"))).text)
    assert "Approve or decline by" in said
    assert "If nobody answers, the request ends by itself" in said


def test_approve(desk: Browser, market: factories.Market) -> None:
    made = a_booking(market, "requested")
    assert desk.post(of(market, made, "/approve"), page=of(market, made)).status_code == 303
    assert made.state == "approved"
    again = desk.post(of(market, made, "/approve"), page=of(market, made))
    assert again.status_code == 409


def test_decline_needs_a_reason_and_charges_nothing(
    desk: Browser, market: factories.Market
) -> None:
    made = a_booking(market, "requested")
    refused = desk.post(of(market, made, "/decline"), page=of(market, made))
    assert refused.status_code == 422 and "Choose a reason" in refused.text
    assert made.state == "requested"
    bad = desk.post(of(market, made, "/decline"), {"reason": "<b>"}, page=of(market, made))
    assert bad.status_code == 422
    done = desk.post(of(market, made, "/decline"), {"reason": "dates"}, page=of(market, made))
    assert done.status_code == 303 and made.state == "declined"
    assert "Declined" in words_of(desk.get(of(market, made)).text)


def test_cancelling_shows_and_returns_everything(desk: Browser, market: factories.Market) -> None:
    made = a_booking(market, "confirmed")
    page = desk.get(of(market, made, "/cancel"))
    assert "$330 goes back to Amara: 100%" in words_of(page.text)
    refused = desk.post(
        of(market, made, "/cancel"), {"note": "kept words"}, page=of(market, made, "/cancel")
    )
    assert refused.status_code == 422 and "kept words" in refused.text
    assert made.state == "confirmed"
    unsure = desk.post(
        of(market, made, "/cancel"), {"reason": "other"}, page=of(market, made, "/cancel")
    )
    assert unsure.status_code == 422
    sent = {"reason": "site-closed", "sure": "1", "note": "Flood\0"}
    done = desk.post(of(market, made, "/cancel"), sent, page=of(market, made, "/cancel"))
    assert done.status_code == 303 and made.state == "cancelled_by_provider"
    with open_session(factories.a_system(), readonly=True) as session:
        from sqlalchemy import select

        refund = session.scalars(select(Refund)).one()
        assert (refund.amount_cents, refund.provider_fault) == (33_000, True)
    assert desk.get(of(market, made, "/cancel")).status_code == 409


def test_check_in_and_completion(desk: Browser, market: factories.Market) -> None:
    made = a_booking(market, "confirmed")
    early = desk.post(of(market, made, "/check-in"), page=of(market, made))
    assert early.status_code == 409 and made.state == "confirmed"
    factories.move_to_day(made.id, "start_on")
    assert "Check in" in words_of(desk.get(of(market, made)).text)
    assert desk.post(of(market, made, "/check-in"), page=of(market, made)).status_code == 303
    assert made.state == "active"
    assert desk.post(of(market, made, "/complete"), page=of(market, made)).status_code == 409
    factories.move_to_day(made.id, "end_on")
    assert desk.post(of(market, made, "/complete"), page=of(market, made)).status_code == 303
    assert made.state == "completed"


def test_no_show_only_after_three_days_of_silence(desk: Browser, market: factories.Market) -> None:
    made = a_booking(market, "confirmed")
    factories.move_to_day(made.id, "start_on")
    assert desk.post(of(market, made, "/no-show"), page=of(market, made)).status_code == 409
    clock.advance(timedelta(days=3))
    assert "Did not come" in words_of(desk.get(of(market, made)).text)
    assert desk.post(of(market, made, "/no-show"), page=of(market, made)).status_code == 303
    assert made.state == "no_show"
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.get_one(Booking, made.id).refund_cents == 0
    assert desk.get(of(market, made)).status_code == 200


# --- who may ------------------------------------------------------------------------------------

POSTS = {
    "/approve": "bookings.decide",
    "/decline": "bookings.decide",
    "/cancel": "bookings.cancel",
    "/check-in": "placements.run",
    "/complete": "placements.run",
    "/no-show": "placements.run",
}


@pytest.mark.parametrize("role", sorted(ALLOWED))
@pytest.mark.parametrize("tail", sorted(POSTS))
def test_a_role_does_only_what_the_table_allows(
    app: Flask, market: factories.Market, role: str, tail: str
) -> None:
    made = a_booking(market, "requested")
    page = Browser(app, market.staff[role])
    home = f"/agency/{market.agency_slug}"
    answer = page.post(of(market, made, tail), {"reason": "other", "sure": "1"}, page=home)
    allowed = POSTS[tail] in ALLOWED[role]
    assert (answer.status_code == 403) is not allowed
    if not allowed:
        assert made.state == "requested"


@pytest.mark.parametrize("role", ["finance", "read-only"])
def test_a_role_is_not_offered_what_it_may_not_do(
    app: Flask, market: factories.Market, role: str
) -> None:
    page = Browser(app, market.staff[role]).get(of(market, a_booking(market, "requested"))).text
    assert "/approve" not in page and "/decline" not in page


@pytest.mark.parametrize(("role", "sees"), [("manager", True), ("read-only", False)])
def test_money_is_for_those_who_answer_for_it(
    app: Flask, market: factories.Market, role: str, sees: bool
) -> None:
    made = a_booking(market, "confirmed")
    page = words_of(Browser(app, market.staff[role]).get(of(market, made)).text)
    assert ("Total, all fees" in page) is sees


def test_foreign_and_missing_bookings_give_the_same_404(
    app: Flask, desk: Browser, market: factories.Market
) -> None:
    other = factories.market()
    foreign = factories.booking(other, factories.candidate("Else Where"), "requested")
    base = f"/agency/{market.agency_slug}/bookings"
    answers = [
        desk.get(f"{base}/{ref}") for ref in (foreign.reference, "RND-000000", "x" * 300, "%00")
    ]
    assert {answer.status_code for answer in answers} == {404}
    bodies = {
        answer.text.replace(answer.headers["X-Request-Id"], "").replace(ref, "")
        for answer, ref in zip(answers, (foreign.reference, "RND-000000"), strict=False)
    }
    assert len(bodies) == 1
    home = f"/agency/{market.agency_slug}"
    for tail in POSTS:
        assert desk.post(f"{base}/{foreign.reference}{tail}", page=home).status_code == 404
    assert foreign.state == "requested"
    assert desk.get(f"/agency/{other.agency_slug}").status_code == 404
    assert Browser(app).get(base).status_code == 303  # to the sign-in
    assert Browser(app, foreign.candidate.id).get(base).status_code == 404


def test_a_held_request_is_not_shown_even_by_its_reference(
    desk: Browser, market: factories.Market
) -> None:
    made = a_booking(market, "held")
    assert desk.get(of(market, made)).status_code == 404
    with open_session(made.candidate.scope) as session:
        operations.withdraw(session, made.candidate.actor, made.id)
    assert desk.get(of(market, made)).status_code == 404


def test_posts_without_a_token_are_refused(desk: Browser, market: factories.Market) -> None:
    made = a_booking(market, "requested")
    assert desk.post(of(market, made, "/approve")).status_code == 400
    assert made.state == "requested"


def test_an_ended_deadline_cannot_be_approved_away(desk: Browser, market: factories.Market) -> None:
    """The sweep has not come by yet; the request is over all the same."""
    made = a_booking(market, "requested")
    clock.advance(timedelta(hours=49))
    answer = desk.post(of(market, made, "/approve"), page=of(market, made))
    assert answer.status_code == 410
    assert made.state == "requested"


def test_the_scope_of_the_pages_is_the_agencys(market: factories.Market) -> None:
    other = factories.market()
    made = factories.booking(other, factories.candidate("Else Where"), "requested")
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        assert session.get(Booking, made.id) is None
