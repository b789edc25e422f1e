"""The 22 attacks on the walls: from an agency's session, or from none, on another agency's rows.

Each runs with both walls and, on PostgreSQL, with either one alone. An attack answers what it saw:
`fine` is what a session may see of its own. Whatever it tried, the other agency's rows stay equal.
"""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, exists, func, insert, select, text, union_all, update
from sqlalchemy.exc import DBAPIError

from marketplace.accounts.models import Membership, Person
from marketplace.core import context
from marketplace.core.audit import AuditEntry
from marketplace.core.db import ScopedSession, ScopeError, db, open_session
from marketplace.listings.models import Block, Offering, Rotation, Site
from marketplace.notifications.models import Notification
from marketplace.tenants.models import Agency
from tests.tenants.market import REFUSED, House, trial

Attack = Callable[[ScopedSession, House, House], Any]
TABLE = Rotation.__table__
OWN = 2  # rotations of one house


def _agencies(rows: Any) -> set[uuid.UUID]:
    return {one if isinstance(one, uuid.UUID) else one.agency_id for one in rows}


def _identity_map(session: ScopedSession, mine: House, theirs: House) -> Any:
    """What another scope of the same thread has loaded is not in this session's memory."""
    with context.scoped(context.agency(theirs.agency)):
        assert session.get(Rotation, theirs.draft) is None
        return session.get(Rotation, theirs.draft)


def _added(row: Any) -> Attack:
    def attack(session: ScopedSession, mine: House, theirs: House) -> Any:
        session.add(row(mine, theirs))
        session.flush()
        return "LEAK"

    return attack


def _block(agency: uuid.UUID, rotation: uuid.UUID) -> Block:
    return Block(agency_id=agency, rotation_id=rotation, public=True, weeks=2, price_cents=1)


def _values(theirs: House) -> dict[str, Any]:
    values = {"agency_id": theirs.agency, "rotation_id": theirs.rotation, "weeks": 2}
    return values | {"price_cents": 1, "public": True}


def _taken_over(session: ScopedSession, mine: House, theirs: House) -> Any:
    session.get_one(Site, mine.site).agency_id = theirs.agency
    session.flush()
    return "LEAK"


def _union(session: ScopedSession, mine: House, theirs: House) -> Any:
    both = union_all(select(Rotation.agency_id), select(Rotation.agency_id))
    return _agencies(session.scalars(both)) == {mine.agency}


READS: dict[str, Attack] = {
    "entities": lambda s, m, t: _agencies(s.scalars(select(Rotation))) == {m.agency},
    "by key": lambda s, m, t: s.get(Rotation, t.draft) is None,
    "identity map": lambda s, m, t: _identity_map(s, m, t) is None,
    "one column": lambda s, m, t: _agencies(s.scalars(select(Rotation.agency_id))) == {m.agency},
    "count of keys": lambda s, m, t: s.scalar(select(func.count(Rotation.id))) == OWN,
    "count from": lambda s, m, t: s.scalar(select(func.count()).select_from(Rotation)) == OWN,
    "subquery": lambda s, m, t: (
        s.scalar(select(func.count()).select_from(select(Rotation.id).subquery())) == OWN
    ),
    "exists": lambda s, m, t: (
        s.scalar(select(exists(select(Rotation.id).where(Rotation.id == t.draft)))) is False
    ),
    "core select": lambda s, m, t: s.scalar(select(func.count()).select_from(TABLE)) == OWN,
    "text": lambda s, m, t: s.scalar(text("SELECT count(*) FROM rotation")) == OWN,
    "bare connection": lambda s, m, t: (
        s.connection().execute(select(func.count()).select_from(TABLE)).scalar() == OWN
    ),
    "union": _union,
}
WRITES: dict[str, Attack] = {
    "bulk update": lambda s, m, t: (
        s.execute(update(Rotation).values(hours_per_week=1)).rowcount == OWN
    ),
    "bulk delete": lambda s, m, t: s.execute(delete(Block)).rowcount == 1,
    "core update": lambda s, m, t: s.execute(update(TABLE).values(title="x")).rowcount == OWN,
    "a row in their name": _added(lambda m, t: _block(t.agency, t.rotation)),
    "a child of their row": _added(lambda m, t: _block(m.agency, t.rotation)),
    "bulk insert": lambda s, m, t: s.execute(insert(Block), [_values(t)]) and "LEAK",
    "bulk mappings": lambda s, m, t: s.bulk_insert_mappings(Block, [_values(t)]) or "LEAK",
    "another owner": _taken_over,
}
# Journals take rows from anybody; from an agency only in its own name.
IN_THEIR_NAME: dict[str, Attack] = {
    "a notification": _added(
        lambda m, t: Notification(
            agency_id=t.agency, slug="x", title="x", url="/x", dedupe_key="attack"
        )
    ),
    "an audit row": _added(
        lambda m, t: AuditEntry(
            action="x",
            subject="x",
            actor_kind="agency",
            agency_id=t.agency,
            detail={},
            request_id="-",
        )
    ),
}
ATTACKS = READS | WRITES | IN_THEIR_NAME


def state(theirs: House) -> list[Any]:
    """Every row of the other house that an attack aims at."""
    with open_session(context.system("look"), readonly=True) as session:
        return [
            dict(row)
            for model in (Agency, Site, Rotation, Block, Offering)
            for row in session.execute(
                select(model.__table__).where(
                    (Agency.id if model is Agency else model.agency_id) == theirs.agency
                )
            ).mappings()
        ]


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_from_an_agency(houses, walls, name) -> None:
    mine, theirs = houses
    before = state(theirs)
    with trial(context.agency(mine.agency)) as session:
        try:
            seen = ATTACKS[name](session, mine, theirs)
        except REFUSED:
            seen = "refused"
        if seen is not True:
            assert seen == "refused"
            session.rollback()
        else:
            session.commit()
    assert state(theirs) == before


@pytest.mark.parametrize("statement", [select(Rotation), text("SELECT id FROM rotation")])
def test_from_no_scope(houses, walls, statement) -> None:
    session = ScopedSession(db)
    with pytest.raises(ScopeError):
        session.execute(statement).all()
    session.close()


@pytest.mark.parametrize("name", sorted(READS))
def test_from_the_street(houses, walls, name) -> None:
    """The same readings in public scope: published rows only, whoever's they are."""
    mine, theirs = houses
    with trial(context.public()) as session:
        try:
            READS[name](session, mine, theirs)
            seen = set(session.scalars(select(Rotation.id)))
        except REFUSED:
            return
    assert seen <= {mine.rotation, theirs.rotation}


@pytest.mark.parametrize("kind", ["candidate", "attending"])
def test_a_person_reaches_their_own_rows_only(houses, walls, kind) -> None:
    """Every table that belongs to people: another person's rows are not there."""
    mine, theirs = houses
    own, other = {
        "candidate": (mine.member, theirs.member),
        "attending": (mine.attending, theirs.attending),
    }[kind]
    with trial(context.person(own)) as session:
        assert set(session.scalars(select(Person.id))) == {own}
        assert session.get(Person, other) is None
        assert set(session.scalars(select(Membership.person_id))) <= {own}
        assert session.execute(update(Person).values(name="x")).rowcount == 1
        session.rollback()
    with trial(context.person(own)) as session:
        session.add(Person(id=uuid.uuid4(), email="x@example.org", name="x"))
        with pytest.raises((*REFUSED, DBAPIError)):
            session.flush()
