"""The card pages against the real Stripe double: saved, declined, silent, confirmed."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace.bookings.models import Booking
from marketplace.core import clock, jobs
from marketplace.core.db import open_session
from marketplace.payments.gateway import NeedsAction
from marketplace.payments.models import Charge, Customer, Installment, PaymentPlan
from tests import factories
from tests.bookings.conftest import Browser, Page
from tests.payments import double as stub
from tests.payments.double import StripeDouble, http


def rows(model, **by):
    with open_session(factories.a_system(), readonly=True) as session:
        return list(session.scalars(select(model).filter_by(**by)))


def secret(page: Page) -> str:
    return page.html.split('data-client-secret="')[1].split('"')[0]


@pytest.fixture
def market(site):
    return factories.market()


@pytest.fixture
def ana(site):
    return factories.candidate()


@pytest.fixture
def browser(site, ana):
    return Browser(site, ana)


@pytest.fixture
def held(market, ana):
    return factories.booking(market, ana, "terms")


def card_url(made) -> str:
    return f"/me/bookings/{made.reference}/card"


# --- saving a card ---


def test_a_saved_card_sends_the_request(browser, held, double: StripeDouble):
    page = browser.get(card_url(held))
    assert page.status == 200
    assert "Nothing is charged now" in page.text
    assert "min left" in page.text
    double.confirm(secret(page))
    answer = browser.send(page, "/card")
    assert (answer.status, answer.to) == (303, f"/me/bookings/{held.reference}")
    assert held.state == "requested"
    (plan,) = rows(PaymentPlan)
    assert (plan.state, plan.card_last4, plan.card_brand) == ("ready", "4242", "visa")
    shown = browser.get(answer.to)
    assert "Your request is sent" in shown.text
    assert "Visa ending 4242 is saved, not charged." in shown.text


def test_only_the_card_page_may_reach_the_provider(browser, held, double: StripeDouble):
    here = browser.get(card_url(held)).answer.headers["Content-Security-Policy"]
    there = browser.get(f"/me/bookings/{held.reference}").answer.headers["Content-Security-Policy"]
    assert f"script-src 'self' {double.url}" in here
    assert f"frame-src {double.url}" in here
    assert double.url not in there
    assert "unsafe" not in here


def test_sent_twice_the_request_is_one(browser, held, double: StripeDouble):
    page = browser.get(card_url(held))
    double.confirm(secret(page))
    first, second = browser.send(page, "/card"), browser.send(page, "/card")
    assert first.to == second.to
    assert held.state == "requested"
    assert len(rows(Customer)) == 1


def test_two_open_tabs_the_first_one_counts(browser, held, double: StripeDouble):
    first = browser.get(card_url(held))
    browser.get(card_url(held))  # a second tab starts its own try
    double.confirm(secret(first))
    assert browser.send(first, "/card").status == 303
    assert held.state == "requested"


def test_without_a_card_the_page_says_so(browser, held):
    page = browser.get(card_url(held))
    answer = browser.send(page, "/card")
    assert answer.status == 422
    assert "Stripe has not saved a card yet." in answer.text
    assert held.state == "held"
    assert secret(answer) != secret(page)


def test_a_setup_of_somebody_else_does_not_count(site, market, browser, held, double):
    bo = factories.candidate("Bo Lind")
    other = factories.booking(market, bo, "terms", offering=1)
    theirs = Browser(site, bo).get(card_url(other))
    double.confirm(secret(theirs))
    page = browser.get(card_url(held))
    answer = browser.send(page, "/card", setup=theirs.form("/card").fields["setup"])
    assert answer.status == 422
    assert held.state == "held"


@pytest.mark.parametrize("setup", ["seti_unknown", "cs_test_unknown", "../../x", "x" * 500])
def test_a_made_up_setup_is_not_a_card(browser, held, setup):
    page = browser.get(card_url(held))
    assert browser.send(page, "/card", setup=setup).status == 422


def test_a_silent_provider_loses_nothing(browser, held, double: StripeDouble):
    page = browser.get(card_url(held))
    double.confirm(secret(page))
    double.fault("500", "GET /v1/setup_intents", count=9)
    answer = browser.send(page, "/card")
    assert answer.status == 503
    assert "Payments do not answer right now" in answer.text
    assert "min left" in answer.text
    again = answer.html.split('href="/me/bookings/')[1:]
    link = next(part.split('"')[0] for part in again if "?setup=" in part)
    double.control("faults", method="DELETE")
    back = browser.get(f"/me/bookings/{link}")
    assert browser.send(back, "/card").status == 303
    assert held.state == "requested"


def test_a_provider_that_is_silent_from_the_start(browser, held, double: StripeDouble):
    double.fault("500", "POST /v1/customers", count=9)
    page = browser.get(card_url(held))
    assert page.status == 503
    assert "Nothing was charged and nothing you entered is lost." in page.text
    double.control("faults", method="DELETE")
    assert browser.get(card_url(held)).status == 200


def test_without_scripts_the_card_is_saved_on_the_providers_page(browser, held, double):
    page = browser.get(card_url(held))
    assert f'href="{card_url(held)}/hosted"' in page.html
    away = browser.get(card_url(held) + "/hosted")
    assert away.status == 303
    assert away.to.startswith(double.url)
    form = hosted_form(http.request("GET", away.to))
    fields = form.fields | {"number": stub.GOOD, "expiry": "12/34", "cvc": "123"}
    action = form.action or away.to
    url = action if action.startswith("http") else f"{double.url}{action}"
    back = http.request("POST", url, fields=fields, redirect=False)
    assert back.status == 303, back.data
    returned = browser.get(back.headers["Location"].removeprefix("http://localhost"))
    assert "You are back from Stripe’s own page." in returned.text
    assert browser.send(returned, "/card").status == 303
    assert held.state == "requested"


def hosted_form(answer):
    from tests.bookings.conftest import _Forms

    parser = _Forms()
    parser.feed(answer.data.decode())
    return parser.found[0]


def test_a_card_saved_by_a_browser_that_never_came_back(browser, held, double, site):
    page = browser.get(card_url(held))
    double.confirm(secret(page))
    jobs.run_tick("payments.poll_events")
    factories.run_outbox("payments.process_event")
    factories.run_outbox("bookings.card_saved")
    assert held.state == "requested"


def test_a_card_after_the_hold_is_gone(browser, held, double: StripeDouble):
    page = browser.get(card_url(held))
    double.confirm(secret(page))
    clock.advance(timedelta(minutes=21))
    answer = browser.send(page, "/card")
    assert answer.status == 410
    assert "Your 20 minutes are over" in answer.text
    assert held.state == "held"
    assert rows(PaymentPlan)[0].payment_method is None


def test_the_card_comes_after_the_terms(browser, market, ana):
    made = factories.booking(market, ana, "held")
    assert browser.get(card_url(made)).to.endswith("/eligibility")


@pytest.mark.parametrize("state", ["declined", "withdrawn", "completed"])
def test_an_ended_booking_wants_no_card(browser, market, ana, state):
    made = factories.booking(market, ana, state)
    assert browser.get(card_url(made)).to == f"/me/bookings/{made.reference}"


# --- another card, and the bank's question ---


def test_a_declined_deposit_is_paid_with_another_card(browser, market, ana, double):
    made = factories.booking(market, ana, "payment_needed", double=double)
    shown = browser.get(f"/me/bookings/{made.reference}")
    assert "Your bank said no" in shown.text
    assert "Use another card" in shown.text
    page = browser.get(card_url(made))
    assert "$330 is charged now" in page.text
    double.confirm(secret(page), "5555555555554444")
    assert browser.send(page, "/card").status == 303
    jobs.run_tick("payments.charge_due")
    factories.run_outbox("bookings.deposit_paid")
    assert made.state == "confirmed"
    assert len(double.charges(booking_reference=made.reference)) == 1


def needs_confirmation(market, ana, double):
    """A booking whose deposit the bank wants confirmed."""
    made = factories.booking(market, ana, "accepted", double=double)
    with open_session(factories.a_system()) as session:
        plan = session.get_one(PaymentPlan, made.plan_id)
        gateway = double.gateway()
        plan.customer_id, plan.payment_method = double.save_card(gateway, stub.ALWAYS_ASKS)
    factories._charge_deposit(market, made.id, NeedsAction, double)
    assert made.state == "payment_needed"
    return made


def test_a_payment_that_the_bank_asks_about_is_confirmed(browser, market, ana, double):
    made = needs_confirmation(market, ana, double)
    shown = browser.get(f"/me/bookings/{made.reference}")
    assert "Your bank needs you" in shown.text
    page = browser.get(f"/me/bookings/{made.reference}/pay")
    assert page.status == 200
    assert 'data-intent="payment"' in page.html
    assert 'data-payment-method="pm_' in page.html
    assert "Confirm $330" in page.text
    pay(page, double)
    assert browser.send(page, "/pay").to == f"/me/bookings/{made.reference}"
    factories.run_outbox("bookings.deposit_paid")
    assert made.state == "confirmed"
    assert browser.send(page, "/pay").status == 303  # sent again: nothing more happens
    assert len(double.charges(booking_reference=made.reference)) == 1


def pay(page: Page, double: StripeDouble, *, passed: bool = True) -> None:
    """What Stripe.js does with a saved card."""
    key = secret(page)
    method = page.html.split('data-payment-method="')[1].split('"')[0]
    intent = key.split("_secret_")[0]
    found = double.as_browser(
        f"payment_intents/{intent}/confirm", client_secret=key, payment_method=method
    )
    assert found["status"] == "requires_action", found
    double.answer_bank(key, passed)


def test_a_failed_confirmation_leads_to_another_card(browser, market, ana, double):
    made = needs_confirmation(market, ana, double)
    page = browser.get(f"/me/bookings/{made.reference}/pay")
    pay(page, double, passed=False)
    browser.send(page, "/pay")
    shown = browser.get(f"/me/bookings/{made.reference}")
    assert "Your bank said no" in shown.text
    assert made.state == "payment_needed"
    assert browser.get(f"/me/bookings/{made.reference}/pay").status == 303
    assert browser.get(card_url(made)).status == 200


def test_an_old_confirmation_cannot_pay_besides_the_new_card(browser, market, ana, double):
    made = needs_confirmation(market, ana, double)
    old = browser.get(f"/me/bookings/{made.reference}/pay")
    pay(old, double, passed=False)
    browser.send(old, "/pay")
    factories.run_outbox("payments.cancel_intent")
    page = browser.get(card_url(made))
    double.confirm(secret(page))
    browser.send(page, "/card")
    jobs.run_tick("payments.charge_due")
    late = double.as_browser(
        f"payment_intents/{secret(old).split('_secret_')[0]}/confirm",
        client_secret=secret(old),
        payment_method=double.make_card()["id"],
    )
    assert "error" in late
    assert len(double.charges(booking_reference=made.reference)) == 1


def test_without_scripts_the_bank_asks_on_its_own_page(browser, market, ana, double):
    made = needs_confirmation(market, ana, double)
    away = browser.get(f"/me/bookings/{made.reference}/pay/bank")
    assert away.status == 303
    assert away.to.startswith(double.url)


def test_a_silent_provider_at_the_confirmation(browser, market, ana, double):
    made = needs_confirmation(market, ana, double)
    double.fault("500", "GET /v1/payment_intents", count=9)
    page = browser.get(f"/me/bookings/{made.reference}/pay")
    assert page.status == 503
    assert "Payments do not answer right now" in page.text
    double.control("faults", method="DELETE")
    assert browser.get(f"/me/bookings/{made.reference}/pay").status == 200


def test_an_installment_that_failed_is_tried_with_the_new_card_at_once(
    browser, market, ana, double
):
    made = factories.booking(market, ana, "confirmed", double=double)
    (plan,) = rows(PaymentPlan, id=made.plan_id)
    double.control(f"payment_methods/{plan.payment_method}", {"decline": "insufficient_funds"})
    clock.advance(timedelta(days=32))
    jobs.run_tick("payments.charge_due")
    first = next(row for row in rows(Installment, plan_id=made.plan_id) if row.seq == 1)
    assert (first.state, first.pay_until is not None) == ("scheduled", True)  # a soft decline
    shown = browser.get(f"/me/bookings/{made.reference}")
    assert "did not work" in shown.text
    assert "Payment needed" in shown.text
    page = browser.get(card_url(made))
    double.confirm(secret(page))
    assert browser.send(page, "/card").status == 303
    jobs.run_tick("payments.charge_due")
    first = next(row for row in rows(Installment, plan_id=made.plan_id) if row.seq == 1)
    assert (first.state, first.pay_until) == ("paid", None)
    assert {row.state for row in rows(Charge, installment_id=first.id)} == {"declined", "succeeded"}


def test_a_booking_that_is_paid_asks_for_nothing(browser, market, ana):
    made = factories.booking(market, ana, "confirmed")
    answer = browser.get(f"/me/bookings/{made.reference}/pay")
    assert answer.to == f"/me/bookings/{made.reference}"
    assert rows(Booking, id=made.id)[0].state == "confirmed"


def test_after_the_start_the_card_can_still_be_changed(browser, market, ana, double):
    made = factories.booking(market, ana, "active", double=double)
    factories.clock.advance(factories.timedelta(days=3))
    page = browser.get(f"/me/bookings/{made.reference}/card")
    assert page.status == 200
    assert "Total, all fees $1,650 Due today $0" in page.text
