"""A bare application with the real templates and assets, for tests that only render."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from flask import Flask

from marketplace.core import assets
from marketplace.core.money import dollars
from marketplace.core.words import words

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


def _when(at: datetime, tz: str) -> str:
    local = at.astimezone(ZoneInfo(tz))
    return f"{local:%a %b} {local.day}, {local:%I:%M %p}".replace(", 0", ", ")


def _day(on: date) -> str:
    return f"{on:%b} {on.day}, {on.year}"


def _day_short(on: date) -> str:
    return f"{on:%a, %b} {on.day}"


def bare_app() -> Flask:
    """Templates, filters and globals as the product has them, without a database."""
    app = Flask("rounds-pages", template_folder=str(TEMPLATES), static_folder=None)
    app.config.update(SECRET_KEY="only-for-tests", TESTING=True)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(csrf_token=lambda: "token", words=words)
    app.jinja_env.filters.update(dollars=dollars, day=_day, day_short=_day_short, when=_when)
    assets.init_app(app)
    return app
