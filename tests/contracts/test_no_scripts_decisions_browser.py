"""More of the workspace and of the platform on a phone without JavaScript: the bookings, the
agency's own site, what the platform decides. Each step is asked of the page and of the database."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import Select, select

from marketplace.accounts.models import ViewAs
from marketplace.bookings.models import Booking
from marketplace.core import clock, outbox
from marketplace.core.db import open_session
from marketplace.core.lists import ListRow
from marketplace.core.mail import MailMessage
from marketplace.core.outbox import OutboxMessage
from marketplace.desk.models import BookingNote, CannedReply, SavedView
from marketplace.listings.models import Rotation
from marketplace.storefront import operations
from marketplace.storefront.models import StorefrontPage
from marketplace.tenants.models import Agency
from marketplace.verification.models import Evidence
from tests import factories
from tests.contracts.callers import ADMIN, BY_KEY
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
    _name_view(page, "Q2")
    refused(page, "three letters")
    press(page, "Use dark theme")  # comes back to a page, not to the address of the form
    assert page.get_by_label("Status").input_value() == "requested"
    _name_view(page, "Q2")
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


def _name_view(page: Page, name: str) -> None:
    page.get_by_text("Save as a view").click()
    page.fill("#view-name", name)
    press(page, "Save view")


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
    page.fill("#message", "Thank you for asking.")
    page.locator("#canned").select_option(label="Dates are taken")
    press(page, "Use this text")
    written = "Thank you for asking.\n\nHello Cleo."
    expect(page.locator("#message")).to_have_value(written)
    press(page, "Decline request")
    refused(page, "Choose a reason")
    assert page.input_value("#message") == written
    reason = page.locator("#decline-box input[name=reason][value=dates]")
    reason.check()
    press(page, "Use this text")  # the reason stays, the text is not taken twice
    expect(reason).to_be_checked()
    expect(page.locator("#message")).to_have_value(written)
    press(page, "Decline request")
    said(page, "Declined")
    assert state(reference) == "declined"
    told = select(Booking.reason_note).where(Booking.reference == reference)
    assert rows(told) == [written]


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


# --- the agency's own site ----------------------------------------------------------------------


def test_the_own_site_works_without_scripts(browser: Browser, stage: Stage, url: str) -> None:
    house = stage.world.alpha
    slug = house.names["slug"]
    page = opened(browser, stage, url, BY_KEY["owner-alpha"], PHONE_LIGHT, scripts=False)
    page.goto(f"/agency/{slug}/storefront")
    page.fill("#headline", "Small clinics, kind teams")
    page.fill("#accent", "#ffee00")
    press(page, "Save text and colour")
    refused(page, "hard to read")
    assert page.input_value("#headline") == "Small clinics, kind teams"
    assert page.input_value("#accent") == "#ffee00"
    page.fill("#accent", "#7a1f5f")
    press(page, "Save text and colour")
    said(page, "Your site is saved")
    told = operations.storefront(rows(select(Agency).where(Agency.slug == slug))[0])
    assert (told.accent, told.headline) == ("#7a1f5f", "Small clinics, kind teams")
    _written_page(page, slug)
    page.context.close()


def _written_page(page: Page, slug: str) -> None:
    """A page in Markdown: refused without a text, seen before it is out, published, read."""
    page.get_by_role("link", name="Pages", exact=True).click()
    page.get_by_role("link", name="New page").click()
    page.fill("#title", "How to arrive")
    press(page, "Save and publish")
    refused(page, "Write something")
    assert page.input_value("#title") == "How to arrive"
    page.fill("#text", "Take the **blue line**.\n\n- Bring a badge\n- Ring twice")
    press(page, "Save and preview")
    expect(page.locator("main strong")).to_have_text("blue line")
    assert page.context.request.get(f"/agencies/{slug}/pages/how-to-arrive").status == 404
    press(page, "Publish")
    said(page, "is published")
    assert rows(select(StorefrontPage.is_public).where(StorefrontPage.title == "How to arrive"))[0]
    live = page.locator("main a", has_text="See it live: How to arrive").get_attribute("href")
    assert str(live).endswith(f"/agencies/{slug}/pages/how-to-arrive")
    page.goto(f"/agencies/{slug}")
    page.locator(".top__menu summary").click()
    page.locator(".top__menu").get_by_role("link", name="How to arrive").click()
    expect(page.locator("main li")).to_have_text(["Bring a badge", "Ring twice"])
    accent = page.locator("main .btn--accent").evaluate("one => getComputedStyle(one).background")
    assert "rgb(122, 31, 95)" in accent


# --- the platform -------------------------------------------------------------------------------

WHY = "The register says so."


def test_the_platform_decides_without_scripts(browser: Browser, stage: Stage, url: str) -> None:
    house = stage.world.alpha
    with open_session(factories.a_system()) as session:
        other = session.get_one(OutboxMessage, outbox.enqueue(session, "mail.send", {}))
        other.dead_at, other.failures, other.last_error = clock.wall(), 8, "no answer"
        spoiled = str(other.id)
    page = opened(browser, stage, url, ADMIN, PHONE_LIGHT, scripts=False)
    _list_row(page)
    _moderation(page, house.names["rotation_id"])
    _jobs(page, house.names["job"], spoiled)
    _mail(page, house.names["mail"])
    _evidence(page, house.names["house"], house.names["paper_sent"])
    _looking(page, house.names["person"])
    _audit(page)
    page.context.close()


def with_reason(page: Page, form: Locator, button: str, short: str) -> None:
    """The form is refused without a good reason, keeps what was typed, and then goes through."""
    action = form.get_attribute("action")
    form.locator("textarea").fill(short)
    form.get_by_role("button", name=button).click()
    refused(page, "at least 8 letters")
    again = page.locator(f"form[action='{action}']")
    expect(again.locator("textarea")).to_have_value(short)
    again.locator("textarea").fill(WHY)
    again.get_by_role("button", name=button).click()


def _list_row(page: Page) -> None:
    """A specialty's name: what it changes, a reason, saved."""
    page.goto("/admin/lists/specialties?q=cardiology")
    page.get_by_role("link", name="Cardiology", exact=True).click()
    page.fill("#label", "")
    press(page, "See what it changes")
    refused(page, "cannot be empty")
    page.fill("#label", "Heart medicine")
    press(page, "See what it changes")
    expect(page.locator("ins")).to_have_text("Heart medicine")
    press(page, "Save change")
    refused(page, "at least 8 letters")
    assert page.input_value("#label") == "Heart medicine"
    page.fill("#reason", WHY)
    press(page, "Save change")
    said(page, "Saved.")
    kept = rows(select(ListRow).where(ListRow.name == "specialties"))
    assert [(one.values["label"], one.reason) for one in kept] == [("Heart medicine", WHY)]


def _moderation(page: Page, rotation: str) -> None:
    base = f"/admin/moderation/{rotation}"
    page.goto(base)
    with_reason(page, page.locator(f"form[action='{base}/take-down']"), "Take down", "x")
    said(page, "The listing is down")
    assert rows(select(Rotation.taken_down_reason).where(Rotation.id == UUID(rotation))) == [WHY]
    with_reason(page, page.locator(f"form[action='{base}/restore']"), "Give it back", "x")
    said(page, "given back")
    assert rows(select(Rotation.taken_down_at).where(Rotation.id == UUID(rotation))) == [None]


def _jobs(page: Page, failed: str, spoiled: str) -> None:
    page.goto("/admin/jobs")
    for key, act, button in ((failed, "retry", "Try it again"), (spoiled, "discard", "Discard it")):
        form = page.locator(f"form[action='/admin/jobs/{key}/{act}']")
        page.locator("details", has=form).locator("summary").click()
        with_reason(page, form, button, "x")
        said(page, "The job is")
    told = {str(one.id): one for one in rows(select(OutboxMessage))}
    assert (told[failed].dead_at, told[failed].failures) == (None, 0)
    assert told[spoiled].done_at is not None


def _mail(page: Page, waiting: str) -> None:
    page.goto("/admin/mail")
    page.get_by_label("Address or subject").fill("zqplatform")
    press(page, "Apply")
    before = len(rows(select(MailMessage.id)))
    for act, button in (("send-again", "Send it again"), ("discard", "Discard it")):
        form = page.locator(f"form[action^='/admin/mail/{waiting}/{act}']")
        page.locator("details", has=form).locator("summary").click()
        with_reason(page, form, button, "x")
        said(page, "The message is")
        assert page.get_by_label("Address or subject").input_value() == "zqplatform"
    assert len(rows(select(MailMessage.id))) == before
    assert rows(select(MailMessage.state).where(MailMessage.id == UUID(waiting))) == ["discarded"]


def _evidence(page: Page, agency: str, paper: str) -> None:
    """Without an answer nothing is decided; then the paper goes back."""
    page.goto("/admin/verification")
    page.goto(f"/admin/verification/agencies/{agency}")
    page.locator(f"input[name=about][value='{paper}']").check()
    page.fill("#reason", "The year is missing.")
    press(page, "Send decision")
    refused(page, "Choose a decision")
    assert page.input_value("#reason") == "The year is missing."
    expect(page.locator(f"input[name=about][value='{paper}']")).to_be_checked()
    page.locator("input[name=event][value=ask_revision]").check()
    press(page, "Send decision")
    said(page, "reads your answer")
    kept = rows(select(Evidence).where(Evidence.id == UUID(paper)))[0]
    assert (kept.state, kept.reason) == ("revision", "The year is missing.")


def _looking(page: Page, person: str) -> None:
    """View-as: entered with a reason, a form is refused, left."""
    page.goto(f"/admin/people/{person}")
    form = page.locator(f"form[action='/admin/people/{person}/view-as']")
    with_reason(page, form, "Start looking", "x")
    expect(page.get_by_text("You cannot change anything")).to_be_visible()
    page.goto("/me/profile")
    page.locator("main form[method=post] button:visible").first.click()
    expect(page.locator("main")).to_contain_text("Nothing can be sent or changed meanwhile.")
    press(page, "Stop looking")
    assert page.url.endswith(f"/admin/people/{person}")
    kept = rows(select(ViewAs).where(ViewAs.person_id == UUID(person)))
    assert [(one.reason, one.ended_at is None) for one in kept] == [(WHY, False)]


def _audit(page: Page) -> None:
    """What was just done is in the log, and the filters find it."""
    page.goto("/admin/audit")
    page.get_by_label("Kind").select_option("job.discarded")
    press(page, "Apply")
    expect(page.locator("main tbody tr")).to_have_count(1)
    expect(page.locator("main tbody")).to_contain_text(WHY)
    page.get_by_label("To", exact=True).fill("2001-01-01")
    press(page, "Apply")
    expect(page.get_by_text("Nothing in the log fits this filter.")).to_be_visible()
    assert page.get_by_label("Kind").input_value() == "job.discarded"
