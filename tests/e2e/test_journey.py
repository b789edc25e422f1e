"""One rotation from the search box to the review, by all four roles, on the real processes."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import House, Person, until
from tests.support.browser import DESK

pytestmark = pytest.mark.browser

CONSENTS = ("I allow these payments", "I accept the", "Share what I told")


def choose(candidate: Person, doctor: str) -> None:
    """Find a rotation of this doctor that begins in months, and open it."""
    page = candidate.look("/")
    page.get_by_role("searchbox").first.fill(doctor)
    page.get_by_role("button", name="Search").first.click()
    page.wait_for_url("**/rotations?**")
    candidate.look()
    candidate.look(f"/rotations?q={doctor}&agency=harborlight-rotations&accepts=graduate&weeks=4")
    page.locator('main a[href^="/rotations/"]').first.click()
    page.wait_for_url("**/rotations/**")
    starts = page.locator('main a[href*="start="]')
    starts.last.click()
    candidate.look()


def request_it(candidate: Person) -> str:
    """Ask for the seat on the listing that is open; the booking's reference."""
    page = candidate.page
    page.get_by_role("link", name="Request this seat").first.click()
    candidate.look()
    candidate.press("Hold this seat and continue")
    expect(page.get_by_role("heading", name="Does it fit you?")).to_be_visible()
    candidate.look()
    for box in page.get_by_role("checkbox").all():
        box.check()
    candidate.press("Continue to review")
    expect(page.get_by_role("heading", name="Review and send")).to_be_visible()
    candidate.look()
    for label in CONSENTS:
        page.get_by_label(label).check()
    candidate.press("Continue to card")
    card(page, "4242424242424242")
    candidate.look()
    candidate.press("Save card and send request")
    expect(page.get_by_role("heading", name="Your request is sent")).to_be_visible()
    candidate.look()
    found = re.search(r"RND-[0-9A-Z]+", page.content())
    assert found
    return found[0]


def card(page: Page, number: str) -> None:
    frame = page.frame_locator("iframe[title='Card details']")
    frame.get_by_label("Card number").fill(number)
    frame.get_by_label("Expires (MM / YY)").press_sequentially("1234")
    frame.get_by_label("Security code (CVC)").fill("123")


def state(person: Person, path: str) -> str:
    """What the page says now, without its scripts."""
    person.page.goto(path)
    return person.page.inner_text("main")


def approve(owner: Person, reference: str) -> None:
    owner.look("/agency/harborlight-rotations")
    owner.look(f"/agency/harborlight-rotations/bookings/{reference}")
    owner.press("Approve")
    owner.page.wait_for_load_state()
    owner.look()


def letter_link(house: House, to: str, who: str) -> str:
    """The address in the attending's newest e-mail about this candidate."""
    reader = house.guest(DESK)
    found: list[str] = []

    def arrived() -> bool:
        reader.page.goto(f"/demo/mailbox?to={to}")
        for link in reader.page.get_by_role("link", name=who).all():
            reader.page.goto(str(link.get_attribute("href")))
            found.extend(re.findall(r"/decide/[\w-]+", reader.page.content()))
            return bool(found)
        return False

    until(arrived, "the attending's e-mail")
    reader.leave()
    return found[0]
