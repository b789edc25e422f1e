"""Every screen of the workspace, of the attending and of the platform in Chromium: axe, nothing
sticking out, a clean console; and forms that need no script."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.contracts import routes
from tests.contracts.callers import ADMIN, BY_KEY, Actor
from tests.contracts.conftest import Stage
from tests.contracts.routes import ROWS, Row
from tests.support.browser import DESK, PHONE, axe, complaints, tab_walk, too_wide, visitor
from tests.support.counts import takes_its_turn
from tests.support.served import served

pytestmark = pytest.mark.browser

Look = tuple[dict[str, int], str]
LOOKS: tuple[Look, ...] = tuple(
    (size, theme) for theme in ("light", "dark") for size in (DESK, PHONE)
)
_FILES = re.compile(r"\.(csv|ics|css|png|txt|zip)$|/file$|/export$|/stripe$")


def actor_of(row: Row) -> Actor | None:
    """Who looks at this screen; None when it is no screen of the work side."""
    if row.method != "GET" or row.ok != 200 or _FILES.search(row.path):
        return None
    if row.who == routes.ADMIN:
        return ADMIN
    if row.path.startswith("/attending"):
        return BY_KEY["attending-alpha"]
    return BY_KEY["owner-alpha"] if row.of_agency else None


SCREENS = [(row, actor) for row in ROWS if (actor := actor_of(row)) is not None]


@pytest.fixture
def url(stage: Stage) -> Iterator[str]:
    with served(stage.app) as address:
        yield address


def opened(
    browser: Browser, stage: Stage, url: str, actor: Actor, look: Look, *, scripts: bool = True
) -> Page:
    """A browser that this person has signed in with."""
    size, theme = look
    tab = visitor(browser, url, size=size, javascript=scripts)
    name, _, value = stage.call.cookie(actor).partition("=")
    tab.add_cookies(
        [{"name": name, "value": value, "url": url}, {"name": "theme", "value": theme, "url": url}]
    )
    return tab.new_page()


def test_there_are_screens_of_every_side() -> None:
    assert {actor.kind for _, actor in SCREENS} == {"staff", "attending", "admin"}
    assert len(SCREENS) > 60


@pytest.mark.parametrize(
    "look",
    range(len(LOOKS)),
    ids=lambda at: ["desk-light", "phone-light", "desk-dark", "phone-dark"][at],
)
def test_everybody_can_read_every_screen(
    browser: Browser, stage: Stage, url: str, look: int
) -> None:
    """Widths and themes take turns over the screens; `bin/test --full` takes all four for each."""
    mine = [one for at, one in enumerate(SCREENS) if takes_its_turn(at, look, len(LOOKS))]
    wrong: list[str] = []
    for who in sorted({actor for _, actor in mine}, key=lambda actor: actor.key):
        page = opened(browser, stage, url, who, LOOKS[look])
        said = complaints(page)
        for row in (row for row, actor in mine if actor is who):
            path = row.path.format(**stage.world.alpha.names)
            answer = page.goto(path)
            assert answer is not None and answer.status == 200, path
            wrong += [f"{row.path}: {one}" for one in (*axe(page), *too_wide(page))]
        wrong += said
        page.context.close()
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without"])
def test_the_tab_key_reaches_everything(
    browser: Browser, stage: Stage, url: str, scripts: bool
) -> None:
    """Screens take turns; `bin/test --full` walks all of them both ways."""
    mine = [one for at, one in enumerate(SCREENS) if takes_its_turn(at, 0 if scripts else 4, 8)]
    wrong: list[str] = []
    for who in sorted({actor for _, actor in mine}, key=lambda actor: actor.key):
        page = opened(browser, stage, url, who, LOOKS[0], scripts=scripts)
        for row in (row for row, actor in mine if actor is who):
            page.goto(row.path.format(**stage.world.alpha.names))
            wrong += [f"{row.path}: {one}" for one in tab_walk(page)]
        page.context.close()
    assert not wrong, "\n".join(wrong)


def test_every_screen_works_without_scripts_and_by_keyboard(stage: Stage) -> None:
    """Forms have a real method and address, a button that sends them and a token where one is
    needed; every control is a native one that the keyboard reaches in the order of the page."""
    wrong: list[str] = []
    for row, actor in SCREENS:
        path = row.path.format(**stage.world.alpha.names)
        html = stage.call.send(actor, "GET", path).text
        wrong += [f"{row.path}: {one}" for one in scripts_needed(html)]
    assert not wrong, "\n".join(wrong)


_OPEN = re.compile(r"/theme$|/news/")  # forms of every page, public ones too: no token
_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.S)
_BUTTON = re.compile(r"<button\b(?![^>]*type=\"button\")|<input\b[^>]*type=\"submit\"")
_OUTSIDE = re.compile(r'<button\b[^>]*\bform="([^"]+)"')


def scripts_needed(html: str) -> list[str]:
    """What on this page does nothing without scripts."""
    wrong: list[str] = []
    outside = set(_OUTSIDE.findall(html))
    for attributes, inside in _FORM.findall(html):
        found = dict(re.findall(r'([\w-]+)="([^"]*)"', attributes))
        name = found.get("action", "no action")
        if not found.get("action", "").startswith("/"):
            wrong.append(f"a form without an address: {attributes[:80]}")
        if found.get("method", "").lower() not in ("get", "post"):
            wrong.append(f"{name}: no method")
        if not _BUTTON.search(inside) and found.get("id", "-") not in outside:
            wrong.append(f"{name}: no button sends it")
        if (
            found.get("method") == "post"
            and 'name="csrf_token"' not in inside
            and not _OPEN.match(name)
        ):
            wrong.append(f"{name}: no token")
    for tag in re.findall(r"<a\b[^>]*>", html):
        if 'href="' not in tag or 'href="#"' in tag or "javascript:" in tag:
            wrong.append(f"a link that leads nowhere: {tag[:80]}")
    for tag in re.findall(r"<(?:div|span|tr|li|td)\b[^>]*\bhx-(?:get|post)=[^>]*>", html):
        wrong.append(f"only a script sends this: {tag[:80]}")
    for tag in re.findall(r'<[a-z]+\b[^>]*\btabindex="[1-9][^>]*>', html):
        wrong.append(f"breaks the order of the Tab key: {tag[:80]}")
    for tag in re.findall(r'<(?:div|span|li|tr|td|p)\b[^>]*\brole="(?:button|link)"[^>]*>', html):
        wrong.append(f"a control that no key reaches: {tag[:80]}")
    return wrong
