"""The work side in Chromium: every page on a phone and a desk, and the decision without scripts."""

import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from marketplace.app import ROOMS
from marketplace.bookings.events import AttendingAsked
from marketplace.core import context, events
from marketplace.core.db import ScopedSession, open_session
from marketplace.listings import operations as listings
from marketplace.listings.events import SignatureAsked
from marketplace.listings.models import Rotation
from marketplace.reviews import jobs as review_jobs
from marketplace.reviews import operations as reviews
from tests import factories
from tests.imports.support import a_file, a_row
from tests.support import rooms
from tests.support.browser import DESK, PHONE, axe, complaints, too_wide, visitor
from tests.support.counts import takes_its_turn
from tests.support.served import served

pytestmark = pytest.mark.browser

# where to keep pictures of the pages, for people who want to look at them
PICTURES = os.environ.get("PAGE_PICTURES", "")


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site(ROOMS) as site:
        yield site


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    with served(app) as address:
        yield address


@pytest.fixture
def links(monkeypatch: pytest.MonkeyPatch) -> dict[UUID, str]:
    """The links that went into e-mails, by booking or rotation."""
    sent: dict[UUID, str] = {}

    def decide(session: ScopedSession, event: AttendingAsked) -> None:
        sent[event.booking_id] = f"/decide/{event.token}"

    def sign(session: ScopedSession, event: SignatureAsked) -> None:
        sent[event.rotation_id] = f"/sign/{event.token}"

    for kind, keep in ((AttendingAsked, decide), (SignatureAsked, sign)):
        monkeypatch.setitem(events._subscribers, kind, [*events._subscribers[kind], keep])
    return sent


def opened(
    browser: Browser, url: str, who: UUID | None, size: dict[str, int], **more: bool
) -> Page:
    """A window of somebody; nobody's without a person."""
    tab = visitor(browser, url, size=size, **more)
    if who is not None:
        tab.set_extra_http_headers({rooms._PERSON: str(who)})
    return tab.new_page()


def found_wrong(page: Page, name: str, size: dict[str, int]) -> list[str]:
    """What is wrong with the page as it stands, each with the page's name."""
    if PICTURES:
        file = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        page.screenshot(path=Path(PICTURES) / f"{file}-{size['width']}.png", full_page=True)
    return [f"{name}: {text}" for text in (*axe(page), *too_wide(page))]


def unsigned(market: factories.Market) -> UUID:
    """A draft beside the published listing, waiting for its signature; answers the request."""
    with open_session(factories.a_system()) as session:
        row = factories.rotation(
            session,
            market.agency_id,
            market.site_id,
            market.attending_id,
            state="draft",
            signed_version=None,
        )
        key = row.id
    with open_session(context.agency(market.agency_id)) as session:
        return listings.ask_signature(session, market.staff_actor, key).id


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_every_page_is_accessible_and_fits(
    browser: Browser, url: str, links: dict[UUID, str], size: dict[str, int]
) -> None:
    market = factories.market(capacity=5)
    stars = {row["slug"]: 5 for row in reviews.dimensions()}
    reviewed = factories.booking(market, factories.candidate("Rita Rated"), "cancelled_by_provider")
    over = factories.booking(market, factories.candidate("Olga Over"), "completed")
    with open_session(reviewed.candidate.scope) as session:
        written = reviews.Written(stars, {}, "They cancelled a week before.", confirmed=True)
        reviews.write(session, reviewed.candidate.actor, reviewed.id, written)
    factories.clock.advance(reviews.RELEASE_AFTER)
    review_jobs.release_due(context.system("test"))
    later = {"weeks_ahead": (20, 24, 28), "capacity": 5}
    second = factories.market(**later)
    asked = factories.booking(second, factories.candidate("Amara Nwosu"), "approved")
    new = factories.booking(second, factories.candidate("Nina New"), "requested")
    sure = factories.booking(second, factories.candidate("Sara Sure"), "confirmed")
    signature = unsigned(second)
    with open_session(factories.a_system(), readonly=True) as session:
        drafts = session.query(Rotation).filter_by(state="draft").all()
        draft = drafts[0].slug, drafts[0].id
    home, other = f"/agency/{market.agency_slug}", f"/agency/{second.agency_slug}"
    pages = [
        (market.staff["owner"], home),
        (market.staff["owner"], f"{home}/reviews"),
        (market.staff["owner"], f"{home}/bookings/{over.reference}"),
        (second.staff["owner"], other),
        (second.staff["owner"], f"{other}/bookings?view=all"),
        (second.staff["owner"], f"{other}/bookings?view=here"),
        (second.staff["owner"], f"{other}/bookings/{new.reference}"),
        (second.staff["read-only"], f"{other}/bookings/{sure.reference}"),
        (second.staff["owner"], f"{other}/bookings/{sure.reference}/cancel"),
        (second.staff["owner"], f"{other}/listings"),
        (second.staff["owner"], f"{other}/listings/{draft[0]}"),
        (second.staff["owner"], f"{other}/import"),
        (second.attending_id, "/attending"),
        (second.attending_id, f"/attending/bookings/{asked.reference}"),
        (second.attending_id, f"/attending/sign/{signature}"),
        (market.attending_id, f"/attending/bookings/{over.reference}"),
        (None, links[asked.id]),
        (None, f"{links[asked.id]}/wrong"),
        (None, links[draft[1]]),
        (over.candidate.id, f"/me/bookings/{over.reference}/review"),
    ]
    found: list[str] = []
    look = int(size == DESK)
    for who, path in (one for at, one in enumerate(pages) if takes_its_turn(at, look, 2)):
        page = opened(browser, url, who, size)
        wrong = complaints(page)
        answer = page.goto(path)
        assert answer is not None and answer.status == 200, path
        name = re.sub(r"(decide|sign)/[^/]{30,}", r"\1/token", path)
        found += [*found_wrong(page, name, size), *wrong]
        page.context.close()
    assert found == []


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_a_faulty_import_says_where(browser: Browser, url: str, size: dict[str, int]) -> None:
    market = factories.market()
    rows = a_row(market, capacity="many", starts="2027-03-02"), a_row(market, external_id="b")
    page = opened(browser, url, market.staff["owner"], size)
    page.goto(f"/agency/{market.agency_slug}/import/listings")
    content = io.BytesIO(a_file(*rows)).getvalue()
    page.get_by_label("Your file").set_input_files(
        {"name": "my.csv", "mimeType": "text/csv", "buffer": content}
    )
    page.get_by_role("button", name="Check file").click()
    page.get_by_text("One bad row stops the whole file").wait_for()
    assert found_wrong(page, "import faults", size) == []
    page.context.close()


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_attending_answers_from_the_mail(
    browser: Browser, url: str, links: dict[UUID, str], size: dict[str, int], javascript: bool
) -> None:
    market = factories.market()
    asked = factories.booking(market, factories.candidate(), "approved")
    page = opened(browser, url, None, size, javascript=javascript)
    page.goto(links[asked.id])
    page.get_by_text("Decline", exact=True).first.click()
    page.locator("#decline").get_by_role("button", name="Decline").click()
    page.get_by_text("Choose a reason").first.wait_for()
    assert asked.state == "approved"
    page.get_by_role("button", name=re.compile("^Accept ")).click()
    page.get_by_role("heading", name="Amara will join you").wait_for()
    assert asked.state == "accepted"
    if javascript:
        assert found_wrong(page, "accepted", size) == []
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("heading", name="Can Amara Nwosu join you").wait_for()
    assert asked.state == "approved"
    page.context.close()


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_agency_approves_and_declines_at_its_desk(
    browser: Browser, url: str, size: dict[str, int]
) -> None:
    market = factories.market()
    one = factories.booking(market, factories.candidate(), "requested")
    two = factories.booking(market, factories.candidate("Berta Two"), "requested")
    page = opened(browser, url, market.staff["coordinator"], size)
    page.goto(f"/agency/{market.agency_slug}")
    page.get_by_role("link", name=re.compile("Answer.*Amara")).click()
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("has 72 hours to answer").wait_for()
    assert one.state == "approved"
    page.goto(f"/agency/{market.agency_slug}/bookings/{two.reference}")
    page.get_by_role("link", name="Decline").click()
    page.get_by_role("button", name="Decline request").click()
    page.get_by_text("Choose a reason").first.wait_for()
    assert found_wrong(page, "decline without a reason", size) == []
    page.get_by_label("These dates are no longer free").check()
    page.get_by_role("button", name="Decline request").click()
    page.get_by_text("the seat is free again").wait_for()
    assert two.state == "declined"
    page.context.close()
