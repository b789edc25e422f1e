"""Invariants: questions whose answer must be "no rows", and those of the core itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import inspect, select, text
from sqlalchemy.orm import Session

from marketplace.core import audit, clock, storage, sweeping
from marketplace.core.db import Base
from marketplace.core.jobs import topics
from marketplace.core.outbox import OutboxMessage
from marketplace.core.storage import StoredFile

# the sweep resends after a lease; past this an undelivered row means that the relay is broken
UNDELIVERED_AFTER = timedelta(minutes=10)


@dataclass(frozen=True)
class Check:
    """An invariant (I1-I21 of the reliability notes): `find` answers what violates it."""

    code: str
    promise: str
    find: Callable[[Session], list[str]]


def _undelivered(session: Session) -> list[str]:
    rows = session.scalars(
        select(OutboxMessage).where(
            OutboxMessage.done_at.is_(None),
            OutboxMessage.dead_at.is_(None),
            OutboxMessage.failures == 0,
            OutboxMessage.created_at < clock.wall() - UNDELIVERED_AFTER,
        )
    )
    return [f"{row.topic} {row.id} of {row.created_at:%Y-%m-%d %H:%M}" for row in rows]


def _dead(session: Session) -> list[str]:
    rows = session.scalars(
        select(OutboxMessage).where(
            OutboxMessage.dead_at.is_not(None), OutboxMessage.done_at.is_(None)
        )
    )
    return [f"{row.topic} {row.id}: {row.last_error}" for row in rows]


def _unknown_topics(session: Session) -> list[str]:
    known = topics()
    rows = session.scalars(select(OutboxMessage.topic).distinct())
    return [topic for topic in rows if topic not in known]


def _files(session: Session) -> list[str]:
    return [
        f"{row.id} {row.name}"
        for row in session.scalars(select(StoredFile))
        if not storage.exists(row.id)
    ]


def _unowned_tables(session: Session) -> list[str]:
    return [m.class_.__name__ for m in Base.registry.mappers if "__owned__" not in vars(m.class_)]


def _row_security(session: Session) -> list[str]:
    if session.get_bind().dialect.name != "postgresql":
        return []
    rows = session.execute(
        text(
            "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE nspname = 'public' AND relkind = 'r' AND relname <> 'alembic_version'"
            " AND NOT (relrowsecurity AND relforcerowsecurity)"
        )
    )
    return [row[0] for row in rows]


def _crossing_parents(session: Session) -> list[str]:
    """Children of another agency's parent, found without trusting the foreign keys."""
    found: list[str] = []
    tables = {table.name: table for table in Base.metadata.sorted_tables}
    for table in tables.values():
        for key in table.foreign_key_constraints:
            pairs = [(fk.parent.name, fk.column.name) for fk in key.elements]
            if ("agency_id", "agency_id") not in pairs:
                continue
            parent = key.referred_table.alias("parent")
            others = [pair for pair in pairs if pair[0] != "agency_id"]
            if all(there != "id" for _, there in others):
                continue  # an attending has affiliations with several agencies: none is foreign
            query = select(table.c.agency_id).where(
                *(table.c[here] == parent.c[there] for here, there in others),
                table.c.agency_id != parent.c.agency_id,
            )
            if session.execute(query.limit(1)).first():
                found.append(f"{table.name} -> {key.referred_table.name}")
    return found


def _tables_exist(session: Session) -> list[str]:
    present = set(inspect(session.connection()).get_table_names())
    return [name for name in Base.metadata.tables if name not in present]


CHECKS = (
    Check("core", "every table of the code is in the database", _tables_exist),
    Check("I11", "nothing in the outbox stays undelivered", _undelivered),
    Check("I11", "no work is dead and undecided", _dead),
    Check("I11", "every topic in the outbox has a handler", _unknown_topics),
    Check("I13", "every stored file has its content", _files),
    Check("I13", "every file that something names is stored", sweeping.missing),
    Check("I13", "no file stays that nothing names", sweeping.left_over),
    Check("I14", "the audit chain holds", audit.broken_links),
    Check("I15", "every table says who owns it", _unowned_tables),
    Check("I15", "row-level security is forced on every table", _row_security),
    Check("I15", "no row belongs to another agency's parent", _crossing_parents),
)
