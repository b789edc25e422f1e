"""The database: base class, column types, sessions that carry one scope.

SQLite writers take the write lock at BEGIN (a later upgrade can fail with SQLITE_BUSY); readers
do not queue for it. Both engines keep every acknowledged commit: WAL with synchronous=FULL.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Engine,
    MetaData,
    Select,
    Uuid,
    bindparam,
    event,
    inspect,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from marketplace.core import ids
from marketplace.core.context import Scope, current_scope, reading, watching


class UTCDateTime(TypeDecorator[datetime]):
    """An instant: refuses naive values, stores UTC, answers aware UTC on both engines."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive datetime; convert to UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Answer an aware UTC datetime."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


JsonType = JSON().with_variant(JSONB(), "postgresql")


@dataclass(frozen=True)
class Owned:
    """Who may see and change the rows of a table. Both walls are built from this.

    agency: column with the owning agency. people: columns with person ids that own the row.
    public: a boolean column, or "*" for every row, that anyone may read.
    link: column with the booking id, which an e-mail link is limited to.
    agency_writes/person_writes: may the owner change it. append: anyone may insert a row, an agency
    only in its own name.
    Everything else is for system scopes only.
    """

    agency: str | None = None
    people: tuple[str, ...] = ()
    public: str | None = None
    link: str | None = None
    agency_writes: bool = True
    person_writes: bool = False
    append: bool = False
    agency_reads_public: bool = field(default=False)


SYSTEM_ONLY = Owned()
JOURNAL = Owned(append=True)
REFERENCE = Owned(public="*", agency_reads_public=True)


class Base(DeclarativeBase):
    """Base of every table. A table without `__owned__` fails a test."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  (SQLAlchemy's own shape)
        datetime: UTCDateTime,
        UUID: Uuid(),
        dict[str, Any]: JsonType,
        list[str]: JsonType,
        list[Any]: JsonType,
        dict[str, str]: JsonType,
    }
    __owned__: Owned


class Keyed:
    """A row with a time-ordered UUID key."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=ids.uuid7)


Cents = BigInteger


class ScopeError(RuntimeError):
    """A query or write outside the session's scope. Always a bug or an attack, never shown."""


Model = TypeVar("Model", bound=Base)

_AS_GET = {"autoflush": False}
"""`Session.get` sends nothing before it asks."""


@cache
def _by_key(model: type[Base]) -> Select[Any]:
    """The row of a key; every single key is an UUID."""
    (column,) = inspect(model).primary_key
    return select(model).where(column == bindparam("key", type_=Uuid()))


class ScopedSession(FlaskSession):
    """A session pinned to one scope for its whole life; `tenants.scope` enforces it."""

    def __init__(
        self,
        db: SQLAlchemy,
        scope: Scope | None = None,
        readonly: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(db=db, **options)
        self.info["scope"] = scope or current_scope()
        self.info["readonly"] = readonly or reading.get() or watching.get()

    @property
    def scope(self) -> Scope:
        """The scope; ScopeError when the session was opened without one."""
        scope = self.info.get("scope")
        if not isinstance(scope, Scope):
            raise ScopeError("a session without a scope")
        return scope

    def get_bind(self, *args: Any, **kwargs: Any) -> Engine | Connection:
        """The engine; a read-only session does not queue for SQLite's write lock."""
        if not self.info["readonly"]:
            return super().get_bind(*args, **kwargs)
        # kept: each call makes a new engine object, and the session one connection for each
        if "reader" not in self.info:
            bind = super().get_bind(*args, **kwargs)
            self.info["reader"] = bind.execution_options(readonly=True)
        reader: Engine | Connection = self.info["reader"]
        return reader

    def get(  # type: ignore[override]  # the library's names of options go through as they are
        self, entity: type[Model], ident: Any, **options: Any
    ) -> Model | None:
        """As SQLAlchemy's. A row that is not held yet is asked for with a statement that is made
        once for each model: making one for each call costs more than running it."""
        if options or not isinstance(ident, UUID) or self._holds(entity, ident):
            held: Model | None = super().get(entity, ident, **options)
            return held
        found: Model | None = self.execute(
            _by_key(entity), {"key": ident}, execution_options=_AS_GET
        ).scalar_one_or_none()
        return found

    def _holds(self, entity: type[Base], ident: UUID) -> bool:
        return self.identity_map.get(self.identity_key(entity, ident)) is not None

    def connection(self, *args: Any, **kwargs: Any) -> Connection:
        """Refused outside system scopes: a bare connection knows no ORM wall."""
        if self.scope.kind != "system":
            raise ScopeError("session.connection() passes the wall")
        return super().connection(*args, **kwargs)

    def bulk_save_objects(self, *args: Any, **kwargs: Any) -> None:
        """Refused: bulk writes skip the flush check."""
        raise ScopeError("bulk writes skip the wall; use add_all")

    bulk_insert_mappings = bulk_save_objects
    bulk_update_mappings = bulk_save_objects


# Models derive from Base, not db.Model: Base is typed, and known without an app.
db = SQLAlchemy(session_options={"class_": ScopedSession})


@contextmanager
def open_session(scope: Scope, readonly: bool = False) -> Iterator[ScopedSession]:
    """A session of its own for a job, a command or a test: commit on success, else roll back."""
    session = ScopedSession(db, scope=scope, readonly=readonly)
    try:
        yield session
        if not readonly:
            session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.close()


def engine_options(url: str) -> dict[str, Any]:
    """Settings of the engine for an address. An error never tells the values of a statement: it
    goes to the log, and they are people's."""
    usual: dict[str, Any] = {"hide_parameters": True}
    if url.startswith("sqlite"):
        return usual | {"connect_args": {"timeout": 15, "check_same_thread": False}}
    return usual | {"pool_pre_ping": True, "pool_size": 8, "max_overflow": 8}


@event.listens_for(Engine, "connect")
def _prepare_connection(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    """SQLite: our own BEGIN, WAL, enforced foreign keys, no lost commit."""
    if not type(connection).__module__.startswith("sqlite3"):
        return
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "busy_timeout=15000",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    """SQLite: writers take the lock now, readers never do."""
    if connection.dialect.name == "sqlite":
        readonly = connection.get_execution_options().get("readonly", False)
        connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")
