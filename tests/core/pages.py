"""A bare application with the real templates, filters and assets, for tests that only render."""

from types import SimpleNamespace

from flask import Flask

from marketplace.core import assets, pages

TEMPLATES = pages.ROOT / "templates"


def bare_app() -> Flask:
    """What a template may use in the product, without a database, rooms or sign-in."""
    app = Flask("rounds-pages", static_folder=None)
    app.config.update(SECRET_KEY="only-for-tests", TESTING=True)
    app.extensions["rounds.config"] = SimpleNamespace(base_url="http://rounds.test", demo=False)
    assets.init_app(app)
    pages.init_app(app)
    app.jinja_env.globals["csrf_token"] = lambda: "token"  # as Flask-WTF does
    return app
