"""What every template may use: filters for money and time, words, and who is looking."""

from collections.abc import MutableMapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from flask import Flask, request, url_for
from flask.templating import Environment
from flask_wtf.csrf import generate_csrf
from jinja2 import FileSystemLoader, StrictUndefined

from marketplace.core import clock, formats, marks, money, web, words
from marketplace.core.page_address import page_address

ROOT = Path(__file__).resolve().parents[2]

# What the layouts ask for and most pages leave out; a view's own value wins.
_LAYOUT: dict[str, object] = {
    "nav": "",
    "bare": False,
    "q": "",
    "counts": None,
    "agency": None,
    "structured": None,
}


class Templates(Environment):
    """Flask's environment, whose globals no template changes for itself: each template would look
    at them through a `ChainMap`, which is written in Python, with every import and include."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Those of the environment, read only, unless a template is given some of its own."""
        if d:
            return super().make_globals(d)
        return MappingProxyType(self.globals)  # type: ignore[return-value]


def init_app(app: Flask) -> None:
    """Register the loader, filters and context; after the assets, which the marks come from."""
    app.jinja_loader = FileSystemLoader(ROOT / "templates")
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        dollars=money.dollars,
        day=formats.day,
        day_short=formats.day_short,
        month_day=formats.month_day,
        site_in=formats.site_in,
        weeks=formats.weeks,
        when=formats.when,
    )
    app.jinja_env.globals.update(words=words.words, page_address=page_address)
    marks.init_app(app)

    @app.context_processor
    def _shared() -> dict[str, object]:
        theme = request.cookies.get("theme", "")
        return {
            "viewer": web.viewer(),
            "answers_for": web.answers_for(),
            "theme": theme if theme in ("light", "dark") else "",
            "demo": web.config().demo,
            "news": web.news(),
            "site_back": web.site_back(),
            "csrf_token": generate_csrf,
            "site_url": web.config().base_url,
            "canonical_url": canonical_url(),
            "today": clock.now().date(),
            "url_for": url_for,
            **_LAYOUT,
        }


def canonical_url() -> str:
    """The address of this page from the settings, never from the Host header."""
    return web.config().base_url + request.path
