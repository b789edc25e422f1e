"""Who is told what, once, and nobody what is not theirs."""

import pytest
from sqlalchemy import select

from marketplace.core.db import open_session
from marketplace.core.mail import MailMessage
from marketplace.core.outbox import OutboxMessage
from marketplace.notifications.messages import MESSAGES
from marketplace.notifications.models import Notification
from tests import factories


@pytest.fixture
def market(app) -> factories.Market:
    return factories.market()


def mails() -> list[MailMessage]:
    with open_session(factories.a_system(), readonly=True) as session:
        rows = list(session.scalars(select(MailMessage).order_by(MailMessage.id)))
        session.expunge_all()
        return rows


def test_a_request_is_told_to_the_candidate_and_the_agency(market) -> None:
    ana = factories.candidate()
    made = factories.booking(market, ana, "requested")
    factories.run_outbox("notifications.booking")
    found = mails()
    assert [m.to_address for m in found].count(ana.email) == 1
    assert len(found) == 1 + 3, "the candidate, and the agency's three deciding roles"
    for message in found:
        assert made.reference in message.text and made.reference in message.html


def test_the_attending_gets_one_link_and_no_money(market) -> None:
    factories.booking(market, factories.candidate(), "approved")
    factories.run_outbox("notifications.decide")
    (message,) = mails()
    assert message.text.count("/decide/") == 1
    assert "$" not in message.text + message.html
    assert "Amara Nwosu" in message.subject


@pytest.mark.parametrize(
    "state",
    ["confirmed", "declined", "expired", "withdrawn", "payment_needed", "cancelled_by_provider"],
)
def test_every_end_is_told_to_somebody(market, state) -> None:
    factories.booking(market, factories.candidate(), state)
    factories.run_outbox("notifications.booking")
    assert len(mails()) > 4


def test_an_event_that_comes_twice_mails_once(market) -> None:
    factories.booking(market, factories.candidate(), "requested")
    factories.run_outbox("notifications.booking")
    before = len(mails())
    with open_session(factories.a_system()) as session:
        for row in session.scalars(
            select(OutboxMessage).where(OutboxMessage.topic == "notifications.booking")
        ):
            row.done_at = None
    factories.run_outbox("notifications.booking")
    assert len(mails()) == before


def test_the_private_reason_stays_private(market) -> None:
    factories.booking(market, factories.candidate(), "declined")
    factories.run_outbox("notifications.booking")
    with open_session(factories.a_system(), readonly=True) as session:
        lines = session.scalars(select(Notification.title)).all()
    assert lines and not any("dates" in line and "declined" in line for line in lines)


def test_the_table_names_real_events() -> None:
    from marketplace.bookings.states import MOVES

    assert set(MESSAGES) <= {move.event for move in MOVES}
