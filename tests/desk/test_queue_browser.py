"""A coordinator's morning in Chromium: with and without scripts, at both widths."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from marketplace.accounts import team_views
from marketplace.bookings import workspace_views
from marketplace.core.db import open_session
from marketplace.desk import queue_views
from marketplace.desk import views as reply_views
from marketplace.listings.models import Attending
from marketplace.numbers import measuring
from marketplace.numbers import views as number_views
from marketplace.numbers.models import AgencyNumbers, MarketNumbers
from tests import factories
from tests.support import rooms
from tests.support.browser import DESK, PHONE, axe, complaints, too_wide, visitor
from tests.support.counts import takes_its_turn
from tests.support.served import served

pytestmark = pytest.mark.browser

ROOMS = (
    workspace_views.workspace,
    queue_views.queue,
    reply_views.room,
    number_views.room,
    team_views.team,
)


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site(ROOMS) as site:
        yield site


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    with served(app) as address:
        yield address


@pytest.fixture
def market(app: Flask) -> factories.Market:
    """A queue with something in every corner."""
    made = factories.market(capacity=9)
    with open_session(factories.a_system()) as session:
        session.get_one(Attending, made.attending_id).weekly_capacity = 9
    for name, state in (
        ("Amara Nwosu", "requested"),
        ("Berta Solis", "requested"),
        ("Cleo Park", "approved"),
        ("Dina Haddad", "confirmed"),
    ):
        factories.booking(made, factories.candidate(name), state)
    with open_session(factories.a_system()) as session:
        measured = {"answer": 9.0, "filled": 71.0, "letter": 34.0, "refunded": 3.0}
        weekly = {"views": [40, 44, 38, 50, 52, 61, 58, 63, 70, 66, 72, 80], "requests": [1] * 12}
        weekly["answer"] = [None, 9, 12, None, 8, 7, 9, 9, 10, 6, 7, 8]
        week = measuring.window().last_week
        session.add(
            AgencyNumbers(
                agency_id=made.agency_id, measured=measured, weekly=weekly, last_week=week
            )
        )
        middle = {"n": 7, "p25": 20.0, "median": 31.0, "p75": 44.0}
        session.add(MarketNumbers(id=1, measured={"answer": middle, "letter": middle}))
    return made


def opened(browser: Browser, url: str, who: UUID, **more: Any) -> Page:
    tab = visitor(browser, url, **more)
    tab.set_extra_http_headers({rooms._PERSON: str(who)})
    return tab.new_page()


def press(page: Page, role: Any, name: str) -> None:
    page.get_by_role(role, name=name, exact=True).first.click()
    page.wait_for_load_state()


def test_a_morning_without_scripts_on_a_phone(
    browser: Browser, url: str, market: factories.Market
) -> None:
    page = opened(browser, url, market.staff["coordinator"], size=PHONE, javascript=False)
    home = f"/agency/{market.agency_slug}"
    page.goto(home)
    expect(page.get_by_role("heading", name="Needs you")).to_be_visible()
    page.goto(f"{home}/replies")
    page.get_by_label("Title").fill("Dates are taken")
    page.get_by_label("Text").fill("Hello {candidate}, these dates are taken.")
    press(page, "button", "Save reply")
    page.goto(home)
    page.get_by_role("link", name=re.compile("Answer Amara Nwosu")).click()
    page.get_by_label("Add a note").fill("Called about housing.")
    press(page, "button", "Save note")
    expect(page.get_by_text("Called about housing.")).to_be_visible()
    press(page, "link", "Decline")
    press(page, "button", "Use this text")
    expect(page.get_by_label("A few words to Amara")).to_have_value(
        "Hello Amara, these dates are taken."
    )
    page.get_by_label("These dates are no longer free").check()
    press(page, "button", "Decline request")
    expect(page.get_by_text("Declined. Nobody was charged")).to_be_visible()
    page.goto(f"{home}/bookings?view=all")
    page.get_by_label("Select Berta Solis").check()
    page.get_by_label("Select Cleo Park").check()
    press(page, "button", "Approve")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "1 approved, 1 cannot be: already answered"
    )
    press(page, "link", "Back to the bookings")
    page.goto(f"{home}/calendar?month={market.starts[0]:%Y-%m}")
    expect(page.get_by_role("heading", name="Agenda")).to_be_visible()
    expect(page.get_by_role("table")).to_be_hidden()  # the list alone on phones
    page.context.close()


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_every_page_is_accessible(
    browser: Browser, url: str, market: factories.Market, size: dict[str, int]
) -> None:
    home = f"/agency/{market.agency_slug}"
    page = opened(browser, url, market.staff["owner"], size=size)
    found = complaints(page)
    month = f"{market.starts[0]:%Y-%m}"
    paths = (
        *(home, f"{home}/bookings?view=all", f"{home}/bookings?view=here&q=nobody"),
        *(f"{home}/calendar?month={month}", f"{home}/replies", f"{home}/numbers", f"{home}/team"),
    )
    wrong = []
    for look, theme in enumerate(("light", "dark") if size == PHONE else ("dark", "light")):
        page.context.add_cookies([{"name": "theme", "value": theme, "url": url}])
        for path in (one for at, one in enumerate(paths) if takes_its_turn(at, look, 2)):
            page.goto(path)
            wrong += [f"{theme} {path}: {line}" for line in axe(page)]
            wrong += [f"{theme} {path} is too wide: {line}" for line in too_wide(page)]
        if not takes_its_turn(0, look, 2):
            continue
        page.goto(f"{home}/bookings?view=needs")
        page.get_by_label("Select Amara Nwosu").check()
        wrong += [f"{theme} picked: {line}" for line in axe(page)]
        page.get_by_role("button", name="Decline").click()
        wrong += [f"{theme} decline: {line}" for line in axe(page)]
        page.goto(f"{home}/bookings?view=needs")
        page.get_by_role("link", name="Amara Nwosu").first.click()
        wrong += [f"{theme} booking: {line}" for line in axe(page)]
        press(page, "link", "Decline")
        wrong += [f"{theme} decline open: {line}" for line in axe(page)]
    assert wrong == []
    assert found == []
    page.context.close()
