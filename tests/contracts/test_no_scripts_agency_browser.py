"""What an agency does with its sites, attendings and listings, on a phone without JavaScript."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from marketplace.listings.models import AttendingInvitation, Rotation, Site
from tests.contracts.callers import BY_KEY
from tests.contracts.conftest import Stage
from tests.contracts.no_scripts import Quiet, first_heading, only, quiet
from tests.support.served import served

pytestmark = pytest.mark.browser


@pytest.fixture
def owner(browser: Browser, stage: Stage) -> Iterator[Quiet]:
    """The owner of the first house, at the workspace."""
    home = f"/agency/{stage.world.alpha.names['slug']}"
    with (
        served(stage.app) as url,
        stage.app.app_context(),
        quiet(browser, stage, url, BY_KEY["owner-alpha"], home) as phone,
    ):
        yield phone


def test_sites_and_attendings(owner: Quiet, stage: Stage) -> None:
    slug, page = stage.world.alpha.names["site"], owner.page
    owner.go("/sites")
    page.locator(f"a[href$='/sites/{slug}']").click()
    page.fill("#name", "Harbor on WhatsApp")
    page.fill("#affiliation", "Quayside School of Medicine")
    owner.press("Save")
    owner.refused("WhatsApp", name="Harbor on WhatsApp", affiliation="Quayside School of Medicine")
    page.fill("#name", "Harbor Street Hospital")
    owner.press("Save")
    owner.sees("Harbor Street Hospital")
    assert only(Site, Site.slug == slug).affiliation == "Quayside School of Medicine"
    # an attending is asked, and the question is taken back
    owner.go("/attendings")
    owner.follow("Invite an attending")
    page.fill("#npi", "1234567890")
    page.fill("#email", "vera@example.org")
    page.fill("#name", "Vera Stone")
    owner.press("Invite")
    owner.refused("last digit", npi="1234567890", email="vera@example.org", name="Vera Stone")
    page.fill("#npi", "1234567893")
    page.select_option("#specialty", "cardiology")
    owner.press("Invite")
    owner.sees("Dr. Vera Stone")
    hers = AttendingInvitation.email == "vera@example.org"
    assert only(AttendingInvitation, hers).withdrawn_at is None
    owner.press(re.compile("^Take back.*Vera Stone"))
    expect(page.get_by_text("Dr. Vera Stone")).to_have_count(0)
    assert only(AttendingInvitation, hers).withdrawn_at is not None


def test_a_listing_is_copied_paused_and_archived(owner: Quiet, stage: Stage) -> None:
    slug, page = stage.world.alpha.names["rotation"], owner.page
    path, mine = f"/listings/{slug}", Rotation.slug == slug
    owner.go(f"{path}/edit/dates")
    page.fill("#notice", "soon")
    owner.press("Save notice")
    owner.refused("Write a whole number", notice="soon")
    page.fill("#notice", "45")
    owner.press("Save notice")
    row = only(Rotation, mine)
    assert (row.notice_days, row.state) == (45, "published")
    owner.go(path)
    owner.press("Pause")
    expect(first_heading(owner)).to_contain_text("Paused")
    assert only(Rotation, mine).state == "paused"
    owner.press("Publish")
    assert only(Rotation, mine).state == "published"
    owner.press("Copy")
    expect(first_heading(owner)).to_be_visible()
    copied = only(Rotation, Rotation.copied_from == row.id)
    assert copied.state == "draft" and copied.slug in page.url
    owner.go(f"/listings/{copied.slug}")
    owner.unfold("Archive this listing")
    owner.press("Archive")
    expect(first_heading(owner)).to_contain_text("Archived")
    assert only(Rotation, Rotation.id == copied.id).state == "archived"
