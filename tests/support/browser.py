"""Chromium for journeys, and axe for accessibility."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
ABORTED = "net::ERR_ABORTED"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
AXE = Path(__file__).parent.parent / "vendor" / "axe-core" / "axe.min.js"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# --no-sandbox: root and most containers cannot use the sandbox; only our own pages are opened
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


class NoChromium(Exception):
    """There is no Chromium to test with. The message says in one line what to install."""


def chromium_path(downloaded: str = "") -> str:
    """Chromium's path: CHROMIUM, else on PATH, else Playwright's own. Raises NoChromium."""
    named = os.environ.get("CHROMIUM")
    for found in (named, *map(shutil.which, NAMES), downloaded):
        if found and Path(found).exists():
            return found
    raise NoChromium(
        "Chromium is not installed. On Debian or Ubuntu: sudo apt-get install chromium "
        "(or: .venv/bin/python -m playwright install chromium)"
    )


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running headless Chromium. Raises NoChromium."""
    with sync_playwright() as playwright:
        path = chromium_path(playwright.chromium.executable_path)
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def visitor(
    browser: Browser, base_url: str, *, size: dict[str, int] = DESK, javascript: bool = True
) -> BrowserContext:
    """A fresh visitor: no cookies, a given window size, with or without JavaScript."""
    return browser.new_context(
        base_url=base_url,
        viewport={"width": size["width"], "height": size["height"]},
        java_script_enabled=javascript,
        reduced_motion="reduce",
        locale="en-US",
        has_touch=size["width"] < 500,
    )


def complaints(page: Page) -> list[str]:
    """A list that fills with everything that goes wrong on this page from now on.

    Script errors, console errors (broken CSP included), and requests that could not be made.
    """
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(f"script: {error}"))
    page.on(
        "console",
        lambda message: (
            found.append(f"console: {message.text} {message.location.get('url', '')}")
            if message.type == "error"
            else None
        ),
    )
    page.on(
        "requestfailed",
        lambda request: (
            # a page that is left before its icon came cancels that request
            found.append(f"request: {request.url}") if request.failure != ABORTED else None
        ),
    )
    return found


@cache
def _axe_source() -> str:
    return AXE.read_text(encoding="utf-8")


def axe(page: Page) -> list[str]:
    """WCAG 2.2 A and AA violations of the page as it stands, a line for each element."""
    page.evaluate(_axe_source())
    result: dict[str, Any] = page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", AXE_TAGS
    )
    return [
        f"{violation['id']} ({violation['impact']}): {' '.join(map(str, node['target']))} "
        f"{node['failureSummary']}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


def too_wide(page: Page) -> list[str]:
    """Elements that make the page scroll sideways, outermost first; none on a good page."""
    wide: list[str] = page.evaluate(
        """() => {
            const width = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= width) return [];
            return [...document.body.querySelectorAll('*')]
                .filter(el => el.getBoundingClientRect().left + el.scrollWidth > width + 1)
                .slice(0, 10)
                .map(el => `${el.tagName.toLowerCase()}.${el.className}`);
        }"""
    )
    return wide
