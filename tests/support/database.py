"""The test database: migrated once, emptied for each test; and an app on it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from flask import Flask
from sqlalchemy import create_engine, text

from marketplace.core.config import Config
from marketplace.core.db import Base, db
from marketplace.core.pages import ROOT
from marketplace.wiring import create_core

# memory where there is some: the product syncs every commit, and tests make thousands
_MEMORY = Path("/dev/shm")
FOLDER = Path(
    tempfile.mkdtemp(prefix="rounds-tests-", dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None)
)
DATABASE_URL = os.environ.get("TEST_DATABASE_URL") or f"sqlite:///{FOLDER / 'rounds.db'}"
OWNER_URL = os.environ.get("TEST_OWNER_DATABASE_URL") or DATABASE_URL
IS_POSTGRES = DATABASE_URL.startswith("postgres")
# never wiped: the migration's own bookkeeping
_KEPT = {"alembic_version"}


def settings(**more: str) -> dict[str, str]:
    """The environment of the product under test; no outside service unless a test names one."""
    return {
        "DATABASE_URL": DATABASE_URL,
        "OWNER_DATABASE_URL": OWNER_URL,
        "REDIS_URL": "",
        "STRIPE_SECRET_KEY": "sk_test_rounds",
        "STRIPE_PUBLISHABLE_KEY": "pk_test_rounds",
        "STRIPE_API_BASE": "http://127.0.0.1:9",
        "STRIPE_JS_URL": "http://127.0.0.1:9/v3/",
        "STRIPE_WEBHOOK_SECRET": "whsec_test",
        "SECRET_KEY": "test-secret-of-more-than-32-characters",
        "FILE_KEY": "test-file-key",
        "BASE_URL": "http://localhost",
        "DEMO": "1",
        "VAR_DIR": str(FOLDER),
    } | more


def migrate() -> None:
    """Bring the test database to the newest schema (as the owner)."""
    os.environ.update({"DATABASE_URL": DATABASE_URL, "OWNER_DATABASE_URL": OWNER_URL, "DEMO": "1"})
    os.environ.setdefault("VAR_DIR", str(FOLDER))
    script = AlembicConfig()
    script.set_main_option("script_location", str(ROOT / "migrations"))
    command.upgrade(script, "head")


def wipe() -> None:
    """Empty every table, past the triggers that forbid it to the product."""
    engine = create_engine(Config.from_env(settings()).owner_database_url)
    names = [table.name for table in Base.metadata.sorted_tables if table.name not in _KEPT]
    with engine.begin() as connection:
        if IS_POSTGRES:
            connection.execute(text(f"TRUNCATE {', '.join(names)} CASCADE"))
        else:
            _wipe_sqlite(connection, names)
    engine.dispose()


def _wipe_sqlite(connection, names: list[str]) -> None:
    triggers = connection.execute(
        text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    ).all()
    for name, _ in triggers:
        connection.execute(text(f"DROP TRIGGER {name}"))
    for name in reversed(names):
        connection.execute(text(f"DELETE FROM {name}"))
    for _, statement in triggers:
        connection.execute(text(statement))


@contextmanager
def core_app(**more: str) -> Iterator[Flask]:
    """An app without pages, inside its context."""
    app = create_core(Config.from_env(settings(**more)))
    app.testing = True
    with app.app_context():
        yield app
        db.engine.dispose()


def forget() -> None:
    """Remove the folder of this run."""
    shutil.rmtree(FOLDER, ignore_errors=True)
