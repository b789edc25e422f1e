"""One review for each finished booking, released after a week, counted once, answered once."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.core import clock, context, events, jobs
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict, DomainError, Invalid, NotFound
from marketplace.listings.events import RotationChanged
from marketplace.listings.models import Rotation
from marketplace.reviews import operations, queries, views
from marketplace.reviews.models import Review
from marketplace.reviews.operations import Written
from tests import factories
from tests.support import rooms
from tests.support.rooms import Browser, words_of

STARS = {row["slug"]: 4 for row in operations.dimensions()}
DONE = {"take-history": "yes", "physical-exam": "yes", "present-case": "supervised"}


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site([views.mine, views.workspace]) as site:
        yield site


@pytest.fixture
def market(app: Flask) -> factories.Market:
    return factories.market()


@pytest.fixture
def over(market: factories.Market) -> factories.Made:
    return factories.booking(market, factories.candidate(), "completed")


def at(made: factories.Made) -> str:
    return f"/me/bookings/{made.reference}/review"


def answers(**more: str) -> dict[str, str]:
    short = {"yes": "yes", "supervised": "sup", "no": "no"}
    sent = {f"r-{slug}": str(stars) for slug, stars in STARS.items()}
    sent |= {f"a-{slug}": short[level] for slug, level in DONE.items()}
    return sent | {"text": "Much clinic, kind team.", "confirmed": "1"} | more


def write(made: factories.Made, **more: Any) -> UUID:
    values: dict[str, Any] = {"ratings": STARS, "attested": DONE, "confirmed": True} | more
    with open_session(made.candidate.scope) as session:
        written = Written(**values)
        return operations.write(session, made.candidate.actor, made.id, written).id


def release(after: timedelta = timedelta(days=7, minutes=1)) -> None:
    clock.advance(after)
    jobs.run_tick("reviews.release_due")


def rotation(market: factories.Market) -> Rotation:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.get_one(Rotation, market.rotation_id)


# --- writing ------------------------------------------------------------------------------------


def test_the_form_starts_empty(app: Flask, over: factories.Made) -> None:
    page = Browser(app, over.candidate.id).get(at(over))
    assert page.status_code == 200
    assert " checked" not in page.text
    assert "Listed: supervised" in words_of(page.text)


def test_a_review_is_kept_and_not_yet_public(app: Flask, over: factories.Made) -> None:
    page = Browser(app, over.candidate.id)
    assert page.post(at(over), answers(), page=at(over)).status_code == 303
    with open_session(factories.a_system(), readonly=True) as session:
        row = session.scalars(select(Review)).one()
        assert (row.author, row.overall, row.public) == ("Graduate, class of 2024", 4, False)
        assert row.attested == DONE and row.declared == factories.HANDS_ON
    with open_session(context.public(), readonly=True) as session:
        assert session.scalars(select(Review)).all() == []
    assert page.get(at(over)).status_code == 409


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"a-take-history": ""}, "Say yes, supervised or no"),
        ({"a-take-history": "often"}, "Say yes, supervised or no"),
        ({"r-truth": "6"}, "Choose 1 to 5"),
        ({"r-value": "²"}, "Choose 1 to 5"),
        ({"confirmed": ""}, "Confirm that this is your own experience"),
        ({"text": "The patient with MRN 12345 was nice."}, "No patient information"),
    ],
)
def test_an_open_field_is_named_and_the_rest_is_kept(
    app: Flask, over: factories.Made, change: dict[str, str], said: str
) -> None:
    page = Browser(app, over.candidate.id)
    answer = page.post(at(over), answers(**change), page=at(over))
    assert answer.status_code == 422
    assert said in words_of(answer.text)
    assert "Much clinic" in answer.text or "text" in change
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.scalars(select(Review)).all() == []


def test_hostile_text_is_text(app: Flask, over: factories.Made) -> None:
    page = Browser(app, over.candidate.id)
    sent = answers(text="<script>alert(1)</script>\0" + "x" * 9_000)
    assert page.post(at(over), sent, page=at(over)).status_code == 303
    with open_session(factories.a_system(), readonly=True) as session:
        text = session.scalars(select(Review)).one().text
        assert len(text) == 4_000 and "\0" not in text


def test_one_review_for_a_booking(over: factories.Made) -> None:
    write(over)
    with pytest.raises(Conflict):
        write(over)


@pytest.mark.parametrize(
    "state", ["requested", "confirmed", "active", "declined", "cancelled_by_candidate"]
)
def test_only_what_took_place_is_reviewed(
    app: Flask, market: factories.Market, state: factories.State
) -> None:
    made = factories.booking(market, factories.candidate(), state)
    with pytest.raises(Conflict):
        write(made)
    assert Browser(app, made.candidate.id).get(at(made)).status_code == 409


def test_a_provider_cancelled_booking_is_reviewed_without_tasks(
    app: Flask, market: factories.Market
) -> None:
    made = factories.booking(market, factories.candidate(), "cancelled_by_provider")
    assert Browser(app, made.candidate.id).get(at(made)).status_code == 200
    with pytest.raises(Invalid):
        write(made)  # nothing was done, so nothing can be attested
    write(made, attested={})
    release()
    assert rotation(market).truth_answers == 0
    assert rotation(market).rating_count == 1


def test_nobody_else_writes_or_reads_it(
    app: Flask, market: factories.Market, over: factories.Made
) -> None:
    other = factories.candidate("Else Where")
    with pytest.raises(NotFound), open_session(other.scope) as session:
        operations.write(session, other.actor, over.id, Written(STARS, DONE, confirmed=True))
    with pytest.raises(NotFound), open_session(context.person(market.attending_id)) as session:
        written = Written(STARS, DONE, confirmed=True)
        operations.write(session, market.doctor_actor, over.id, written)
    for person in (other.id, market.attending_id, market.staff["owner"]):
        assert Browser(app, person).get(at(over)).status_code == 404
    assert Browser(app).get(at(over)).status_code == 303


# --- releasing ----------------------------------------------------------------------------------


def test_released_after_seven_days_and_counted_once(
    market: factories.Market, over: factories.Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[RotationChanged] = []
    known = events._subscribers[RotationChanged]
    monkeypatch.setitem(
        events._subscribers, RotationChanged, [*known, lambda _, event: told.append(event)]
    )
    write(over)
    release(timedelta(days=6, hours=23))
    assert rotation(market).rating_count == 0
    release(timedelta(hours=2))
    release()
    row = rotation(market)
    assert (row.rating_sum, row.rating_count) == (4, 1)
    # history yes for yes, examination more than declared, presenting less than declared
    assert (row.truth_matching, row.truth_answers) == (2, 3)
    assert [event.rotation_id for event in told] == [market.rotation_id]
    with open_session(context.public(), readonly=True) as session:
        [shown] = queries.of_rotation(session, market.rotation_id)
        assert shown.author == "Graduate, class of 2024"
        assert len(shown.differences) == 1 and "really supervised" in shown.differences[0]


def test_two_workers_release_one_review_once(
    market: factories.Market, over: factories.Made
) -> None:
    key = write(over)
    release()
    with open_session(context.agency(market.agency_id)) as session:
        operations.release(session, key)
    assert rotation(market).rating_count == 1


def test_one_bad_row_does_not_hold_up_the_others(
    market: factories.Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = factories.booking(market, factories.candidate("Ana"), "cancelled_by_provider")
    second = factories.booking(market, factories.candidate("Berta"), "cancelled_by_provider")
    bad, _ = write(first, attested={}), write(second, attested={})
    real = operations.release

    def failing(session: Any, key: UUID) -> None:
        if key == bad:
            raise RuntimeError("bad row")
        real(session, key)

    monkeypatch.setattr(operations, "release", failing)
    release()
    assert rotation(market).rating_count == 1


@pytest.mark.parametrize(("stars", "mean"), [((1,) * 6, 1), ((4, 5) * 3, 5), ((4,) * 5 + (5,), 4)])
def test_the_overall_is_the_rounded_mean(stars: tuple[int, ...], mean: int) -> None:
    assert operations.overall(dict(zip(STARS, stars, strict=True))) == mean


# --- the agency's answer ------------------------------------------------------------------------


@pytest.fixture
def released(over: factories.Made) -> UUID:
    key = write(over, text="The doctor was away for a week.")
    release()
    return key


def test_the_agency_answers_once(app: Flask, market: factories.Market, released: UUID) -> None:
    base = f"/agency/{market.agency_slug}/reviews"
    desk = Browser(app, market.staff["coordinator"])
    assert "away for a week" in desk.get(base).text
    empty = desk.post(f"{base}/{released}/reply", {"reply": " "}, page=base)
    assert empty.status_code == 422
    banned = {"reply": "We guarantee a letter to everyone."}
    refused = desk.post(f"{base}/{released}/reply", banned, page=base)
    assert refused.status_code == 422 and "We guarantee a letter" in refused.text
    sent = {"reply": "We are sorry. Dr. Fuentes was ill."}
    assert desk.post(f"{base}/{released}/reply", sent, page=base).status_code == 303
    assert "Dr. Fuentes was ill" in desk.get(base).text
    with pytest.raises(Conflict), open_session(context.agency(market.agency_id)) as session:
        operations.reply(session, market.staff_actor, released, "Once more.")


@pytest.mark.parametrize("role", ["finance", "read-only"])
def test_other_roles_only_read(
    app: Flask, market: factories.Market, released: UUID, role: str
) -> None:
    base = f"/agency/{market.agency_slug}/reviews"
    page = Browser(app, market.staff[role])
    assert "/reply" not in page.get(base).text
    with pytest.raises(DomainError), open_session(context.agency(market.agency_id)) as session:
        from marketplace.core.context import Actor

        actor = Actor("agency", market.staff[role], market.agency_id, role=role)
        operations.reply(session, actor, released, "An answer.")


def test_a_review_is_not_answered_before_its_release_nor_by_another_agency(
    app: Flask, market: factories.Market, over: factories.Made
) -> None:
    key = write(over)
    base = f"/agency/{market.agency_slug}/reviews"
    desk = Browser(app, market.staff["manager"])
    assert str(key) not in desk.get(base).text
    with pytest.raises(NotFound), open_session(context.agency(market.agency_id)) as session:
        operations.reply(session, market.staff_actor, key, "Too early.")
    release()
    other = factories.market()
    with pytest.raises(NotFound), open_session(context.agency(other.agency_id)) as session:
        operations.reply(session, other.staff_actor, key, "Not ours.")


def test_truth_by_task_counts_public_reviews_and_names_the_worst_first(app: Flask) -> None:
    market = factories.market()
    two = factories.booking(market, factories.candidate("Ana Two"), "requested")
    one = factories.booking(market, factories.candidate("Ana One"), "completed")
    made = (one, two)
    answers = ({"take-history": "yes", "physical-exam": "no"}, {"take-history": "supervised"})
    with open_session(factories.a_system()) as session:
        for booking, attested, public in zip(made, answers, (True, False), strict=True):
            session.add(
                Review(
                    agency_id=market.agency_id,
                    booking_id=booking.id,
                    rotation_id=market.rotation_id,
                    candidate_id=booking.candidate.id,
                    author="Graduate",
                    overall=4,
                    ratings={},
                    attested=attested,
                    declared={"take-history": "yes", "physical-exam": "supervised"},
                    release_at=clock.now(),
                    public=public,
                )
            )
    with open_session(context.public(), readonly=True) as session:
        found = queries.truth_by_task(session, market.rotation_id)
    assert [(one.slug, one.matching, one.answers) for one in found] == [
        ("physical-exam", 0, 1),
        ("take-history", 1, 1),
    ]
