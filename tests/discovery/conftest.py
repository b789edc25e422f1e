from collections.abc import Callable, Iterator
from contextvars import Context

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from marketplace.discovery import compare_views, views
from marketplace.listings import views as listings_views
from marketplace.search import views as search_views
from tests.search import shop
from tests.support import rooms

Get = Callable[..., TestResponse]


@pytest.fixture
def site(migrated: None) -> Iterator[Flask]:
    """The public rooms over the small market of `tests.search.shop`."""
    public = [search_views.room, views.room, compare_views.room, listings_views.room]
    with rooms.site(public) as app:
        shop.build()
        yield app


@pytest.fixture
def get(site: Flask) -> Get:
    """Read a page as a stranger."""

    def read(path: str, **headers: str) -> TestResponse:
        return Context().run(
            site.test_client(use_cookies=False).get,
            path,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    return read
