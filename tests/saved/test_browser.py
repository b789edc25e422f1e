"""A guest finds what fits, saves it, signs in and keeps a search: a phone with scripts, a desk
without."""

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from marketplace.accounts import passwords
from marketplace.accounts.models import Person
from marketplace.core import context
from marketplace.core.db import open_session
from tests import factories
from tests.search import shop
from tests.support.browser import DESK, PHONE, axe, complaints, too_wide, visitor
from tests.support.served import served

pytestmark = pytest.mark.browser
PASSWORD = "violet harbor lantern nine"


@pytest.fixture
def address(web_app: Flask) -> Iterator[tuple[str, str]]:
    """The address of a served market, and the e-mail of a candidate without a profile."""
    with web_app.app_context():
        shop.build()
        who = factories.candidate("Ana Silva", profile=False)
        with open_session(context.system("test")) as session:
            session.get_one(Person, who.id).password_hash = passwords.hashed(PASSWORD)
    with served(web_app) as url:
        yield url, who.email


def look(page: Page) -> None:
    assert axe(page) == []
    assert too_wide(page) == []


def sign_in(page: Page, email: str) -> None:
    form = page.locator('form[action="/sign-in"]')
    form.locator("input[name=email]").fill(email)
    form.locator("input[name=password]").fill(PASSWORD)
    form.locator("button").first.click()


def test_a_phone_with_scripts(browser: Browser, address: tuple[str, str]) -> None:
    base, email = address
    page = visitor(browser, base, size=PHONE).new_page()
    wrong = complaints(page)
    page.goto("/rotations")
    page.get_by_role("button", name="Filters").click()
    page.locator("#status").select_option("graduate")
    page.wait_for_url("**status=graduate**")
    page.get_by_label("USMLE steps passed").select_option("none")
    page.wait_for_url("**passed=none**")
    expect(page.locator(".fit--no").first).to_be_attached()
    page.get_by_label("Only what works for me").check()
    expect(page.locator("#count")).to_contain_text("of 24 rotations match")
    expect(page.locator(".fit--no")).to_have_count(0)
    page.locator("#show-n").click()
    assert "fits=1" in page.url and "passed=none" in page.url
    look(page)
    page.locator(".card .heart").first.click()
    page.wait_for_url("**/sign-in?next=**")
    sign_in(page, email)
    page.wait_for_url("**/rotations?**")
    assert "fits=1" in page.url
    expect(page.locator(".heart--on")).to_have_count(1)
    page.locator(".heart--on").click()
    expect(page.locator(".heart--on")).to_have_count(0)
    page.locator(".card .heart").nth(1).click()
    expect(page.locator(".heart--on")).to_have_count(1)
    page.get_by_role("button", name="Save this search").click()
    page.wait_for_url("**/me/saved")
    expect(page.locator(".srow h3")).to_have_count(1)
    expect(page.locator(".card")).to_have_count(1)
    look(page)
    assert wrong == []


def test_a_desk_without_scripts(browser: Browser, address: tuple[str, str]) -> None:
    base, email = address
    page = visitor(browser, base, size=DESK, javascript=False).new_page()
    page.goto("/rotations/listing-1?status=graduate&passed=none")
    expect(page.get_by_role("heading", name="Does not fit because it asks")).to_be_visible()
    page.get_by_label("USMLE steps passed").select_option("step-2-ck")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("heading", name="Fits")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    sign_in(page, email)
    expect(page.get_by_role("button", name="Saved", exact=True)).to_be_visible()
    page.goto("/me/saved")
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Nothing saved yet")).to_be_visible()
