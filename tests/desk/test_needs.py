"""What waits for an agency: every kind of it, dated, overdue on top, by role."""

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from marketplace.core import clock, context
from marketplace.core.db import open_session
from marketplace.desk import needs_page
from marketplace.listings import drafts, operations
from marketplace.listings.models import Rotation, ScopeSignature
from marketplace.payments.models import Charge, PaymentPlan, Transfer
from marketplace.placements.models import Placement
from marketplace.reviews.models import Review
from tests import factories
from tests.factories import Market
from tests.support.rooms import Browser, words_of
from tests.verification import support


def found(market: Market, role: str = "owner") -> dict[str, list[tuple[str, str]]]:
    """Heading to (title, address below the agency)."""
    base = f"/agency/{market.agency_slug}"
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        needs = needs_page.needs(session, market.agency_id, role, market.agency_slug)
        assert needs.total == needs_page.waiting(session, market.agency_id, role)
    return {
        group.title: [(one.title, one.url.removeprefix(base)) for one in group.items]
        for group in needs.groups
    }


def titles(market: Market, role: str = "owner") -> list[str]:
    return [title for items in found(market, role).values() for title, _ in items]


def change(model: type, key: UUID, **values: object) -> None:
    with open_session(factories.a_system()) as session:
        row = session.get_one(model, key)
        for name, value in values.items():
            setattr(row, name, value)


def test_papers_that_end_were_sent_back_or_are_not_sent(market: Market) -> None:
    assert found(market) == {}
    support.upload(market, "insurance", until=20)
    assert found(market) == {
        "When you can": [("1 paper is here and not sent", "/verification#send")]
    }
    support.upload(market, "registration", until=None)
    support.send(market)
    assert found(market) == {}
    support.decide(market)
    renew = ("Renew: Liability insurance certificate", "/verification/add?kind=insurance")
    assert found(market) == {"Later": [renew]}
    clock.advance(timedelta(days=22))
    assert found(market) == {"Overdue": [renew]}
    support.upload(market, "insurance", until=300)
    assert [title for title in titles(market) if title.startswith("Renew")] == []
    assert "Renew" not in " ".join(titles(market, "coordinator"))  # may not send papers


def test_a_paper_that_came_back(market: Market) -> None:
    support.upload(market, "insurance")
    support.upload(market, "registration", until=None)
    support.send(market)
    support.decide(market, event="ask_revision", about=support.waiting(market))
    assert sorted(titles(market)) == [
        "Send again: Business registration",
        "Send again: Liability insurance certificate",
    ]


def test_signatures_drafts_and_what_the_platform_took_down(market: Market) -> None:
    with open_session(context.agency(market.agency_id)) as session:
        changed = {"activities": {"vital-signs": "yes"}}
        drafts.save(session, market.staff_actor, market.rotation_id, changed)
    [(title, url)] = found(market)["When you can"]
    assert title.startswith("Finish ") and url.endswith("/check")
    with open_session(context.agency(market.agency_id)) as session:
        key = operations.ask_signature(session, market.staff_actor, market.rotation_id).id
    [(title, url)] = found(market)["Later"]
    assert "has not signed" in title and url.endswith("/check")
    change(ScopeSignature, key, decision="refused", comment="No vital signs here.")
    assert any("sent the tasks back" in title for title in titles(market))
    assert "sent the tasks back" not in " ".join(titles(market, "finance"))
    with open_session(context.agency(market.agency_id)) as session:
        other = {"activities": {"take-history": "yes"}}
        drafts.save(session, market.staff_actor, market.rotation_id, other)
    assert "sent the tasks back" not in " ".join(titles(market))  # changed since
    change(
        Rotation,
        market.rotation_id,
        taken_down_at=clock.now(),
        taken_down_reason="Not true.",
        state="paused",
        public=False,
    )
    assert [one for one in titles(market) if one.startswith("Rounds took a listing down")]


def test_bookings_letters_contests_and_reviews(market: Market) -> None:
    asks = factories.booking(market, factories.candidate("Berta Two"), "requested")
    assert found(market)["Later"] == [("Answer Berta Two's request", f"/bookings/{asks.reference}")]
    over = factories.booking(market, factories.candidate("Amara Nwosu"), "completed")
    change(Placement, over.id, letter_state="promised")
    assert "Letter for Amara Nwosu: ask Dr. Fuentes" in titles(market)
    assert "Letter" not in " ".join(titles(market, "read-only"))
    clock.advance(timedelta(days=60))
    assert any("Letter for Amara" in title for title, _ in found(market)["Overdue"])
    change(Placement, over.id, letter_state="uploaded")
    assert "Letter" not in " ".join(titles(market))
    with open_session(factories.a_system()) as session:
        review = Review(
            agency_id=market.agency_id,
            booking_id=over.id,
            rotation_id=market.rotation_id,
            candidate_id=over.candidate.id,
            author="Graduate, class of 2024",
            overall=5,
            ratings={},
            attested={},
            declared={},
            release_at=clock.now(),
            public=True,
        )
        session.add(review)
        session.flush()
        key = review.id
    assert "1 new review has no answer" in titles(market)
    assert "1 new review has no answer" not in titles(market, "finance")
    change(Review, key, reply="Thank you.")
    assert "1 new review has no answer" not in titles(market)


def test_a_contested_start(market: Market) -> None:
    here = factories.booking(market, factories.candidate("Amara Nwosu"), "active")
    change(Placement, here.id, contested_at=clock.now() - timedelta(hours=1))
    assert ("Amara Nwosu contests the start", f"/bookings/{here.reference}#notes") in found(market)[
        "Overdue"
    ]


@pytest.mark.parametrize(
    ("why", "title"),
    [
        ("no payout account", "$100 waits for a payout account"),
        ("account_closed", "A payout of $100 did not go through"),
        ("payouts stopped", ""),
    ],
)
def test_payouts_that_do_not_arrive(market: Market, why: str, title: str) -> None:
    made = factories.booking(market, factories.candidate(), "confirmed")
    with open_session(factories.a_system()) as session:
        plan = session.get_one(PaymentPlan, made.plan_id)
        charge = session.query(Charge).filter(Charge.plan_id == plan.id).first()
        session.add(
            Transfer(
                agency_id=market.agency_id,
                plan_id=plan.id,
                charge_id=charge.id,
                share="start",
                amount_cents=10_000,
                fee_cents=0,
                key="k",
                state="blocked",
                blocked_by=why,
            )
        )
    clock.advance(timedelta(minutes=5))
    assert found(market).get("Overdue", []) == ([(title, "/payouts")] if title else [])
    assert "payout" not in " ".join(titles(market, "coordinator"))


def test_home_shows_them_with_their_next_step(app: Flask, market: Market) -> None:
    support.upload(market, "insurance", until=20)
    home = Browser(app, market.staff["owner"]).get(f"/agency/{market.agency_slug}")
    assert "1 paper is here and not sent" in words_of(home.text)
    assert f'href="/agency/{market.agency_slug}/verification#send"' in home.text
    clerk = Browser(app, market.staff["coordinator"]).get(f"/agency/{market.agency_slug}")
    assert "Nothing waits for you" in words_of(clerk.text)
