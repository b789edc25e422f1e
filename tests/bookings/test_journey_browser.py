"""The candidate's journey in Chromium: our pages, Stripe's stand-in, a phone and a desk, with and
without scripts."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Request
from playwright.sync_api import Browser, Page, expect

from marketplace.core import ids
from marketplace.core.db import open_session
from marketplace.core.web import Viewer
from marketplace.payments.gateway import NeedsAction
from marketplace.payments.models import PaymentPlan
from tests import factories
from tests.bookings import conftest
from tests.payments import double as stub
from tests.payments.double import PUBLISHABLE_KEY, SECRET_KEY, StripeDouble, free_port
from tests.support import database
from tests.support.browser import DESK, PHONE, axe, complaints, too_wide, visitor
from tests.support.counts import takes_its_turn
from tests.support.served import served

pytestmark = pytest.mark.browser

COOKIE = "test-person"


def identify(request: Request) -> Viewer | None:
    """Who the test's cookie says it is."""
    given = request.cookies.get(COOKIE)
    if not given:
        return None
    return Viewer(ids.UUID(given), ids.uuid7(), "Amara Nwosu", "amara@example.org")


@pytest.fixture
def shop(migrated: None, double: StripeDouble, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The small app on a real port; answers its address."""
    database.wipe()
    double.control("reset")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    monkeypatch.setattr(conftest, "identify", identify)
    small = conftest.small_app(
        STRIPE_SECRET_KEY=SECRET_KEY,
        STRIPE_PUBLISHABLE_KEY=PUBLISHABLE_KEY,
        STRIPE_API_BASE=double.url,
        STRIPE_JS_URL=f"{double.url}/v3/",
        BASE_URL=url,
    )
    with small as app, served(app, port):
        yield url


@contextmanager
def opened(
    browser: Browser, shop: str, who: factories.Candidate, size=PHONE, *, javascript: bool = True
) -> Iterator[Page]:
    tab = visitor(browser, shop, size=size, javascript=javascript)
    tab.add_cookies([{"name": COOKIE, "value": str(who.id), "url": shop}])
    yield tab.new_page()
    tab.close()


def good(page: Page, size: dict[str, int]) -> None:
    """No violation, nothing sticking out."""
    assert axe(page) == []
    assert too_wide(page) == [], size


def enter_card(page: Page, number: str = stub.GOOD) -> None:
    frame = page.frame_locator("iframe[title='Card details']")
    frame.get_by_label("Card number").press_sequentially(number)
    frame.get_by_label("Expires (MM / YY)").press_sequentially("1234")
    frame.get_by_label("Security code (CVC)").fill("123")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_from_the_dates_to_the_sent_request(browser, shop, size):
    market, ana = factories.market(), factories.candidate()
    with opened(browser, shop, ana, size) as page:
        wrong = complaints(page)
        page.goto("/me")
        good(page, size)
        page.goto(f"/me/request/{market.slug}?weeks=4")
        good(page, size)
        page.get_by_role("button", name="Hold this seat and continue").click()
        expect(page.get_by_role("heading", name="Does it fit you?")).to_be_visible()
        good(page, size)
        page.get_by_label("I have read this notice").check()
        page.get_by_label("Why this rotation?").fill("I want to learn.")
        page.get_by_role("button", name="Continue to review").click()
        expect(page.get_by_role("heading", name="Review and send")).to_be_visible()
        good(page, size)
        for label in ("I allow these payments", "I accept the", "Share what I told"):
            page.get_by_label(label).check()
        page.get_by_role("button", name="Continue to card").click()
        expect(page.get_by_role("heading", name="Your card")).to_be_visible()
        enter_card(page)
        good(page, size)
        page.get_by_role("button", name="Save card and send request").dblclick()
        expect(page.get_by_role("heading", name="Your request is sent")).to_be_visible()
        good(page, size)
        assert wrong == []


PAGES = (
    ("payment_needed", ""),
    ("payment_needed", "/card"),
    ("confirmed", ""),
    ("confirmed", "/cancel"),
    ("confirmed", "/terms"),
    ("completed", ""),
    ("cancelled_by_provider", ""),
)


@pytest.mark.parametrize(
    ("size", "state", "path"),
    [
        pytest.param(size, *page, id=f"{name}-{'-'.join(page)}")
        for look, (name, size) in enumerate({"phone": PHONE, "desk": DESK}.items())
        for at, page in enumerate(PAGES)
        if takes_its_turn(at, look, 2)
    ],
)
def test_the_pages_of_a_booking_are_accessible(browser, shop, double, size, state, path):
    there = double if path == "/card" else None  # only this page asks the provider
    made = factories.booking(factories.market(), factories.candidate(), state, double=there)
    with opened(browser, shop, made.candidate, size) as page:
        wrong = complaints(page)
        page.goto(f"/me/bookings/{made.reference}{path}")
        good(page, size)
        assert wrong == []


def test_a_refused_card_and_then_a_good_one(browser, shop, double):
    made = factories.booking(factories.market(), factories.candidate(), "terms")
    with opened(browser, shop, made.candidate) as page:
        page.goto(f"/me/bookings/{made.reference}/card")
        enter_card(page, stub.DECLINED)
        page.get_by_role("button", name="Save card and send request").click()
        expect(page.locator("#card-message")).to_have_text(
            "Your card was declined. Nothing was charged."
        )
        page.frame_locator("iframe[title='Card details']").get_by_label("Card number").fill(
            stub.GOOD
        )
        page.get_by_role("button", name="Save card and send request").click()
        expect(page.get_by_role("heading", name="Your request is sent")).to_be_visible()


def test_the_banks_question_is_answered_in_the_page(browser, shop, double):
    market = factories.market()
    made = factories.booking(market, factories.candidate(), "accepted", double=double)
    with open_session(factories.a_system()) as session:
        plan = session.get_one(PaymentPlan, made.plan_id)
        plan.customer_id, plan.payment_method = double.save_card(double.gateway(), stub.ALWAYS_ASKS)
    factories._charge_deposit(market, made.id, NeedsAction, double)
    with opened(browser, shop, made.candidate) as page:
        wrong = complaints(page)
        page.goto(f"/me/bookings/{made.reference}")
        page.get_by_role("link", name="Confirm $330 with your bank").click()
        good(page, PHONE)
        page.get_by_role("button", name="Confirm $330").click()
        bank = page.frame_locator('iframe[title="Your bank\'s window"]')
        bank.get_by_role("button", name="Complete authentication").click()
        page.wait_for_url(f"**/me/bookings/{made.reference}")
        assert wrong == []
    factories.run_outbox("bookings.deposit_paid")
    assert made.state == "confirmed"


def test_without_scripts_up_to_the_card_and_back(browser, shop):
    market, ana = factories.market(), factories.candidate()
    with opened(browser, shop, ana, javascript=False) as page:
        page.goto(f"/me/request/{market.slug}?weeks=4")
        page.get_by_role("button", name="Hold this seat and continue").click()
        page.get_by_role("button", name="Add 10 minutes").click()
        page.get_by_label("I have read this notice").check()
        page.get_by_role("button", name="Continue to review").click()
        for label in ("I allow these payments", "I accept the", "Share what I told"):
            page.get_by_label(label).check()
        page.get_by_role("button", name="Continue to card").click()
        page.get_by_role("link", name="Enter your card on Stripe’s own page").click()
        page.get_by_label("Card number").fill(stub.GOOD)
        page.get_by_label("Expires").fill("12/34")
        page.get_by_label("Security code").fill("123")
        page.get_by_role("button").first.click()
        page.get_by_role("button", name="Save card and send request").click()
        expect(page.get_by_role("heading", name="Your request is sent")).to_be_visible()
        page.get_by_role("button", name="Take back my request").click()
        expect(page.get_by_role("heading", name="You took back your request")).to_be_visible()


def test_without_scripts_the_bank_asks_on_its_own_page(browser, shop, double):
    market = factories.market()
    made = factories.booking(market, factories.candidate(), "accepted", double=double)
    with open_session(factories.a_system()) as session:
        plan = session.get_one(PaymentPlan, made.plan_id)
        plan.customer_id, plan.payment_method = double.save_card(double.gateway(), stub.ALWAYS_ASKS)
    factories._charge_deposit(market, made.id, NeedsAction, double)
    with opened(browser, shop, made.candidate, javascript=False) as page:
        page.goto(f"/me/bookings/{made.reference}/pay")
        page.get_by_role("link", name="Go to your bank’s own page").click()
        page.get_by_role("button", name="Complete authentication").click()
        page.wait_for_url(f"**/me/bookings/{made.reference}")
    factories.run_outbox("bookings.deposit_paid")
    assert made.state == "confirmed"
