"""The test database: migrated once, emptied for each test; and an app on it."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from itertools import count
from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from marketplace.core.config import Config
from marketplace.core.db import Base
from marketplace.core.pages import ROOT

# memory where there is some: the product syncs every commit, and tests make thousands
_MEMORY = Path("/dev/shm")
FOLDER = Path(
    tempfile.mkdtemp(prefix="rounds-tests-", dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None)
)
DATABASE_URL = os.environ.get("TEST_DATABASE_URL") or f"sqlite:///{FOLDER / 'rounds.db'}"
OWNER_URL = os.environ.get("TEST_OWNER_DATABASE_URL") or DATABASE_URL
IS_POSTGRES = DATABASE_URL.startswith("postgres")


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
    if IS_POSTGRES:
        _wipe_postgres([table.name for table in Base.metadata.sorted_tables])
    else:
        _wipe_sqlite()


@contextmanager
def unguarded() -> Iterator[Connection]:
    """PostgreSQL past triggers, foreign keys and row-level security, as its superuser."""
    with _superuser().begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        yield connection


@contextmanager
def untriggered() -> Iterator[Connection]:
    """Either database past its triggers."""
    if IS_POSTGRES:
        with unguarded() as connection:
            yield connection
        return
    with _owner().begin() as connection, _no_triggers(connection):
        yield connection


@contextmanager
def no_row_level_security() -> Iterator[None]:
    """PostgreSQL with its wall off for the application: its role may pass every policy."""
    role = make_url(DATABASE_URL).username
    with _superuser().begin() as connection:
        connection.execute(text(f"ALTER ROLE {role} BYPASSRLS"))
    try:
        yield
    finally:
        with _superuser().begin() as connection:
            connection.execute(text(f"ALTER ROLE {role} NOBYPASSRLS"))


@cache
def _superuser() -> Engine:
    server = make_url(os.environ["TEST_POSTGRES_URL"]).set(drivername="postgresql+psycopg")
    return create_engine(server.set(database=make_url(DATABASE_URL).database), poolclass=NullPool)


@cache
def _owner() -> Engine:
    return create_engine(Config.from_env(settings()).owner_database_url, poolclass=NullPool)


TRUNCATED_AFTER = 50
_wipes = count(1)


def _wipe_postgres(names: list[str]) -> None:
    """Truncating makes new files for a table and its indexes, deleting leaves dead rows behind:
    so mostly the one, and the other before it is felt."""
    if next(_wipes) % TRUNCATED_AFTER:
        statement = "; ".join(f"DELETE FROM {name}" for name in names)
    else:
        statement = f"TRUNCATE {', '.join(names)} CASCADE"
    with _cleaner().begin() as connection:
        connection.exec_driver_sql(statement)


@cache
def _cleaner() -> Engine:
    """The superuser on a connection that stays open, past triggers and foreign keys."""
    options = {"options": "-c session_replication_role=replica"}
    return create_engine(_superuser().url, pool_size=1, connect_args=options)


def _wipe_sqlite() -> None:
    """A copy of the file as it was migrated takes its place, page by page."""
    with closing(sqlite3.connect(_file(), isolation_level=None)) as target:
        _empty().backup(target)


@cache
def _empty() -> sqlite3.Connection:
    """The file in memory, emptied once."""
    with _owner().begin() as connection, _no_triggers(connection):
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
    kept = sqlite3.connect(":memory:")
    with closing(sqlite3.connect(_file())) as source:
        source.backup(kept)
    return kept


def _file() -> str:
    return str(make_url(DATABASE_URL).database)


@contextmanager
def _no_triggers(connection: Connection) -> Iterator[None]:
    triggers = connection.execute(
        text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    ).all()
    for name, _ in triggers:
        connection.execute(text(f"DROP TRIGGER {name}"))
    yield
    for _, statement in triggers:
        connection.execute(text(statement))


def forget() -> None:
    """Close what is held of this run and remove its folder."""
    if _empty.cache_info().currsize:
        _empty().close()
        _empty.cache_clear()
    shutil.rmtree(FOLDER, ignore_errors=True)
