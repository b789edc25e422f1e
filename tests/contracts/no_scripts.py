"""A phone on which no script runs: what a journey does on it, and what the database says then."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import ColumnElement, select

from marketplace.core.db import open_session
from tests import factories
from tests.contracts.callers import Actor
from tests.contracts.conftest import Stage
from tests.contracts.test_screens_browser import LOOKS, opened
from tests.support.browser import too_wide

PHONE_LIGHT = LOOKS[1]
Row = TypeVar("Row")
Name = str | re.Pattern[str]


@dataclass(frozen=True)
class Quiet:
    """One person's phone without scripts. `base` is the address that `go` starts from."""

    page: Page
    base: str = ""

    def go(self, path: str = "") -> None:
        """Open a page below `base`; it answers and fits the phone."""
        answer = self.page.goto(f"{self.base}{path}")
        assert answer is not None and answer.status == 200, path
        assert too_wide(self.page) == [], path

    def press(self, name: Name, inside: Locator | None = None) -> None:
        """Press the first button of this name and see a whole page as the answer."""
        where = inside or self.page
        where.get_by_role("button", name=name, exact=isinstance(name, str)).first.click()
        self._whole()

    def follow(self, name: Name) -> None:
        """Follow the first link of this name."""
        self.page.get_by_role("link", name=name, exact=isinstance(name, str)).first.click()
        self._whole()

    def unfold(self, name: Name) -> Locator:
        """Open a native fold by its summary; returns it."""
        fold = self.page.locator("details", has=self.page.locator("summary", has_text=name)).last
        fold.locator("summary").first.click()
        return fold

    def refused(self, words: Name, **typed: str) -> None:
        """The form came back: a summary, the message, and what was typed, by the field's id."""
        expect(self.page.get_by_role("alert")).to_contain_text("attention")
        expect(self.page.locator(".field__err", has_text=words).first).to_be_visible()
        for field, value in typed.items():
            expect(self.page.locator(f"[id='{field}']")).to_have_value(value)

    def sees(self, words: Name) -> None:
        """These words stand on the page."""
        expect(self.page.get_by_text(words).first).to_be_visible()

    def file(self, name: Name, inside: Locator | None = None) -> bytes:
        """Press a button or follow a link that answers with a file; returns its content."""
        where = inside or self.page
        exact = isinstance(name, str)
        button = where.get_by_role("button", name=name, exact=exact)
        with self.page.expect_download() as coming:
            button.or_(where.get_by_role("link", name=name, exact=exact)).first.click()
        return Path(coming.value.path()).read_bytes()

    def _whole(self) -> None:
        self.page.wait_for_load_state()
        expect(self.page.locator("main#main")).to_have_count(1)  # never a bare fragment


@contextmanager
def quiet(browser: Browser, stage: Stage, url: str, who: Actor, base: str = "") -> Iterator[Quiet]:
    """A phone without scripts that this person has signed in with."""
    page = opened(browser, stage, url, who, PHONE_LIGHT, scripts=False)
    yield Quiet(page, base)
    page.context.close()


def stored(model: type[Row], *where: ColumnElement[bool]) -> list[Row]:
    """The rows as the database has them."""
    with open_session(factories.a_system(), readonly=True) as session:
        return list(session.scalars(select(model).where(*where)))


def only(model: type[Row], *where: ColumnElement[bool]) -> Row:
    """The one row as the database has it."""
    (row,) = stored(model, *where)
    return row


def first_heading(phone: Quiet) -> Any:
    """What the page is called."""
    return phone.page.get_by_role("heading", level=1)
