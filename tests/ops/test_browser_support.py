"""The browser helpers find what they are for, on a page with the product's strict CSP."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.support.browser import PHONE, axe, chromium, complaints, too_wide, visitor

pytestmark = pytest.mark.browser

GOOD = """<!doctype html><html lang="en"><title>Good</title><main><h1>Good</h1></main>"""
BAD = """<!doctype html><html lang="en"><title>Bad</title>
<main><h1>Bad</h1><img src="data:,"><pre>{}</pre></main><script>alert(1)</script>""".format(
    "w" * 400
)


class Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", "default-src 'self'; script-src 'self'")
        self.end_headers()
        self.wfile.write((GOOD if self.path == "/good" else BAD).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test's output is not a log."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_good_page_has_no_violation_and_a_bad_one_is_told_of(address: str) -> None:
    with chromium() as browser, visitor(browser, address, size=PHONE) as context:
        page = context.new_page()
        page.goto("/good")
        assert axe(page) == []
        assert too_wide(page) == []
        found = complaints(page)
        page.goto("/bad")
        assert [line.split()[0] for line in axe(page)] == ["image-alt"]
        assert too_wide(page) != []
        assert any("Content Security Policy" in line for line in found)
