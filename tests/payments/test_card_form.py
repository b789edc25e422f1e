"""Our card script, the Stripe.js stand-in and the hosted page, in Chromium under a strict CSP."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask, Response, request
from markupsafe import escape
from playwright.sync_api import Browser, FrameLocator, Page, expect

from marketplace.payments.gateway import ChargeRequest, NeedsAction, SetupSession, Succeeded
from marketplace.payments.stripe_gateway import StripeGateway
from tests.payments import double as stub
from tests.payments.double import ROOT, StripeDouble
from tests.support.browser import DESK, PHONE, axe, complaints, too_wide, visitor
from tests.support.served import served

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Your card</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><meta name="color-scheme" content="light dark">
<script src="{double}/v3/" defer></script><script src="/static/js/card.js" defer></script></head>
<body><main><h1>Your card</h1><form id="card-form" method="post" action="/sent">
<input type="hidden" name="consent" value="yes">
<div id="card-element" data-intent="{intent}" data-publishable-key="pk_test_x"
 data-client-secret="{secret}" data-return-url="/back" {more}></div>
<p id="card-message" role="alert" hidden></p>
<button id="card-submit">Save card</button></form></main></body></html>"""


@dataclass
class Shop:
    """A page as ours, with our policy: only the card origins are added."""

    url: str
    sent: list[dict[str, str]]


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeDouble]:
    with StripeDouble(tmp_path_factory.mktemp("double")) as running:
        yield running


@pytest.fixture(scope="module")
def shop(double: StripeDouble) -> Iterator[Shop]:
    app = Flask(__name__, static_folder=str(ROOT / "static"), static_url_path="/static")
    sent: list[dict[str, str]] = []

    @app.get("/card")
    def card() -> Response:
        method = request.args.get("method")
        html = PAGE.format(
            double=request.args.get("from", double.url),
            intent=request.args["intent"],
            secret=request.args["secret"],
            more=f'data-payment-method="{escape(method)}"'
            if method
            else 'data-hosted-url="/stripe"',
        )
        origins = double.url
        policy = (
            f"default-src 'none'; script-src 'self' {origins}; style-src 'self'; img-src data:; "
            f"connect-src 'self' {origins}; frame-src {origins}; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'"
        )
        return Response(html, headers={"Content-Security-Policy": policy}, mimetype="text/html")

    @app.route("/sent", methods=["POST"])
    @app.route("/back")
    def arrived() -> str:
        sent.append(request.form.to_dict())
        return "<!doctype html><title>Sent</title><link rel=icon href=data:,><h1>Sent</h1>"

    with served(app) as address:
        yield Shop(address, sent)


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser, shop: Shop) -> Iterator[Page]:
    shop.sent.clear()
    context = visitor(browser, shop.url, size=getattr(request, "param", PHONE))
    yield context.new_page()
    context.close()


@pytest.fixture
def gateway(double: StripeDouble) -> StripeGateway:
    double.control("reset")
    return double.gateway()


def setup(gateway: StripeGateway) -> SetupSession:
    customer = gateway.ensure_customer("p1", "ana@example.org", key="c1")
    return gateway.start_setup(customer, key="s1")


def card_frame(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[title='Card details']")


def bank(page: Page) -> FrameLocator:
    return page.frame_locator('iframe[title="Your bank\'s window"]')


def fill(page: Page, number: str = stub.GOOD) -> None:
    frame = card_frame(page)
    frame.get_by_label("Card number").press_sequentially(number)
    frame.get_by_label("Expires (MM / YY)").press_sequentially("1234")
    frame.get_by_label("Security code (CVC)").fill("123")


def save(page: Page) -> None:
    page.get_by_role("button", name="Save card").click()


@pytest.mark.parametrize("page", [PHONE, DESK], ids=["phone", "desk"], indirect=True)
def test_a_card_is_saved_and_the_form_with_its_consent_is_sent(page, shop, gateway):
    session = setup(gateway)
    wrong = complaints(page)
    page.goto(f"/card?intent=setup&secret={session.client_secret}")
    expect(card_frame(page).get_by_label("Card number")).to_be_visible()
    assert axe(page) == []
    assert axe(page.frames[1]) == []
    assert too_wide(page) == []
    fill(page)
    expect(card_frame(page).get_by_label("Card number")).to_have_value("4242 4242 4242 4242")
    page.get_by_role("button", name="Save card").dblclick()
    page.wait_for_url("**/sent")
    assert shop.sent == [{"consent": "yes"}]
    assert gateway.fetch_setup(session.id).status == "succeeded"
    assert wrong == []


def test_enter_in_the_card_frame_sends_the_form(page, gateway):
    session = setup(gateway)
    page.goto(f"/card?intent=setup&secret={session.client_secret}")
    fill(page)
    card_frame(page).get_by_label("Security code (CVC)").press("Enter")
    page.wait_for_url("**/sent")
    assert gateway.fetch_setup(session.id).status == "succeeded"


def test_an_incomplete_and_a_refused_card_are_said_and_can_be_corrected(page, gateway):
    session = setup(gateway)
    page.goto(f"/card?intent=setup&secret={session.client_secret}")
    card_frame(page).get_by_label("Card number").press_sequentially("4242")
    save(page)
    expect(page.get_by_role("alert")).to_have_text("Your card number is incomplete.")
    expect(card_frame(page).get_by_label("Card number")).to_be_focused()
    card_frame(page).get_by_label("Card number").fill("")
    fill(page, stub.DECLINED)
    save(page)
    expect(page.get_by_role("alert")).to_have_text("Your card was declined. Nothing was charged.")
    assert axe(page) == []
    card_frame(page).get_by_label("Card number").fill(stub.GOOD)
    save(page)
    page.wait_for_url("**/sent")
    assert gateway.fetch_setup(session.id).status == "succeeded"


def test_the_bank_asks_and_the_candidate_passes(page, gateway):
    session = setup(gateway)
    wrong = complaints(page)
    page.goto(f"/card?intent=setup&secret={session.client_secret}")
    fill(page, stub.ALWAYS_ASKS)
    save(page)
    complete = bank(page).get_by_role("button", name="Complete authentication")
    expect(complete).to_be_visible()
    assert axe(page) == []
    assert axe(page.frames[-1]) == []
    complete.click()
    page.wait_for_url("**/sent")
    assert gateway.fetch_setup(session.id).status == "succeeded"
    assert wrong == []


@pytest.mark.parametrize("way", ["Fail authentication", "Escape"])
def test_the_bank_asks_and_the_candidate_does_not_pass(page, gateway, way):
    session = setup(gateway)
    page.goto(f"/card?intent=setup&secret={session.client_secret}")
    fill(page, stub.ALWAYS_ASKS)
    save(page)
    fail = bank(page).get_by_role("button", name="Fail authentication")
    expect(fail).to_be_visible()
    if way == "Escape":
        page.locator("dialog").evaluate("dialog => dialog.requestClose()")
    else:
        fail.click()
    expect(page.get_by_role("alert")).to_contain_text("unable to authenticate")
    expect(page.locator("dialog")).to_have_count(0)
    assert gateway.fetch_setup(session.id).status == "requires_payment_method"


def test_a_lost_answer_is_said_and_pressing_again_goes_on(page, double, gateway):
    session = setup(gateway)
    page.goto(f"/card?intent=setup&secret={session.client_secret}")
    fill(page)
    double.fault("lost", "POST /v1/setup_intents")
    save(page)
    expect(page.get_by_role("alert")).to_contain_text("you are never charged twice")
    save(page)
    page.wait_for_url("**/sent")


def test_a_deposit_that_needs_the_bank_is_confirmed_with_the_saved_card(page, double, gateway):
    customer, card = double.save_card(gateway, stub.ALWAYS_ASKS)
    request = ChargeRequest("i1", 1, "RND-7F3K2M", 55_000, customer, card)
    away = gateway.charge_off_session(request, key="i1:a1")
    assert isinstance(away, NeedsAction)
    page.goto(f"/card?intent=payment&secret={away.client_secret}&method={card}")
    expect(page.locator("iframe")).to_have_count(0)
    save(page)
    expect(bank(page).get_by_text("Rounds asks for $550.00.")).to_be_visible()
    bank(page).get_by_role("button", name="Complete authentication").click()
    page.wait_for_url("**/sent")
    assert isinstance(gateway.fetch_payment(away.pi), Succeeded)
    assert len(double.charges(installment_id="i1")) == 1


def test_a_new_card_pays_after_a_decline(page, double, gateway):
    customer, card = double.save_card(gateway)
    double.control(f"payment_methods/{card}", {"decline": "lost_card"})
    request = ChargeRequest("i1", 1, "RND-7F3K2M", 55_000, customer, card)
    declined = gateway.charge_off_session(request, key="i1:a1")
    started = gateway.start_on_session(request, key="i1:a2")
    assert isinstance(started, NeedsAction)
    page.goto(f"/card?intent=payment&secret={started.client_secret}")
    fill(page)
    save(page)
    page.wait_for_url("**/sent")
    assert isinstance(gateway.fetch_payment(started.pi), Succeeded)
    assert gateway.fetch_payment(declined.pi) == declined


def test_without_stripes_script_the_page_says_so_and_links_to_the_hosted_one(page, gateway):
    session = setup(gateway)
    page.goto(f"/card?intent=setup&secret={session.client_secret}&from=http://127.0.0.1:9")
    expect(page.get_by_role("alert")).to_contain_text("did not load")
    expect(page.get_by_role("link")).to_have_attribute("href", "/stripe")
    save(page)
    expect(page.get_by_role("heading")).to_have_text("Your card")


def test_payment_element_names_work_too(page, double, gateway):
    session = setup(gateway)
    page.goto(f"/card?intent=setup&secret={session.client_secret}")
    page.evaluate(
        """async ([secret, url]) => {
            window.s = Stripe("pk_test_x");
            window.e = s.elements({clientSecret: secret});
            const ready = new Promise((done) => e.create("payment").on("ready", done));
            e.getElement("payment").mount("#card-element");
            await ready;
        }""",
        [session.client_secret, ""],
    )
    fill(page)
    result = page.evaluate(
        "() => s.confirmSetup({elements: e, redirect: 'if_required', confirmParams: {}})"
    )
    assert result["setupIntent"]["status"] == "succeeded"


def test_the_hosted_page_works_without_javascript(browser, shop, gateway):
    context = visitor(browser, shop.url, size=PHONE, javascript=False)
    page = context.new_page()
    customer = gateway.ensure_customer("p1", "ana@example.org", key="c1")
    hosted = gateway.start_hosted_setup(customer, f"{shop.url}/back", shop.url, key="h1")
    page.goto(hosted.url)
    page.get_by_label("Card number").fill(stub.ALWAYS_ASKS)
    page.get_by_label("Expires (MM / YY)").fill("12/34")
    page.get_by_label("Security code (CVC)").fill("123")
    save(page)
    page.get_by_role("button", name="Complete authentication").click()
    page.wait_for_url("**/back?setup_intent=seti_*")
    assert gateway.fetch_setup(hosted.id).status == "succeeded"
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_the_double_are_accessible(browser, shop, double, gateway, scheme):
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    customer = gateway.ensure_customer("p1", "ana@example.org", key="c1")
    hosted = gateway.start_hosted_setup(customer, f"{shop.url}/back", shop.url, key="h1")
    account = gateway.create_account("a1", "agency@example.org", key="a1")
    link = gateway.onboarding_link(account, f"{shop.url}/back", shop.url, key="l1")
    for url in (hosted.url, link, f"{double.url}/v3/card-frame"):
        page.goto(url)
        assert axe(page) == []
    page.goto(hosted.url)
    page.get_by_label("Card number").fill(stub.DECLINED)
    page.get_by_label("Expires (MM / YY)").fill("12/34")
    page.get_by_label("Security code (CVC)").fill("123")
    save(page)
    expect(page.get_by_role("alert")).to_have_text("Your card was declined.")
    assert axe(page) == []
    context.close()
