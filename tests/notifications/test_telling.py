"""Who reads what: once, exactly, and nobody what is not theirs."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace.accounts.models import Membership, Person
from marketplace.bookings.models import Booking
from marketplace.core import clock, context, jobs
from marketplace.core.db import open_session
from marketplace.core.events import publish
from marketplace.core.outbox import OutboxMessage
from marketplace.listings.models import Rotation
from marketplace.payments import operations as payments
from marketplace.payments.events import InstallmentFailed
from marketplace.payments.models import Refund
from tests import factories
from tests.notifications import sent


@pytest.fixture
def market(app) -> factories.Market:
    return factories.market()


def address(person_id: object) -> str:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.get_one(Person, person_id).email


def staff(market: factories.Market, *roles: str) -> set[str]:
    return {address(market.staff[role]) for role in roles}


def to_whom(slug: str) -> set[str]:
    return {mail.to_address for mail in sent.mails(slug)}


# --- once -----------------------------------------------------------------------------------------


def test_work_that_is_done_twice_mails_once(market) -> None:
    made = sent.booked(market, "confirmed")
    sent.run()
    before = Counter(mail.dedupe_key for mail in sent.mails())
    assert set(before.values()) == {1}
    with open_session(factories.a_system()) as session:
        for row in sent.outbox():  # the same news again, as new work
            detail = dict(row.payload["detail"])
            if "token" not in detail and row.payload["occasion"] not in ("asked", "reminded"):
                session.add(
                    OutboxMessage(topic=row.topic, payload=dict(row.payload), scope=row.scope)
                )
    sent.run()
    assert Counter(mail.dedupe_key for mail in sent.mails()) == before
    assert len({line.dedupe_key for line in sent.lines()}) == len(sent.lines())
    assert made.reference in sent.mails("accepted")[0].text


def test_a_periodic_job_mails_once(market) -> None:
    sent.due_soon(market)
    for _ in range(3):
        jobs.run_tick("notifications.installments_due")
    assert len(sent.mails("installment-due")) == 1


def test_a_second_failure_of_the_deposit_is_news_and_a_repeated_event_is_not(market) -> None:
    made = sent.booked(market, "payment_needed")
    sent.run()
    assert len(sent.mails("payment-failed")) == 1
    part = sent.installments(made)[0]
    event = InstallmentFailed(
        plan_id=part.plan_id,
        agency_id=part.agency_id,
        person_id=part.person_id,
        installment_id=part.id,
        seq=0,
        amount_cents=part.amount_cents,
        needs_action=False,
        hard=True,
        next_try_at=None,
        pay_until=part.pay_until,
    )
    for times, expected in ((2, 1), (1, 2)):
        with open_session(context.agency(market.agency_id)) as session:
            for _ in range(times):
                publish(session, event)
        sent.run()
        assert len(sent.mails("payment-failed")) == expected
        with open_session(factories.a_system()) as session:
            session.get_one(type(part), part.id).attempts += 1


def test_several_refunds_of_one_cancellation_are_one_message(market) -> None:
    made = sent.booked(market, "confirmed")
    while factories.settle_due(made.id):
        clock.advance(timedelta(days=30))
        if len([p for p in sent.installments(made) if p.state == "paid"]) == 2:
            break
    from marketplace.bookings import operations

    with open_session(context.agency(market.agency_id)) as session:
        operations.provider_cancel(session, market.staff_actor, made.id, reason="site-closed")
        refunds = list(session.scalars(select(Refund.id).where(Refund.plan_id == made.plan_id)))
    for number, key in enumerate(refunds):
        sent.run()
        assert sent.mails("refund-sent") == [], "not before the last one has left"
        with open_session(context.agency(market.agency_id)) as session:
            payments.settle_refund(session, key, f"re_{number}")
    sent.run()
    (mail,) = sent.mails("refund-sent")
    paid = sum(p.amount_cents for p in sent.installments(made) if p.state == "paid")
    assert f"${paid // 100:,}.00" in mail.subject


# --- to whom --------------------------------------------------------------------------------------


def test_members_who_may_act_are_told_and_others_are_not(market) -> None:
    sent.booked(market, "requested")
    sent.run()
    assert to_whom("agency-request") == staff(market, "owner", "manager", "coordinator")


def test_a_payout_is_told_to_those_who_may_see_money(market) -> None:
    sent.share_paid(market)
    sent.run()
    assert to_whom("payout-sent") == staff(market, "owner", "manager", "finance")
    (line,) = sent.lines("payout-sent")
    assert (line.agency_id, line.person_id) == (market.agency_id, None)


def test_who_has_left_or_closed_the_account_is_not_told(market) -> None:
    gone, closed = market.staff["manager"], market.staff["coordinator"]
    with open_session(factories.a_system()) as session:
        session.scalars(
            select(Membership).where(Membership.person_id == gone)
        ).one().ended_at = clock.now()
        session.get_one(Person, closed).closed_at = clock.now()
    sent.booked(market, "requested")
    sent.run()
    assert to_whom("agency-request") == staff(market, "owner")


def test_another_agency_hears_nothing(market) -> None:
    other = factories.market()
    sent.booked(market, "cancelled_by_provider")
    sent.run()
    foreign = staff(other, *other.staff) | {address(other.attending_id)}
    assert not foreign & {mail.to_address for mail in sent.mails()}
    assert {line.agency_id for line in sent.lines() if line.agency_id} == {market.agency_id}


# --- what they may not know -----------------------------------------------------------------------


def test_the_attendings_reason_stays_with_the_agency(market) -> None:
    made = sent.attending_declines(market)
    sent.run()
    (mail,) = sent.mails("declined")
    assert mail.to_address == made.candidate.email
    said = f"{mail.subject} {mail.text} {sent.words_of(mail.html)}"
    assert "Not the right background" not in said and "unprepared" not in said
    assert "Dr. Isabel Fuentes declined" not in said, "nor who of the two said no"
    assert all("Not the right background" in mail.text for mail in sent.mails("agency-declined"))
    assert all("unprepared" not in mail.text for mail in sent.mails())


def test_why_an_attending_cancels_is_not_told_to_the_candidate(market) -> None:
    made = sent.attending_cancels(market)
    sent.run()
    (mail,) = sent.mails("cancelled")
    assert mail.to_address == made.candidate.email
    assert "away" not in mail.text.replace("right away", "") and "private" not in mail.text
    assert "Goes back             $330.00" in mail.text, "known before the worker has written it"


@pytest.mark.parametrize("slug", [s for s in sent.SCENES if s.startswith("attending-")])
def test_no_money_in_what_an_attending_reads(market, slug) -> None:
    sent.SCENES[slug](market)
    sent.run()
    theirs = [m for m in sent.mails() if m.to_address == address(market.attending_id)]
    assert theirs
    for mail in theirs:
        assert "$" not in mail.subject + mail.text + sent.words_of(mail.html)


def test_a_coordinator_reads_no_amounts(market) -> None:
    sent.booked(market, "cancelled_by_candidate")
    sent.run()
    mails = {m.to_address: m.text for m in sent.mails("agency-cancelled")}
    assert "$" not in mails[address(market.staff["coordinator"])]
    assert "$330.00" in mails[address(market.staff["manager"])]
    assert all("$" not in line.title for line in sent.lines("agency-cancelled"))


def test_no_address_of_a_candidate_reaches_the_others(market) -> None:
    made = sent.booked(market, "confirmed")
    sent.run()
    for mail in sent.mails():
        if mail.to_address != made.candidate.email:
            assert made.candidate.email not in mail.text + mail.html


# --- links ----------------------------------------------------------------------------------------


def test_the_token_is_in_the_mail_and_leaves_the_outbox(market) -> None:
    sent.booked(market, "approved")
    (row,) = [r for r in sent.outbox() if r.payload["occasion"] == "asked"]
    token = row.payload["detail"]["token"]
    sent.run()
    (mail,) = sent.mails("attending-decide")
    assert mail.text.count(f"/decide/{token}") == 1
    assert all(token not in str(r.payload) for r in sent.outbox())
    (line,) = sent.lines("attending-decide")
    assert line.url.startswith("/attending/bookings/RND-") and token not in line.dedupe_key
    assert token not in mail.dedupe_key


def test_a_token_stays_in_the_outbox_until_its_mail_is_written(market, monkeypatch) -> None:
    sent.booked(market, "approved")
    (row,) = [r for r in sent.outbox() if r.payload["occasion"] == "asked"]

    def stumble(*args: object, **values: object) -> None:
        raise OSError("no template")

    with monkeypatch.context() as broken:
        broken.setattr("marketplace.notifications.delivery.render_mail", stumble)
        assert jobs.run_message(str(row.id)) == "failed"
    assert "token" in next(r for r in sent.outbox() if r.id == row.id).payload["detail"]
    assert jobs.run_message(str(row.id)) == "done"
    assert len(sent.mails("attending-decide")) == 1


def test_a_link_that_was_overtaken_is_not_sent(market) -> None:
    made = sent.booked(market, "approved")
    from marketplace.bookings import operations

    with open_session(made.candidate.scope) as session:
        operations.withdraw(session, made.candidate.actor, made.id)
    sent.run()
    assert sent.mails("attending-decide") == []
    assert len(sent.mails("attending-released")) == 1


# --- words ----------------------------------------------------------------------------------------


def test_no_name_can_start_a_header_or_a_line(market) -> None:
    nasty = "Eve\r\nBcc: x@example.org\n\nhttps://evil.example <b>bold</b>"
    sent.booked(market, "approved", nasty)
    sent.run()
    mails = sent.mails()
    assert mails
    for mail in mails:
        assert "\n" not in mail.subject + mail.to_name and "\r" not in mail.subject + mail.to_name
        assert not any(line.startswith(("Bcc:", "https://evil")) for line in mail.text.splitlines())
        assert "<b>bold" not in mail.html and mail.html.count("href=") == 1


@pytest.mark.parametrize(
    ("bank", "hard", "says", "path"),
    [
        (False, False, "We try again on", "/card"),
        (False, True, "please use another one", "/card"),
        (True, False, "Your bank asks you to confirm", "/pay"),
    ],
)
def test_a_failed_payment_says_what_helps(market, bank, hard, says, path) -> None:
    made = sent.booked(market, "confirmed")
    sent.refuse_second(made, bank=bank, hard=hard)
    sent.run()
    (mail,) = sent.mails("payment-failed")
    until = sent.installments(made)[1].pay_until
    assert says in sent.bare(mail.text) and f"{made.reference}{path}\n" in mail.text
    assert until is not None and "Seat kept until" in mail.text
    assert "Installment 1 of 4" in mail.text and "$330.00" in mail.text


def test_a_preapproved_request_names_the_doctors_deadline(app) -> None:
    market = factories.market()
    with open_session(factories.a_system()) as session:
        session.get_one(Rotation, market.rotation_id).preapproved = True
    made = sent.booked(market, "requested")
    sent.run()
    with open_session(factories.a_system(), readonly=True) as session:
        until = session.get_one(Booking, made.id).deadline_at
    assert until is not None and made.state == "approved"
    (mine,) = sent.mails("request-received")
    (asked,) = sent.mails("attending-decide")
    by = asked.text.partition("Answer by")[2].splitlines()[0].strip()
    assert by in mine.text and "approved this start already" in sent.bare(mine.text)
    assert "You approved this start beforehand" in sent.bare(sent.mails("agency-request")[0].text)


def test_a_cancellation_that_returns_nothing_says_so(market) -> None:
    made = sent.booked(market, "confirmed")
    factories.move_to_day(made.id, "start_on")
    clock.advance(-timedelta(days=2))
    from marketplace.bookings import operations

    with open_session(made.candidate.scope) as session:
        operations.cancel(session, made.candidate.actor, made.id, expected_cents=0)
    sent.run()
    (mail,) = sent.mails("cancelled")
    assert "nothing comes back" in mail.text and "$0.00" in mail.text
    assert "goes back to you" not in mail.subject
