"""The two walls: every attack fails, with both up and with either one down."""

import gc
import uuid
from contextlib import suppress

import pytest
from sqlalchemy import delete, exists, func, insert, select, text, union_all, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased, selectinload

from marketplace.core import context, outbox
from marketplace.core.db import Base, ScopedSession, ScopeError, db, open_session
from marketplace.core.outbox import OutboxMessage
from marketplace.listings.models import AttendingWeek, Block, Offering, Rotation, Site
from marketplace.tenants import scope
from marketplace.tenants.models import Agency
from tests.support.database import IS_POSTGRES
from tests.tenants.market import REFUSED, House, trial

NOWHERE = House(*[uuid.uuid4()] * 8)


def read(mine: context.Scope, statement) -> list:
    """What a statement answers; a refusal counts as nothing."""
    with trial(mine) as session:
        try:
            return list(session.scalars(statement))
        except REFUSED:
            return []


def reads(mine: House, theirs: House):
    one = aliased(Rotation)
    return {
        "entity": select(Rotation.agency_id),
        "filtered": select(Rotation.agency_id).where(
            Rotation.id.in_([theirs.rotation, mine.rotation])
        ),
        "alias": select(one.agency_id),
        "join": select(Rotation.agency_id).join(Offering, Offering.rotation_id == Rotation.id),
        "joined side": select(Block.agency_id).join(Rotation, Rotation.id == Block.rotation_id),
        "subquery": select(select(Rotation.agency_id).subquery().c.agency_id),
        "union": union_all(select(Site.agency_id), select(Site.agency_id)),
        "scalar subquery": select(select(func.max(Site.agency_id)).scalar_subquery()),
        "site": select(Site.agency_id),
        "offering": select(Offering.agency_id),
        "agency": select(Agency.id),
    }


@pytest.mark.parametrize("attack", sorted(reads(NOWHERE, NOWHERE)))
def test_an_agency_reads_only_its_rows(houses, walls, attack) -> None:
    mine, theirs = houses
    if attack == "scalar subquery" and IS_POSTGRES:
        pytest.skip("PostgreSQL 15 has no max(uuid)")
    found = read(context.agency(mine.agency), reads(mine, theirs)[attack])
    assert set(found) <= {mine.agency}
    assert found, "the attack must at least see its own rows, or it proves nothing"


def test_counts_and_exists_see_own_rows_only(houses, walls) -> None:
    mine, theirs = houses
    with trial(context.agency(mine.agency)) as session:
        assert session.scalar(select(func.count(Rotation.id))) == 2
        assert session.scalar(select(func.count()).select_from(Site)) == 1
        assert session.get(Rotation, theirs.rotation) is None
    assert read(context.agency(mine.agency), select(exists().where(Site.id == theirs.site))) in (
        [],
        [False],
    )


def test_relationships_stay_inside(houses, walls) -> None:
    mine, _ = houses
    with trial(context.agency(mine.agency)) as session:
        rows = session.scalars(select(Rotation).options(selectinload(Rotation.blocks))).all()
        assert {b.agency_id for r in rows for b in r.blocks} == {mine.agency}


@pytest.mark.parametrize(
    "statement",
    [
        select(Rotation.__table__.c.title),
        text("SELECT title FROM rotation"),
        update(Rotation.__table__).values(title="taken"),
        delete(Site.__table__),
    ],
    ids=["core select", "text", "core update", "core delete"],
)
def test_core_and_text_reach_nothing_foreign(houses, walls, statement) -> None:
    mine, theirs = houses
    with trial(context.agency(mine.agency)) as session:
        try:
            answer = session.execute(statement)
            titles = [row[0] for row in answer] if answer.returns_rows else []
        except REFUSED:
            titles = []
        assert "canary-beta" not in titles
        session.rollback()
    with open_session(context.system("look"), readonly=True) as session:
        assert session.get_one(Rotation, theirs.rotation).title == "canary-beta"


def test_a_bare_connection_is_refused(houses) -> None:
    with trial(context.agency(houses[0].agency)) as session, pytest.raises(ScopeError):
        session.connection()


def test_bulk_writes_touch_own_rows_only(houses, walls) -> None:
    mine, _ = houses
    with trial(context.agency(mine.agency)) as session:
        touched = session.execute(update(Rotation).values(title="mine"))
        assert touched.rowcount == 2
        gone = session.execute(delete(Block))
        assert gone.rowcount == 1
    with trial(context.public()) as session:
        assert session.execute(update(Rotation).values(title="public")).rowcount == 0
    with trial(context.person(mine.member)) as session:
        assert session.execute(update(Rotation).values(title="person")).rowcount == 0


def _foreign_site(theirs: House) -> Site:
    return Site(
        agency_id=theirs.agency,
        slug="x",
        name="x",
        kind="clinic",
        setting="outpatient",
        city="chicago-il",
        state="IL",
        time_zone="America/Chicago",
    )


def test_rows_of_another_agency_cannot_be_written(houses, walls) -> None:
    mine, theirs = houses
    with trial(context.agency(mine.agency)) as session:
        session.add(_foreign_site(theirs))
        with pytest.raises(REFUSED):
            session.flush()
    with trial(context.agency(mine.agency)) as session:
        site = session.get_one(Site, mine.site)
        site.agency_id = theirs.agency
        with pytest.raises(REFUSED):
            session.flush()


def test_bulk_inserts_are_refused(houses, walls) -> None:
    mine, theirs = houses
    values = {"agency_id": theirs.agency, "rotation_id": theirs.rotation, "weeks": 2}
    values |= {"price_cents": 1, "public": True}
    with trial(context.agency(mine.agency)) as session, pytest.raises(REFUSED):
        session.execute(insert(Block), [values])
    with trial(context.agency(mine.agency)) as session, pytest.raises(ScopeError):
        session.bulk_insert_mappings(Block, [values])


def test_a_foreign_parent_is_refused_by_the_database(houses, walls) -> None:
    mine, theirs = houses
    with trial(context.agency(mine.agency)) as session:
        session.add(
            Block(
                agency_id=mine.agency,
                rotation_id=theirs.rotation,
                public=True,
                weeks=2,
                price_cents=1,
            )
        )
        with pytest.raises((IntegrityError, ScopeError)):
            session.flush()


def test_the_public_sees_published_things_only(houses, walls) -> None:
    with trial(context.public()) as session:
        slugs = set(session.scalars(select(Rotation.slug)))
        assert slugs == {"published-alpha", "published-beta"}
        assert session.scalars(select(Site)).all() == []
        assert session.scalars(select(OutboxMessage)).all() == []


def test_publishing_carries_children_along(houses) -> None:
    mine, _ = houses
    with open_session(context.agency(mine.agency)) as session:
        rotation = session.get_one(Rotation, mine.rotation)
        rotation.state, rotation.public = "paused", False
    with trial(context.public()) as session:
        assert mine.block not in set(session.scalars(select(Block.id)))
        assert mine.offering not in set(session.scalars(select(Offering.id)))


def test_agencies_cannot_read_the_attendings_pool(houses, walls) -> None:
    from datetime import date

    with open_session(context.system("pool")) as session:
        session.add(
            AttendingWeek(attending_id=houses[0].attending, week=date(2027, 3, 1), capacity=2)
        )
    assert read(context.agency(houses[0].agency), select(AttendingWeek.capacity)) == []
    assert read(context.public(), select(AttendingWeek.capacity)) == [2]


def test_no_scope_is_an_error_and_not_everything(houses) -> None:
    session = ScopedSession(db)
    with pytest.raises(ScopeError):
        session.scalars(select(Rotation)).all()
    session.close()


def test_a_session_keeps_its_scope(houses) -> None:
    """The identity map would answer rows of an earlier scope: so the scope never changes."""
    mine, theirs = houses
    with trial(context.agency(mine.agency)) as session:
        with context.scoped(context.agency(theirs.agency)):
            assert session.get(Rotation, theirs.draft) is None
            assert session.scope == context.agency(mine.agency)
        with pytest.raises(AttributeError):
            session.scope = context.system("widen")


def test_journals_take_rows_from_anyone_and_show_them_to_nobody(houses, walls) -> None:
    with trial(context.agency(houses[0].agency)) as session:
        outbox.enqueue(session, "anything", {})
        session.expunge_all()
        with suppress(*REFUSED):
            assert session.scalars(select(OutboxMessage)).all() == []


def test_an_email_link_reaches_one_booking_only(app) -> None:
    from marketplace.bookings.models import Booking

    person, booking = uuid.uuid4(), uuid.uuid4()
    narrow = str(
        scope.readable(Booking, context.person(person, booking)).compile(
            compile_kwargs={"literal_binds": True}
        )
    )
    assert booking.hex in narrow.replace("-", "")
    assert person.hex in narrow.replace("-", "")


def test_every_table_says_who_owns_it(app) -> None:
    for mapper in Base.registry.mappers:
        assert "__owned__" in vars(mapper.class_), mapper.class_.__name__


@pytest.mark.postgres
@pytest.mark.skipif(not IS_POSTGRES, reason="row-level security is PostgreSQL's")
def test_row_level_security_is_forced_on_every_table(app) -> None:
    with open_session(context.system("catalog"), readonly=True) as session:
        rows = session.execute(
            text(
                "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
                " WHERE nspname = 'public' AND relkind = 'r' AND relname <> 'alembic_version'"
                " AND NOT (relrowsecurity AND relforcerowsecurity)"
            )
        ).all()
        assert rows == []
        owner = session.scalar(
            text("SELECT count(*) FROM pg_tables WHERE tableowner = current_user")
        )
        assert owner == 0


def test_a_statement_made_once_is_guarded_for_each_scope_apart(houses) -> None:
    first, second = houses
    statement = select(Rotation.id)
    for _ in range(scope.SCOPES_KEPT):
        everyone = read(context.public(), statement)
        assert {first.rotation, second.rotation} <= set(everyone)
        assert not {first.draft, second.draft} & set(everyone)
        mine = read(context.agency(first.agency), statement)
        assert set(mine) == {first.rotation, first.draft}
        theirs = read(context.agency(second.agency), statement)
        assert set(theirs) == {second.rotation, second.draft}
        assert not read(context.agency(uuid.uuid4()), statement)
        assert len(read(context.system("test"), statement)) >= 4
    assert len(scope._guarded_for[statement]) == scope.SCOPES_KEPT


def test_guarded_statements_are_forgotten_with_what_they_guard(houses) -> None:
    gc.collect()
    held = len(scope._guarded_for)
    for number in range(20):
        read(context.public(), select(Rotation.id).where(Rotation.hours_per_week > number))
    gc.collect()
    assert len(scope._guarded_for) == held
