"""What holds for every test: no outside network, and nothing of the developer's own settings."""

import gc
import os
from collections.abc import Iterator

import pytest
from flask import Flask
from hypothesis import settings
from playwright.sync_api import Browser
from pytest_socket import socket_allow_hosts

# A test must never meet the database, the Stripe account or the mail server of a developer's
# shell. MEILI_URL stays: the contract suite of search runs against it when it is set.
for _setting in (
    "DATABASE_URL",
    "OWNER_DATABASE_URL",
    "REDIS_URL",
    "STRIPE_SECRET_KEY",
    "STRIPE_PUBLISHABLE_KEY",
    "STRIPE_API_BASE",
    "STRIPE_JS_URL",
    "STRIPE_WEBHOOK_SECRET",
    "MAIL_URL",
    "STORAGE_URL",
    "SECRET_KEY",
    "FILE_KEY",
    "BASE_URL",
    "DEMO",
    "DEBUG",
    "VAR_DIR",
    "PORT",
    "PROCESS_ROLE",
):
    os.environ.pop(_setting, None)

# 200 ms by the wall clock for one example would fail whenever the machine is busy.
settings.register_profile("rounds", deadline=None)
settings.load_profile("rounds")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Only this machine can be reached; pytest-socket lifts this again after each test."""
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


def pytest_collection_finish() -> None:
    """What is imported stays: not looking through it again for garbage saves a tenth of a run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What touches no database says nothing new on the second one."""
    from tests.support import database
    from tests.support.counts import full

    if not database.IS_POSTGRES or full():
        return
    apart = [item for item in items if not _needs_a_database(item)]
    if apart:
        config.hook.pytest_deselected(items=apart)
        items[:] = [item for item in items if _needs_a_database(item)]


def _needs_a_database(item: pytest.Item) -> bool:
    asked = getattr(item, "fixturenames", ())
    return "migrated" in asked or item.get_closest_marker("postgres") is not None


@pytest.fixture(scope="session")
def migrated() -> Iterator[None]:
    """The test database with the newest schema."""
    from tests.support import database

    database.migrate()
    yield
    database.forget()


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    """An app without pages on an empty database, inside its context."""
    from tests.support import apps, database

    database.wipe()
    with apps.core() as core:
        yield core


@pytest.fixture
def web_app(migrated: None) -> Iterator[Flask]:
    """The whole app, pages included, on an empty database; open clients with test_client()."""
    from tests.support import apps, database

    database.wipe()
    with apps.whole() as full:
        yield full


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A running Chromium, one for the tests of a module."""
    from tests.support.browser import chromium

    with chromium() as running:
        yield running
