"""The attending's dashboard, and the running rotation from both sides."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.core import clock, context, jobs
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict, DomainError, Gone, NotFound
from marketplace.listings import operations as listings
from marketplace.listings import versions
from marketplace.listings.models import Rotation
from marketplace.payments.models import Release
from marketplace.placements import attending_views, operations
from marketplace.placements.models import Placement
from tests import factories
from tests.support import rooms
from tests.support.rooms import Browser, words_of


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site([attending_views.mine]) as site:
        yield site


@pytest.fixture
def market(app: Flask) -> factories.Market:
    return factories.market(capacity=5)


@pytest.fixture
def doctor(app: Flask, market: factories.Market) -> Browser:
    return Browser(app, market.attending_id)


def a_booking(
    market: factories.Market, state: factories.State, name: str = "Amara Nwosu"
) -> factories.Made:
    return factories.booking(market, factories.candidate(name), state)


def at(made: factories.Made, tail: str = "") -> str:
    return f"/attending/bookings/{made.reference}{tail}"


def placement(made: factories.Made) -> Placement:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.get_one(Placement, made.id)


# --- pages --------------------------------------------------------------------------------------


def test_home_lists_requests_who_is_here_and_who_comes(
    doctor: Browser, market: factories.Market
) -> None:
    assert "No request waits for you" in doctor.get("/attending").text
    a_booking(market, "requested", "Not Yours Yet")
    a_booking(market, "confirmed", "Coming Soon")
    a_booking(market, "approved", "Waiting Now")
    said = words_of(doctor.get("/attending").text)
    assert "Waiting Now" in said and "Coming Soon" in said
    assert "1 to answer, 0 with you" in said
    assert "Not Yours Yet" not in said


@pytest.mark.parametrize(
    "state",
    [
        "approved",
        "accepted",
        "payment_needed",
        "confirmed",
        "active",
        "completed",
        "closed",
        "cancelled_by_candidate",
        "cancelled_by_provider",
    ],
)
def test_a_booking_in_every_state_has_its_page(
    doctor: Browser, market: factories.Market, state: factories.State
) -> None:
    made = a_booking(market, state)
    assert doctor.get(at(made)).status_code == 200
    assert doctor.get("/attending").status_code == 200


@pytest.mark.parametrize("state", ["held", "requested", "declined", "withdrawn", "expired"])
def test_what_the_agency_did_not_pass_on_is_not_there(
    doctor: Browser, market: factories.Market, state: factories.State
) -> None:
    assert doctor.get(at(a_booking(market, state))).status_code == 404


def test_foreign_and_missing_are_the_same_404(
    app: Flask, doctor: Browser, market: factories.Market
) -> None:
    foreign = a_booking(factories.market(), "approved")
    for ref in (foreign.reference, "RND-000000", "%00"):
        assert doctor.get(f"/attending/bookings/{ref}").status_code == 404
    for tail in ("/accept", "/undo", "/decline", "/check-in", "/complete", "/contest", "/letter"):
        assert doctor.post(at(foreign, tail), page="/attending").status_code == 404
    assert foreign.state == "approved"
    # neither staff nor candidates have this side of the house
    assert Browser(app, market.staff["owner"]).get("/attending").status_code == 404
    assert Browser(app, foreign.candidate.id).get("/attending").status_code == 404
    assert Browser(app).get("/attending").status_code == 303


def test_the_same_decision_as_by_mail(doctor: Browser, market: factories.Market) -> None:
    made = a_booking(market, "approved")
    assert doctor.post(at(made, "/accept"), page=at(made)).status_code == 303
    assert made.state == "accepted"
    assert "Undo until" in words_of(doctor.get(at(made)).text)
    assert doctor.post(at(made, "/undo"), page=at(made)).status_code == 303
    assert made.state == "approved"
    assert doctor.post(at(made, "/decline"), page=at(made)).status_code == 422
    assert doctor.post(at(made, "/decline"), {"reason": "full"}, page=at(made)).status_code == 303
    assert made.state == "declined"
    assert doctor.post(at(made, "/accept"), page=at(made)).status_code == 409


def test_posts_need_a_token(doctor: Browser, market: factories.Market) -> None:
    made = a_booking(market, "approved")
    assert doctor.post(at(made, "/accept")).status_code == 400
    assert made.state == "approved"


def test_an_attending_who_is_also_a_candidate_sees_no_own_booking_here(
    app: Flask, market: factories.Market
) -> None:
    other = factories.market()
    with open_session(factories.a_system()) as session:
        from marketplace.accounts.models import CandidateProfile

        session.add(CandidateProfile(person_id=market.attending_id, **factories.FULL_PROFILE))
    as_candidate = factories.Candidate(market.attending_id, "Isabel", "i@example.org")
    made = factories.booking(other, as_candidate, "approved")
    assert Browser(app, market.attending_id).get(at(made)).status_code == 404


# --- both sides ---------------------------------------------------------------------------------


def do(made: factories.Made, who: str, verb: str, *args: object, **named: object) -> None:
    """Run a placement's verb as one of the three."""
    scopes = {
        "candidate": (made.candidate.scope, made.candidate.actor),
        "attending": (context.person(made.market.attending_id), made.market.doctor_actor),
        "agency": (context.agency(made.market.agency_id), made.market.staff_actor),
    }
    scope, actor = scopes[who]
    with open_session(scope) as session:
        getattr(operations, verb)(session, actor, made.id, *args, **named)


def test_a_confirmed_booking_opens_a_placement(market: factories.Market) -> None:
    made = a_booking(market, "confirmed")
    row = placement(made)
    assert (row.candidate_id, row.attending_id) == (made.candidate.id, market.attending_id)
    assert row.letter_state == "not_asked"


@pytest.mark.parametrize("first", ["candidate", "attending", "agency"])
def test_either_side_starts_it_and_the_other_is_noted_after(
    market: factories.Market, first: str
) -> None:
    made = a_booking(market, "confirmed")
    with pytest.raises(Conflict):
        do(made, first, "check_in")
    factories.move_to_day(made.id, "start_on")
    do(made, first, "check_in")
    assert made.state == "active"
    second = "attending" if first == "candidate" else "candidate"
    row = placement(made)
    assert bool(row.candidate_checked_in_at) is (first == "candidate")
    assert bool(row.host_checked_in_at) is (first != "candidate")
    do(made, second, "check_in")
    do(made, second, "check_in")  # repeating is harmless
    row = placement(made)
    assert row.candidate_checked_in_at and row.host_checked_in_at
    factories.run_outbox()
    with open_session(factories.a_system(), readonly=True) as session:
        assert [r.share for r in session.scalars(select(Release))] == ["start"]


def test_silence_of_72_hours_lets_the_other_stand(market: factories.Market) -> None:
    made = a_booking(market, "active")  # the candidate checked in
    clock.advance(timedelta(hours=71))
    jobs.run_tick("placements.check_in_due")
    assert placement(made).stood_at is None
    clock.advance(timedelta(hours=2))
    jobs.run_tick("placements.check_in_due")
    row = placement(made)
    assert row.stood_at is not None and row.host_checked_in_at is None
    with pytest.raises(Gone):
        do(made, "attending", "contest", note="Nobody came to my clinic.")


def test_two_check_ins_need_no_silence(market: factories.Market) -> None:
    made = a_booking(market, "active")
    do(made, "agency", "check_in")
    clock.advance(timedelta(hours=80))
    jobs.run_tick("placements.check_in_due")
    assert placement(made).stood_at is None


def test_a_contested_check_in_keeps_the_money_held(
    doctor: Browser, market: factories.Market
) -> None:
    made = a_booking(market, "active")
    factories.run_outbox()
    short = doctor.post(at(made, "/contest"), {"note": "no"}, page=at(made))
    assert short.status_code == 422 and placement(made).contested_at is None
    sent = {"note": "Nobody came to my clinic.\0"}
    assert doctor.post(at(made, "/contest"), sent, page=at(made)).status_code == 303
    assert placement(made).contest_note == "Nobody came to my clinic."
    factories.run_outbox()
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.scalars(select(Release)).one().stopped_at is not None
    clock.advance(timedelta(hours=80))
    jobs.run_tick("placements.check_in_due")
    assert placement(made).stood_at is None
    with pytest.raises(Conflict):
        do(made, "attending", "check_in")


def test_after_72_hours_nothing_is_contested_even_before_the_tick(
    market: factories.Market,
) -> None:
    made = a_booking(market, "active")
    clock.advance(timedelta(hours=72))
    with pytest.raises(Gone):
        do(made, "attending", "contest", note="Nobody came to my clinic.")


def test_who_checked_in_cannot_contest(market: factories.Market) -> None:
    made = a_booking(market, "active")
    with pytest.raises(Conflict):
        do(made, "candidate", "contest", note="I changed my mind about it.")


def test_completion_by_both_sides(doctor: Browser, market: factories.Market) -> None:
    made = a_booking(market, "active")
    assert doctor.post(at(made, "/complete"), page="/attending").status_code == 409
    factories.move_to_day(made.id, "end_on")
    assert doctor.post(at(made, "/complete"), page=at(made)).status_code == 303
    assert made.state == "completed"
    do(made, "candidate", "complete")
    row = placement(made)
    assert row.host_completed_at and row.candidate_completed_at


@pytest.mark.parametrize("verb", ["check_in", "complete"])
@pytest.mark.parametrize("state", ["approved", "cancelled_by_candidate"])
def test_what_does_not_run_cannot_be_checked_in(
    market: factories.Market, verb: str, state: factories.State
) -> None:
    made = a_booking(market, state)
    with pytest.raises(DomainError):
        do(made, "attending", verb)


def test_somebody_elses_placement_is_not_found(market: factories.Market) -> None:
    made = a_booking(market, "active")
    stranger = factories.candidate("Else Where")
    for scope, actor in (
        (stranger.scope, stranger.actor),
        (context.agency(factories.market().agency_id), market.staff_actor),
    ):
        with pytest.raises(NotFound), open_session(scope) as session:
            operations.check_in(session, actor, made.id)


def test_the_letter_is_a_status(doctor: Browser, market: factories.Market) -> None:
    made = a_booking(market, "active")
    post = {"status": "promised"}
    assert doctor.post(at(made, "/letter"), post, page=at(made)).status_code == 409
    with pytest.raises(Conflict):
        do(made, "candidate", "set_letter", "uploaded")
    do(made, "candidate", "set_letter", "asked")
    assert "I will write one" in doctor.get(at(made)).text
    assert doctor.post(at(made, "/letter"), post, page=at(made)).status_code == 303
    assert placement(made).letter_state == "promised"
    factories.move_to_day(made.id, "end_on")
    do(made, "attending", "complete")
    assert "You promised a letter" in words_of(doctor.get("/attending").text)
    done = doctor.post(at(made, "/letter"), {"status": "uploaded"}, page=at(made))
    assert done.status_code == 303 and placement(made).letter_state == "uploaded"
    assert doctor.post(at(made, "/letter"), {"status": "<b>"}, page=at(made)).status_code == 409


def test_a_letter_is_not_asked_for_before_the_start(market: factories.Market) -> None:
    made = a_booking(market, "confirmed")
    with pytest.raises(Conflict):
        do(made, "candidate", "set_letter", "asked")


# --- signing in the dashboard -------------------------------------------------------------------


@pytest.fixture
def to_sign(market: factories.Market) -> str:
    factories.unsign(market.rotation_id)
    with open_session(context.agency(market.agency_id)) as session:
        row = session.get_one(Rotation, market.rotation_id)
        row.state, row.public, row.signed_version, row.version = "paused", False, None, 2
        session.flush()
        asked = listings.ask_signature(session, market.staff_actor, row.id)
        return f"/attending/sign/{asked.id}"


def test_signing_answers_every_line(
    doctor: Browser, market: factories.Market, to_sign: str
) -> None:
    assert to_sign in doctor.get("/attending").text
    page = doctor.get(to_sign)
    assert page.status_code == 200 and "checked" not in page.text  # nothing is pre-answered
    open_ = doctor.post(to_sign, {"full_name": "Isabel Fuentes"}, page=to_sign)
    assert open_.status_code == 422 and "Say yes or no" in open_.text
    assert "Isabel Fuentes" in open_.text  # what was typed is kept
    lines = {f"s-{slug}": "y" for slug in factories.HANDS_ON}
    no = doctor.post(
        to_sign,
        lines | {"s-take-history": "n", "sure": "1", "full_name": "Isabel Fuentes"},
        page=to_sign,
    )
    assert no.status_code == 422 and "send the list back" in no.text
    sent = lines | {"sure": "1", "full_name": "Isabel Fuentes"}
    assert doctor.post(to_sign, sent, page=to_sign).status_code == 303
    factories.run_outbox("listings.signature_decided")
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        row = session.get_one(Rotation, market.rotation_id)
        assert (row.signed_version, row.level) == (2, "hands-on-outpatient")
    assert doctor.post(to_sign, sent, page="/attending").status_code == 409


def test_a_list_sent_back_signs_nothing(
    doctor: Browser, market: factories.Market, to_sign: str
) -> None:
    assert doctor.post(f"{to_sign}/return", page=to_sign).status_code == 422
    note = {"comment": "Trainees do not examine alone here."}
    assert doctor.post(f"{to_sign}/return", note, page=to_sign).status_code == 303
    factories.run_outbox("listings.signature_decided")
    with open_session(context.agency(market.agency_id)) as session:
        assert session.get_one(Rotation, market.rotation_id).signed_version is None
        with pytest.raises(Conflict):
            listings.ask_signature(session, market.staff_actor, market.rotation_id)


def test_a_list_of_another_attending_is_not_there(app: Flask, to_sign: str) -> None:
    other = Browser(app, factories.market().attending_id)
    assert other.get(to_sign).status_code == 404


def test_a_changed_list_cannot_be_signed(
    doctor: Browser, market: factories.Market, to_sign: str
) -> None:
    with open_session(context.agency(market.agency_id)) as session:
        row = session.get_one(Rotation, market.rotation_id)
        versions.set_values(
            versions.Requests(session, [row.id]), row, {"activities": {"take-history": "yes"}}
        )
    assert doctor.get(to_sign).status_code == 410
