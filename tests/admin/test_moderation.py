"""Reports of readers, and what the platform decides about a listing."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from marketplace.accounts import operations as accounts
from marketplace.accounts.operations import Device
from marketplace.admin import moderation_queries
from marketplace.core import clock, context
from marketplace.core.audit import AuditEntry
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict, Forbidden, Invalid, NotFound
from marketplace.listings import moderation, operations, withholding
from marketplace.listings.models import ListingReport, Rotation
from marketplace.notifications.models import Notification
from tests import factories
from tests.factories import Market
from tests.notifications import sent

PAT = Actor("admin", name="Pat Admin")
WHY = "The task list is not true."


@pytest.fixture
def market(app: Flask) -> Iterator[Market]:
    yield factories.market()


def act(market: Market, do: object, why: str = WHY) -> None:
    with open_session(factories.a_system()) as session:
        do(session, PAT, market.rotation_id, why)  # type: ignore[operator]


def row(market: Market) -> Rotation:
    with open_session(factories.a_system(), readonly=True) as session:
        found = session.get_one(Rotation, market.rotation_id)
        session.expunge(found)
        return found


def report(market: Market, who: factories.Candidate, note: str = "They asked for more.") -> None:
    with open_session(who.scope) as session:
        moderation.report(session, who.actor, market.rotation_id, kind="price", note=note)


def test_taken_down_and_given_back(market: Market) -> None:
    """Closed at once, told with the reason, not to be opened by the agency; back by itself."""
    report(market, factories.candidate("Ana"))
    act(market, moderation.take_down)
    now = row(market)
    assert (now.state, now.public, now.taken_down_reason) == ("paused", False, WHY)
    staff = market.staff_actor
    with pytest.raises(Invalid, match=WHY), open_session(context.agency(market.agency_id)) as s:
        operations.publish(s, staff, market.rotation_id)
    with pytest.raises(Conflict):
        act(market, moderation.take_down)
    sent.run()
    mails = sent.mails("agency-listing-closed")
    assert mails and WHY in mails[0].text
    with open_session(factories.a_system(), readonly=True) as session:
        assert withholding.out_of_line(session) == []
        assert session.scalars(select(ListingReport.decision)).all() == ["upheld"]
        told = session.scalars(
            select(Notification).where(Notification.slug == "agency-listing-closed")
        ).all()
        assert told and all(one.agency_id == market.agency_id for one in told)
    act(market, moderation.restore, "The list was corrected.")
    now = row(market)
    assert (now.state, now.public, now.taken_down_at) == ("published", True, None)
    with pytest.raises(Conflict):
        act(market, moderation.restore)
    sent.run()
    assert len({mail.subject for mail in sent.mails("agency-listing-closed")}) == 2
    with open_session(factories.a_system(), readonly=True) as session:
        acts = session.scalars(
            select(AuditEntry.action)
            .where(AuditEntry.actor_kind == "admin")
            .order_by(AuditEntry.id)
        ).all()
    assert acts == ["listing.taken_down", "listing.restored"]


def test_what_the_agency_paused_stays_paused(market: Market) -> None:
    with open_session(context.agency(market.agency_id)) as session:
        operations.pause(session, market.staff_actor, market.rotation_id)
    act(market, moderation.take_down)
    act(market, moderation.restore)
    assert row(market).state == "paused"


def test_only_admins_decide(market: Market) -> None:
    for do in (moderation.take_down, moderation.restore, moderation.looks_fine):
        with pytest.raises(Forbidden), open_session(factories.a_system()) as session:
            do(session, market.staff_actor, market.rotation_id, WHY)


@pytest.mark.parametrize("state", ["draft", "archived"])
def test_what_nobody_sees_is_not_moderated(market: Market, state: str) -> None:
    with open_session(factories.a_system()) as session:
        listed = session.get_one(Rotation, market.rotation_id)
        listed.state, listed.public = state, False
    for do in (moderation.take_down, moderation.restore, moderation.looks_fine):
        with pytest.raises(NotFound), open_session(factories.a_system()) as session:
            do(session, PAT, market.rotation_id, WHY)


def test_the_queue(market: Market) -> None:
    with open_session(factories.a_system()) as session:
        session.get_one(Rotation, market.rotation_id).summary = "The best program in Chicago."

    def waits(tab: str) -> int:
        with open_session(factories.a_system(), readonly=True) as session:
            return len(moderation_queries.queue(session, tab))

    assert [waits(tab) for tab in ("reported", "new", "down")] == [0, 1, 0]
    report(market, factories.candidate("Ana"))
    assert waits("reported") == 1
    act(market, moderation.looks_fine)
    assert [waits(tab) for tab in moderation_queries.TABS] == [0, 0, 0, 0]
    clock.advance(timedelta(minutes=1))
    with open_session(factories.a_system()) as session:
        session.get_one(Rotation, market.rotation_id).updated_at = clock.now()
    assert waits("new") == 1
    act(market, moderation.take_down)
    assert waits("down") == 1


def test_reports(market: Market) -> None:
    ana = factories.candidate("Ana")
    with pytest.raises(Invalid) as wrong:
        report(market, ana, "short")
    assert set(wrong.value.errors) == {"note"}
    report(market, ana)
    with pytest.raises(Conflict):
        report(market, ana)
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        assert session.scalars(select(ListingReport)).all() == []  # never the agency's
    with open_session(factories.candidate("Bo").scope, readonly=True) as session:
        assert session.scalars(select(ListingReport)).all() == []


# --- pages ----------------------------------------------------------------------------------------


def client_of(web_app: Flask, person_id: object) -> FlaskClient:
    """A browser that is signed in as this person."""
    with web_app.app_context(), open_session(factories.a_system()) as session:
        token = accounts.start_sign_in(session, person_id, Device("", ""))  # type: ignore[arg-type]
    client = web_app.test_client()
    with client.session_transaction() as held:
        held["_user_id"], held["_fresh"] = token, True
    return client


def test_nobody_reports_without_a_name(market: Market) -> None:
    with pytest.raises(Forbidden), open_session(factories.a_system()) as session:
        moderation.report(
            session, context.GUEST, market.rotation_id, kind="price", note="They asked for more."
        )


def test_reporting_from_the_listing_page_is_limited(web_app: Flask) -> None:
    with web_app.app_context():
        market, ana = factories.market(), factories.candidate("Ana")
    client = client_of(web_app, ana.id)
    path = f"/me/report/{market.slug}"
    assert path in client.get(f"/rotations/{market.slug}").text
    page = client.get(path).text
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    assert client.get("/me/report/no-such").status_code == 404
    origin = {"Origin": "http://localhost"}

    def send(**more: str) -> int:
        form = {"csrf_token": token, "kind": "price", "note": "They <b>asked</b> for more."} | more
        answer = client.post(path, data=form, headers=origin)
        assert "<b>asked</b>" not in answer.text
        return answer.status_code

    assert send(kind="zz") == 422
    assert send() == 303
    assert [send() for _ in range(4)] == [409, 409, 409, 429]


def test_the_pages_of_the_platform(web_app: Flask) -> None:
    with web_app.app_context():
        market = factories.market()
        with open_session(factories.a_system()) as session:
            admin = factories.person(session, "Pat Admin", is_admin=True).id
    client = client_of(web_app, admin)
    path = f"/admin/moderation/{market.rotation_id}"
    for tab in (*moderation_queries.TABS, "zz"):
        assert client.get(f"/admin/moderation?tab={tab}").status_code == 200
    token = client.get(path).text.split('name="csrf_token" value="')[1].split('"')[0]
    origin = {"Origin": "http://localhost"}

    def post(act: str, reason: str) -> int:
        form = {"csrf_token": token, "reason": reason}
        return client.post(f"{path}/{act}", data=form, headers=origin).status_code

    assert post("take-down", "no") == 422
    assert post("take-down", WHY) == 303
    assert client.get(f"/rotations/{market.slug}").status_code in (404, 410)
    assert post("restore", WHY) == 303
    assert client.get(f"/rotations/{market.slug}").status_code == 200
    assert post("fine", WHY) == 303
    assert client.get(f"/admin/moderation/{uuid4()}").status_code == 404
