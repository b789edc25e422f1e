"""Chromium for journeys, and axe for accessibility."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
PATIENCE_MS = 20_000  # a page is soon there, but not on a machine that does three things at once
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
    expect.set_options(timeout=PATIENCE_MS)
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


_TAB_STOPS = """() => {
    const radios = new Set();
    const stops = [...document.querySelectorAll(
        'a[href], button, input, select, textarea, summary, [tabindex], [contenteditable=true]'
    )].filter(el => {
        if (el.disabled || el.tabIndex < 0 || el.type === 'hidden') return false;
        if (el.closest('[inert]')) return false;
        if (!el.checkVisibility({visibilityProperty: true})) return false;
        const folds = el.tagName === 'SUMMARY';
        if (folds && el !== el.parentElement.querySelector('summary')) return false;
        if (el.type !== 'radio') return true;
        const group = `${el.form ? [...document.forms].indexOf(el.form) : ''} ${el.name}`;
        const chosen = [...document.querySelectorAll('input[type=radio]')].some(
            one => one.name === el.name && one.form === el.form && one.checked && !one.disabled
        );
        if (chosen ? !el.checked : radios.has(group)) return false;
        radios.add(group);
        return true;
    });
    window.stopsOfTab = stops;
    return stops.map(el => {
        const name = (el.getAttribute('aria-label') || el.name || el.textContent).trim();
        return `${el.tagName.toLowerCase()} ${name.slice(0, 40)}`;
    });
}"""
_HERE = """() => {
    const el = document.activeElement;
    const marked = one => one && (s => s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0)(
        getComputedStyle(one));
    const near = [el, el.nextElementSibling, document.querySelector(
        `label[for="${CSS.escape(el.id || '-')}"]`)];
    for (let up = el.parentElement, n = 0; up && n < 5; up = up.parentElement, n++) near.push(up);
    const shown = near.some(marked) || getComputedStyle(el).boxShadow !== 'none';
    return [window.stopsOfTab.indexOf(el), shown];
}"""
_PARTS_OF_A_DATE = 4  # month, day, year and the calendar's button are stops of their own


def tab_walk(page: Page) -> list[str]:
    """What the Tab key does wrong on this page: a control that it does not reach, one that it
    reaches out of order, one that does not show that it has the focus. Empty when all is well."""
    names: list[str] = page.evaluate(_TAB_STOPS)
    page.evaluate("() => { document.activeElement.blur(); window.scrollTo(0, 0); }")
    reached: list[int] = []
    wrong: list[str] = []
    for _ in range(len(names) * _PARTS_OF_A_DATE):
        page.keyboard.press("Tab")
        at, shown = page.evaluate(_HERE)
        if at in reached[:-1] or (at < 0 and reached):
            break  # once around
        if at not in reached:
            reached.append(at)
            wrong += [] if shown else [f"shows no focus: {names[at]}"]
    wrong += [f"not reached: {name}" for at, name in enumerate(names) if at not in reached]
    if reached != sorted(reached):
        wrong.append("not in the order of the page")
    return wrong
