"""What every template may use: filters for money and time, words, and who is looking."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from flask import Flask, request, url_for
from flask_wtf.csrf import generate_csrf
from jinja2 import FileSystemLoader, StrictUndefined

from marketplace.core import money, web, words

ROOT = Path(__file__).resolve().parents[2]
_NBSP = "\N{NO-BREAK SPACE}"


def day(value: date) -> str:
    """Jan 5, 2027, never broken between month and day."""
    return f"{value:%b}{_NBSP}{value.day}, {value.year}"


def day_short(value: date) -> str:
    """Mon, Jan 5."""
    return f"{value:%a}, {value:%b}{_NBSP}{value.day}"


def month_day(value: date) -> str:
    """Jan 5."""
    return f"{value:%b}{_NBSP}{value.day}"


def when(value: datetime, zone: str = "UTC") -> str:
    """Tue, Nov 24, 10:20 AM at a place; the page names the place once."""
    local = value.astimezone(ZoneInfo(zone))
    clock = f"{local:%I:%M %p}".lstrip("0")
    return f"{local:%a}, {local:%b}{_NBSP}{local.day}, {clock.replace(' ', _NBSP)}"


def init_app(app: Flask) -> None:
    """Register the loader, filters and context."""
    app.jinja_loader = FileSystemLoader(ROOT / "templates")
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        dollars=money.dollars, day=day, day_short=day_short, month_day=month_day, when=when
    )
    app.jinja_env.globals.update(words=words.words)

    @app.context_processor
    def _shared() -> dict[str, object]:
        theme = request.cookies.get("theme", "")
        return {
            "viewer": web.viewer(),
            "theme": theme if theme in ("light", "dark") else "",
            "demo": web.config().demo,
            "csrf_token": generate_csrf,
            "canonical_url": canonical_url(),
            "url_for": url_for,
        }


def canonical_url() -> str:
    """The address of this page from the settings, never from the Host header."""
    return web.config().base_url + request.path
