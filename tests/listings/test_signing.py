"""The list before the attending: a group at once, and each line otherwise."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.core import context
from marketplace.core.db import open_session
from marketplace.listings import drafts, editor_forms, operations, signing_views
from marketplace.listings.models import Rotation, ScopeSignature
from marketplace.placements import attending_views
from tests import factories
from tests.factories import Market
from tests.support import rooms
from tests.support.rooms import Browser, words_of

HISTORY = {"take-history": "supervised", "review-of-systems": "yes", "watch-history": "yes"}
EXAM = {"physical-exam": "supervised", "vital-signs": "yes", "watch-exam": "yes"}
SURE = {"sure": "1", "full_name": "Isabel Fuentes"}


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site([attending_views.mine, signing_views.signing_room]) as site:
        yield site


@pytest.fixture
def market(app: Flask) -> Market:
    made = factories.market()
    factories.unsign(made.rotation_id)
    return made


@pytest.fixture
def doctor(app: Flask, market: Market) -> Browser:
    return Browser(app, market.attending_id)


def ask(market: Market, activities: dict[str, str]) -> str:
    """The page on which the attending signs this list."""
    with open_session(context.agency(market.agency_id)) as session:
        drafts.save(
            session, market.staff_actor, market.rotation_id, {"activities": activities}, None
        )
        key = operations.ask_signature(session, market.staff_actor, market.rotation_id).id
    return f"/attending/sign/{key}"


def newest() -> ScopeSignature:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.scalars(select(ScopeSignature).order_by(ScopeSignature.id.desc())).first()


def test_one_tick_signs_a_group(doctor: Browser, market: Market) -> None:
    page = ask(market, HISTORY | EXAM)
    shown = doctor.get(page).text
    assert "All 3 are so" in words_of(shown) and "Own answer: Physical examination" in words_of(
        shown
    )
    sent = SURE | {"g-history": "y", "g-exam": "y", "s-physical-exam": "y"}
    assert doctor.post(page, sent, page=page).status_code == 303
    assert newest().signed == HISTORY | EXAM


def test_a_line_is_answered_otherwise_than_its_group(doctor: Browser, market: Market) -> None:
    page = ask(market, HISTORY)
    answer = doctor.post(page, SURE | {"g-history": "y", "s-take-history": "n"}, page=page)
    assert answer.status_code == 422 and "This is not so? Then send the list back" in answer.text
    assert 'name="g-history" value="y" checked' in answer.text  # nothing of it is lost
    assert newest().decision is None


def test_a_group_does_not_answer_a_high_risk_claim(doctor: Browser, market: Market) -> None:
    page = ask(market, HISTORY | EXAM)
    answer = doctor.post(page, SURE | {"g-history": "y", "g-exam": "y"}, page=page)
    assert answer.status_code == 422 and 'href="#s-physical-exam"' in answer.text
    assert newest().decision is None


def test_an_open_group_is_one_message(doctor: Browser, market: Market) -> None:
    page = ask(market, HISTORY)
    answer = doctor.post(page, SURE, page=page)
    assert answer.status_code == 422 and "One thing needs your attention" in answer.text
    assert 'href="#g-history"' in answer.text and 'id="g-history"' in answer.text
    some = doctor.post(page, SURE | {"s-take-history": "y"}, page=page)
    assert "Two things need your attention" in some.text


def test_what_was_signed_otherwise_is_answered_alone(doctor: Browser, market: Market) -> None:
    first = ask(market, HISTORY)
    doctor.post(first, SURE | {"g-history": "y"}, page=first)
    factories.run_outbox("listings.signature_decided")
    more = {"take-history": "yes", "telehealth-visits": "yes"}  # one stronger, one new
    page = ask(market, HISTORY | more)
    assert 'id="g-history"' in doctor.get(page).text
    sent = SURE | {"g-history": "y"} | {f"s-{slug}": "y" for slug in list(HISTORY)[1:]}
    answer = doctor.post(page, sent, page=page)
    assert answer.status_code == 422 and "One thing needs your attention" in answer.text
    assert 'href="#s-take-history"' in answer.text
    doctor.post(page, sent | {"s-take-history": "y"}, page=page)
    assert newest().signed == HISTORY | more


def test_a_copy_with_nothing_new_has_nothing_to_tick(doctor: Browser, market: Market) -> None:
    first = ask(market, HISTORY)
    doctor.post(first, SURE | {"g-history": "y"}, page=first)
    factories.run_outbox("listings.signature_decided")
    with open_session(context.agency(market.agency_id)) as session:
        drafts.save(session, market.staff_actor, market.rotation_id, {"hours_per_week": 44}, None)
        key = operations.ask_signature(session, market.staff_actor, market.rotation_id).id
    assert "g-history" not in doctor.get(f"/attending/sign/{key}").text


def also_signed(page: str) -> dict[str, str]:
    """Label to words of what is signed beside the tasks; what changed has both, the old first."""
    part = page.split("Also signed</h2>")[1].split("</dl>", maxsplit=1)[0]
    lines = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", part)
    return {label: words_of(words) for label, words in lines}


def test_everything_that_is_signed_can_be_read(doctor: Browser, market: Market) -> None:
    """Type, setting, hours, ratio, share and the whole letter policy, and what each was before."""
    letter = {"policy": "discuss", "letterhead": "author", "eras": True, "within_days": 28}
    facts = {
        "hours_per_week": 44,
        "trainees_per_attending": 3,
        "hospital_share": 25,
        "letter_policy": letter,
    }
    with open_session(context.agency(market.agency_id)) as session:
        drafts.save(session, market.staff_actor, market.rotation_id, facts, None)
    first = ask(market, HISTORY)
    said = {
        "Type": "Externship",
        "Setting": "Outpatient",
        "Hours a week": "44",
        "Trainees at a time": "3",
        "In hospital": "25%",
        "Letter": "To be discussed",
        "Letterhead": "The author decides",
        "Uploaded to ERAS": "By you",
        "Uploaded within": "28 days",
    }
    assert also_signed(doctor.get(first).text) == said
    doctor.post(first, SURE | {"g-history": "y"}, page=first)
    factories.run_outbox("listings.signature_decided")
    more = {
        "trainees_per_attending": 4,
        "letter_policy": letter | {"policy": "not-usual", "letterhead": None},
    }
    with open_session(context.agency(market.agency_id)) as session:
        drafts.save(session, market.staff_actor, market.rotation_id, more, None)
        key = operations.ask_signature(session, market.staff_actor, market.rotation_id).id
    again = also_signed(doctor.get(f"/attending/sign/{key}").text)
    del said["Letterhead"]
    assert again == said | {"Trainees at a time": "3 4", "Letter": "To be discussed Not usual"}


# --- the agency's side --------------------------------------------------------------------------


def test_a_button_declares_a_group_and_keeps_the_others() -> None:
    usual = editor_forms.usual_scope("externship")
    from_data = {"present-case", "present-on-rounds", "differential-and-plan"}
    sent = _Form({"a-vital-signs": "yes", "a-handoff": "yes", "use": "usual-presenting"})
    made = editor_forms.scope(sent, Rotation(type="externship", interaction="observe"))
    found = made.values["activities"]
    assert from_data < set(found) and "handoff" not in found  # not usual for an externship
    assert found["vital-signs"] == "yes" and found["present-case"] == usual["present-case"]
    sent = _Form({"a-vital-signs": "yes", "a-handoff": "yes", "use": "none-presenting"})
    made = editor_forms.scope(sent, Rotation(type="externship", interaction="observe"))
    assert made.values["activities"] == {"vital-signs": "yes"}


def test_no_button_declares_what_nobody_may_offer() -> None:
    sent = _Form({"use": "usual-orders"})
    made = editor_forms.scope(sent, Rotation(type="sub-internship", interaction="observe"))
    assert set(made.values["activities"]) == {"pend-orders", "interpret-results"}
    for odd in ("usual-", "usual-nothing", "both-history"):
        made = editor_forms.scope(
            _Form({"use": odd}), Rotation(type="externship", interaction="observe")
        )
        assert made.values["activities"] == {}


class _Form(dict[str, str]):
    def getlist(self, key: str) -> list[str]:
        return [self[key]] if key in self else []
