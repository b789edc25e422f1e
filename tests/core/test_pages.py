"""Every page template with its promised context: it renders, obeys the CSP, and reads as a page."""

import gzip
import re
from collections.abc import Iterator

import pytest
from flask import Flask, render_template

from tests.core.page_samples import PAGES, VARIANTS
from tests.core.pages import TEMPLATES, bare_app
from tests.core.test_components import check_page

ALL = list(PAGES.items()) + [(name, PAGES[name] | change) for name, change in VARIANTS]


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    made = bare_app()
    with made.test_request_context("/page"):
        yield made


@pytest.mark.parametrize(("name", "values"), ALL)
def test_a_page_renders(app: Flask, name: str, values: dict[str, object]) -> None:
    html = render_template(name, **values)
    check_page(html)
    assert html.count("<h1") == 1
    assert html.count('<main id="main"') + html.count('id="main"') >= 1
    assert re.search(r"<title>\s*\S.*</title>", html)
    assert html.count("<form") == html.count("</form>")
    for errors in re.findall(r'<div class="errs".*?</div>', html, flags=re.S):
        targets = set(re.findall(r'href="#([^"]+)"', errors))
        assert targets
        assert targets <= set(re.findall(r'\sid="([^"]+)"', html))


@pytest.mark.parametrize("name", sorted(PAGES))
def test_posts_of_signed_in_pages_carry_a_token(app: Flask, name: str) -> None:
    html = render_template(name, **PAGES[name])
    if "layouts/solo.html" in (TEMPLATES / name).read_text():
        return
    for form in re.findall(r'<form[^>]*method="post".*?</form>', html, flags=re.S):
        assert 'action="/theme"' in form or 'name="csrf_token"' in form, form[:120]


def test_a_page_for_everyone_carries_no_token(app: Flask) -> None:
    for name in ("listings/home.html", "listings/show.html"):
        html = render_template(name, **(PAGES[name] | {"viewer": None}))
        assert "csrf_token" not in html


def test_a_page_stays_within_its_weight(app: Flask) -> None:
    for name, values in ALL:
        size = len(gzip.compress(render_template(name, **values).encode(), 9))
        assert size <= 15 * 1024, (name, size)
