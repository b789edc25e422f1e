"""Two houses with listings, and their own sites."""

from collections.abc import Iterator
from typing import TypeVar
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.core import context
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.storefront import site_views, views, workspace_views
from marketplace.tenants.models import Agency
from tests.search import shop
from tests.support import rooms

SYSTEM = context.system("test")
T = TypeVar("T")
ROOMS = [views.room, workspace_views.workspace, site_views.site]


@pytest.fixture
def site(migrated: None) -> Iterator[Flask]:
    """The rooms of a storefront, with the listings of two houses."""
    with rooms.site(ROOMS) as app:
        shop.build()
        yield app


def house(number: int) -> UUID:
    """The agency `house-<number>`."""
    with open_session(SYSTEM, readonly=True) as session:
        return session.scalars(select(Agency.id).where(Agency.slug == f"house-{number}")).one()


def owner(agency_id: UUID, role: str = "owner") -> Actor:
    """Somebody of an agency's team."""
    return Actor("agency", None, agency_id, "Mia", role)


def loaded(model: type[T], key: UUID) -> T:
    """A row as it is now, to be read outside of a session."""
    with open_session(SYSTEM, readonly=True) as session:
        return session.get_one(model, key)
