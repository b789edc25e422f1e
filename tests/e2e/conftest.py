"""The whole product on real processes, seeded once, and people who use it in Chromium."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from marketplace.core import outbox
from tests.support.browser import axe, chromium, complaints, too_wide, visitor
from tests.support.processes import RunningStack

# Seconds for what the worker and clockwork do by themselves. What was in an emptied queue is sent
# again only when its lease has ended, and a loaded machine takes its time on top of that.
PATIENCE = outbox.LEASE.total_seconds() + 75


class Person:
    """Somebody with a browser of their own. Every page that `look` sees must be in order."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(15_000)
        self.wrong = complaints(self.page)
        self._context = context

    def sign_in(self, account: dict[str, str]) -> "Person":
        self.page.goto("/sign-in")
        self.page.get_by_label("E-mail").first.fill(account["email"])
        self.page.get_by_label("Password").fill(account["password"])
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        self.page.wait_for_url(lambda url: "/sign-in" not in url)
        return self

    def look(self, path: str = "") -> Page:
        """Open a page (or stay) and hold it to account: axe, width, console."""
        if path:
            self.page.goto(path)
        assert axe(self.page) == [], self.page.url
        assert too_wide(self.page) == [], self.page.url
        assert self.wrong == [], self.page.url
        return self.page

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).first.click()

    def leave(self) -> None:
        self._context.close()


class House:
    """The running product and its demo accounts."""

    def __init__(self, stack: RunningStack, browser: Browser) -> None:
        self.stack, self._browser = stack, browser
        self._ahead = 0.0
        listed = json.loads((stack.var / "demo-accounts.json").read_text())
        self.accounts: dict[str, dict[str, str]] = {one["role"]: one for one in listed}

    def guest(self, size: dict[str, int], *, javascript: bool = True) -> Person:
        return Person(visitor(self._browser, self.stack.url, size=size, javascript=javascript))

    def somebody(self, role: str, size: dict[str, int], *, javascript: bool = True) -> Person:
        return self.guest(size, javascript=javascript).sign_in(self.accounts[role])

    def now(self) -> datetime:
        """The time in the house, UTC."""
        return datetime.now(UTC) + timedelta(seconds=self._ahead)

    def later(self, **by: int) -> None:
        """Move the clock of every process, as `bin/marketplace clock advance` does."""
        self._ahead += timedelta(**by).total_seconds()
        draft = self.stack.var / "clock.new"
        draft.write_text(json.dumps({"offset_seconds": self._ahead}))
        draft.replace(self.stack.var / "clock")

    def check(self) -> None:
        """The invariants, as an operator asks for them."""
        done = self.stack.command("check")
        assert done.returncode == 0, done.stdout + done.stderr


def until(truth: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Wait for what a background process does."""
    end = time.monotonic() + patience
    while not truth():
        assert time.monotonic() < end, f"still not: {what}"
        time.sleep(0.3)


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated and seeded folder, to be copied by each stack."""
    var = tmp_path_factory.mktemp("prepared")
    with RunningStack(var, seed=("seed", "--rotations", "300"), names=("valkey",)):
        pass
    return var


@pytest.fixture(scope="module")
def house(
    prepared: Path, chrome: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    with RunningStack(tmp_path_factory.mktemp("house"), prepared=prepared) as stack:
        yield House(stack, chrome)
