"""A person without a mouse: keys only, and nothing that a script would do for them.

Never .focus(), .click() or .fill() here: a control counts only when the Tab key leads to it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Locator, Page

Name = str | re.Pattern[str]
MOST = 300  # presses of Tab before a control counts as out of reach

# whether anything has the focus two frames after a swap: by then browsers drop what cannot keep it
_WATCH = """(() => {
    window.keyboardSwaps = [];
    window.keyboardWaits = 0;
    document.addEventListener("htmx:before:request", () => { keyboardWaits += 1; });
    document.addEventListener("htmx:finally:request", () => requestAnimationFrame(() =>
        requestAnimationFrame(() => { keyboardWaits -= 1; })));
    document.addEventListener("htmx:after:swap", () => requestAnimationFrame(() =>
        requestAnimationFrame(() => keyboardSwaps.push(document.activeElement !== document.body))));
})()"""
_SHOWN = """() => {
    const el = document.activeElement;
    return Boolean(el) && el !== document.body && el !== document.documentElement
        && el.checkVisibility({visibilityProperty: true});
}"""


class Hands:
    """Somebody's hands on a keyboard, on one page of a browser."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.add_init_script(_WATCH)

    def open(self, path: str) -> None:
        """Type an address. After that nothing of the page has the focus, as in any browser."""
        self.page.goto(path)

    def press(self, *keys: str) -> None:
        """Press these keys one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        """Type into what has the focus, over what is selected."""
        self.page.keyboard.type(text)

    def write(self, text: str) -> None:
        """Type instead of what stands in the field that has the focus."""
        self.press("ControlOrMeta+a")
        self.type(text)

    def into_the_page(self) -> None:
        """The first Tab of a page: over the menu, into what the page is about."""
        self.to("link", "Skip to content")
        self.press("Enter")
        self.has_focus()

    def to(self, role: Any, name: Name, *, back: bool = False) -> None:
        """Tab (or Shift+Tab) until a control with this role and name has the focus.

        Raises AssertionError when it is not reached.
        """
        self.reach(self.page.get_by_role(role, name=name, exact=isinstance(name, str)), back=back)

    def reach(self, wanted: Locator, *, back: bool = False) -> None:
        """The same for what has no role of its own, as the head of a fold."""
        for _ in range(MOST):
            if wanted.evaluate_all("all => all.includes(document.activeElement)"):
                return
            self.press("Shift+Tab" if back else "Tab")
        raise AssertionError(f"no Tab leads to {wanted} on {self.page.url}")

    def follow(self, key: str = "Enter") -> None:
        """Press a key that opens another page, and wait for that page."""
        with self.page.expect_navigation():
            self.press(key)

    @contextmanager
    def swap(self) -> Iterator[None]:
        """What is done inside makes htmx swap a part of the page: the focus is still somewhere."""
        before = self.page.evaluate("() => keyboardSwaps.length")
        yield
        self.page.wait_for_function("n => keyboardSwaps.length > n && !keyboardWaits", arg=before)
        self.has_focus()

    def has_focus(self) -> None:
        """The focus is on something that can be seen, and no swap so far has lost it."""
        lost = self.page.evaluate("() => keyboardSwaps.filter(kept => !kept).length")
        assert not lost, f"the focus was lost in {lost} swaps on {self.page.url}"
        assert self.page.evaluate(_SHOWN), f"nothing has the focus on {self.page.url}"
