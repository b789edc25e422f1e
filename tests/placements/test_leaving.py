"""An attending leaves an agency: at once, for good, with nothing lost for who has booked."""

from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.accounts import delegates
from marketplace.bookings.models import Booking
from marketplace.core import context
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.errors import Forbidden, Gone, Invalid, NotFound
from marketplace.core.mail import MailMessage
from marketplace.desk import needs_page
from marketplace.listings import editor_page, inviting, making, operations, place_queries, places
from marketplace.listings.models import Affiliation, Rotation, ScopeSignature
from tests import factories
from tests.factories import Market


@pytest.fixture
def market(app: Flask) -> Market:
    return factories.market()


def leave(market: Market, actor: Actor | None = None, agency_id: UUID | None = None) -> int:
    with open_session(factories.a_system()) as session:
        return places.leave(session, actor or market.doctor_actor, agency_id or market.agency_id)


def row(market: Market) -> Rotation:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.get_one(Rotation, market.rotation_id)


def agency(market: Market):
    return open_session(context.agency(market.agency_id))


def test_listings_close_and_bookings_go_on(market: Market) -> None:
    made = factories.booking(market, factories.candidate(), "confirmed")
    assert leave(market) == 1
    assert (row(market).state, row(market).public) == ("paused", False)
    assert made.state == "confirmed"
    with pytest.raises((NotFound, Invalid)):
        factories.booking(market, factories.candidate("Ana Two"), "held")
    with pytest.raises(Invalid) as refused, agency(market) as session:
        operations.publish(session, market.staff_actor, market.rotation_id)
    assert "does not work with your agency" in refused.value.errors["affiliation"]
    with agency(market) as session:
        assert [value for value, _ in editor_page.choices(session)["attendings"]] == [""]
        assert place_queries.attendings(session)[0].standing.startswith("Left on ")
        needs = needs_page.needs(session, market.agency_id, "owner", market.agency_slug)
    assert "Dr. Fuentes has left your agency" in [i.title for g in needs.groups for i in g.items]


def test_no_new_listing_and_no_open_request_to_sign(market: Market) -> None:
    other = factories.market()
    factories.unsign(market.rotation_id)
    with agency(market) as session:
        key = operations.ask_signature(session, market.staff_actor, market.rotation_id).id
    leave(market)
    with open_session(context.person(market.attending_id)) as session:
        answers = dict.fromkeys(session.get_one(ScopeSignature, key).declared, "y")
        with pytest.raises(Gone):
            operations.sign(
                session,
                market.doctor_actor,
                key,
                answers=answers,
                sure=True,
                full_name="Isabel Fuentes",
            )
    with pytest.raises(Invalid) as refused, agency(market) as session:
        making.create(
            session,
            market.staff_actor,
            market.agency_id,
            specialty="cardiology",
            kind="externship",
            attending_id=market.attending_id,
            site_id=market.site_id,
        )
    assert "attending" in refused.value.errors
    assert row(other).public  # another agency's listings are as they were


def test_who_may_and_only_once(market: Market) -> None:
    office = Actor("attending", market.attending_id, name="Office", role=delegates.ROLE)
    with pytest.raises(Forbidden):
        leave(market, office)
    with pytest.raises(NotFound):
        leave(market, agency_id=factories.market().agency_id)
    assert row(market).public
    leave(market)
    with pytest.raises(NotFound):
        leave(market)


def test_the_agency_can_invite_again(market: Market) -> None:
    leave(market)
    with open_session(factories.a_system()) as session:
        npi = session.get_one(Rotation, market.rotation_id).attending.npi
        wanted = places.Invitation(npi, "isabel@example.org")
        key = inviting.invite(session, market.staff_actor, market.agency_id, wanted).id
    with agency(market) as session, pytest.raises(Invalid):
        operations.publish(session, market.staff_actor, market.rotation_id)
    with open_session(factories.a_system()) as session:
        inviting.answer(session, market.doctor_actor, key, yes=True)
    with agency(market) as session:
        works = session.query(Affiliation).filter_by(attending_id=market.attending_id).one()
        assert works.ended_at is None
        operations.publish(session, market.staff_actor, market.rotation_id)
    assert row(market).public


def test_the_agency_is_told_what_stops_and_what_goes_on(market: Market) -> None:
    made = factories.booking(market, factories.candidate(), "confirmed")
    leave(market)
    factories.run_outbox("notifications.tell")
    with open_session(factories.a_system(), readonly=True) as session:
        asked = select(MailMessage.text).where(MailMessage.slug == "agency-attending-left")
        texts = set(session.scalars(asked))
        [text] = texts  # every member who may edit listings reads the same
        reference = session.get_one(Booking, made.id).reference
    assert "Cardiology clinic externship" in text and reference in text
    with agency(market) as session:
        needs = needs_page.needs(session, market.agency_id, "owner", market.agency_slug)
    [row] = [i for g in needs.groups for i in g.items if "has left" in i.title]
    assert row.line.startswith("Paused: Cardiology clinic externship · bookings go on")
