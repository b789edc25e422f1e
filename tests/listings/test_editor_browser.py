"""A new agency's way to its first listing in Chromium, counted; every page at both widths."""

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page
from sqlalchemy import select
from werkzeug.serving import WSGIRequestHandler, make_server

from marketplace.bookings import workspace_views as home_views
from marketplace.core import clock, events
from marketplace.core.db import ScopedSession, open_session
from marketplace.listings import (
    availability_views,
    editor_views,
    place_views,
    signing_views,
    workspace_views,
)
from marketplace.listings.events import SignatureAsked
from marketplace.listings.models import Attending, Rotation
from marketplace.placements import own_views
from marketplace.tenants.models import Agency
from marketplace.verification import views as verification_views
from tests import factories
from tests.payments.double import free_port
from tests.support import rooms
from tests.support.browser import DESK, PHONE, axe, chromium, complaints, too_wide, visitor

pytestmark = pytest.mark.browser

ROOMS = (
    workspace_views.workspace,
    editor_views.editor,
    place_views.places_room,
    availability_views.calendar,
    signing_views.signing_room,
    own_views.own,
    home_views.workspace,
    verification_views.door,
    verification_views.owner,
)
MOST, MOST_FOR_A_COPY = 40, 8
PICTURES = os.environ.get("PAGE_PICTURES", "")
NPI = "1234567893"


class Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site(ROOMS) as site:
        yield site


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    port = free_port()
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=Quiet)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []

    def keep(session: ScopedSession, event: SignatureAsked) -> None:
        sent.append(event.token)

    known = events._subscribers[SignatureAsked]
    monkeypatch.setitem(events._subscribers, SignatureAsked, [*known, keep])
    return sent


def opened(browser: Browser, url: str, who: UUID | None, **more: Any) -> Page:
    tab = visitor(browser, url, **more)
    if who is not None:
        tab.set_extra_http_headers({rooms._PERSON: str(who)})
    return tab.new_page()


class Hand:
    """A person's hand: every click and every field that is filled counts."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def click(self, role: str, name: str) -> None:
        self.count += 1
        self.page.get_by_role(role, name=name, exact=True).first.click()  # type: ignore[arg-type]
        self.page.wait_for_load_state()

    def section(self, name: str) -> None:
        """A section of the editor, by the list beside it."""
        self.count += 1
        self.page.locator("#edit-nav a", has_text=name).first.click()
        self.page.wait_for_load_state()

    def fill(self, label: str, text: str) -> None:
        self.count += 1
        self.page.get_by_label(label, exact=True).fill(text)

    def choose(self, label: str, value: str) -> None:
        self.count += 1
        self.page.get_by_label(label, exact=True).select_option(value)

    def tick(self, selector: str) -> None:
        self.count += 1
        self.page.locator(selector).check(force=True)


def sign_up_an_agency(hand: Hand) -> str:
    """A signed-in person opens an agency; then the platform approves its papers."""
    hand.page.goto("/agencies/new")
    hand.fill("Name of the agency", "Quayside Rotations")
    hand.tick("#may_act")
    hand.click("button", "Open my agency")
    with open_session(factories.a_system()) as session:
        row = session.scalars(select(Agency)).one()
        row.state, row.is_public = "verified", True
        return row.slug


def looked_up() -> None:
    """What the platform's look-up of the new doctor finds."""
    with open_session(factories.a_system()) as session:
        doctor = session.scalars(select(Attending).where(Attending.npi == NPI)).one()
        doctor.verified_until = clock.now().date() + timedelta(days=300)


def listed() -> Rotation:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.scalars(select(Rotation).order_by(Rotation.id.desc())).first()


def write_the_first_listing(hand: Hand, home: str) -> None:
    hand.page.goto(f"{home}/sites")
    hand.click("link", "Add a site")
    hand.fill("Name", "Harbor Street Clinic")
    hand.fill("City", "Chicago, IL")
    hand.click("button", "Add this site")
    hand.click("link", "Attendings")
    hand.click("link", "Invite an attending")
    hand.fill("NPI", NPI)
    hand.fill("E-mail", "nora@example.org")
    hand.fill("First and last name (optional)", "Nora Vale")
    hand.choose("Specialty (optional)", "cardiology")
    hand.click("button", "Invite")
    hand.click("link", "Listings")
    hand.click("link", "New listing")
    hand.choose("Type", "externship")
    hand.click("button", "Make the draft")
    hand.fill("What a day is like", "Clinic four days a week, teaching on Friday.")
    hand.click("button", "Scope of activities")
    hand.choose("Take a patient's history", "supervised")
    hand.choose("Physical examination", "supervised")
    hand.choose("Present a patient to the doctor", "yes")
    hand.section("Blocks and prices")
    hand.fill("4 weeks", "1650")
    hand.section("Letter policy")
    hand.tick("#policy-writes-when-earned")
    hand.click("button", "Start dates")
    hand.click("button", "Add these starts")
    hand.click("link", "Check and publish")
    hand.click("button", "Ask Dr. Vale to sign")


def sign(browser: Browser, url: str, token: str) -> int:
    hand = Hand(opened(browser, url, None))
    hand.count += 1
    hand.page.goto(f"/sign/{token}")
    for box in hand.page.locator('input[type=radio][value="y"]').all():
        if not box.is_checked():
            hand.count += 1
            box.check(force=True)
    hand.tick("#sure")
    hand.fill("Your full name", "Nora Vale")
    hand.count += 1
    hand.page.get_by_role("button", name=re.compile("Sign version")).click()
    hand.page.wait_for_url("**/sign/**")
    assert "You signed this list" in hand.page.content()
    factories.run_outbox("listings.signature_decided")
    hand.page.context.close()
    return hand.count


def test_from_an_empty_catalog_to_a_live_co_signed_listing(
    app: Flask, browser: Browser, url: str, tokens: list[str]
) -> None:
    with open_session(factories.a_system()) as session:
        owner = factories.person(session, "Maya Owner").id
    hand = Hand(opened(browser, url, owner))
    wrong = complaints(hand.page)
    slug = sign_up_an_agency(hand)
    write_the_first_listing(hand, f"/agency/{slug}")
    looked_up()  # the platform's part
    signing = sign(browser, url, tokens[-1])
    hand.section("Check and publish")
    hand.click("button", "Publish version 1")
    row = listed()
    assert (row.state, row.level, row.signed_version) == ("published", "hands-on-outpatient", 1)
    print(f"{hand.count} interactions of the agency, {signing} of the attending")
    assert hand.count + signing <= MOST, f"{hand.count} of the agency, {signing} of the attending"
    assert wrong == []
    _copy(browser, url, tokens, hand, slug)


def _copy(browser: Browser, url: str, tokens: list[str], first: Hand, slug: str) -> None:
    hand = Hand(first.page)
    hand.page.goto(f"/agency/{slug}/listings/{listed().slug}")
    hand.click("button", "Copy")
    hand.click("button", "Add these starts")
    hand.click("link", "Check and publish")
    hand.click("button", "Ask Dr. Vale to sign")
    signing = sign(browser, url, tokens[-1])
    hand.section("Check and publish")
    hand.click("button", "Publish version 1")
    row = listed()
    assert row.state == "published" and row.copied_from is not None
    assert hand.count <= MOST_FOR_A_COPY, f"{hand.count}, and {signing} of the attending"


def test_a_draft_saves_itself_and_the_preview_follows(
    app: Flask, browser: Browser, url: str
) -> None:
    market = factories.market()
    page = opened(browser, url, market.staff["owner"])
    wrong = complaints(page)
    base = f"/agency/{market.agency_slug}/listings/{market.slug}"
    page.goto(f"{base}/edit/basics")
    page.get_by_label("Title", exact=True).fill("A quiet clinic")
    page.get_by_label("Hours a week").click()
    page.locator("#edit-preview", has_text="A quiet clinic").wait_for()
    assert "Draft of version 2" in page.locator("#edit-state").inner_text()
    page.get_by_label("Hours a week").fill("999")
    page.get_by_label("Title", exact=True).click()
    page.locator("#save-state", has_text="Not saved yet").wait_for()
    page.get_by_label("Hours a week").fill("30")
    page.get_by_label("Title", exact=True).fill("A very quiet clinic")
    page.locator("#edit-nav a", has_text="Letter policy").first.click()  # not saved: goes along
    page.wait_for_url("**/edit/letter")
    page.goto(f"{base}/check")
    words = page.locator("#diff").inner_text()
    assert "A very quiet clinic" in words and "Hours a week" in words and "30" in words
    assert [line for line in wrong if "422" not in line] == []
    assert listed().title == "Cardiology clinic externship"


def test_the_editor_without_scripts(app: Flask, browser: Browser, url: str) -> None:
    market = factories.market()
    page = opened(browser, url, market.staff["owner"], size=PHONE, javascript=False)
    base = f"/agency/{market.agency_slug}/listings/{market.slug}"
    page.goto(f"{base}/edit/price")
    page.get_by_label("4 weeks", exact=True).fill("1500")
    page.get_by_role("button", name="Save and compute").click()
    assert page.get_by_label("4 weeks", exact=True).input_value() == "1500"
    page.get_by_role("button", name="Cancellation").click()
    page.get_by_label("Firm").check()
    page.get_by_role("button", name="Letter policy").click()
    page.goto(f"{base}/check")
    assert "$1,500" in page.locator("#diff").inner_text()
    page.get_by_role("button", name="Publish version 2").click()
    assert listed().version == 2


def test_every_page_of_the_catalog(app: Flask, browser: Browser, url: str) -> None:
    market = factories.market()
    home = f"/agency/{market.agency_slug}"
    at = f"{home}/listings/{market.slug}"
    sections = ("basics", "scope", "people", "price", "cancellation", "letter", "dates")
    paths = [f"{at}/edit/{key}" for key in sections]
    paths += [at, f"{at}/check", f"{at}/preview", f"{home}/listings", f"{home}/listings/new"]
    paths += [f"{home}/sites", f"{home}/sites/new", f"{home}/attendings"]
    paths += [f"{home}/attendings/invite", f"{home}/availability"]
    paths += [f"{home}/availability/{market.offerings[0]}"]
    wrong: list[str] = []
    for size in (DESK, PHONE):
        page = opened(browser, url, market.staff["owner"], size=size)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            for path in paths:
                page.goto(path)
                wrong += [f"{path} {theme}: {one}" for one in (*axe(page), *too_wide(page))]
        page.context.close()
    doctor = opened(browser, url, market.attending_id, size=PHONE)
    for path in ("/attending/capacity", "/attending/delegates"):
        doctor.goto(path)
        wrong += [f"{path}: {one}" for one in (*axe(doctor), *too_wide(doctor))]
        if PICTURES:
            doctor.screenshot(path=Path(PICTURES) / f"{path[11:]}.png", full_page=True)
    assert wrong == []


def test_the_scope_by_keyboard(app: Flask, browser: Browser, url: str) -> None:
    market = factories.market()
    page = opened(browser, url, market.staff["owner"])
    page.goto(f"/agency/{market.agency_slug}/listings/{market.slug}/edit/scope")
    page.get_by_label("Measure vital signs").focus()
    page.keyboard.press("s")  # Supervised
    page.locator("#edit-state", has_text="Draft of version 2").wait_for()
    page.get_by_role("button", name="Who can come").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/edit/people")
