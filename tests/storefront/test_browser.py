"""An agency makes its site in Chromium without scripts; everybody can read it, at both widths."""

import re
from collections.abc import Iterator
from html import unescape

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from marketplace.core import context
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.search import jobs as indexing
from marketplace.storefront import operations, site_views, views, workspace_views
from tests import factories
from tests.contracts.shops import open_shop, picture
from tests.payments.double import free_port
from tests.support import rooms
from tests.support.browser import DESK, PHONE, axe, complaints, too_wide, visitor
from tests.support.counts import takes_its_turn
from tests.support.served import served

pytestmark = pytest.mark.browser

PALEST = "#6f6f6f"
"""A colour of its own that the guard just takes: everything in it has to be readable."""


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site([views.room, workspace_views.workspace, site_views.site]) as site:
        yield site


@pytest.fixture
def market(app: Flask) -> factories.Market:
    return factories.market()


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    with served(app) as address:
        yield address


def test_a_site_is_made_without_scripts(
    browser: Browser, url: str, market: factories.Market
) -> None:
    tab = visitor(browser, url, size=DESK, javascript=False)
    tab.set_extra_http_headers({"X-Test-Person": str(market.staff["owner"])})
    page = tab.new_page()
    base = f"/agency/{market.agency_slug}/storefront"
    page.goto(base)
    page.fill("#headline", "Clinics near the lake")
    page.click("text=Save text and colour")
    page.set_input_files("#logo", {"name": "l.png", "mimeType": "image/png", "buffer": picture()})
    page.fill("#alt", "Waves")
    page.click("text=Save logo")
    expect(page.locator("img.shop__logo")).to_have_attribute("alt", "Waves")
    page.click("text=Pages")
    page.click("text=New page")
    page.fill("#title", "Housing")
    page.fill("#text", "# Rooms\n\nNear the **site**.")
    page.click("text=Save and preview")
    expect(page.locator(".shop__preview")).to_contain_text("only your team sees it")
    expect(page.locator(".prose h2")).to_have_text("Rooms")
    page.click(".shop__preview >> text=Publish")
    guest = visitor(browser, url, size=PHONE, javascript=False).new_page()
    guest.goto(f"/agencies/{market.agency_slug}")
    guest.click("summary[aria-label=Menu]")
    guest.click(".top__menu >> text=Housing")
    expect(guest.locator("h1")).to_have_text("Housing")
    assert guest.context.cookies() == []
    guest.context.close()
    tab.close()


def test_everybody_can_read_every_page(
    browser: Browser, url: str, market: factories.Market
) -> None:
    names = open_shop(market, "alpha")
    owner = Actor("agency", market.staff["owner"], market.agency_id, "Maya", "owner")
    with open_session(context.agency(market.agency_id)) as session:
        told = operations.Storefront("By the lake", "We **meet** [you](https://x.org).", PALEST)
        operations.save(session, owner, told)
    base, shop = f"/agency/{market.agency_slug}/storefront", f"/agencies/{market.agency_slug}"
    wrong = []
    for size in (PHONE, DESK):
        tab = visitor(browser, url, size=size)
        tab.set_extra_http_headers({"X-Test-Person": str(market.staff["owner"])})
        page = tab.new_page()
        found = complaints(page)
        paths = (
            base,
            f"{base}/pages",
            f"{base}/pages/{names['own_page']}",
            f"{base}/pages/{names['own_draft']}/preview",
            f"{base}/address",
            shop,
            f"{shop}/pages/{names['site_page']}",
            f"{shop}/widget",
        )
        for at, path in enumerate(paths):
            for look, scheme in enumerate(("light", "dark")):
                if not takes_its_turn(at + int(size == DESK), look, 2):
                    continue
                page.emulate_media(color_scheme=scheme)
                page.goto(path)
                wrong += [f"{path} {size['width']} {scheme}: {one}" for one in axe(page)]
            wrong += [f"{path} {size['width']}: too wide {one}" for one in too_wide(page)]
        wrong += found
        tab.close()
    assert wrong == []


def test_another_website_embeds_what_the_workspace_shows(browser: Browser, migrated: None) -> None:
    """The two lines, as they stand in the workspace, in a page of another origin: with scripts a
    frame with the listings, without them the link."""
    port = free_port()
    used = [views.room, workspace_views.workspace, site_views.site]
    with rooms.site(used, BASE_URL=f"http://127.0.0.1:{port}") as app, served(app, port):
        market = factories.market()
        indexing.rebuild(factories.a_system())  # the index may still be that of another test
        desk = rooms.Browser(app, market.staff["owner"])
        page = desk.get(f"/agency/{market.agency_slug}/storefront").text
        (lines,) = re.findall(r'<pre class="snippet"[^>]*><code>(.*?)</code></pre>', page, re.S)
        with served(website(unescape(lines))) as elsewhere:
            _framed(browser, elsewhere, port, market)
            _linked(browser, elsewhere, port, market)


def website(lines: str) -> Flask:
    """Somebody's own page with these lines in it."""
    head = "<!doctype html><html lang=en><title>Our school</title>"
    html = f"{head}<main><h1>Our school</h1>{lines}</main>"
    site = Flask("elsewhere")
    site.add_url_rule("/", view_func=lambda: html)
    site.add_url_rule("/favicon.ico", "icon", view_func=lambda: ("", 204))
    return site


def _framed(browser: Browser, elsewhere: str, port: int, market: factories.Market) -> None:
    page = visitor(browser, elsewhere, size=PHONE).new_page()
    wrong = complaints(page)
    page.goto("/")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", level=1)).to_contain_text("Rotations of ")
    listing = frame.get_by_role("link", name=re.compile("with Dr. ")).first
    expect(listing).to_have_attribute("href", re.compile(f"/rotations/{market.slug}"))
    expect(listing).to_have_attribute("target", "_blank")
    shown = page.frames[1]
    assert shown.url == f"http://127.0.0.1:{port}/agencies/{market.agency_slug}/widget"
    expect(page.locator("iframe")).to_have_attribute("title", re.compile("^Rotations of "))
    expect(page.locator("a[data-rounds]")).to_have_count(0)
    assert axe(page) == [] and too_wide(page) == []
    assert page.context.cookies() == [] and wrong == []
    page.context.close()


def _linked(browser: Browser, elsewhere: str, port: int, market: factories.Market) -> None:
    page = visitor(browser, elsewhere, size=PHONE, javascript=False).new_page()
    page.goto("/")
    expect(page.locator("iframe")).to_have_count(0)
    page.get_by_role("link", name=re.compile("^Rotations of ")).click()
    page.wait_for_url(f"http://127.0.0.1:{port}/agencies/{market.agency_slug}")
    expect(page.locator(f"a[href*='/rotations/{market.slug}']").first).to_be_visible()
    page.context.close()
