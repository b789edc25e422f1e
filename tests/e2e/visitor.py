"""A person who uses the real processes by HTTP: a browser with cookies and without a window."""

import time

import requests

from tests.contracts.pages import form_to
from tests.e2e.conftest import PATIENCE, House


class Visitor:
    """A person's browser without a window. It tries again when the server goes away."""

    def __init__(self, house: House, role: str) -> None:
        self.url = house.stack.url
        self._session = requests.Session()
        self._session.headers["Origin"] = self.url
        account = house.accounts[role]
        typed = {"email": account["email"], "password": account["password"]}
        assert self.send("/sign-in", "/sign-in", typed)

    def get(self, path: str) -> requests.Response:
        """A page, as soon as the server shows it."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                answer = self._session.get(self.url + path, timeout=10)
            except requests.RequestException:
                time.sleep(0.1)
                continue
            assert answer.status_code < 500, (path, answer.status_code, answer.text)
            return answer
        raise AssertionError(f"no answer from {path}")

    def send(self, path: str, action: str, typed: dict[str, str] | None = None) -> str:
        """Send a form of a page once: where it leads, or nothing when the answer was lost and
        nobody knows what happened."""
        return self.post(action, ticked(self.get(path).text, action) | (typed or {}))

    def post(self, action: str, fields: dict[str, str]) -> str:
        """Send fields once: where it leads, or nothing when the answer was lost."""
        time.sleep(0.3)  # a person reads before pressing
        try:
            answer = self._session.post(
                self.url + action, data=fields, timeout=10, allow_redirects=False
            )
        except requests.RequestException:
            return ""
        assert answer.status_code in (302, 303), (action, answer.status_code, answer.text)
        return answer.headers["Location"].removeprefix(self.url)


def ticked(page: str, action: str) -> dict[str, str]:
    """The fields of a form, every box ticked."""
    form = form_to(page, action)
    return form.sent() | {one.name: one.value for one in form.fields if one.kind == "checkbox"}
