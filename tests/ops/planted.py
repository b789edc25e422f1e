"""A small world in which every invariant holds, and one planted fault for each of them.

A fault is written straight into the database, past triggers, keys and checks, in a transaction
that is rolled back after it was asked about: so one world serves them all.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, delete, insert, select, text, update
from sqlalchemy import Engine as DatabaseEngine

from marketplace.core import audit, storage
from marketplace.core.db import Base, ScopedSession, db, open_session
from marketplace.listings.models import (
    Attending,
)
from marketplace.reviews import operations as reviews
from marketplace.reviews.operations import Written
from marketplace.search import jobs as search
from tests import factories
from tests.support import database
from tests.verification import support as papers


@dataclass(frozen=True)
class World:
    """Who is there. `paid` is a completed and reviewed booking, `open` and `other` wait for the
    agency on one start; `verified` has papers and no bookings; `spare` is a file of nobody."""

    market: factories.Market
    paid: factories.Made
    open: factories.Made
    other: factories.Made
    verified: factories.Market
    closed_agency: UUID
    spare: UUID


def build() -> World:
    """Everything by the real operations, indexed and sealed (inside an app's context)."""
    market = factories.market(weeks_ahead=(16, 40), capacity=4)
    with open_session(factories.a_system()) as session:
        session.get_one(Attending, market.attending_id).weekly_capacity = 5
    paid = factories.booking(market, factories.candidate("Ana Silva"), "completed")
    with open_session(paid.candidate.scope) as session:
        stars = {row["slug"]: 4 for row in reviews.dimensions()}
        done = dict.fromkeys(factories.HANDS_ON, "yes")
        written = Written(ratings=stars, attested=done, confirmed=True)
        reviews.write(session, paid.candidate.actor, paid.id, written)
    waiting = [
        factories.booking(market, factories.candidate(name), "requested", offering=1)
        for name in ("Ben Adeyemi", "Cy Okafor")
    ]
    verified = papers.approved()
    papers.upload(verified, "site-letter", 200, site_id=verified.site_id)
    papers.send(verified)
    papers.decide(verified)
    with open_session(factories.a_system()) as session:
        closed = factories.agency(session, state="new", is_public=False).id
        spare = storage.put(session, b"x", name="x", media_type="text/plain")
    factories.run_outbox()
    search.rebuild(factories.a_system())
    with open_session(factories.a_system()) as session:
        audit.seal(session)
    return World(market, paid, waiting[0], waiting[1], verified, closed, spare)


# --- asking inside the transaction that planted -------------------------------------------------


class _OnConnection(ScopedSession):
    """A session of the product on the connection of the fault."""

    fault: Connection

    def get_bind(self, *args: Any, **kwargs: Any) -> DatabaseEngine | Connection:
        return self.fault


class _Undone(Exception):
    """Rolls the fault back."""


@contextmanager
def with_fault(plant: Callable[[], None] | None = None) -> Iterator[ScopedSession]:
    """A session that sees the world with a fault in it."""
    with suppress(_Undone), database.untriggered() as connection:
        if not database.IS_POSTGRES:
            connection.execute(text("PRAGMA defer_foreign_keys = ON"))
            connection.execute(text("PRAGMA ignore_check_constraints = ON"))
        session = _OnConnection(db, scope=factories.a_system(), readonly=True)
        session.fault = connection
        try:
            if plant is not None:
                plant_on(connection, plant)
            yield session
        finally:
            session.close()
        raise _Undone


_here: list[Connection] = []


def plant_on(connection: Connection, plant: Callable[[], None]) -> None:
    """Write a fault by this connection."""
    _here.append(connection)
    try:
        plant()
    finally:
        _here.pop()


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


def change(model: type[Base], *where: Any, **values: Any) -> None:
    """Set columns of the one row that is meant; a fault that hits nothing proves nothing."""
    told = _here[-1].execute(update(_table(model)).where(*where).values(**values))
    assert told.rowcount == 1, told.rowcount


def add(model: type[Base], **values: Any) -> None:
    """Write a row."""
    _here[-1].execute(insert(_table(model)).values(**values))


def remove(model: type[Base], *where: Any) -> None:
    """Delete rows."""
    assert _here[-1].execute(delete(_table(model)).where(*where)).rowcount


def run(statement: str) -> None:
    """Change the schema itself."""
    _here[-1].execute(text(statement))


def one(model: type[Base], *where: Any) -> Any:
    """The first such row."""
    return _here[-1].execute(select(_table(model)).where(*where)).mappings().first()


def several(model: type[Base], *where: Any) -> list[Any]:
    """All such rows."""
    return list(_here[-1].execute(select(_table(model)).where(*where)).mappings())
