"""What an agency does with its sites, attendings, listings, team and archive, on a phone without
JavaScript: each step is seen on the page and in the row that it changed."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from marketplace.accounts.models import Membership
from marketplace.core.db import open_session
from marketplace.listings.models import AttendingInvitation, Rotation, Site
from tests import factories
from tests.contracts.callers import BY_KEY
from tests.contracts.conftest import Stage
from tests.contracts.test_no_scripts_browser import PHONE_LIGHT, press, url
from tests.contracts.test_screens_browser import opened
from tests.contracts.world import PASSWORD

pytestmark = pytest.mark.browser
__all__ = ["url"]  # a fixture

MEMBER = "coordinator"


@pytest.fixture
def page(browser: Browser, stage: Stage, url: str) -> Iterator[Page]:
    found = opened(browser, stage, url, BY_KEY["owner-alpha"], PHONE_LIGHT, scripts=False)
    yield found
    found.context.close()


@pytest.fixture
def home(stage: Stage) -> str:
    return f"/agency/{stage.world.alpha.names['slug']}"


def one(stage: Stage, model: type[Any], *where: Any) -> Any:
    """The row as it stands now."""
    with stage.app.app_context(), open_session(factories.a_system(), readonly=True) as session:
        return session.scalars(select(model).where(*where)).one_or_none()


def refused(page: Page, **kept: str) -> None:
    """A message at the top and beside a field, and what was typed is still there."""
    expect(page.get_by_role("alert")).to_contain_text("attention")
    expect(page.locator("[aria-invalid=true]").first).to_be_visible()
    for field, text in kept.items():
        assert page.input_value(f"#{field}") == text


def test_sites_and_attendings(page: Page, stage: Stage, home: str) -> None:
    slug = stage.world.alpha.names["site"]
    page.goto(f"{home}/sites")
    page.locator(f"a[href$='/sites/{slug}']").click()
    page.fill("#name", "Harbor on WhatsApp")
    page.fill("#affiliation", "Quayside School of Medicine")
    press(page, "Save")
    refused(page, name="Harbor on WhatsApp", affiliation="Quayside School of Medicine")
    page.fill("#name", "Harbor Street Hospital")
    press(page, "Save")
    expect(page.get_by_text("Harbor Street Hospital").first).to_be_visible()
    assert one(stage, Site, Site.slug == slug).affiliation == "Quayside School of Medicine"
    # an attending is asked, reminded, and the question is taken back
    page.goto(f"{home}/attendings")
    page.get_by_role("link", name="Invite an attending").first.click()
    page.fill("#npi", "1234567890")
    page.fill("#email", "vera@example.org")
    page.fill("#name", "Vera Stone")
    press(page, "Invite")
    refused(page, npi="1234567890", email="vera@example.org", name="Vera Stone")
    page.fill("#npi", "1234567893")
    page.select_option("#specialty", "cardiology")
    press(page, "Invite")
    expect(page.get_by_text("Dr. Vera Stone").first).to_be_visible()
    asked = one(stage, AttendingInvitation, AttendingInvitation.email == "vera@example.org")
    assert asked is not None and asked.withdrawn_at is None
    press(page, re.compile("^Take back.*Vera Stone"))
    expect(page.get_by_text("Dr. Vera Stone")).to_have_count(0)


def test_a_listing_is_copied_paused_and_archived(page: Page, stage: Stage, home: str) -> None:
    slug = stage.world.alpha.names["rotation"]
    base = f"{home}/listings/{slug}"
    page.goto(f"{base}/edit/dates")
    page.fill("#notice", "soon")
    press(page, "Save notice")
    refused(page, notice="soon")
    page.fill("#notice", "45")
    press(page, "Save notice")
    row = one(stage, Rotation, Rotation.slug == slug)
    assert (row.notice_days, row.state) == (45, "published")
    page.goto(base)
    press(page, "Pause")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Paused")
    assert one(stage, Rotation, Rotation.slug == slug).state == "paused"
    press(page, re.compile("^(Publish|Go live|Open)"))
    assert one(stage, Rotation, Rotation.slug == slug).state == "published"
    press(page, "Copy")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    copied = one(stage, Rotation, Rotation.copied_from == row.id)
    assert copied.state == "draft" and copied.slug in page.url
    page.goto(f"{home}/listings/{copied.slug}")
    page.get_by_text("Archive this listing").click()
    press(page, "Archive")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Archived")
    assert one(stage, Rotation, Rotation.id == copied.id).state == "archived"


def test_the_team_and_the_numbers(page: Page, stage: Stage, home: str) -> None:
    member = one(stage, Membership, Membership.person_id == stage.world.alpha.market.staff[MEMBER])
    page.goto(f"{home}/team")
    page.select_option(f"#role-{member.id}", "finance")
    page.locator(f"form[action$='/{member.id}/role'] button").click()
    assert page.input_value(f"#role-{member.id}") == "finance"
    assert one(stage, Membership, Membership.id == member.id).role == "finance"
    row = page.get_by_role("row").filter(has=page.locator(f"#role-{member.id}"))
    row.get_by_text("Remove", exact=False).first.click()
    row.get_by_role("button", name=re.compile("^Remove now")).click()
    expect(page.locator(f"#role-{member.id}")).to_have_count(0)
    ended = one(stage, Membership, Membership.id == member.id)
    assert ended is None or ended.ended_at is not None
    page.fill("#invite-email", "nobody")
    press(page, "Send invitation")
    refused(page, **{"invite-email": "nobody"})
    page.goto(f"{home}/numbers")
    expect(page.get_by_role("heading", level=1)).to_have_text("Numbers")


def test_everything_is_taken_along(page: Page, stage: Stage, home: str, tmp_path: Path) -> None:
    page.goto(f"{home}/export")
    page.fill("#reason", "We keep a copy.")
    press(page, "Write my archive")
    refused(page, reason="We keep a copy.")
    page.fill("#reason", "We keep a copy of our own.")
    page.fill("#current", PASSWORD)
    press(page, "Write my archive")
    expect(page.get_by_text("We keep a copy of our own.")).to_be_visible()
    with stage.app.app_context():
        factories.run_outbox("archive.write")
    page.get_by_role("link", name="Look again").click()
    with page.expect_download() as coming:
        page.get_by_role("button", name=re.compile("^Download")).first.click()
    file = tmp_path / "archive.zip"
    coming.value.save_as(file)
    with zipfile.ZipFile(file) as packed:
        assert packed.testzip() is None and len(packed.namelist()) > 10
