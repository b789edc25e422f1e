"""Writing a listing in Chromium: saving by itself, without scripts, by keyboard."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page
from sqlalchemy import select

from marketplace.bookings import workspace_views as home_views
from marketplace.core.db import open_session
from marketplace.listings import (
    availability_views,
    editor_views,
    place_views,
    signing_views,
    workspace_views,
)
from marketplace.listings.models import Rotation
from marketplace.placements import own_views
from tests import factories
from tests.support import rooms
from tests.support.browser import PHONE, complaints, visitor
from tests.support.keyboard import Hands
from tests.support.served import served

pytestmark = pytest.mark.browser

ROOMS = (
    workspace_views.workspace,
    editor_views.editor,
    place_views.places_room,
    availability_views.calendar,
    signing_views.signing_room,
    own_views.own,
    home_views.workspace,
)


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site(ROOMS) as site:
        yield site


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    with served(app) as address:
        yield address


def opened(browser: Browser, url: str, who: UUID | None, **more: Any) -> Page:
    tab = visitor(browser, url, **more)
    if who is not None:
        tab.set_extra_http_headers({rooms._PERSON: str(who)})
    return tab.new_page()


def listed() -> Rotation:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.scalars(select(Rotation).order_by(Rotation.id.desc())).first()


def test_a_draft_saves_itself_and_the_preview_follows(
    app: Flask, browser: Browser, url: str
) -> None:
    market = factories.market()
    page = opened(browser, url, market.staff["owner"])
    wrong = complaints(page)
    base = f"/agency/{market.agency_slug}/listings/{market.slug}"
    page.goto(f"{base}/edit/basics")
    page.get_by_label("Title", exact=True).fill("A quiet clinic")
    page.get_by_label("Hours a week").click()
    page.locator("#edit-preview", has_text="A quiet clinic").wait_for()
    assert "Draft of version 2" in page.locator("#edit-state").inner_text()
    page.get_by_label("Hours a week").fill("999")
    page.get_by_label("Title", exact=True).click()
    page.locator("#save-state", has_text="Not saved yet").wait_for()
    page.get_by_label("Hours a week").fill("30")
    page.get_by_label("Title", exact=True).fill("A very quiet clinic")
    page.locator("#edit-nav a", has_text="Letter policy").first.click()  # not saved: goes along
    page.wait_for_url("**/edit/letter")
    page.goto(f"{base}/check")
    words = page.locator("#diff").inner_text()
    assert "A very quiet clinic" in words and "Hours a week" in words and "30" in words
    assert [line for line in wrong if "422" not in line] == []
    assert listed().title == "Cardiology clinic externship"


def test_the_editor_without_scripts(app: Flask, browser: Browser, url: str) -> None:
    market = factories.market()
    page = opened(browser, url, market.staff["owner"], size=PHONE, javascript=False)
    base = f"/agency/{market.agency_slug}/listings/{market.slug}"
    page.goto(f"{base}/edit/price")
    page.get_by_label("4 weeks", exact=True).fill("1500")
    page.get_by_role("button", name="Save and compute").click()
    assert page.get_by_label("4 weeks", exact=True).input_value() == "1500"
    page.get_by_role("button", name="Cancellation").click()
    page.get_by_label("Firm").check()
    page.get_by_role("button", name="Letter policy").click()
    page.goto(f"{base}/check")
    assert "$1,500" in page.locator("#diff").inner_text()
    page.get_by_role("button", name="Publish version 2").click()
    assert listed().version == 2


def test_the_scope_by_keyboard(app: Flask, browser: Browser, url: str) -> None:
    market = factories.market()
    page = opened(browser, url, market.staff["owner"])
    hands = Hands(page)
    hands.open(f"/agency/{market.agency_slug}/listings/{market.slug}/edit/scope")
    hands.into_the_page()
    hands.reach(page.get_by_label("Measure vital signs"))
    with hands.swap():
        hands.press("s")  # Supervised
    page.locator("#edit-state", has_text="Draft of version 2").wait_for()
    hands.to("button", "Who can come")
    hands.follow()
    page.goto(f"/agency/{market.agency_slug}/listings/{market.slug}/edit/scope")
    kept = page.get_by_label("Measure vital signs").locator("option:checked")
    assert kept.inner_text().startswith("Supervised")
