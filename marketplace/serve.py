"""The web server: the application is made once, before the workers are forked, and shared.

What is loaded once is shared until a worker writes to it. Where the system does not
fork (Granian asks Python), each worker makes the application for itself.

Usage: python -m marketplace.serve MODULE:FUNCTION [granian's options]
"""

import gc
import os
import sys
from importlib import import_module

from flask import Flask
from granian.cli import cli
from sqlalchemy.orm import configure_mappers

from marketplace.core.db import db

SELF = "marketplace.serve"
SHARED = ("marketplace.search.embedded_engine", "sqlalchemy.dialects.sqlite")
"""Loaded at a worker's first request otherwise."""
FIRST_PAGES = ("/sign-in", "/")
"""Whatever they answer: without a database they say that something is down."""


def create_app() -> Flask:
    """The application of the factory that this process was started with, made once."""
    if _made:
        return _made[0]
    module, _, function = os.environ["SERVE_FACTORY"].partition(":")
    app: Flask = getattr(import_module(module), function)()
    for name in app.jinja_env.list_templates(extensions=["html"]):
        app.jinja_env.get_template(name)
    _warm(app)
    _made.append(app)
    return app


def _warm(app: Flask) -> None:
    """Answer some pages: Python writes into code that runs for the first times, and mappings,
    statements and lists are made once. Done here it is shared; in a worker each page of memory
    that is written to becomes a copy. No connection may live through a fork."""
    configure_mappers()
    visitor, base = app.test_client(), app.extensions["rounds.config"].base_url
    for path in FIRST_PAGES * 3:
        visitor.get(path, base_url=base)
    with app.app_context():
        db.engine.dispose()


_made: list[Flask] = []


def main(arguments: list[str]) -> None:
    """Make the application and serve it."""
    gc.disable()  # what it frees would be holes, which workers fill on pages of their own
    os.environ["SERVE_FACTORY"] = arguments[0]
    for module in SHARED:
        import_module(module)
    import_module(SELF).create_app()  # what runs as __main__ is another copy of this module
    gc.freeze()  # else the collector's marks give each worker a copy of its own
    gc.enable()
    cli(["--factory", f"{SELF}:create_app", *arguments[1:]], auto_envvar_prefix="GRANIAN")


if __name__ == "__main__":
    main(sys.argv[1:])
