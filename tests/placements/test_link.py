"""The decide link: reading decides nothing, a post decides once, and every end has its page."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from marketplace.bookings import operations
from marketplace.bookings.events import AttendingAsked
from marketplace.bookings.models import Booking, BookingTransition
from marketplace.core import clock, context, events
from marketplace.core.db import ScopedSession, open_session
from marketplace.placements import link_views
from marketplace.placements.models import Placement
from tests import factories
from tests.support import rooms
from tests.support.rooms import Browser, words_of


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site([link_views.link]) as site:
        yield site


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> dict[UUID, str]:
    """The tokens that went into e-mails, by booking."""
    sent: dict[UUID, str] = {}

    def keep(session: ScopedSession, event: AttendingAsked) -> None:
        sent[event.booking_id] = event.token

    known = events._subscribers[AttendingAsked]
    monkeypatch.setitem(events._subscribers, AttendingAsked, [*known, keep])
    return sent


@pytest.fixture
def asked(app: Flask, tokens: dict[UUID, str]) -> factories.Made:
    return factories.booking(factories.market(), factories.candidate(), "approved")


@pytest.fixture
def path(asked: factories.Made, tokens: dict[UUID, str]) -> str:
    return f"/decide/{tokens[asked.id]}"


@pytest.fixture
def nobody(app: Flask) -> Browser:
    return Browser(app)


def test_reading_shows_the_request_and_decides_nothing(
    nobody: Browser, asked: factories.Made, path: str
) -> None:
    for _ in range(3):
        page = nobody.get(path)
        assert page.status_code == 200
        assert nobody.head(path).status_code == 200
    said = words_of(page.text)
    assert "Can Amara Nwosu join you" in said
    assert "University of Lagos, Nigeria" in said
    assert "Please answer by" in said and "nobody is charged" in said
    assert asked.state == "approved"
    for tail in ("/undo",):
        assert nobody.get(path + tail).status_code == 405


def test_accept_works_once_and_the_link_stays_readable(
    nobody: Browser, asked: factories.Made, path: str
) -> None:
    answer = nobody.post(path, {"choice": "accept"})
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    assert asked.state == "accepted"
    said = words_of(nobody.get(path).text)
    assert "Amara will join you" in said and "You can undo for 15 minutes" in said
    twice = nobody.post(path, {"choice": "accept"})
    assert twice.status_code == 409 and "Amara will join you" in twice.text
    with open_session(factories.a_system(), readonly=True) as session:
        from sqlalchemy import select

        moves = session.scalars(
            select(BookingTransition).where(BookingTransition.event == "accept")
        ).all()
        assert [(m.actor_kind, m.actor_id) for m in moves] == [
            ("attending", asked.market.attending_id)
        ]


def test_undo_within_fifteen_minutes(nobody: Browser, asked: factories.Made, path: str) -> None:
    nobody.post(path, {"choice": "accept"})
    clock.advance(timedelta(minutes=14))
    assert nobody.post(f"{path}/undo").status_code == 303
    assert asked.state == "approved"
    assert "Can Amara Nwosu join you" in words_of(nobody.get(path).text)
    assert nobody.post(f"{path}/undo").status_code == 409


def test_undo_is_over_after_fifteen_minutes(
    nobody: Browser, asked: factories.Made, path: str
) -> None:
    nobody.post(path, {"choice": "accept"})
    clock.advance(timedelta(minutes=15))
    assert nobody.post(f"{path}/undo").status_code == 410
    assert asked.state == "accepted"
    page = nobody.get(path)
    assert page.status_code == 200 and "Undo" not in page.text


def test_decline_needs_a_reason(nobody: Browser, asked: factories.Made, path: str) -> None:
    page = nobody.post(path, {"choice": "decline"})
    assert page.status_code == 422 and "Choose a reason" in page.text
    assert nobody.post(path, {"choice": "decline", "reason": "nope"}).status_code == 422
    assert nobody.post(path, {"choice": "maybe"}).status_code == 422
    assert nobody.post(path).status_code == 422
    assert asked.state == "approved"


def test_decline_ends_it_and_stops_the_plan(
    nobody: Browser, asked: factories.Made, path: str
) -> None:
    assert nobody.post(path, {"choice": "decline", "reason": "away"}).status_code == 303
    assert asked.state == "declined"
    page = nobody.get(path)
    assert page.status_code == 410 and "You declined this request" in page.text
    assert nobody.post(path, {"choice": "accept"}).status_code == 409
    factories.run_outbox()
    with open_session(factories.a_system(), readonly=True) as session:
        from marketplace.payments.models import PaymentPlan

        assert session.get_one(PaymentPlan, asked.plan_id).state == "stopped"


def test_after_the_deadline_the_link_has_ended(
    nobody: Browser, asked: factories.Made, path: str
) -> None:
    clock.advance(timedelta(hours=72, minutes=1))
    page = nobody.get(path)
    assert page.status_code == 410 and "The time to answer is over" in page.text
    late = nobody.post(path, {"choice": "accept"})
    assert late.status_code == 410 and asked.state == "approved"
    assert nobody.post(path, {"choice": "decline", "reason": "away"}).status_code == 410
    assert asked.state == "approved"


def test_a_withdrawn_request_says_so(nobody: Browser, asked: factories.Made, path: str) -> None:
    with open_session(asked.candidate.scope) as session:
        operations.withdraw(session, asked.candidate.actor, asked.id)
    page = nobody.get(path)
    assert page.status_code == 410 and "was taken back" in page.text
    assert nobody.post(path, {"choice": "accept"}).status_code == 409


def test_a_request_the_agency_took_back_is_not_the_attendings_doing(
    nobody: Browser, asked: factories.Made, path: str
) -> None:
    with open_session(context.agency(asked.market.agency_id)) as session:
        operations.decline(session, asked.market.staff_actor, asked.id, reason="dates")
    page = nobody.get(path)
    assert page.status_code == 410
    assert "took this request back" in page.text and "You declined" not in page.text


@pytest.mark.parametrize("token", ["x", "a" * 43, "%00", "é" * 300])
def test_an_unknown_token_finds_nothing(nobody: Browser, asked: factories.Made, token: str) -> None:
    for answer in (nobody.get(f"/decide/{token}"), nobody.post(f"/decide/{token}/undo")):
        assert answer.status_code == 404
        assert "Amara" not in answer.text


def test_a_newer_link_replaces_the_older_one(
    nobody: Browser, asked: factories.Made, path: str, tokens: dict[UUID, str]
) -> None:
    with open_session(context.agency(asked.market.agency_id)) as session:
        operations.ask_attending(session, operations.locked(session, asked.id), reminder=True)
    assert nobody.get(path).status_code == 404
    assert nobody.get(f"/decide/{tokens[asked.id]}").status_code == 200


def test_somebody_else_who_is_signed_in_is_refused_without_a_name(
    app: Flask, asked: factories.Made, path: str
) -> None:
    other = Browser(app, asked.market.staff["manager"])
    page = other.get(path)
    assert page.status_code == 403
    assert "Amara" not in page.text and "Fuentes" in page.text
    assert other.post(path, {"choice": "accept"}).status_code == 404
    assert asked.state == "approved"
    assert Browser(app, asked.market.attending_id).get(path).status_code == 200


def test_the_wrong_reader_learns_no_name(nobody: Browser, path: str) -> None:
    page = nobody.get(f"{path}/wrong")
    assert page.status_code == 200 and "Amara" not in page.text


def test_posts_from_another_site_are_refused(app: Flask, asked: factories.Made, path: str) -> None:
    answer = app.test_client().post(
        path, data={"choice": "accept"}, headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403 and asked.state == "approved"


def test_the_calendar_entry_exists_only_after_acceptance(
    nobody: Browser, asked: factories.Made, path: str
) -> None:
    assert nobody.get(f"{path}/rotation.ics").status_code == 404
    nobody.post(path, {"choice": "accept"})
    entry = nobody.get(f"{path}/rotation.ics")
    assert entry.mimetype == "text/calendar"
    assert f"DTSTART;VALUE=DATE:{asked.market.starts[0]:%Y%m%d}" in entry.text
    assert "Amara" not in entry.text
    assert max(len(line.encode()) for line in entry.text.split("\r\n")) <= 75


def test_the_scope_of_a_link_reaches_one_booking(asked: factories.Made) -> None:
    market = asked.market
    second = factories.booking(market, factories.candidate("Berta Two"), "approved")
    with open_session(context.person(market.attending_id, asked.id), readonly=True) as session:
        assert session.get(Booking, asked.id) is not None
        assert session.get(Booking, second.id) is None
        assert session.get(Placement, second.id) is None


def test_a_confirmed_booking_keeps_its_link_readable(
    nobody: Browser, asked: factories.Made, path: str
) -> None:
    nobody.post(path, {"choice": "accept"})
    clock.advance(timedelta(minutes=16))
    with open_session(context.agency(asked.market.agency_id)) as session:
        operations.deposit_due(session, asked.id)
    factories.settle_due(asked.id)
    factories.run_outbox()
    assert asked.state == "confirmed"
    page = nobody.get(path)
    assert page.status_code == 200 and "You accepted" in page.text
    assert nobody.post(path, {"choice": "decline", "reason": "away"}).status_code == 409
    assert asked.state == "confirmed"


def test_a_link_opens_only_its_own_booking(
    nobody: Browser, asked: factories.Made, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One short system session finds two ids; all the rest is the attending's, on one booking."""
    used: list[context.Scope] = []

    def spy(scope: context.Scope, readonly: bool = False):
        used.append(scope)
        return open_session(scope, readonly=readonly)

    monkeypatch.setattr(link_views, "open_session", spy)
    nobody.get(path)
    nobody.post(path, {"choice": "accept"})
    nobody.post(f"{path}/undo")
    own = context.person(asked.market.attending_id, asked.id)
    assert set(used) == {context.system("find decide link"), own}


def test_the_calendar_file_is_for_the_attending_only(
    app: Flask, nobody: Browser, asked: factories.Made, path: str
) -> None:
    nobody.post(path, {"choice": "accept"})
    assert nobody.get(f"{path}/rotation.ics").status_code == 200
    assert Browser(app, asked.market.attending_id).get(f"{path}/rotation.ics").status_code == 200
    assert Browser(app, asked.candidate.id).get(f"{path}/rotation.ics").status_code == 404
