"""An import by keyboard in Chromium: with scripts the page follows, without it reloads itself."""

import pytest
from playwright.sync_api import Browser

from tests import factories
from tests.imports import support
from tests.imports.support import a_file, a_row, a_site
from tests.placements.test_pages_browser import app, found_wrong, opened, url
from tests.support.browser import DESK, PHONE, complaints
from tests.support.counts import takes_its_turn
from tests.support.keyboard import Hands

pytestmark = pytest.mark.browser
__all__ = ["app", "url"]  # fixtures


@pytest.mark.parametrize(
    ("size", "javascript"), [(PHONE, False), (DESK, True)], ids=["no scripts", "scripts"]
)
def test_a_file_goes_in_and_out_again(
    browser: Browser,
    url: str,
    size: dict[str, int],
    javascript: bool,
) -> None:
    market = factories.market()
    page = opened(browser, url, market.staff["coordinator"], size, javascript=javascript)
    wrong = complaints(page)
    hands = Hands(page)
    hands.open(f"/agency/{market.agency_slug}/import")
    hands.to("link", "Import Sites")
    hands.follow()
    page.get_by_label("Your file").set_input_files(
        {"name": "my.csv", "mimeType": "text/csv", "buffer": a_file(a_site())}
    )
    hands.to("button", "Check file")
    hands.follow()
    hands.to("button", "Import 1 site")
    hands.follow()
    page.get_by_role("progressbar").wait_for()
    factories.run_outbox("imports.run")
    page.get_by_text("Your row is in").wait_for(timeout=15_000)
    assert len(support.rows_of(support.export(market, "sites"))) == 2
    hands.to("button", "Undo import")
    hands.follow()
    page.get_by_role("progressbar").wait_for()
    factories.run_outbox("imports.undo")
    page.get_by_text("Everything is as it was before").wait_for(timeout=15_000)
    assert len(support.rows_of(support.export(market, "sites"))) == 1
    assert wrong == []
    page.context.close()


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_every_page_is_accessible_and_fits(
    browser: Browser,
    url: str,
    size: dict[str, int],
) -> None:
    market = factories.market()
    bad = support.upload(market, "listings", a_file(a_row(market, prices="many " * 20)))
    good = support.upload(market, "listings", a_file(a_row(market)))
    waits = support.upload(market, "offerings", a_file(support.a_start(market)))
    support.start(market, waits)
    done = support.bring_in(market, "attendings", a_file(support.a_doctor(1)))
    base = f"/agency/{market.agency_slug}/import"
    page = opened(browser, url, market.staff["owner"], size)
    found = []
    kinds = [f"{base}/{kind}" for kind in ("sites", "attendings", "listings", "offerings")]
    paths = (base, *kinds, *(f"{base}/{key}" for key in (bad, good, done.id)))
    look = int(size == DESK)
    for path in (one for at, one in enumerate(paths) if takes_its_turn(at, look, 2)):
        page.goto(path)
        found += found_wrong(page, f"import {path.rsplit('/')[-1][-9:]}", size)
    assert found == []
    page.context.close()
