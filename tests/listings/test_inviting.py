"""An agency asks an attending: what it learns before the yes, what is sent, and every answer."""

import re
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from marketplace.accounts import delegates
from marketplace.accounts.models import Person
from marketplace.core import clock, context
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict, Forbidden, Gone, Invalid, NotFound, TooMany
from marketplace.core.mail import MailMessage
from marketplace.listings import (
    consent,
    drafts,
    inviting,
    making,
    new_listing_views,
    operations,
    place_queries,
    place_views,
    places,
    signing_views,
)
from marketplace.listings import invited_views as link_views
from marketplace.listings.checks import _without_a_yes
from marketplace.listings.models import (
    Affiliation,
    Attending,
    AttendingInvitation,
    Rotation,
    ScopeSignature,
)
from marketplace.placements import own_views
from marketplace.tenants.models import Agency
from tests import factories
from tests.factories import Market
from tests.support import rooms
from tests.support.rooms import Browser, words_of

NPI = "1234567893"
TASKS = {"take-history": "yes", "review-of-systems": "yes", "watch-history": "yes"}
ROOMS = (
    place_views.places_room,
    new_listing_views.beginning,
    signing_views.signing_room,
    link_views.invited_room,
    own_views.own,
)


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site(ROOMS) as site:
        yield site


@pytest.fixture
def market(app: Flask) -> Market:
    return factories.market()


def invite(market: Market, *, with_list: bool = False, **more: str) -> AttendingInvitation:
    wanted = {
        "npi": NPI,
        "email": "nora@example.org",
        "name": "Nora Vale",
        "specialty": "neurology",
    }
    with open_session(context.system("test")) as session:
        found = inviting.invite(
            session,
            market.staff_actor,
            market.agency_id,
            places.Invitation(**wanted | more),
            with_list=with_list,
        )
        session.flush()
        session.expunge(found)
        return found


def known(market: Market, other: Market) -> AttendingInvitation:
    """An agency asks the attending of another one."""
    with open_session(factories.a_system(), readonly=True) as session:
        npi = session.get_one(Attending, other.attending_id).npi
    return invite(market, npi=npi, name="", specialty="")


def answer(row: AttendingInvitation, *, yes: bool, role: str = "") -> None:
    actor = Actor("attending", row.attending_id, name="Dr. Vale", role=role)
    with open_session(factories.a_system()) as session:
        inviting.answer(session, actor, row.id, yes=yes)


def again(row: AttendingInvitation) -> AttendingInvitation:
    with open_session(factories.a_system(), readonly=True) as session:
        found = session.get_one(AttendingInvitation, row.id)
        session.expunge(found)
        return found


def works(market: Market, attending_id: UUID) -> Affiliation | None:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.scalars(
            select(Affiliation).where(
                Affiliation.agency_id == market.agency_id,
                Affiliation.attending_id == attending_id,
            )
        ).one_or_none()


def mails(slug: str = "attending-invited") -> list[MailMessage]:
    factories.run_outbox("notifications.tell")
    with open_session(factories.a_system(), readonly=True) as session:
        asked = select(MailMessage).where(MailMessage.slug == slug).order_by(MailMessage.id)
        return list(session.scalars(asked))


def link() -> str:
    """The address in the newest invitation."""
    found = re.search(r"/invited/[\w-]+", mails()[-1].text)
    assert found
    return found.group()


def agency(market: Market):
    return open_session(context.agency(market.agency_id))


def a_list(market: Market, row: AttendingInvitation) -> UUID:
    """A draft with somebody who has not said yes, and its list put before them."""
    with agency(market) as session:
        made = making.create(
            session,
            market.staff_actor,
            market.agency_id,
            specialty="neurology",
            kind="externship",
            attending_id=row.attending_id,
            site_id=market.site_id,
        )
        drafts.save(session, market.staff_actor, made.id, {"activities": TASKS}, None)
        key: UUID = made.id
        operations.ask_signature(session, market.staff_actor, key)
    return key


# --- who can be asked ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"npi": "1234567890"}, "npi"),
        ({"npi": "123"}, "npi"),
        ({"email": "nora"}, "email"),
        ({"name": ""}, "name"),
        ({"specialty": "magic"}, "specialty"),
    ],
)
def test_invitations_that_cannot_be(market: Market, more: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        invite(market, **more)
    assert field in refused.value.errors


def test_one_person_by_npi_in_every_agency(market: Market) -> None:
    first = invite(market)
    second = invite(factories.market(), email="someone.else@example.org", name="", specialty="")
    assert second.attending_id == first.attending_id
    assert {mail.to_address for mail in mails()} == {"nora@example.org"}


def test_an_address_of_another_doctor_is_refused(market: Market) -> None:
    invite(market)
    with pytest.raises(Invalid) as refused:
        invite(market, npi="1679576722", name="Max Muster")
    assert "email" in refused.value.errors


def test_an_account_stays_what_it_was_until_the_yes(market: Market) -> None:
    with open_session(factories.a_system()) as session:
        key = factories.person(session, "Nora Vale", email="nora@example.org").id
    row = invite(market)
    assert row.attending_id == key
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.get_one(Attending, key).joined_at is None
    answer(row, yes=True)
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.get_one(Attending, key).joined_at is not None


# --- before the yes -----------------------------------------------------------------------------


def test_whom_rounds_knows_is_on_no_list_before_the_yes(app: Flask, market: Market) -> None:
    other = factories.market()
    with open_session(factories.a_system()) as session:
        session.get_one(Attending, other.attending_id).display_name = "Ilse Secretperson"
    row = known(market, other)
    page = words_of(Browser(app, market.staff["manager"]).get(at(market)).text)
    assert f"NPI {row.npi}" in page and "Invited on" in page
    assert "Secretperson" not in page
    assert works(market, row.attending_id) is None
    with pytest.raises(Invalid) as refused:
        a_list(market, row)
    assert "attending" in refused.value.errors
    answer(row, yes=True)
    page = words_of(Browser(app, market.staff["manager"]).get(at(market)).text)
    assert "Ilse Secretperson" in page and "Invited on" not in page
    with agency(market) as session:
        assert session.get_one(Rotation, a_list(market, row)).attending_id == other.attending_id


def test_somebody_new_is_there_with_what_was_typed(app: Flask, market: Market) -> None:
    row = invite(market)
    with open_session(factories.a_system()) as session:
        doctor = session.get_one(Attending, row.attending_id)
        doctor.checks = {"registry": {"result": "clear", "on": "2026-01-02"}}
    page = words_of(Browser(app, market.staff["manager"]).get(at(market)).text)
    assert "Dr. Nora Vale" in page and "Invited on" in page
    assert "NPI registry: in order" not in page
    with agency(market) as session:
        assert len(place_queries.attendings(session)) == 1  # the market's own


def test_nothing_but_the_invitation_is_sent_before_the_yes(market: Market) -> None:
    row = invite(market)
    key = a_list(market, row)
    with agency(market) as session:
        operations.ask_signature(session, market.staff_actor, key)
        made = session.get_one(Rotation, key)
        assert "page of your invitation" in place_queries.asked_words(session, made)
    assert len(mails()) == 1 and mails("sign-scope") == []
    answer(row, yes=True)
    assert len(mails("sign-scope")) == 1  # now the list may be sent


def test_an_invitation_with_a_list_waits_for_it(market: Market) -> None:
    row = invite(market, with_list=True)
    assert mails() == [] and consent.state_of(row) == "held"
    a_list(market, row)
    assert len(mails()) == 1 and consent.state_of(again(row)) == "waiting"


def test_who_has_left_is_not_asked_to_sign(market: Market) -> None:
    factories.unsign(market.rotation_id)
    with open_session(factories.a_system()) as session:
        places.leave(session, market.doctor_actor, market.agency_id)
    with agency(market) as session, pytest.raises(Conflict):
        operations.ask_signature(session, market.staff_actor, market.rotation_id)
    assert mails("sign-scope") == []


def test_nothing_opens_without_a_yes(market: Market) -> None:
    with open_session(factories.a_system()) as session:
        row = session.get_one(Rotation, market.rotation_id)
        row.state, row.public = "paused", False
        session.execute(update(Affiliation).values(accepted_at=None))
    with agency(market) as session, pytest.raises(Invalid) as refused:
        operations.publish(session, market.staff_actor, market.rotation_id)
    assert "affiliation" in refused.value.errors


def test_the_check_sees_what_is_open_without_a_yes(market: Market) -> None:
    """Written past every guard, the invariant names it."""
    with open_session(factories.a_system(), readonly=True) as session:
        assert _without_a_yes(session) == []
    with open_session(factories.a_system()) as session:
        session.execute(update(Affiliation).values(accepted_at=None))
    with open_session(factories.a_system(), readonly=True) as session:
        [said] = _without_a_yes(session)
    assert market.slug in said


# --- the answer ---------------------------------------------------------------------------------


def test_reading_answers_nothing_and_a_post_says_yes(app: Flask, market: Market) -> None:
    row = invite(market)
    nobody, path = Browser(app), link()
    page = nobody.get(path)
    assert "asks to work with you" in page.text and "What a yes means" in page.text
    assert consent.state_of(again(row)) == "waiting"
    assert nobody.post(f"{path}/accept").status_code == 303
    assert "You said yes" in nobody.get(path).text
    assert nobody.post(f"{path}/decline").status_code == 409
    found = works(market, row.attending_id)
    assert found is not None and found.accepted_at is not None and found.email == row.email
    [told] = mails("agency-invitation")[:1]
    assert "Dr. Nora Vale said yes" in told.subject


def test_a_no_ends_it_and_can_become_a_yes(app: Flask, market: Market) -> None:
    row = invite(market)
    key = a_list(market, row)
    nobody, path = Browser(app), link()
    assert nobody.post(f"{path}/decline").status_code == 303
    assert "You said no" in nobody.get(path).text and "Say yes after all" in nobody.get(path).text
    found = works(market, row.attending_id)
    assert found is not None and found.ended_at is not None
    with agency(market) as session:
        asked = select(ScopeSignature.outdated_at).where(ScopeSignature.rotation_id == key)
        assert session.scalars(asked).one() is not None
        with pytest.raises(Conflict):
            operations.ask_signature(session, market.staff_actor, key)
    with pytest.raises(Conflict, match="ask again after"):
        invite(market)
    assert "Dr. Nora Vale said no" in mails("agency-invitation")[0].subject
    assert nobody.post(f"{path}/accept").status_code == 303
    found = works(market, row.attending_id)
    assert found is not None and found.ended_at is None and found.accepted_at is not None


def test_a_signature_says_yes(app: Flask, market: Market) -> None:
    row = invite(market, with_list=True)
    a_list(market, row)
    nobody, path = Browser(app), link()
    assert "Signing it says yes" in nobody.get(path).text
    sent = {"g-history": "y", "sure": "1", "full_name": "Nora Vale"}
    assert nobody.post(f"{path}/sign", {"sure": "1"}).status_code == 422
    assert "You signed this list" in nobody.post(f"{path}/sign", sent).text
    factories.run_outbox("listings.signature_decided")
    found = works(market, row.attending_id)
    assert found is not None and found.accepted_at is not None
    assert consent.state_of(again(row)) == "accepted"
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.get_one(Attending, row.attending_id).joined_at is not None


def test_a_list_that_is_sent_back_says_neither(app: Flask, market: Market) -> None:
    row = invite(market, with_list=True)
    a_list(market, row)
    nobody, path = Browser(app), link()
    note = {"comment": "They only watch."}
    assert nobody.post(f"{path}/return", note).status_code == 303
    assert consent.state_of(again(row)) == "waiting"
    assert "Signing it says yes" not in nobody.get(path).text


def test_the_attending_answers_signed_in(app: Flask, market: Market) -> None:
    other = factories.market()
    row = known(market, other)
    doctor, page = Browser(app, other.attending_id), "/attending/agencies"
    assert market.agency_slug and "Asks to work with you" in doctor.get(page).text
    path = f"{page}/invitations/{row.id}/accept"
    stranger = Browser(app, market.attending_id)
    assert stranger.post(path, page=page).status_code == 404
    assert doctor.post(path, page=page).status_code == 303
    assert "Asks to work with you" not in doctor.get(page).text
    assert works(market, other.attending_id) is not None


def test_who_may_not_answer(app: Flask, market: Market) -> None:
    row = invite(market)
    with pytest.raises(Forbidden):
        answer(row, yes=True, role=delegates.ROLE)
    stranger = Actor("attending", market.attending_id)
    with open_session(factories.a_system()) as session, pytest.raises(NotFound):
        inviting.answer(session, stranger, row.id, yes=True)
    path = link()
    assert Browser(app, market.staff["manager"]).get(path).status_code == 404
    assert Browser(app).get("/invited/unknown").status_code == 404
    with open_session(factories.a_system()) as session:
        session.execute(
            update(Person).where(Person.id == row.attending_id).values(blocked_at=clock.now())
        )
    assert Browser(app).get(path).status_code == 404


# --- its end ------------------------------------------------------------------------------------


def test_it_ends_after_two_weeks_and_is_sent_once_more(app: Flask, market: Market) -> None:
    row = invite(market)
    path = link()
    with pytest.raises(Conflict), agency(market) as session:
        inviting.send(session, market.staff_actor, row.id)
    clock.advance(consent.LIFE + timedelta(minutes=1))
    nobody = Browser(app)
    assert nobody.get(path).status_code == 410
    assert "This invitation has ended" in nobody.get(path).text
    assert nobody.post(f"{path}/accept").status_code == 410
    desk = Browser(app, market.staff["manager"])
    assert "No answer. The link ended" in words_of(desk.get(at(market)).text)
    sent = desk.post(f"{at(market)}/invitations/{row.id}/send", page=at(market))
    assert sent.status_code == 303 and len(mails()) == 2
    assert nobody.get(path).status_code == 404  # a newer message has replaced it
    assert nobody.get(link()).status_code == 200


def test_the_agency_takes_it_back(app: Flask, market: Market) -> None:
    row = invite(market)
    path, desk = link(), Browser(app, market.staff["manager"])
    with agency(factories.market()) as session, pytest.raises(NotFound):
        inviting.withdraw(session, market.staff_actor, row.id)
    at_key = f"{at(market)}/invitations/{row.id}/withdraw"
    assert desk.post(at_key, page=at(market)).status_code == 303
    nobody = Browser(app)
    assert nobody.get(path).status_code == 410
    assert "The agency took this back" in nobody.get(path).text
    with pytest.raises(Gone):
        answer(row, yes=True)
    with pytest.raises(Conflict), agency(market) as session:
        inviting.withdraw(session, market.staff_actor, row.id)
    found = works(market, row.attending_id)
    assert found is not None and found.ended_at is not None
    with pytest.raises(Conflict, match="short while ago"):
        invite(market)  # taking back and asking again is no way to write every day
    clock.advance(consent.LIFE + timedelta(minutes=1))
    invite(market)
    assert len(mails()) == 2


def test_a_day_has_so_many_invitations(market: Market) -> None:
    with open_session(factories.a_system()) as session:
        session.execute(update(Agency).where(Agency.id == market.agency_id).values(state="new"))
    with open_session(factories.a_system()) as session:
        for number in range(consent.MOST_BEFORE_APPROVAL):
            doctor = factories.attending(session, f"Doctor {number}")
            session.add(
                AttendingInvitation(
                    agency_id=market.agency_id, attending_id=doctor.id, sent_at=clock.now()
                )
            )
    with pytest.raises(TooMany):
        invite(market)
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.scalar(select(func.count()).where(Attending.npi == NPI)) == 0
    clock.advance(timedelta(days=1, minutes=1))
    invite(market)
    assert len(mails()) == 1


def test_the_form_of_a_listing_asks_whom_rounds_knows(app: Flask, market: Market) -> None:
    other = factories.market()
    with open_session(factories.a_system(), readonly=True) as session:
        npi = session.get_one(Attending, other.attending_id).npi
    path = f"/agency/{market.agency_slug}/listings/new"
    sent = {
        "type": "externship",
        "specialty": "cardiology",
        "site": str(market.site_id),
        "attending": "new",
        "doctor_npi": npi,
        "doctor_email": "desk@example.org",
        "doctor_name": "I. Fuentes",
    }
    desk = Browser(app, market.staff["manager"])
    refused = desk.post(path, sent, page=path)
    assert refused.status_code == 422 and "as soon as they say yes" in refused.text
    assert len(mails()) == 1
    twice = desk.post(path, sent, page=path)
    assert twice.status_code == 422 and "You have asked this attending" in twice.text
    assert len(mails()) == 1


def at(market: Market) -> str:
    return f"/agency/{market.agency_slug}/attendings"
