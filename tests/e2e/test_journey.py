"""One rotation from the search box to the review, by all four roles, on the real processes."""

import json
import re
import time
from datetime import date, timedelta
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.e2e.conftest import House, Person, until
from tests.e2e.visitor import Visitor
from tests.support.browser import DESK, PHONE

pytestmark = pytest.mark.browser

DESK_OF = "/agency/harborlight-rotations"
CONSENTS = ("I allow these payments", "I accept the", "Share what I told")


def choose(candidate: Person, words: str, after: date, *, named: bool) -> date:
    """Find a start on or after a day, of this doctor if `named`, and open it; the first day."""
    page = candidate.look("/")
    page.get_by_role("searchbox").first.fill(words)
    page.get_by_role("button", name="Search").first.click()
    page.wait_for_url("**/rotations?**")
    candidate.look()
    filters = f"agency=harborlight-rotations&accepts=graduate&weeks=4&start_from={after}"
    candidate.look(f"/rotations?q={words if named else ''}&{filters}")
    found = page.locator('main a[href^="/rotations/"]').evaluate_all("all => all.map(a => a.href)")
    for listing in dict.fromkeys(found):
        page.goto(listing)
        links = page.locator('main a[href*="start="]').evaluate_all("all => all.map(a => a.href)")
        starts = {link: date.fromisoformat(link.split("start=")[1][:10]) for link in links}
        for link, first_day in starts.items():
            if first_day >= after and "weeks=4" in link:
                candidate.look(link)
                return first_day
    raise AssertionError("no start to choose")


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


def heading(person: Person, path: str) -> str:
    """What the page of a booking says now, in its first two headings."""
    person.page.goto(path)
    return " / ".join(person.page.locator("h1, h2").all_inner_texts()[:2])


def paid(candidate: Person, path: str) -> tuple[int, int]:
    """Dollars paid, and dollars to pay, as the page of the booking shows them."""
    candidate.page.goto(path)
    found = re.search(r"\$([\d,]+)\s*paid of \$([\d,]+)", candidate.page.inner_text("main"))
    assert found, path
    done, whole = (int(part.replace(",", "")) for part in found.groups())
    return done, whole


def approve(owner: Person, reference: str) -> None:
    owner.look(DESK_OF)
    owner.look(f"{DESK_OF}/bookings/{reference}")
    owner.press("Approve")
    expect(owner.page.get_by_text("has 72 hours to answer")).to_be_visible()
    owner.look()


def decide_link(house: House, who: str) -> str:
    """The address in the attending's newest e-mail about this candidate."""
    reader = house.guest(DESK)
    found: list[str] = []

    def arrived() -> bool:
        reader.page.goto("/demo/mailbox")
        letters = reader.page.get_by_role("link", name=who).all()
        for address in [str(letter.get_attribute("href")) for letter in letters]:
            reader.page.goto(address)
            if link := re.search(r"/decide/[\w-]+", reader.page.content()):
                found.append(link[0])
                return True
        return False

    until(arrived, "the attending's e-mail")
    reader.leave()
    return found[0]


def accept_by_link(house: House, size: dict[str, int], who: str) -> None:
    """Two taps without signing in; opening the link again decides nothing."""
    doctor = house.guest(size)
    link = decide_link(house, who)
    doctor.look(link)
    doctor.press("Accept")
    expect(doctor.page.get_by_role("heading", name="will join you")).to_be_visible()
    doctor.look(link)
    expect(doctor.page.get_by_role("button", name="Undo")).to_be_visible()
    doctor.leave()


def accept_by_dashboard(attending: Person, reference: str) -> None:
    attending.look("/attending")
    attending.look(f"/attending/bookings/{reference}")
    attending.press("Accept")
    expect(attending.page.get_by_role("button", name="Undo")).to_be_visible()
    attending.look()


def write_review(candidate: Person, mine: str, text: str) -> None:
    """The form starts empty: every task and every scale is answered, then confirmed."""
    page = candidate.look(f"{mine}/review")
    names = page.locator("main input[type=radio]").evaluate_all(
        "all => [...new Set(all.map(one => one.name))]"
    )
    for name in names:
        page.locator(f"input[name='{name}']").first.check(force=True)
    page.locator("textarea[name=text]").fill(text)
    page.locator("input[name=confirmed]").check()
    candidate.press("Send review")
    page.wait_for_load_state()
    candidate.look()


def test_without_scripts_from_the_search_to_the_card(house: House) -> None:
    """First in this module: the others move the clock on."""
    student = house.somebody("student", PHONE, javascript=False)
    page = student.page
    page.goto("/rotations?accepts=student&weeks=4&fits=1")
    page.get_by_role("button", name="Filters").first.click()
    page.get_by_label("Hands-on, clinic").first.check()
    page.get_by_role("button", name=re.compile("Show.*rotations|Apply")).first.click()
    page.wait_for_url("**hands_on=**")
    page.locator('main a[href^="/rotations/"]').first.click()
    page.get_by_role("link", name="Request this seat").first.click()
    page.get_by_role("button", name="Hold this seat and continue").click()
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Continue to review").click()
    for label in CONSENTS:
        page.get_by_label(label).check()
    page.get_by_role("button", name="Continue to card").click()
    expect(page.get_by_role("link", name="Enter your card on Stripe’s own page")).to_be_visible()


@pytest.mark.parametrize(("way", "size"), [("dashboard", DESK), ("link", PHONE)])
def test_from_search_to_review(house: House, way: str, size: dict[str, int]) -> None:
    from_search_to_review(house, way, size)


def from_search_to_review(house: House, way: str, size: dict[str, int]) -> None:
    """By the attending's dashboard; or by one e-mail link, where the agency says for the attending
    that the rotation began and ended. The clock goes on by four months."""
    by_link = way == "link"
    candidate = house.somebody("candidate", size)
    owner = house.somebody("owner", size)
    attending = house.somebody("attending", size)
    name = attending.page.locator(".switch__name b").first.text_content() or ""
    words = "cardiology" if by_link else name.split(",")[0].split()[-1]
    after = house.now().date() + timedelta(days=75)
    first_day = choose(candidate, words, after, named=not by_link)
    listing = candidate.page.url.split("?")[0]
    reference = request_it(candidate)
    mine, desk = f"/me/bookings/{reference}", f"{DESK_OF}/bookings/{reference}"

    approve(owner, reference)
    candidate.look(mine)
    if by_link:
        accept_by_link(house, size, "Amara")
    else:
        accept_by_dashboard(attending, reference)
    assert paid(candidate, mine)[0] == 0  # nothing moves while the attending may undo
    house.later(minutes=20)
    until(lambda: "Your seat is confirmed" in heading(candidate, mine), "confirmed")
    candidate.look()
    owner.look(desk)
    assert 0 < paid(candidate, mine)[0] < paid(candidate, mine)[1]
    pay_the_rest(house, candidate, mine)

    house.later(days=(first_day - house.now().date()).days + 1)
    candidate.look(mine)
    candidate.press("I am here")
    expect(candidate.page.get_by_role("heading", name="Your rotation is running")).to_be_visible()
    host, work = (owner, desk) if by_link else (attending, f"/attending/bookings/{reference}")
    host.look(work)
    host.press("Check in")
    expect(host.page.get_by_text("Checked in.")).to_be_visible()
    host.look()
    house.later(days=30)
    host.look(work)
    host.press("Complete")
    expect(host.page.get_by_text("Completed.")).to_be_visible()
    candidate.look(mine)
    text = f"What was listed is what I did, booking {reference[-3:]}."
    write_review(candidate, mine, text)
    house.later(days=8)
    until(lambda: text in public(candidate, listing), "the review on the listing")
    candidate.look()
    house.check()
    for person in (candidate, owner, attending):
        person.leave()


def pay_the_rest(house: House, candidate: Person, mine: str) -> None:
    """The worker charges the installments as their dates come."""
    for _month in range(6):
        done, whole = paid(candidate, mine)
        if done == whole:
            return
        house.later(days=31)
        until(lambda before=done: paid(candidate, mine)[0] > before, "the next installment")
    raise AssertionError("not all paid")


def public(person: Person, listing: str) -> str:
    person.page.goto(listing)
    return person.page.inner_text("main")


def test_the_platform_sees_it_all(house: House) -> None:
    for size in (PHONE, DESK):
        admin = house.somebody("admin", size)
        for path in ("/admin", "/admin/jobs", "/admin/mail", "/admin/audit"):
            admin.look(path)
        admin.leave()


def test_a_change_is_in_the_search_at_once(house: House) -> None:
    """A listing that pauses leaves the search, and is back when it opens again: through the
    outbox, clockwork, the queue and the worker, each of which was told and need not look."""
    owner = Visitor(house, "owner")
    found = _listed(house)
    desk = f"{DESK_OF}/listings/{found[0]}"
    for action, is_there in (("pause", False), ("publish", True)):
        started = time.monotonic()
        assert owner.send(desk, f"{desk}/{action}")
        until(lambda there=is_there: (found[0] in _listed(house)) is there, action)
        print(f"{action}: seen {time.monotonic() - started:.2f} s after the form was sent")


def _listed(house: House) -> list[str]:
    """The names of the agency's listings, as the search gives them."""
    address = f"{house.stack.url}/api/v1/rotations?agency=harborlight-rotations&per_page=100"
    hits = requests.get(address, timeout=10).json()["hits"]
    return [hit["url"].rsplit("/", 1)[1] for hit in hits]


def test_the_log_follows_a_request_into_its_jobs(house: House) -> None:
    """Last in this module: what the processes have written meanwhile, and what they have not."""
    written = {name: house.stack.log(name) for name in ("web", "worker", "clockwork")}
    web, worker = (_lines(written[name]) for name in ("web", "worker"))
    forms = {
        line["request_id"]
        for line in web
        if line["message"] == "request" and line["method"] == "POST" and line["status"] < 400
    }
    done = [line for line in worker if line["message"] == "job done"]
    assert {line["topic"] for line in done if line["request_id"] in forms} >= {"notifications.tell"}
    secrets = {account["password"] for account in house.accounts.values()} | {"4242424242424242"}
    for name, text in written.items():
        assert [secret for secret in secrets if secret in text] == [], name


def _lines(text: str) -> list[dict[str, Any]]:
    """The lines of ours; the web server has some of its own."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]
