"""The same person presses at the same time, from two tabs or twice. Threads and a real database:
SQLite lets one writer in at a time, PostgreSQL does not."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace.bookings.models import Booking
from marketplace.core.db import open_session
from marketplace.invariants import violations
from marketplace.payments.models import PaymentPlan, Refund
from tests import factories
from tests.bookings.conftest import Browser, Form, Page

TIMES = 6


@pytest.fixture
def ana(site):
    return factories.candidate()


@pytest.fixture
def browser(site, ana):
    return Browser(site, ana)


def together(site: Flask, browser: Browser, forms: list[tuple[Form, dict[str, str]]]) -> list[int]:
    """Send all these forms at once, as one signed-in browser does; the answers' statuses."""
    token = browser.client.get_cookie("rounds")
    assert token is not None

    def send(job: tuple[Form, dict[str, str]]) -> int:
        client = site.test_client()
        client.set_cookie("rounds", token.value)
        form, more = job
        answer = client.post(form.action, data=form.fields | more, headers=browser.headers)
        return answer.status_code

    with ThreadPoolExecutor(len(forms)) as pool:
        return list(pool.map(send, forms))


def count(model, *where) -> int:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.scalar(select(func.count()).select_from(model).where(*where)) or 0


def all_is_well() -> list[str]:
    with open_session(factories.a_system(), readonly=True) as session:
        return violations(session)


def test_one_form_pressed_many_times_is_one_request(site, browser):
    market = factories.market()
    page = browser.get(f"/me/request/{market.slug}")
    answers = together(site, browser, [(page.form("/me/requests"), {})] * TIMES)
    assert answers == [303] * TIMES
    assert count(Booking) == 1
    assert all_is_well() == []


def test_two_rotations_of_the_same_weeks_from_two_tabs_are_one(site, browser):
    markets = [factories.market() for _ in range(TIMES)]
    forms = [browser.get(f"/me/request/{m.slug}").form("/me/requests") for m in markets]
    answers = together(site, browser, [(form, {}) for form in forms])
    assert sorted(answers) == [303] + [409] * (TIMES - 1)
    assert count(Booking) == 1
    assert all_is_well() == []


def test_terms_accepted_many_times_make_one_plan(site, browser, ana):
    market = factories.market()
    page = browser.get(browser.send(browser.get(f"/me/request/{market.slug}"), "/me/requests").to)
    page = browser.get(browser.send(page, "/eligibility", read_advisory="1").to)
    boxes = {"ok_card": "1", "ok_terms": "1", "ok_share": "1"}
    assert together(site, browser, [(page.form("/agree"), boxes)] * TIMES) == [303] * TIMES
    assert count(PaymentPlan) == 1


def test_a_saved_card_sent_many_times_is_one_request(site, browser, ana, double):
    made = factories.booking(factories.market(), ana, "terms")
    page = browser.get(f"/me/bookings/{made.reference}/card")
    double.confirm(page.html.split('data-client-secret="')[1].split('"')[0])
    assert together(site, browser, [(page.form("/card"), {})] * TIMES) == [303] * TIMES
    assert made.state == "requested"
    assert all_is_well() == []


@pytest.mark.parametrize(
    ("state", "path", "end", "after"),
    [
        ("confirmed", "/cancel", "/cancel", "cancelled_by_candidate"),
        ("requested", "", "/withdraw", "withdrawn"),
    ],
)
def test_an_ending_pressed_many_times_happens_once(site, browser, ana, state, path, end, after):
    made = factories.booking(factories.market(), ana, state)
    page: Page = browser.get(f"/me/bookings/{made.reference}{path}")
    answers = together(site, browser, [(page.form(end), {})] * TIMES)
    assert set(answers) <= {303, 409}
    assert 303 in answers
    assert made.state == after
    assert count(Refund) == (1 if state == "confirmed" else 0)
    assert all_is_well() == []


def test_the_card_page_opened_twice_at_once_makes_one_customer(site, browser, ana, double):
    made = factories.booking(factories.market(), ana, "terms")
    browser.get(f"/me/bookings/{made.reference}")  # a cookie
    opened: Callable[[int], int] = lambda _: (  # noqa: E731
        site.test_client()
        .get(f"/me/bookings/{made.reference}/card", headers=browser.headers)
        .status_code
    )
    with ThreadPoolExecutor(TIMES) as pool:
        assert set(pool.map(opened, range(TIMES))) == {200}
