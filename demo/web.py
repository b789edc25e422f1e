"""The product with the demo's pages; production serves `marketplace.app` and never this."""

from flask import Flask

from demo import pages
from marketplace.app import create_app as create_product
from marketplace.core.config import Config, ConfigError


def create_app(config: Config | None = None) -> Flask:
    """The WSGI application of the demo; refuses to start outside it."""
    config = config or Config.from_env()
    if not config.demo:
        raise ConfigError("demo.web serves the demo only: set DEMO=1, or serve marketplace.app")
    app = create_product(config)
    app.register_blueprint(pages.room)
    return app
