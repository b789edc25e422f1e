"""A working day without a mouse: an agency, its attending and the platform, with keys only; and
wherever htmx swaps a part of the page, the focus stays on something that can be seen."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from marketplace.core import clock
from marketplace.listings import availability_page
from tests import factories
from tests.contracts.callers import ADMIN, BY_KEY, Actor
from tests.contracts.conftest import Stage
from tests.contracts.test_screens_browser import LOOKS, Look, opened
from tests.support.browser import complaints
from tests.support.keyboard import Hands
from tests.support.served import served

pytestmark = pytest.mark.browser

DESK, PHONE = LOOKS[0], LOOKS[1]
OWNER, ATTENDING = BY_KEY["owner-alpha"], BY_KEY["attending-alpha"]


@pytest.fixture
def url(stage: Stage) -> Iterator[str]:
    with served(stage.app) as address:
        yield address


@contextmanager
def at_the_keyboard(
    browser: Browser, stage: Stage, url: str, who: Actor, look: Look
) -> Iterator[Hands]:
    """Somebody who has signed in, and nothing in the console afterwards."""
    page = opened(browser, stage, url, who, look)
    wrong = complaints(page)
    yield Hands(page)
    # a refused form answers 422, which Chromium writes into the console
    assert [line for line in wrong if "422" not in line] == []
    page.context.close()


@pytest.fixture
def hands(browser: Browser, stage: Stage, url: str, who: Actor) -> Iterator[Hands]:
    """The keyboard of this person's computer."""
    with at_the_keyboard(browser, stage, url, who, DESK) as keyboard:
        yield keyboard


def the(page: Page, words: str) -> None:
    expect(page.get_by_text(words).first).to_be_visible()


@pytest.mark.parametrize("who", [OWNER], ids=["owner"])
def test_a_morning_at_the_queue(hands: Hands, stage: Stage) -> None:
    """From what needs you to an answer; a canned reply, a note; the table, a view, a bulk act."""
    with stage.app.app_context():
        for name in ("Berta Solis", "Cleo Park"):
            market = stage.world.alpha.market
            factories.booking(market, factories.candidate(name), offering=-1, weeks=2)
    page, home = hands.page, f"/agency/{stage.world.alpha.names['slug']}"
    hands.open(home)
    hands.into_the_page()
    hands.to("link", re.compile("^Answer ?: Answer Berta Solis"))
    hands.follow()
    # a menu that Escape closes gives the focus back
    hands.reach(page.locator("summary", has_text="Switch role"))
    hands.press("Enter", "Tab")
    expect(page.locator("details.switch[open] a").first).to_be_focused()
    hands.press("Escape")
    expect(page.locator("details.switch summary")).to_be_focused()
    expect(page.locator("details.switch[open]")).to_have_count(0)
    hands.to("link", "Skip to content", back=True)
    hands.into_the_page()
    # a canned reply, and then not
    hands.to("link", "Decline")
    hands.press("Enter")
    hands.to("button", "Use this text")
    hands.follow()
    hands.to("textbox", re.compile("A few words to Berta"))
    expect(page.get_by_label("A few words to Berta")).to_have_value(re.compile("^Hello Berta"))
    # a note of the team
    hands.to("textbox", "Add a note")
    hands.type("Called about housing.")
    hands.to("button", "Save note")
    hands.follow()
    the(page, "Called about housing.")
    hands.into_the_page()
    hands.to("button", "Approve")
    hands.follow()
    expect(page.get_by_role("status").first).to_contain_text("Approved")
    # the table: filter, sort, select, act on what is selected
    hands.open(f"{home}/bookings?view=all")
    hands.into_the_page()
    hands.to("combobox", "Status")
    with hands.swap():
        hands.type("New")
    expect(page.locator("#count")).to_have_text("2 bookings")
    with hands.swap():
        hands.to("link", "Starts")
        hands.press("Enter")
    expect(page.get_by_role("columnheader", name="Starts")).to_have_attribute(
        "aria-sort", "ascending"
    )
    hands.reach(page.locator("summary", has_text="Save as a view"), back=True)
    hands.press("Enter")
    hands.to("textbox", "Name of the view")
    hands.type("New by start")
    hands.follow()
    expect(page.get_by_role("link", name="New by start")).to_have_attribute("aria-current", "page")
    hands.into_the_page()
    with hands.swap():
        hands.to("link", re.compile("^All"))
        hands.press("Enter")
    with hands.swap():
        hands.to("link", re.compile("^New by start"))
        hands.press("Enter")
    hands.to("checkbox", "Select Cleo Park")
    hands.press("Space")
    hands.to("button", "Decline")
    hands.follow()
    hands.into_the_page()
    hands.to("radio", "These dates are no longer free")
    hands.press("Space")
    hands.to("button", "Decline 1")
    hands.follow()
    expect(page.get_by_role("heading", level=1)).to_have_text("1 declined")


@pytest.mark.parametrize("who", [OWNER], ids=["owner"])
def test_what_vanishes_hands_the_focus_on(hands: Hands, stage: Stage) -> None:
    """A link that its own swap takes away, once with all around it; a part that renews itself."""
    page, home = hands.page, f"/agency/{stage.world.alpha.names['slug']}"
    hands.open(f"{home}/bookings?view=all")
    hands.into_the_page()
    hands.to("searchbox", "Name, attending or reference")
    hands.type("nobody of this name")
    with hands.swap():
        hands.press("Enter")
    with hands.swap():
        hands.to("link", "Show all bookings")
        hands.press("Enter")
    expect(page.get_by_role("region", name="Bookings", exact=True)).to_be_focused()
    hands.to("combobox", "Status")
    with hands.swap():
        hands.type("Confirmed")
    with hands.swap():
        hands.to("link", "Clear")
        hands.press("Enter")
    expect(page.get_by_role("search", name="Bookings")).to_be_focused()
    with hands.swap():  # as a poll does: the server's HTML knows nothing of who has the focus
        page.evaluate("htmx.ajax('GET', location.href, {target: '#bookings', swap: 'outerMorph'})")
    expect(page.get_by_role("search", name="Bookings")).to_be_focused()
    expect(page.get_by_role("search", name="Bookings")).to_have_css("outline-style", "solid")
    hands.press("Tab")
    expect(page.get_by_role("searchbox")).to_be_focused()


@pytest.mark.parametrize("who", [OWNER], ids=["owner"])
def test_a_page_of_a_list_is_turned(
    hands: Hands, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page stands once, not inside itself, and the focus is at its top."""
    monkeypatch.setattr(availability_page, "PER_PAGE", 3)
    page = hands.page
    hands.open(f"/agency/{stage.world.alpha.names['slug']}/availability")
    hands.into_the_page()
    with hands.swap():
        hands.to("link", "Next")
        hands.press("Enter")
    expect(page).to_have_url(re.compile("page=2"))
    expect(page.get_by_role("main")).to_have_count(1)
    expect(page.get_by_role("navigation", name="Main")).to_have_count(1)
    expect(page.get_by_role("main")).to_be_focused()
    assert page.evaluate("() => document.querySelector('#main').getBoundingClientRect().top < 200")


@pytest.mark.parametrize("who", [OWNER], ids=["owner"])
def test_the_catalog_is_kept(hands: Hands, stage: Stage) -> None:
    """Starts in bulk, with a mistake first; days that are closed; a listing that saves itself."""
    page, home = hands.page, f"/agency/{stage.world.alpha.names['slug']}"
    hands.open(f"{home}/availability")
    hands.into_the_page()
    hands.to("link", "Add dates")
    hands.press("Enter")
    hands.to("combobox", "Listing")
    hands.type("Cardiology")
    hands.to("textbox", "Seats")
    hands.write("none")
    hands.to("button", "Add these starts")
    hands.follow()
    expect(page.get_by_role("alert")).to_be_focused()
    hands.press("Tab", "Enter")
    expect(page.get_by_label("Seats", exact=True)).to_be_focused()
    hands.write("2")
    hands.to("button", "Add these starts")
    hands.follow()
    expect(page.get_by_role("status").first).to_contain_text("start")
    # closed days
    day = clock.now().date() + timedelta(days=400)
    hands.into_the_page()
    hands.to("link", "Blackout")
    hands.press("Enter")
    hands.reach(page.get_by_label("From", exact=True))
    hands.type(f"{day:%m%d%Y}")
    hands.reach(page.get_by_label("Through", exact=True))
    hands.type(f"{day:%m%d%Y}")
    hands.to("textbox", re.compile("^Reason, for your team"))
    hands.type("Holiday of the clinic")
    hands.to("button", "Close these days")
    hands.follow()
    the(page, "Holiday of the clinic")
    # a listing
    hands.open(f"{home}/listings/{stage.world.alpha.names['rotation']}/edit/basics")
    hands.into_the_page()
    hands.to("textbox", "Title")
    with hands.swap():
        hands.write("A quiet clinic")
        # on to a link while what was written is on its way: its part comes anew under the focus
        hands.to("link", re.compile("Letter policy"), back=True)
    the(page, "Draft of version 2")
    expect(page.get_by_role("link", name=re.compile("Letter policy"))).to_be_focused()
    hands.to("textbox", "Hours a week")
    with hands.swap():
        hands.write("999")
    the(page, "Not saved yet")
    with hands.swap():
        hands.write("30")
    expect(page.get_by_label("Hours a week")).to_be_focused()
    hands.to("link", "Full preview")
    hands.follow()


@pytest.mark.parametrize("who", [OWNER], ids=["owner"])
def test_a_mistake_is_read_once(hands: Hands, stage: Stage) -> None:
    """The summary of mistakes takes the focus when it comes, and not again with every saving."""
    page, names = hands.page, stage.world.alpha.names
    hands.open(f"/agency/{names['slug']}/listings/{names['rotation']}/edit/basics")
    hands.into_the_page()
    hands.to("textbox", "Hours a week")
    hands.write("999")
    hands.to("button", "Scope of activities")
    hands.follow()
    expect(page.get_by_role("alert")).to_be_focused()
    hands.to("textbox", "Title")
    with hands.swap():
        hands.write("A quiet clinic")
    expect(page.get_by_label("Title", exact=True)).to_be_focused()


@pytest.mark.full
@pytest.mark.parametrize("who", [OWNER], ids=["owner"])
def test_somebody_is_invited(hands: Hands, stage: Stage) -> None:
    page = hands.page
    hands.open(f"/agency/{stage.world.alpha.names['slug']}/team")
    hands.into_the_page()
    hands.to("textbox", "E-mail address")
    hands.type("new.clerk@example.org")
    hands.to("combobox", "Role")
    hands.type("Fin")
    hands.to("button", "Send invitation")
    hands.follow()
    the(page, "new.clerk@example.org")
    hands.into_the_page()
    hands.to("button", "Take back the invitation to new.clerk@example.org")
    hands.follow()
    expect(page.get_by_text("new.clerk@example.org", exact=True)).to_have_count(0)


@pytest.mark.full
@pytest.mark.parametrize("who", [ATTENDING], ids=["attending"])
def test_an_attending_says_yes_and_takes_it_back(hands: Hands, stage: Stage) -> None:
    page = hands.page
    hands.open("/attending")
    hands.into_the_page()
    hands.to("link", re.compile("^Answer Ana"))
    hands.follow()
    hands.into_the_page()
    hands.to("button", re.compile("^Accept"))
    hands.follow()
    hands.into_the_page()
    hands.to("button", re.compile("^Undo"))
    hands.follow()
    expect(page.get_by_role("button", name=re.compile("^Accept"))).to_be_visible()


@pytest.mark.full
@pytest.mark.parametrize("who", [ADMIN], ids=["admin"])
def test_the_platform_decides(hands: Hands, stage: Stage) -> None:
    """A row of a list, in its two steps; a listing that is taken down."""
    page = hands.page
    hands.open("/admin/lists/specialties")
    hands.into_the_page()
    hands.to("searchbox", "Find a row")
    hands.type("cardiology")
    hands.follow()
    hands.into_the_page()
    hands.to("link", "Cardiology")
    hands.follow()
    hands.into_the_page()
    hands.to("textbox", "Why?")
    hands.type("Looked at once more.")
    hands.to("button", "See what it changes")
    hands.follow()
    hands.into_the_page()
    hands.to("button", "Save change")
    hands.follow()
    hands.open("/admin/moderation")
    hands.into_the_page()
    hands.to("link", re.compile("^New or changed"))
    hands.follow()
    hands.into_the_page()
    hands.to("link", re.compile("^Cardiology clinic externship"))
    hands.follow()
    hands.into_the_page()
    hands.to("button", "Take down")
    hands.follow()  # without saying why
    expect(page.get_by_role("alert")).to_be_focused()
    hands.press("Tab")
    hands.press("Enter")
    hands.type("It promises a letter.")
    hands.to("button", "Take down")
    hands.follow()
    expect(page.get_by_role("heading", name="Give it back")).to_be_visible()


def test_a_phone_with_a_keyboard(browser: Browser, stage: Stage, url: str) -> None:
    """390 px: the menu is a sheet that Escape closes; the table, its filters and its cards."""
    with at_the_keyboard(browser, stage, url, OWNER, PHONE) as hands:
        page, home = hands.page, f"/agency/{stage.world.alpha.names['slug']}"
        hands.open(home)
        hands.to("button", re.compile("open menu$"))
        hands.press("Enter")
        hands.to("link", "Calendar")
        hands.press("Escape")
        expect(page.get_by_role("button", name=re.compile("open menu$"))).to_be_focused()
        hands.press("Enter")
        hands.to("link", re.compile("^Bookings"))
        hands.follow()
        hands.into_the_page()
        hands.to("combobox", "Status")
        with hands.swap():
            hands.type("New")
        with hands.swap():
            hands.to("link", "Clear")
            hands.press("Enter")
        hands.to("checkbox", re.compile("^Select Ana"))
        hands.press("Space")
        hands.to("button", "Decline")
        hands.follow()
        hands.into_the_page()
        hands.to("link", "Keep them")
        hands.follow()
