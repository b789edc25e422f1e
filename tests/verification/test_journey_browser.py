"""A new agency in Chromium: sign-up, checklist, papers, a revision, the approval."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import newcomer
from tests.support.browser import DESK, PHONE, axe, complaints, too_wide, visitor
from tests.support.newcomer import PASSWORD, press
from tests.verification import support

pytestmark = pytest.mark.browser
PAGE_MISSING = "Page 2 of 3 is missing. Please send all three pages."


@pytest.fixture
def url(migrated: None) -> Iterator[str]:
    with newcomer.empty_platform() as address:
        yield address


def good(page: Page, scripts: bool) -> None:
    """Nothing sticks out, and axe, which is a script, finds nothing."""
    if scripts:
        assert not too_wide(page)
        assert axe(page) == []


def paper(page: Page, kind: str, file: Path, until: str = "") -> None:
    """Add one paper by its form."""
    page.set_input_files("#file", file)
    if until:
        page.fill("#valid_until", until)
    press(page, f"Add {kind}")


@pytest.mark.parametrize(("size", "scripts"), [(DESK, True), (PHONE, False)])
def test_from_sign_up_to_approval(
    browser: Browser, url: str, tmp_path: Path, size: dict[str, int], scripts: bool
) -> None:
    file = tmp_path / "paper.pdf"
    file.write_bytes(support.PDF)
    owner = visitor(browser, url, size=size, javascript=scripts).new_page()
    wrong = complaints(owner)
    # sign up: one form for the account and the agency
    owner.goto("/agencies/new")
    good(owner, scripts)
    owner.fill("#person", "Maren Oldacre")
    owner.fill("#email", "maren@example.org")
    press(owner, "Send me the link")  # without the agency's name
    expect(owner.get_by_role("alert")).to_contain_text("Two things need your attention")
    owner.fill("#name", "Quiet Bay Rotations")
    owner.check("#may_act")
    press(owner, "Send me the link")
    owner.goto(newcomer.link_in_mail("verify-email"))
    owner.fill("#password", PASSWORD)
    press(owner, "Confirm and sign in")
    # the papers in one form, and what is missing beside its field
    expect(owner).to_have_url(f"{url}/agency/quiet-bay-rotations/verification/start")
    good(owner, scripts)
    owner.set_input_files("#file-registration", file)
    owner.fill("#number-insurance", "P-1")
    press(owner, "Send to Rounds")
    expect(owner.get_by_role("alert")).to_contain_text("last day")
    assert owner.input_value("#number-insurance") == "P-1"
    good(owner, scripts)
    owner.set_input_files("#file-registration", file)
    owner.set_input_files("#file-insurance", file)
    owner.fill("#valid_until-insurance", support.days(200).isoformat())
    press(owner, "Send to Rounds")
    # the checklist
    expect(owner.get_by_role("heading", level=1)).to_contain_text("Welcome, Maren")
    expect(owner.get_by_text("1 of 6 done")).to_be_visible()
    expect(owner.get_by_text("With the Rounds team").first).to_be_visible()
    good(owner, scripts)
    # the platform asks for a revision, then approves
    admin = newcomer.signed_in_admin(browser, url, size=size, javascript=scripts)
    admin.goto("/admin/verification")
    good(admin, scripts)
    admin.get_by_role("link", name=re.compile("^Decide.*Quiet Bay")).click()
    good(admin, scripts)
    admin.check("input[name=event][value=ask_revision]")
    press(admin, "Send decision")  # neither ticked nor explained
    expect(admin.get_by_role("alert")).to_contain_text("your attention")
    admin.get_by_label("Liability insurance certificate").check()
    admin.fill("#reason", PAGE_MISSING)
    press(admin, "Send decision")
    owner.goto("/agency/quiet-bay-rotations")
    expect(owner.get_by_text(PAGE_MISSING).first).to_be_visible()
    owner.get_by_role("link", name="Send again", exact=True).click()
    paper(owner, "liability insurance certificate", file, support.days(200).isoformat())
    press(owner, "Send to Rounds")
    newcomer.accept(admin, "quiet-bay-rotations", support.WHY)
    expect(admin.get_by_role("heading", level=1)).to_contain_text("Approved")
    owner.goto("/agency/quiet-bay-rotations/verification")
    expect(owner.get_by_role("heading", level=1)).to_contain_text("Approved")
    owner.goto("/agency/quiet-bay-rotations")
    expect(owner.get_by_text("3 of 6 done")).to_be_visible()
    support.no_violations()
    assert [line for line in wrong if "422" not in line] == []  # refused forms are part of it
