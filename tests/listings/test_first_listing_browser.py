"""A new agency's way from the sign-up page to a live, co-signed listing in Chromium, counted."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from marketplace.core import clock
from marketplace.core.db import open_session
from marketplace.listings.models import Attending, Rotation
from tests import factories
from tests.accounts.conftest import work
from tests.support import newcomer
from tests.support.browser import DESK, PHONE, axe, complaints, too_wide, visitor
from tests.verification import support

pytestmark = pytest.mark.browser

MOST, MOST_FOR_A_COPY = 40, 8
NPI = "1234567893"
HOME = "/agency/quayside-rotations"
# declared by one button each: 15 tasks of a clinic, one of them answered on its own
GROUPS = ("Talking with patients", "Examination", "Presenting and reasoning")
TASKS = 15


@pytest.fixture
def url(migrated: None) -> Iterator[str]:
    with newcomer.empty_platform() as address:
        yield address


class Hand:
    """A person's hand: every click, every field that is filled, every tick and file counts."""

    def __init__(self, page: Page, *, scripts: bool = True) -> None:
        self.page, self.count, self._scripts = page, 0, scripts

    def click(self, role: str, name: str | re.Pattern[str]) -> None:
        self.count += 1
        exact = isinstance(name, str)
        self.page.get_by_role(role, name=name, exact=exact).first.click()  # type: ignore[arg-type]
        self.page.wait_for_load_state()

    def section(self, name: str) -> None:
        """A section of the editor, by the list beside it."""
        self.count += 1
        self.page.locator("#edit-nav a", has_text=name).first.click()
        self.page.wait_for_load_state()

    def fill(self, field: str, text: str) -> None:
        self.count += 1
        self.page.fill(f"#{field}", text)

    def choose(self, field: str, value: str) -> None:
        self.count += 1
        self.page.select_option(f"#{field}", value)

    def tick(self, field: str) -> None:
        self.count += 1
        self.page.locator(f"#{field}").check(force=True)

    def upload(self, field: str, file: Path) -> None:
        self.count += 1
        self.page.set_input_files(f"#{field}", file)

    def open_from_mail(self, slug: str) -> None:
        """The button of the newest message of this kind."""
        self.count += 1
        self.page.goto(newcomer.link_in_mail(slug))

    def seen(self) -> None:
        """What stands there is in order; looking costs nothing. Axe is a script."""
        if not self._scripts:
            return
        assert axe(self.page) == [], self.page.url
        assert too_wide(self.page) == [], self.page.url


def sign_up(hand: Hand) -> None:
    hand.page.goto("/agencies/new")
    hand.seen()
    hand.fill("person", "Maya Owner")
    hand.fill("email", "maya@example.org")
    hand.fill("name", "Quayside Rotations")
    hand.tick("may_act")
    hand.click("button", "Send me the link")
    hand.open_from_mail("verify-email")
    hand.click("button", "Confirm and sign in")


def send_the_papers(hand: Hand, file: Path) -> None:
    expect(hand.page.get_by_role("heading", level=1)).to_have_text("Your papers")
    hand.seen()
    hand.upload("file-registration", file)
    hand.upload("file-insurance", file)
    hand.fill("valid_until-insurance", support.days(300).isoformat())
    hand.click("button", "Send to Rounds")


def write_the_listing(hand: Hand) -> None:
    hand.click("link", "Make a listing")
    hand.seen()
    hand.choose("type", "externship")
    hand.choose("specialty", "cardiology")
    hand.fill("doctor_npi", NPI)
    hand.fill("doctor_email", "nora@example.org")
    hand.fill("doctor_name", "Nora Vale")
    hand.fill("site_name", "Harbor Street Clinic")
    hand.fill("site_city", "Chicago, IL")
    hand.fill("price", "1650")
    hand.click("button", "Make the draft")
    hand.fill("summary", "Clinic four days a week, teaching on Friday.")
    hand.click("button", "Scope of activities")
    for group in GROUPS:
        hand.click("button", re.compile(f"^Usual .* for {group}$"))
    hand.section("Letter policy")
    hand.tick("policy-writes-when-earned")
    hand.click("button", "Start dates")
    hand.click("button", "Add these starts and check")
    hand.seen()
    hand.click("button", "Ask Dr. Vale to sign, then go live")
    expect(hand.page.get_by_text("It goes live by itself")).to_be_visible()
    hand.seen()


def sign(browser: Browser, url: str, mail: str, *, scripts: bool = True) -> int:
    """The attending, on a phone: groups and lines are answered, then signed by name."""
    page = visitor(browser, url, size=PHONE, javascript=scripts).new_page()
    hand = Hand(page)
    hand.open_from_mail(mail)
    if scripts:
        hand.seen()
    for box in page.locator(".tbl--sign .tbl__group input[type=checkbox]").all():
        hand.count += 1
        box.check()
    for box in page.locator('input[type=radio][value="y"][required]').all():
        if not box.is_checked():
            hand.count += 1
            box.check(force=True)
    hand.tick("sure")
    hand.fill("full_name", "Nora Vale")
    hand.click("button", re.compile("Sign version"))
    expect(page.get_by_role("heading", level=1)).to_have_text("You signed this list")
    page.context.close()
    return hand.count


def approve(browser: Browser, url: str) -> None:
    """The platform's part, by its own pages: papers read, license looked up."""
    admin = newcomer.signed_in_admin(browser, url)
    newcomer.accept(admin, "quayside-rotations", support.WHY)
    expect(admin.get_by_role("heading", level=1)).to_contain_text("Approved")
    admin.context.close()
    with open_session(factories.a_system()) as session:
        doctor = session.scalars(select(Attending).where(Attending.npi == NPI)).one()
        doctor.verified_until = clock.now().date() + timedelta(days=300)


def newest() -> Rotation:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.scalars(select(Rotation).order_by(Rotation.id.desc())).first()


def test_from_the_sign_up_page_to_a_live_co_signed_listing(
    browser: Browser, url: str, tmp_path: Path
) -> None:
    file = tmp_path / "paper.pdf"
    file.write_bytes(support.PDF)
    hand = Hand(visitor(browser, url, size=DESK).new_page())
    wrong = complaints(hand.page)
    sign_up(hand)
    send_the_papers(hand, file)
    hand.seen()
    write_the_listing(hand)
    approve(browser, url)
    # the one message before the yes: the invitation, with the list on its page
    signing = sign(browser, url, "attending-invited", scripts=False)
    work()  # the signature counts, and the listing opens by itself
    row = newest()
    assert (row.state, row.level, row.signed_version) == ("published", "hands-on-outpatient", 1)
    assert len(row.activities) == TASKS
    hand.page.goto(f"/rotations/{row.slug}")
    expect(hand.page.get_by_text("Nora Vale").first).to_be_visible()
    print(f"{hand.count} interactions of the agency, {signing} of the attending")
    assert hand.count + signing <= MOST, f"{hand.count} of the agency, {signing} of the attending"
    _copy(browser, url, Hand(hand.page))
    assert wrong == []
    support.no_violations()


@pytest.mark.full
def test_the_same_way_without_scripts(browser: Browser, url: str, tmp_path: Path) -> None:
    file = tmp_path / "paper.pdf"
    file.write_bytes(support.PDF)
    hand = Hand(visitor(browser, url, size=DESK, javascript=False).new_page(), scripts=False)
    sign_up(hand)
    send_the_papers(hand, file)
    write_the_listing(hand)
    approve(browser, url)
    sign(browser, url, "attending-invited", scripts=False)
    work()
    assert newest().state == "published"
    support.no_violations()


def _copy(browser: Browser, url: str, hand: Hand) -> None:
    """Counted from the agency's home page to the live copy."""
    hand.page.goto(HOME)
    hand.click("link", "Listings")
    hand.click("button", re.compile("^Copy Cardiology"))
    hand.click("button", "Add these starts and check")
    hand.click("button", "Ask Dr. Vale to sign, then go live")
    signing = sign(browser, url, "sign-scope")
    work()
    row = newest()
    assert row.state == "published" and row.copied_from is not None
    print(f"a copy: {hand.count} interactions of the agency, {signing} of the attending")
    assert hand.count + signing <= MOST_FOR_A_COPY, f"{hand.count}, {signing} of the attending"
