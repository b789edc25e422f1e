"""More of the workspace and of the platform on a phone without JavaScript: the bookings, the
agency's own site, what the platform decides. Each step is asked of the page and of the database."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Select, select

from marketplace.bookings.models import Booking
from marketplace.core.db import open_session
from marketplace.desk.models import BookingNote, CannedReply, SavedView
from tests import factories
from tests.contracts.callers import BY_KEY
from tests.contracts.conftest import Stage
from tests.contracts.test_no_scripts_browser import PHONE_LIGHT, press
from tests.contracts.test_screens_browser import opened
from tests.support.served import served

pytestmark = pytest.mark.browser


@pytest.fixture
def url(stage: Stage) -> Iterator[str]:
    with stage.app.app_context(), served(stage.app) as address:
        yield address


def rows(wanted: Select[Any]) -> Sequence[Any]:
    """What the database holds now."""
    with open_session(factories.a_system(), readonly=True) as session:
        return session.scalars(wanted).all()


def state(reference: str) -> str:
    """The state of a booking now."""
    return str(rows(select(Booking.state).where(Booking.reference == reference))[0])


def refused(page: Page, words: str) -> None:
    """The page says that something needs attention, and what."""
    expect(page.get_by_role("alert")).to_contain_text("attention")
    expect(page.get_by_role("alert")).to_contain_text(words)


def said(page: Page, words: str) -> None:
    """The page says that it is done."""
    expect(page.get_by_role("status").filter(has_text=words).first).to_be_visible()


# --- the bookings -------------------------------------------------------------------------------


def test_bookings_work_without_scripts(browser: Browser, stage: Stage, url: str) -> None:
    house = stage.world.alpha
    first = house.names["requested"]
    second, third = (
        factories.booking(house.market, factories.candidate(name), offering=-1, weeks=2).reference
        for name in ("Bea Second", "Cleo Third")
    )
    page = opened(browser, stage, url, BY_KEY["owner-alpha"], PHONE_LIGHT, scripts=False)
    base = f"/agency/{house.names['slug']}"
    _canned(page, base, third)
    _own_view(page, base)
    _file_of_the_view(page, first, second)
    _several(page, first, second)
    _note(page, f"{base}/bookings/{house.names['confirmed']}")
    _month(page, base)
    page.context.close()


def _own_view(page: Page, base: str) -> None:
    """The filters kept under a name, and opened again by it."""
    page.goto(f"{base}/bookings?view=all")
    page.get_by_label("Status").select_option("requested")
    press(page, "Apply")
    page.get_by_text("Save as a view").click()
    page.fill("#view-name", "Q2")
    press(page, "Save view")
    refused(page, "three letters")
    assert page.input_value("#view-name") == "Q2"
    page.fill("#view-name", "To answer now")
    press(page, "Save view")
    said(page, "Saved as “To answer now”")
    kept = rows(select(SavedView).where(SavedView.name == "To answer now"))
    assert ["status=requested" in one.query for one in kept] == [True]
    page.goto(f"{base}/bookings")
    page.get_by_role("link", name="To answer now").click()
    assert page.get_by_label("Status").input_value() == "requested"
    expect(page.locator("main tbody tr")).to_have_count(2)


def _file_of_the_view(page: Page, first: str, second: str) -> None:
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV of this view").click()
    lines = waiting.value.path().read_text("utf-8-sig").splitlines()
    assert {line.split(",")[0].strip('"') for line in lines[1:]} == {first, second}


def _several(page: Page, first: str, second: str) -> None:
    """Two declined together: first without a reason, then with one."""
    for reference in (first, second):
        page.locator(f"#pick-{reference}").check()
    press(page, "Decline")
    page.fill("#message", "We are sorry, {candidate}.")
    press(page, "Decline 2")
    refused(page, "Choose a reason")
    assert page.input_value("#message") == "We are sorry, {candidate}."
    assert {state(first), state(second)} == {"requested"}
    page.locator("input[name=reason][value=dates]").check()
    press(page, "Decline 2")
    expect(page.get_by_text("2 declined").first).to_be_visible()
    assert {state(first), state(second)} == {"declined"}


def _canned(page: Page, base: str, reference: str) -> None:
    """A text that the team keeps, put into the message of a decline."""
    page.goto(f"{base}/replies")
    page.fill("input[name=title]", "Dates are taken")
    page.fill("textarea[name=text]", "Hello {candidat}.")
    press(page, "Save reply")
    refused(page, "{candidat}")
    assert page.input_value("textarea[name=text]") == "Hello {candidat}."
    page.fill("textarea[name=text]", "Hello {candidate}.")
    press(page, "Save reply")
    assert rows(select(CannedReply.text).where(CannedReply.title == "Dates are taken"))
    page.goto(f"{base}/bookings/{reference}")
    page.get_by_role("link", name="Decline").click()
    page.locator("#canned").select_option(label="Dates are taken")
    press(page, "Use this text")
    expect(page.locator("#message")).to_have_value("Hello Cleo.")
    press(page, "Decline request")
    refused(page, "Choose a reason")
    assert page.input_value("#message") == "Hello Cleo."
    page.locator("#decline-box input[name=reason][value=dates]").check()
    press(page, "Decline request")
    said(page, "Declined")
    assert state(reference) == "declined"
    told = select(Booking.reason_note).where(Booking.reference == reference)
    assert rows(told) == ["Hello Cleo."]


def _note(page: Page, booking: str) -> None:
    page.goto(booking)
    page.fill("#note", "ok")
    press(page, "Save note")
    refused(page, "Write the note first")
    assert page.input_value("#note") == "ok"
    page.fill("#note", "Housing is settled by phone.")
    press(page, "Save note")
    expect(page.locator("#notes")).to_contain_text("Housing is settled by phone.")
    assert len(rows(select(BookingNote).where(BookingNote.text.startswith("Housing is")))) == 1


def _month(page: Page, base: str) -> None:
    page.goto(f"{base}/calendar")
    now = page.locator("h1").inner_text()
    page.get_by_role("link", name="The month after").click()
    assert page.locator("h1").inner_text() != now
    page.get_by_role("link", name="The month before").click()
    assert page.locator("h1").inner_text() == now
