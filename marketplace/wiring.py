"""What every process needs, with or without pages: settings, database, guard, handlers."""

from importlib import import_module
from importlib.util import find_spec

from flask import Flask

from marketplace.core import clock, counters, freshness, mail, mail_templates, progress, storage
from marketplace.core.config import Config
from marketplace.core.db import db, engine_options
from marketplace.payments import gateways
from marketplace.search import engines
from marketplace.storefront import pointing, resolver
from marketplace.tenants import scope
from marketplace.verification import sources

PACKAGES = (
    "tenants",
    "accounts",
    "verification",
    "listings",
    "payments",
    "imports",
    "bookings",
    "placements",
    "desk",
    "reviews",
    "numbers",
    "search",
    "storefront",
    "saved",
    "notifications",
    "admin",
    "archive",
)


def load_handlers() -> None:
    """Import `models`, `subscribers` and `jobs` of every package that has them."""
    for name in ("lists", "announcements", "upkeep"):
        import_module(f"marketplace.core.{name}")
    for package in PACKAGES:
        for name in ("models", "subscribers", "jobs"):
            module = f"marketplace.{package}.{name}"
            if find_spec(module):
                import_module(module)


def create_core(config: Config) -> Flask:
    """What every process needs: settings, database, guard, handlers, gateways. No pages."""
    app = Flask("marketplace", static_folder=None, template_folder=None)
    app.config.update(
        SECRET_KEY=config.secret_key,
        SQLALCHEMY_DATABASE_URI=config.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(config.database_url),
        SESSION_COOKIE_NAME="__Host-rounds" if config.secure_cookies else "rounds",
        SESSION_COOKIE_SECURE=config.secure_cookies,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
    )
    app.extensions["rounds.config"] = config
    configure(config)
    scope.install()
    db.init_app(app)
    load_handlers()
    return app


def configure(config: Config) -> None:
    """Tell each part of this process its settings. The last one told holds."""
    freshness.configure(config.var_dir, shared=not config.database_url.startswith("sqlite"))
    clock.use_file(config.var_dir / "clock" if config.demo else None)
    counters.configure(config.redis_url)
    progress.configure(config.redis_url)
    mail.configure(config.mail_url, config.mail_from)
    mail_templates.configure(config.base_url)
    storage.configure(config.var_dir / "files", config.file_key or config.secret_key)
    sources.configure(config.verify_sources)
    resolver.configure(config.dns_servers)
    pointing.configure(config.base_url)
    gateways.configure(config)
    engines.configure(config)
