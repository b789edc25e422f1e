"""Finding a rotation in Chromium: typing, ticking, chips, Back, reload, a shared address, keys
only, without scripts, on a phone; what a page weighs and whether everybody can read it."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from marketplace.discovery import compare_views, views
from marketplace.listings import views as listings_views
from marketplace.search import views as search_views
from tests.search import shop
from tests.support import rooms
from tests.support.browser import DESK, PHONE, axe, complaints, too_wide, visitor
from tests.support.counts import takes_its_turn
from tests.support.keyboard import Hands
from tests.support.served import served

pytestmark = pytest.mark.browser

PAGES = (
    "/",
    "/rotations?specialty=cardiology&compare=listing-0",
    "/rotations?view=map",
    "/rotations?specialty=cardiology&state=TX&price_max=60000",
    "/rotations/listing-5",
    "/cities/chicago-il",
    "/states/illinois",
    "/specialties/cardiology",
    "/places",
    "/compare?rotation=listing-0&rotation=listing-1&rotation=listing-5",
    "/compare",
    "/attendings/vera-moss-5",
)


@pytest.fixture(scope="module")
def site(migrated: None) -> Iterator[Flask]:
    public = [search_views.room, views.room, compare_views.room, listings_views.room]
    with rooms.site(public) as app:
        shop.build()
        yield app


@pytest.fixture(scope="module")
def url(site: Flask) -> Iterator[str]:
    with served(site) as address:
        yield address


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    tab = visitor(browser, url, size=DESK)
    made = tab.new_page()
    found = complaints(made)
    yield made
    assert found == []
    tab.close()


def count(page: Page) -> str:
    return page.locator("#count strong").inner_text()


def test_ticking_chips_back_forward_reload_and_a_shared_address(
    page: Page, browser: Browser, url: str
) -> None:
    page.goto("/rotations")
    page.check("#f-specialty-cardiology")
    expect(page.locator("#count strong")).to_have_text("8")
    expect(page).to_have_url(f"{url}/rotations?specialty=cardiology")
    page.check("#f-state-IL")
    expect(page.locator("#count strong")).to_have_text("4")
    assert "Cardiology rotations in Illinois" in page.title()
    page.go_back()
    expect(page.locator("#count strong")).to_have_text("8")
    expect(page.locator("#f-state-IL")).not_to_be_checked()
    expect(page.locator("#f-specialty-cardiology")).to_be_checked()
    page.go_forward()
    expect(page.locator("#count strong")).to_have_text("4")
    expect(page.locator("#f-state-IL")).to_be_checked()
    page.reload()
    expect(page.locator("#count strong")).to_have_text("4")
    other = visitor(browser, url, size=PHONE)
    shared = other.new_page()
    shared.goto(page.url)
    assert shared.locator(".card__title").all_inner_texts() == (
        page.locator(".card__title").all_inner_texts()
    )
    other.close()
    page.click("#chip-1")
    expect(page.locator("#count strong")).to_have_text("12")
    expect(page.locator("#f-specialty-cardiology")).not_to_be_checked()
    page.click("#chip-clear")
    expect(page.locator("#count strong")).to_have_text("24")
    expect(page).to_have_url(f"{url}/rotations")


def test_typing_narrows_and_a_sent_sentence_becomes_chips(page: Page, url: str) -> None:
    page.goto("/rotations")
    page.locator("#q").press_sequentially("cardiol", delay=15)
    expect(page.locator("#count strong")).to_have_text("8")
    expect(page.locator("#q")).to_have_value("cardiol")
    expect(page.locator("#q")).to_be_focused()
    page.goto("/")
    page.fill("#q", "hands-on cardiology near Chicago under 2500")
    page.press("#q", "Enter")
    expect(page.locator(".chip").first).to_be_visible()
    chips = " ".join(page.locator(".chip").all_inner_texts())
    for part in ("Cardiology", "Hands-on, hospital", "of Chicago, IL", "Up to $2,500"):
        assert part in chips
    before = page.locator(".chip").count()
    page.locator(".chip", has_text="Up to").click()
    expect(page.locator(".chip")).to_have_count(before - 1)


def test_keys_only(page: Page) -> None:
    """Ticking, taking a filter off, comparing and the map; what goes away hands the focus on."""
    hands = Hands(page)
    hands.open("/rotations")
    hands.into_the_page()
    hands.to("checkbox", re.compile("^Neurology"))
    with hands.swap():
        hands.press("Space")
    expect(page.locator("#count strong")).to_have_text("8")
    expect(page.locator("#f-specialty-neurology")).to_be_focused()
    hands.to("link", "Remove filter: Neurology")
    with hands.swap():
        hands.press("Enter")
    expect(page.locator("#count strong")).to_have_text("24")
    expect(page.locator("#results-h")).to_be_focused()  # the chips are gone with the last of them
    hands.reach(page.locator("#cmp-listing-0"))
    with hands.swap():
        hands.press("Enter")
    expect(page.locator(".tray")).to_contain_text("1 of 4")
    expect(page.locator("#cmp-listing-0")).to_be_focused()
    hands.to("link", "Empty the comparison")
    with hands.swap():
        hands.press("Enter")
    hands.open("/rotations?view=map")
    hands.into_the_page()
    hands.reach(page.locator(".pin"))
    hands.follow()
    expect(page.locator(".card__title").first).to_be_visible()


def test_the_filter_sheet_of_a_phone_by_keyboard(browser: Browser, url: str) -> None:
    """The focus goes in with the sheet, what lies behind stays out of reach while filters are
    ticked, and it comes back to the button that opened it."""
    tab = visitor(browser, url, size=PHONE)
    page = tab.new_page()
    hands = Hands(page)
    hands.open("/rotations")
    hands.into_the_page()
    hands.to("button", re.compile("^Filters"))
    hands.press("Enter")
    expect(page.get_by_role("button", name="Close filters")).to_be_focused()
    hands.to("checkbox", re.compile("^Neurology"))
    with hands.swap():
        hands.press("Space")
    assert page.evaluate("() => document.querySelector('.results').inert")
    hands.press("Escape")
    expect(page.get_by_role("button", name=re.compile("^Filters"))).to_be_focused()
    assert not page.evaluate("() => document.querySelector('.results').inert")
    tab.close()


def test_comparing_survives_filters_and_ends_side_by_side(page: Page, url: str) -> None:
    page.goto("/rotations?specialty=cardiology")
    page.click("#cmp-listing-0")
    expect(page.locator(".tray")).to_contain_text("1 of 4")
    page.check("#f-state-IL")
    expect(page.locator("#count strong")).to_have_text("4")
    page.click("#cmp-listing-1")
    page.click(".tray >> text=Compare 2")
    expect(page.locator("h1")).to_have_text("Compare 2 rotations")
    page.click("text=Differences")
    expect(page.locator("tr.is-diff").first).to_be_visible()
    page.go_back()
    page.go_back()
    expect(page.locator(".tray")).to_contain_text("2 of 4")


def test_a_phone_filters_in_a_sheet(browser: Browser, url: str) -> None:
    tab = visitor(browser, url, size=PHONE)
    page = tab.new_page()
    page.goto("/rotations")
    expect(page.locator("#filters")).not_to_be_visible()
    page.click("text=Filters")
    expect(page.locator("#filter-sheet")).to_be_visible()
    page.check("#f-specialty-cardiology")
    expect(page.locator("#show-n")).to_have_text("Show 8 rotations")
    assert axe(page) == []
    page.click("#show-n")
    expect(page.locator("#filters")).not_to_be_visible()
    assert count(page) == "8"
    tab.close()


def test_without_scripts(browser: Browser, url: str) -> None:
    tab = visitor(browser, url, size=PHONE, javascript=False)
    page = tab.new_page()
    page.goto("/")
    page.fill("#q", "cardiology in Illinois")
    page.click("text=Search")
    assert count(page) == "4" and page.url == f"{url}/rotations?specialty=cardiology&state=IL"
    page.click("text=Filters")
    page.uncheck("#f-state-IL")
    page.click("#show-n")
    assert count(page) == "8"
    page.click("#cmp-listing-0")
    page.click("#cmp-listing-5")
    page.click(".tray >> text=Compare 2")
    assert page.locator("h1").inner_text() == "Compare 2 rotations"
    page.locator("a[aria-label^='Remove']").first.click()
    page.click("text=Search rotations")
    page.click(".card__title a >> nth=0")
    assert "all fees included" in page.inner_text("main")
    page.goto("/cities/chicago-il")
    page.click("text=See all 6 rotations")
    assert count(page) == "6"
    tab.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_read_every_page(browser: Browser, url: str, theme: str) -> None:
    wrong: list[str] = []
    for look, size in enumerate((DESK, PHONE) if theme == "light" else (PHONE, DESK)):
        tab = visitor(browser, url, size=size)
        tab.add_cookies([{"name": "theme", "value": theme, "url": url}])
        page = tab.new_page()
        found = complaints(page)
        for path in (one for at, one in enumerate(PAGES) if takes_its_turn(at, look, 2)):
            page.goto(path)
            wrong += [f"{path} {size['width']} {theme} {line}" for line in axe(page)]
            wrong += [f"{path} {size['width']} is too wide: {name}" for name in too_wide(page)]
        wrong += found
        tab.close()
    assert wrong == []


@pytest.mark.parametrize("path", PAGES[:6])
def test_a_first_view_is_light(browser: Browser, url: str, path: str) -> None:
    """At most 100 KB over the wire and 8 requests, with everything the browser loads."""
    tab = visitor(browser, url, size=DESK)
    page = tab.new_page()
    page.goto(path, wait_until="networkidle")
    sizes: list[float] = page.evaluate(
        "performance.getEntriesByType('resource')"
        ".concat(performance.getEntriesByType('navigation')).map(entry => entry.encodedBodySize)"
    )
    tab.close()
    assert len(sizes) <= 8
    assert sum(sizes) <= 100_000
