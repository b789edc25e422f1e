"""The workspace and the platform's pages on a phone without JavaScript: dates in bulk, a blackout,
a site, the team, a saved reply; an announcement, a row of a list."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.contracts.callers import ADMIN, BY_KEY
from tests.contracts.conftest import Stage
from tests.contracts.test_screens_browser import LOOKS, opened
from tests.support.served import served

pytestmark = pytest.mark.browser

PHONE_LIGHT = LOOKS[1]


@pytest.fixture
def url(stage: Stage) -> Iterator[str]:
    with served(stage.app) as address:
        yield address


def press(page: Page, name: str | re.Pattern[str]) -> None:
    page.get_by_role("button", name=name, exact=isinstance(name, str)).first.click()


def test_an_agency_works_without_scripts(browser: Browser, stage: Stage, url: str) -> None:
    page = opened(browser, stage, url, BY_KEY["owner-alpha"], PHONE_LIGHT, scripts=False)
    home = f"/agency/{stage.world.alpha.names['slug']}"
    # starts in bulk
    page.goto(f"{home}/availability")
    page.locator("#bulk select[name=listing]").select_option(index=1)
    first = date.fromisoformat(page.locator("#bulk input[name=first]").input_value())
    page.locator("#bulk input[name=until]").fill((first + timedelta(days=21)).isoformat())
    page.locator("#bulk input[name=seats]").fill("none")
    press(page, "Add these starts")
    expect(page.get_by_role("alert")).to_contain_text("attention")
    assert page.locator("#bulk input[name=first]").input_value() == first.isoformat()
    page.locator("#bulk input[name=seats]").fill("2")
    press(page, "Add these starts")
    expect(page.get_by_role("status").first).to_contain_text("start")
    # a blackout, and back
    page.locator("#blackout input[name=black_first]").fill((first + timedelta(days=7)).isoformat())
    page.locator("#blackout input[name=black_last]").fill((first + timedelta(days=9)).isoformat())
    page.locator("#blackout input[name=reason]").fill("Holiday of the clinic")
    press(page, "Close these days")
    expect(page.get_by_text("Holiday of the clinic")).to_be_visible()
    press(page, re.compile("^Take back"))
    expect(page.get_by_text("Holiday of the clinic")).to_have_count(0)
    # a site
    page.goto(f"{home}/sites/new")
    page.fill("#name", "Quiet Street Clinic")
    page.fill("#city", "Nowhere")
    press(page, "Add this site")
    expect(page.get_by_role("alert")).to_contain_text("attention")
    assert page.input_value("#name") == "Quiet Street Clinic"
    page.fill("#city", "Chicago, IL")
    press(page, "Add this site")
    page.goto(f"{home}/sites")
    expect(page.get_by_text("Quiet Street Clinic").first).to_be_visible()
    # the team
    page.goto(f"{home}/team")
    page.fill("#invite-email", "new.clerk@example.org")
    press(page, "Send invitation")
    expect(page.get_by_text("new.clerk@example.org").first).to_be_visible()
    # a saved reply
    page.goto(f"{home}/replies")
    page.fill("input[name=title]", "Where to park")
    page.fill("textarea[name=text]", "Behind the clinic.")
    press(page, "Save reply")
    expect(page.get_by_text("Where to park").first).to_be_visible()
    page.context.close()


def test_the_platform_works_without_scripts(browser: Browser, stage: Stage, url: str) -> None:
    page = opened(browser, stage, url, ADMIN, PHONE_LIGHT, scripts=False)
    page.goto("/admin/announcements")
    page.locator("textarea[name=text]").fill("Payments pause for ten minutes tonight.")
    page.get_by_label("Agencies").check()
    press(page, "Announce")  # without saying why
    expect(page.get_by_role("alert")).to_contain_text("attention")
    page.locator("textarea[name=reason], input[name=reason]").first.fill("The provider said so.")
    press(page, "Announce")
    expect(page.get_by_text("Payments pause for ten minutes tonight.").first).to_be_visible()
    page.goto("/admin/lists/specialties")
    page.fill("input[name=q]", "cardiology")
    press(page, re.compile("^(Find|Search|Apply)"))
    page.locator("main table a").first.click()
    assert "/admin/lists/specialties/" in page.url
    page.context.close()
