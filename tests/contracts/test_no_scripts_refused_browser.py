"""The workspace on a phone without JavaScript where something is refused, late or under way: what
the page says then, what the database holds, and where the way leads back."""

import io
import re
import zipfile
from collections.abc import Iterator
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Locator, expect

from marketplace.accounts.models import Membership
from marketplace.archive.models import AgencyExport
from marketplace.core import jobs
from marketplace.imports.models import CsvImport
from marketplace.listings.models import Site
from marketplace.numbers.models import AgencyNumbers
from tests import factories
from tests.contracts.callers import BY_KEY
from tests.contracts.conftest import Stage
from tests.contracts.no_scripts import Quiet, first_heading, only, quiet, stored
from tests.contracts.world import PASSWORD
from tests.imports.support import a_file, a_site
from tests.support.served import served

pytestmark = pytest.mark.browser


@pytest.fixture
def url(stage: Stage) -> Iterator[str]:
    with served(stage.app) as address, stage.app.app_context():
        yield address


@pytest.fixture
def owner(browser: Browser, stage: Stage, url: str) -> Iterator[Quiet]:
    """The owner of the first house, at the workspace."""
    home = f"/agency/{stage.world.alpha.names['slug']}"
    with quiet(browser, stage, url, BY_KEY["owner-alpha"], home) as phone:
        yield phone


def asked_twice(phone: Quiet, action: str) -> Locator:
    """The fold that asks again before the form with this address, opened."""
    form = phone.page.locator(f"form[action$='{action}']")
    fold = phone.page.locator("details.sure", has=form)
    fold.locator("summary").click()
    return fold


def test_a_role_and_a_removal_hold_with_the_next_click(
    owner: Quiet, browser: Browser, stage: Stage, url: str
) -> None:
    house = stage.world.alpha
    agency = house.market.agency_id
    who = house.market.staff["coordinator"]
    mine = (Membership.agency_id == agency, Membership.person_id == who)
    key = only(Membership, *mine).id
    with quiet(browser, stage, url, BY_KEY["coordinator-alpha"], owner.base) as clerk:
        clerk.go("/replies")
        clerk.page.fill("#title", "Typed before")
        owner.go("/team")
        owner.page.select_option(f"[id='role-{key}']", "read-only")
        owner.press(re.compile("^Save the role"), owner.page.locator(f"form[action$='{key}/role']"))
        expect(owner.page.locator(f"[id='role-{key}']")).to_have_value("read-only")
        assert only(Membership, *mine).role == "read-only"
        clerk.page.fill("#text", "Not any more")
        clerk.press("Save reply")
        expect(first_heading(clerk)).not_to_have_text("Canned replies")
        fold = asked_twice(owner, f"{key}/remove")
        owner.press(re.compile("^Remove now"), fold)
        expect(owner.page.locator(f"[id='role-{key}']")).to_have_count(0)
        assert only(Membership, *mine).ended_at is not None
        answer = clerk.page.goto(owner.base)
        assert answer is not None and answer.status == 404


def test_the_last_owner_is_told_on_the_page(owner: Quiet, stage: Stage) -> None:
    """Neither another role nor leaving: the reason stands beside the own role."""
    agency = stage.world.alpha.market.agency_id
    extra = UUID(stage.world.alpha.names["membership"])
    owner.go("/team")
    fold = asked_twice(owner, f"{extra}/remove")
    owner.press(re.compile("^Remove now"), fold)
    mine = (
        Membership.agency_id == agency,
        Membership.person_id == stage.world.alpha.market.staff["owner"],
    )
    key = only(Membership, *mine).id
    owner.page.select_option(f"[id='role-{key}']", "finance")
    owner.press(re.compile("^Save the role"), owner.page.locator(f"form[action$='{key}/role']"))
    owner.refused("An agency needs an owner")
    fold = owner.unfold("Leave")
    owner.press(re.compile("^Leave now"), fold)
    owner.refused("An agency needs an owner")
    assert only(Membership, *mine).role == "owner" and only(Membership, *mine).ended_at is None


def test_a_form_that_came_too_late_leads_back_to_its_page(owner: Quiet, stage: Stage) -> None:
    """Somebody else was faster: the page says so and its one link leads back, not out."""
    name = stage.world.alpha.names["spare"]
    owner.go(f"/listings/{name}")
    slow = owner.page.context.new_page()
    slow.goto(f"{owner.base}/listings/{name}")
    owner.press("Archive", owner.unfold("Archive this listing"))
    slow.get_by_role("button", name="Pause", exact=True).click()
    expect(slow.get_by_role("alert")).to_contain_text("changed meanwhile")
    slow.get_by_role("link", name="Back to the page").click()
    expect(slow.get_by_role("heading", level=1)).to_contain_text("Archived")


def test_numbers_and_the_whole_archive(owner: Quiet, stage: Stage) -> None:
    agency = stage.world.alpha.market.agency_id
    owner.go("/numbers")
    if not stored(AgencyNumbers, AgencyNumbers.agency_id == agency):
        owner.sees("Not measured yet")
        jobs.run_tick("numbers.measure")
        assert stored(AgencyNumbers, AgencyNumbers.agency_id == agency)
        owner.go("/numbers")
    expect(owner.page.locator("svg[role=img]").first).to_be_visible()
    expect(owner.page.get_by_role("table", name="Your numbers beside the market")).to_be_visible()
    # the archive
    page = owner.page
    owner.go("/export")
    page.fill("#reason", "We keep a copy.")
    page.fill("#current", "not my password")
    owner.press("Write my archive")
    owner.refused("password", reason="We keep a copy.")
    mine = (AgencyExport.agency_id == agency, AgencyExport.reason == "We keep a copy.")
    assert stored(AgencyExport, *mine) == []
    page.fill("#current", PASSWORD)
    owner.press("Write my archive")
    owner.sees("It begins in a moment.")
    factories.run_outbox("archive.write")
    owner.sees("Look again")
    row = page.get_by_role("listitem").filter(has_text="We keep a copy.")
    row.get_by_role("button").wait_for(timeout=10_000)  # the page looks again by itself
    kept = only(AgencyExport, *mine)
    packed = owner.file(re.compile("^Download"), row)
    assert len(packed) == kept.size
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None and "tables/agency.jsonl" in archive.namelist()
    assert only(AgencyExport, *mine).downloads == 1


def test_a_file_is_corrected_brought_in_and_taken_back(owner: Quiet) -> None:
    name = "Import Lane Clinic"
    page = owner.page
    owner.go("/import")
    owner.follow("Import Sites")
    owner.press("Check file")  # without a file
    owner.refused(re.compile("."))
    bad = a_file(a_site(name=name, kind="castle"))
    page.set_input_files("#csv", {"name": "s.csv", "mimeType": "text/csv", "buffer": bad})
    owner.press("Check file")
    expect(first_heading(owner)).to_have_text("Some rows need you")
    cell = page.get_by_role("textbox", name=re.compile("^Row 2, kind"))
    expect(cell).to_have_value("castle")
    notes = owner.file("Download the file with notes")
    assert b"castle" in notes
    cell.fill("clinic")
    owner.press("Check again")
    owner.sees("Every row is fine.")
    assert stored(Site, Site.name == name) == []  # a dry run
    owner.press("Import 1 site")
    factories.run_outbox("imports.run")
    page.locator("noscript a", has_text="Look now").click()  # or the page reloads itself
    owner.sees("Your row is in")
    assert only(Site, Site.name == name).kind == "clinic"
    owner.press("Undo import")
    factories.run_outbox("imports.undo")
    page.locator("noscript a", has_text="Look now").click()
    owner.sees("Everything is as it was before")
    assert stored(Site, Site.name == name) == []
    assert stored(CsvImport, CsvImport.state == "undone")


def test_links_of_a_refused_form_lead_to_its_page(owner: Quiet, stage: Stage) -> None:
    """The answer stands at an address that takes forms only: another theme, hiding the news, the
    way back and the address bar all lead to the page above it."""
    page = owner.page
    owner.go("/availability")
    owner.press("Add these starts")
    owner.refused(re.compile("."))
    assert page.url.endswith("/availability/starts")
    owner.press("Use dark theme")
    assert page.url.endswith("/availability")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    answer = page.goto(f"{owner.base}/availability/starts")
    assert answer is not None and answer.status == 405
    owner.follow("Open the page")
    expect(first_heading(owner)).to_have_text("Availability")
    # an own view without a name, and then several bookings at once: "back" is the table
    owner.go("/bookings?view=all&status=requested")
    owner.press("Save view", owner.unfold("Save as a view"))
    owner.refused(re.compile("."))
    page.check(f"#pick-{stage.world.alpha.names['requested']}")
    owner.press("Approve")
    owner.follow("Back to the bookings")
    expect(first_heading(owner)).to_have_text("Bookings")
