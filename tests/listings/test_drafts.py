"""Drafts of live listings: kept apart, signed on their own, applied through the one guard."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.bookings.models import Booking
from marketplace.core import clock, context
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict, Forbidden, Gone, Invalid, NotFound
from marketplace.listings import differences, drafts, making, operations, signing, versions, wider
from marketplace.listings.draft_models import ListingDraft, ListingVersion, WiderRequest
from marketplace.listings.models import Block, Offering, Rotation, ScopeSignature
from marketplace.tenants.models import Agency
from marketplace.verification import standing
from tests import factories
from tests.factories import Market

SURE = {"sure": True, "full_name": "Isabel Fuentes"}


@pytest.fixture
def market(app: Flask) -> Iterator[Market]:
    yield factories.market()


def row(market: Market) -> Rotation:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.get_one(Rotation, market.rotation_id)


def agency(market: Market):
    return open_session(context.agency(market.agency_id))


def save(market: Market, prices: dict[int, int] | None = None, **values: object) -> None:
    with agency(market) as session:
        drafts.save(session, market.staff_actor, market.rotation_id, values, prices)


def publish(market: Market) -> None:
    with agency(market) as session:
        operations.publish(session, market.staff_actor, market.rotation_id)


def ask(market: Market) -> UUID:
    with agency(market) as session:
        return operations.ask_signature(session, market.staff_actor, market.rotation_id).id


def lines_of(page: dict[str, Any]) -> list[dict[str, Any]]:
    return [line for group in page["groups"] for line in group["lines"]]


def sign(market: Market, key: UUID) -> None:
    with open_session(context.person(market.attending_id)) as session:
        lines = session.get_one(ScopeSignature, key).declared
        answers = dict.fromkeys(lines, "y")
        operations.sign(session, market.doctor_actor, key, answers=answers, **SURE)
    factories.run_outbox("listings.signature_decided")


def working(market: Market) -> Rotation:
    with agency(market) as session:
        return drafts.working(session, market.slug)


def test_the_live_version_stays_until_publishing(market: Market) -> None:
    save(market, {2: 99_000, 4: 150_000, 8: 290_000, 12: 400_000}, title="Cardiology, new words")
    assert (row(market).title, row(market).version) == ("Cardiology clinic externship", 1)
    shown = working(market)
    assert (shown.title, shown.version, shown.signed_version) == ("Cardiology, new words", 2, 2)
    assert [b.price_cents for b in shown.blocks] == [99_000, 150_000, 290_000, 400_000]
    publish(market)
    after = row(market)
    assert (after.title, after.version, after.signed_version) == ("Cardiology, new words", 2, 2)
    with agency(market) as session:
        assert session.get(ListingDraft, market.rotation_id) is None
        assert len(session.scalars(select(Block)).all()) == 4
        [kept] = session.scalars(select(ListingVersion)).all()
        assert (kept.version, kept.facts["title"]) == (2, "Cardiology, new words")


def test_what_is_written_back_is_no_draft(market: Market) -> None:
    save(market, title="Other words")
    save(market, title="Cardiology clinic externship")
    with agency(market) as session:
        assert drafts.draft_of(session, market.rotation_id) is None


def test_a_signed_fact_of_a_draft_asks_for_a_new_signature(market: Market) -> None:
    save(market, hours_per_week=50)
    with pytest.raises(Invalid) as refused:
        publish(market)
    assert list(refused.value.errors) == ["signature"]
    assert row(market).hours_per_week == 40
    key = ask(market)
    sign(market, key)
    publish(market)
    after = row(market)
    assert (after.hours_per_week, after.version, after.level) == (50, 2, "hands-on-outpatient")


# Everything an agency may write, each with another value than the market's listing has. The nine
# that the attending signs are named here on purpose, not taken from `versions.SIGNED_FACTS`.
SIGNED: dict[str, Any] = {
    "type": "sub-internship",
    "interaction": "mixed",
    "setting": "inpatient",
    "attending_id": "another",
    "activities": factories.HANDS_ON | {"vital-signs": "yes"},
    "hours_per_week": 50,
    "trainees_per_attending": 6,
    "hospital_share": 40,
    "letter_policy": {"policy": "discuss"},
}
NOT_SIGNED: dict[str, Any] = {
    "title": "Other words",
    "summary": "Other days.",
    "specialty": "neurology",
    "site_id": "another",
    "inclusions": ["orientation-day"],
    "accepts": ["student"],
    "required_exams": ["usmle_step_1"],
    "required_documents": ["passport"],
    "eligibility": {"max_years_since_graduation": 5},
    "week_plan": [{"day": "Monday", "morning": "Clinic", "afternoon": ""}],
    "cancellation": {"preset": "strict"},
    "price_parts": [{"payee": "attending", "label": "Attending", "percent": 60}],
    "deposit_percent": 25,
    "max_installments": 2,
    "preapproved": True,
    "notice_days": 60,
}


def another(market: Market, fact: str, value: object) -> object:
    """A site or an attending of the agency for `another`; any other value as it is."""
    if value != "another":
        return value
    with open_session(factories.a_system()) as session:
        if fact == "site_id":
            return factories.site(session, market.agency_id).id
        doctor = factories.attending(session, "Nora Second")
        factories.affiliation(session, market.agency_id, doctor.id)
        return doctor.id


def test_what_is_signed_and_what_is_not_is_all_there_is() -> None:
    assert SIGNED.keys() | NOT_SIGNED.keys() == set(versions.EDITABLE)


@pytest.mark.parametrize("fact", SIGNED)
def test_each_signed_fact_asks_for_a_new_signature(market: Market, fact: str) -> None:
    """Of a live listing, whose draft cannot open; and of one that was never live."""
    value = another(market, fact, SIGNED[fact])
    assert getattr(row(market), fact) != value
    save(market, **{fact: value})
    assert (working(market).version, working(market).signed_version) == (2, 1)
    with pytest.raises(Invalid) as refused:
        publish(market)
    assert "signature" in refused.value.errors
    live = row(market)
    assert (live.version, live.signed_version) == (1, 1) and getattr(live, fact) != value
    with agency(market) as session:
        drafts.discard(session, market.staff_actor, market.rotation_id)
    with open_session(factories.a_system()) as session:
        unpublished = session.get_one(Rotation, market.rotation_id)
        unpublished.state, unpublished.public, unpublished.published_at = "draft", False, None
    save(market, **{fact: value})
    written = row(market)
    assert getattr(written, fact) == value
    assert (written.version, written.signed_version) == (2, 1)


def test_nothing_else_asks_for_a_new_signature(market: Market) -> None:
    """Each alone, and then all of them with the prices: the old signature holds."""
    values = {fact: another(market, fact, value) for fact, value in NOT_SIGNED.items()}
    for fact, value in values.items():
        assert getattr(row(market), fact) != value, fact
        save(market, **{fact: value})
        kept = working(market)
        assert kept.signed_version == kept.version, fact
        with agency(market) as session:
            drafts.discard(session, market.staff_actor, market.rotation_id)
    save(market, {2: 90_000}, **values)
    publish(market)
    after = row(market)
    assert after.signed_version == after.version == 2 and after.title == "Other words"


def test_a_change_after_asking_ends_the_request(market: Market) -> None:
    save(market, hours_per_week=50)
    key = ask(market)
    save(market, hours_per_week=45)
    with pytest.raises(Gone):
        sign(market, key)
    assert working(market).version == 3
    sign(market, ask(market))
    publish(market)
    assert (row(market).hours_per_week, row(market).version) == (45, 3)


def test_a_signature_of_a_discarded_draft_counts_for_nothing(market: Market) -> None:
    save(market, hours_per_week=50)
    key = ask(market)
    with agency(market) as session:
        drafts.discard(session, market.staff_actor, market.rotation_id)
    with pytest.raises(Gone):
        sign(market, key)
    save(market, hours_per_week=60)
    assert working(market).version == 3  # 2 was put before the attending


def test_a_length_that_was_on_sale_is_retired_and_comes_back(market: Market) -> None:
    """Bookings keep it; nobody new can have it; its row is the same when it returns."""
    made = factories.booking(market, factories.candidate(), "confirmed")
    with open_session(factories.a_system(), readonly=True) as session:
        held = session.get_one(Booking, made.id)
        block_id, weeks, price = held.block_id, held.weeks, held.price_cents
    rest = {2: 110_000, 4: 165_000, 8: 300_000}
    del rest[weeks]
    save(market, rest)
    assert [b.weeks for b in working(market).blocks] == sorted(rest)
    assert len(row_blocks(market)) == 3  # live until it is published
    publish(market)
    assert row_blocks(market) == sorted(rest)
    with pytest.raises(Invalid) as refused:
        factories.booking(market, factories.candidate("Ana Two"), "held")
    assert "weeks" in refused.value.errors
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.get_one(Block, block_id).retired_at is not None
        assert session.get_one(Booking, made.id).price_cents == price
        assert session.scalars(select(Block)).all()
    save(market, rest | {weeks: 99_000})
    publish(market)
    with open_session(factories.a_system(), readonly=True) as session:
        again = session.get_one(Block, block_id)
        assert (again.retired_at, again.price_cents) == (None, 99_000)


def row_blocks(market: Market) -> list[int]:
    """The lengths that candidates see."""
    with open_session(context.public(), readonly=True) as session:
        return [b.weeks for b in session.get_one(Rotation, market.rotation_id).blocks]


def test_places_of_others_are_refused(market: Market) -> None:
    other = factories.market()
    for values, field in (
        ({"site_id": other.site_id}, "site"),
        ({"attending_id": other.attending_id}, "attending"),
    ):
        with pytest.raises(Invalid) as refused:
            save(market, **values)
        assert list(refused.value.errors) == [field]
    with pytest.raises(NotFound), agency(market) as session:
        drafts.save(session, market.staff_actor, other.rotation_id, {"title": "Mine now"})
    with pytest.raises(NotFound), agency(market) as session:
        drafts.working(session, other.slug)


def test_another_attending_takes_the_starts_along(market: Market) -> None:
    with open_session(factories.a_system()) as session:
        doctor = factories.attending(session, "Wen Abara").id
        factories.affiliation(session, market.agency_id, doctor)
    save(market, attending_id=doctor)
    sign_key = ask(market)
    with open_session(context.person(doctor)) as session:
        lines = session.get_one(ScopeSignature, sign_key).declared
        actor = Actor("attending", doctor)
        answers = dict.fromkeys(lines, "y")
        operations.sign(session, actor, sign_key, answers=answers, **SURE)
    factories.run_outbox("listings.signature_decided")
    publish(market)
    with agency(market) as session:
        assert {o.attending_id for o in session.scalars(select(Offering))} == {doctor}


def test_seats_keep_their_attending(market: Market) -> None:
    factories.booking(market, factories.candidate(), "requested")
    with open_session(factories.a_system()) as session:
        doctor = factories.attending(session).id
        factories.affiliation(session, market.agency_id, doctor)
    with pytest.raises(Invalid, match="check the form"):
        save(market, attending_id=doctor)


def test_only_those_who_edit_write(market: Market) -> None:
    actor = Actor("agency", market.staff["finance"], market.agency_id, role="finance")
    with pytest.raises(Forbidden), agency(market) as session:
        drafts.save(session, actor, market.rotation_id, {"title": "No"})


def test_an_observership_is_signed_too(market: Market) -> None:
    with open_session(factories.a_system()) as session:
        listed = session.get_one(Rotation, market.rotation_id)
        listed.state, listed.public, listed.signed_version = "draft", False, None
        listed.type = "observership"
        listed.interaction, listed.activities = "observe", {"watch-exam": "yes"}
    with pytest.raises(Invalid) as refused:
        publish(market)
    assert list(refused.value.errors) == ["signature"]


# --- copies, archive, words ---------------------------------------------------------------------


def test_a_copy_has_everything_but_starts_and_signature(market: Market) -> None:
    with agency(market) as session:
        copy = making.copy(session, market.staff_actor, market.slug)
        made = copy.id, copy.slug
    with agency(market) as session:
        copy = session.get_one(Rotation, made[0])
        assert (copy.state, copy.title, copy.signed_version) == (
            "draft",
            "Cardiology clinic externship",
            None,
        )
        assert [b.weeks for b in copy.blocks] == [2, 4, 8] and copy.offerings == []
        assert {m.code for m in operations.missing_for_publish(session, copy)} == {
            "signature",
            "starts",
        }


def test_the_lines_of_a_copy_are_answered_already(market: Market) -> None:
    save(market, hours_per_week=50)
    sign(market, ask(market))
    publish(market)
    with agency(market) as session:
        copy = making.copy(session, market.staff_actor, market.slug)
        key = operations.ask_signature(session, market.staff_actor, copy.id).id
    with open_session(context.person(market.attending_id), readonly=True) as session:
        page = signing.page_values(session, session.get_one(ScopeSignature, key), {})
    assert {line["answer"] for line in lines_of(page)} == {"y"} and page["changed"] == []


def test_changed_lines_are_not_answered(market: Market) -> None:
    save(market, hours_per_week=50)
    sign(market, ask(market))
    publish(market)
    more = factories.HANDS_ON | {"vital-signs": "yes"}
    save(market, activities=more, hours_per_week=44)
    with open_session(context.person(market.attending_id), readonly=True) as session:
        key = ask(market)
        page = signing.page_values(session, session.get_one(ScopeSignature, key), {})
    assert {line["key"]: line["answer"] for line in lines_of(page)} == {
        **dict.fromkeys(factories.HANDS_ON, "y"),
        "vital-signs": "",
    }
    assert page["changed"] == ["Measure vital signs", "Hours a week"]


# --- live by itself once it is signed -----------------------------------------------------------


def ask_to_open(market: Market, actor: Actor | None = None) -> UUID:
    with agency(market) as session:
        who = actor or market.staff_actor
        return operations.ask_signature(session, who, market.rotation_id, opens=True).id


def a_draft() -> Market:
    return factories.market(state="draft", signed_version=None, published_at=None)


def test_it_opens_by_itself_when_it_is_signed(app: Flask) -> None:
    market = a_draft()
    sign(market, ask_to_open(market))
    assert row(market).state == "published"
    with agency(market) as session:
        assert [v.published_by for v in session.scalars(select(ListingVersion))] == ["Maya Clerk"]


def test_a_draft_of_a_live_listing_opens_by_itself_too(market: Market) -> None:
    save(market, activities=factories.HANDS_ON | {"vital-signs": "yes"})
    sign(market, ask_to_open(market))
    assert (row(market).version, row(market).signed_version) == (2, 2)
    assert "vital-signs" in row(market).activities


def test_only_who_may_publish_may_ask_for_it(app: Flask) -> None:
    market = a_draft()
    clerk = Actor("agency", market.staff["coordinator"], market.agency_id, "A Clerk", "coordinator")
    with pytest.raises(Forbidden):
        ask_to_open(market, clerk)
    sign(market, ask(market))  # asked without it: it waits for somebody who may
    assert row(market).state == "draft"


def test_it_stays_closed_when_that_was_taken_back_or_it_lacks_something(app: Flask) -> None:
    market = a_draft()
    key = ask_to_open(market)
    with agency(market) as session:
        operations.keep_closed(session, market.staff_actor, market.rotation_id)
    sign(market, key)
    assert row(market).state == "draft"
    other = a_draft()
    with agency(other) as session:
        for start in session.scalars(select(Offering)):
            start.closed_at = clock.now()
    sign(other, ask_to_open(other))
    assert (row(other).state, row(other).signed_version) == ("draft", 1)


def test_a_pause_keeps_the_next_version_waiting(market: Market) -> None:
    save(market, activities=factories.HANDS_ON | {"vital-signs": "yes"})
    key = ask_to_open(market)
    with agency(market) as session:
        operations.pause(session, market.staff_actor, market.rotation_id)
    sign(market, key)
    assert (row(market).state, row(market).version) == ("paused", 1)


def test_a_signed_draft_opens_when_the_platform_approves(app: Flask) -> None:
    market = a_draft()
    with open_session(factories.a_system()) as session:
        found = session.get_one(Agency, market.agency_id)
        found.state, found.is_public, found.approved_at = "suspended", False, clock.now()
    sign(market, ask_to_open(market))
    assert row(market).state == "draft"
    with open_session(factories.a_system()) as session:
        admin = Actor("admin", UUID(int=7), name="Robin Hallowell")
        standing.change(session, admin, market.agency_id, "reinstate", "All papers are in order.")
    assert row(market).state == "published"


def test_archived_is_closed_for_good(market: Market) -> None:
    save(market, title="Never seen")
    with agency(market) as session:
        operations.archive(session, market.staff_actor, market.rotation_id)
    assert (row(market).state, row(market).public) == ("archived", False)
    with pytest.raises(Conflict):
        save(market, title="Again")
    with pytest.raises(Conflict):
        publish(market)


def test_differences_are_words(market: Market) -> None:
    more = factories.HANDS_ON | {"vital-signs": "supervised"}
    save(market, {2: 110_000, 4: 150_000, 8: 300_000}, activities=more)
    with agency(market) as session:
        before = drafts.snapshot(session.get_one(Rotation, market.rotation_id))
    after = drafts.snapshot(working(market))
    assert [
        (d.what, d.before, d.after, d.signed) for d in differences.differences(before, after, {})
    ] == [
        ("Measure vital signs", "No", "Supervised", True),
        ("4 weeks, price", "$1,650", "$1,500", False),
    ]


# --- wider than the type ------------------------------------------------------------------------

BASIS = "The hospital's own program takes graduates as supervised visitors."
ADMIN = Actor("admin", name="Pat Admin")


@pytest.fixture
def wide(app: Flask) -> Market:
    return factories.market(
        state="draft",
        published_at=None,
        type="sub-internship",
        eligibility={"graduate_legal_basis": BASIS},
    )


def missing(market: Market) -> set[str]:
    with agency(market) as session:
        shown = drafts.working(session, market.slug)
        return {m.code for m in operations.missing_for_publish(session, shown)}


def decide(key: UUID, approve: bool) -> None:
    with open_session(context.system("admin test")) as session:
        wider.decide(session, ADMIN, key, approve=approve, note="Read the program's rules.")


def test_wider_than_the_default_needs_our_yes(wide: Market) -> None:
    assert missing(wide) == {"wider"}
    with agency(wide) as session:
        key = wider.ask(session, wide.staff_actor, wide.slug).id
        assert wider.ask(session, wide.staff_actor, wide.slug).id == key
    assert missing(wide) == {"wider"}
    decide(key, approve=True)
    assert missing(wide) == set()
    with pytest.raises(Conflict):
        decide(key, approve=False)
    save(wide, eligibility={"graduate_legal_basis": BASIS + " And more."})
    assert missing(wide) == {"wider"}  # another basis, another decision
    save(wide, accepts=["student"])
    assert missing(wide) == set()


def test_a_decline_stands_until_the_basis_changes(wide: Market) -> None:
    with agency(wide) as session:
        key = wider.ask(session, wide.staff_actor, wide.slug).id
    decide(key, approve=False)
    with pytest.raises(Conflict), agency(wide) as session:
        wider.ask(session, wide.staff_actor, wide.slug)
    assert missing(wide) == {"wider"}


def test_nobody_but_the_platform_decides(wide: Market) -> None:
    with agency(wide) as session:
        key = wider.ask(session, wide.staff_actor, wide.slug).id
        with pytest.raises(Forbidden):
            wider.decide(session, wide.staff_actor, key, approve=True, note="We think so.")
        assert session.get_one(WiderRequest, key).state == "open"


def test_an_old_link_is_over(market: Market) -> None:
    save(market, hours_per_week=50)
    key = ask(market)
    clock.advance(timedelta(days=31))
    with pytest.raises(Gone):
        sign(market, key)
