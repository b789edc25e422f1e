"""I16: the check finds every kind of difference between index and database."""

import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from marketplace.core import clock
from marketplace.core.db import open_session
from marketplace.core.events import publish
from marketplace.listings.events import RotationChanged
from marketplace.listings.models import Block, Offering, Rotation
from marketplace.search import jobs
from marketplace.search.checks import CHECKS
from marketplace.search.documents import ListingDocument, document_from
from marketplace.search.engines import engine
from marketplace.search.listings import facts_of, first_bookable_day
from marketplace.search.models import IndexState
from marketplace.search.port import Deletion, Query
from marketplace.search.weeks import week_of
from tests import factories
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


def _at_start(week: str) -> int:
    return engine().search(Query(starts=(week,), per_page=0, facets=())).total


def test_what_nobody_told_of_is_healed(shop_app: Flask) -> None:
    """Lost, left over, of a listing that is no more, and indexed with another version."""
    lost, document = listing("listing-4")
    hidden, _ = listing("listing-5")
    moved, _ = listing("listing-6")
    ghost = ListingDocument(**{name: getattr(document, name) for name in document.__slots__}
                            | {"id": str(UUID(int=5)), "version": 40})  # fmt: skip
    engine().apply([ghost], [Deletion(str(lost), document.version)])
    engine().flush()
    with open_session(shop.SYSTEM) as session:
        _hidden(session, hidden)
        _version(session, moved)
    assert len(findings()) == 4
    jobs.refresh_due(shop.SYSTEM)
    assert findings() == []
    assert len(engine().versions()) == shop.LISTINGS - 1


@pytest.mark.parametrize("remembered", [True, False])
def test_passed_starts_leave_the_index(shop_app: Flask, remembered: bool) -> None:
    """Also when nothing says since when the index is up to date."""
    first = shop.monday(10)
    week = week_of(first)
    assert _at_start(week) > 0
    if not remembered:
        with open_session(shop.SYSTEM) as session:
            session.execute(delete(IndexState))
    clock.advance(first - clock.now().date() + timedelta(days=1))
    jobs.refresh_due(shop.SYSTEM)
    assert _at_start(week) == 0
    with open_session(shop.SYSTEM, readonly=True) as session:
        state = session.get(IndexState, "listings")
        assert state is not None and state.starts_from == first_bookable_day()
        assert not jobs.passed_starts(session)


def test_a_change_is_in_the_search_in_less_than_two_seconds(shop_app: Flask) -> None:
    """From the transaction that makes it, through the outbox, to the answer."""
    get, (key, _) = shop.getter(shop_app), listing("listing-4")
    begun = time.monotonic()
    with open_session(shop.SYSTEM) as session:
        _price(session, key)
        agency = session.scalars(select(Rotation.agency_id).where(Rotation.id == key)).one()
        publish(session, RotationChanged(key, agency))
    factories.run_outbox("search.index")
    told = get("/api/v1/rotations?price_min=77700&price_max=77700").get_json()
    assert [hit["id"] for hit in told["hits"]] == [str(key)]
    assert time.monotonic() - begun < 2
    assert findings() == []
