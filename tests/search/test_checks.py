"""I16: the check finds every kind of difference between index and database."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace.core import clock
from marketplace.core.db import open_session
from marketplace.listings.models import Block, Offering, Rotation
from marketplace.search import jobs
from marketplace.search.checks import CHECKS
from marketplace.search.documents import ListingDocument, document_from
from marketplace.search.engines import engine
from marketplace.search.listings import facts_of
from marketplace.search.port import Deletion
from tests.search import shop


def findings() -> list[str]:
    with open_session(shop.SYSTEM, readonly=True) as session:
        return list(CHECKS[0].find(session))


def listing(slug: str) -> tuple[UUID, ListingDocument]:
    with open_session(shop.SYSTEM, readonly=True) as session:
        key = session.scalars(select(Rotation.id).where(Rotation.slug == slug)).one()
        return key, document_from(facts_of(session, [key])[0])


def _price(session: Session, key: UUID) -> None:
    session.execute(update(Block).where(Block.rotation_id == key).values(price_cents=77_700))


def _seat(session: Session, key: UUID) -> None:
    session.execute(
        update(Offering).where(Offering.rotation_id == key).values(taken=Offering.capacity)
    )


def _hidden(session: Session, key: UUID) -> None:
    session.execute(update(Rotation).where(Rotation.id == key).values(state="paused", public=False))


def _version(session: Session, key: UUID) -> None:
    session.execute(
        update(Rotation).where(Rotation.id == key).values(index_version=Rotation.index_version + 1)
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_price, "price_4"),
        (_seat, "starts_any"),
        (_hidden, "only in the index"),
        (_version, "differs in version"),
    ],
)
def test_a_change_that_nobody_told_of_is_found(
    shop_app: Flask, change: Callable[[Session, UUID], None], told: str
) -> None:
    assert findings() == []
    key, _ = listing("listing-4")
    with open_session(shop.SYSTEM) as session:
        change(session, key)
    (found,) = findings()
    assert str(key) in found and told in found
    jobs.reindex(shop.SYSTEM, [key])
    assert findings() == []


def test_an_index_that_lost_or_kept_something_is_found(shop_app: Flask) -> None:
    key, document = listing("listing-4")
    other = UUID(int=5)
    ghost = ListingDocument(**{name: getattr(document, name) for name in document.__slots__}
                            | {"id": str(other)})  # fmt: skip
    engine().apply([ghost], [Deletion(str(key), document.version + 1)])
    engine().flush()
    assert findings() == [f"{key}: not in the index", f"{other}: only in the index"]


def test_a_start_that_came_too_near_is_no_difference(shop_app: Flask) -> None:
    clock.advance(shop.monday(11) - clock.now().date() + timedelta(days=1))
    assert findings() == []
    jobs.refresh_due(shop.SYSTEM)
    assert findings() == []
