"""THE isolation guard: nobody reads or changes a row outside the scope of the session.

Two walls stand on one declaration, each model's `__owned__`:

1. SQLAlchemy. Every ORM statement gets the criteria of its scope; what is not an ORM statement is
   refused; a flush checks each written row. No scope: an error, never all rows.
2. PostgreSQL row-level security, forced, for an application role that owns nothing. The scope
   travels as transaction-local settings; without them no row is visible.

Either wall alone holds (tests run the attacks with the other one off).
"""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, cast
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import (
    ColumnElement,
    Executable,
    Table,
    and_,
    event,
    false,
    or_,
    text,
    true,
)
from sqlalchemy.engine import Connection
from sqlalchemy.orm import (
    LoaderCriteriaOption,
    Mapper,
    ORMExecuteState,
    Session,
    UOWTransaction,
    configure_mappers,
    with_loader_criteria,
)
from sqlalchemy.orm.attributes import get_history
from sqlalchemy.orm.base import PASSIVE_NO_INITIALIZE
from sqlalchemy.orm.session import SessionTransaction
from sqlalchemy.sql import visitors
from sqlalchemy.sql.base import ExecutableOption
from sqlalchemy.sql.visitors import ExternallyTraversible

from marketplace.core.context import Scope
from marketplace.core.db import Base, Owned, ScopedSession, ScopeError

# Statements that no model stands behind, each with its reason. Nothing else passes.
EXEMPT = "scope_exempt"
EXEMPTIONS = frozenset({"seats", "healthz"})

walls = {"orm": True}  # tests switch the first wall off to prove the second


def install() -> None:
    """Raise the first wall, and send the scope to PostgreSQL for the second. Idempotent."""
    for name, listener in (
        ("do_orm_execute", _guard_statement),
        ("before_flush", _guard_flush),
        ("after_begin", _announce),
    ):
        if not event.contains(ScopedSession, name, listener):
            event.listen(ScopedSession, name, listener)


# --- wall 1: SQLAlchemy -------------------------------------------------------------------------


def readable(model: type[Base], scope: Scope) -> ColumnElement[bool]:
    """The rows of `model` that a scope may see."""
    owned = model.__owned__
    if scope.kind == "system":
        return true()
    allowed = [*_own_rows(model, scope)]
    if owned.public and (scope.kind in ("public", "person") or owned.agency_reads_public):
        allowed.append(true() if owned.public == "*" else _column(model, owned.public))
    return or_(false(), *allowed)


def writable(model: type[Base], scope: Scope) -> ColumnElement[bool]:
    """The rows of `model` that a scope may change or delete."""
    owned = model.__owned__
    if scope.kind == "system":
        return true()
    if scope.kind == "agency" and not owned.agency_writes:
        return false()
    if scope.kind == "person" and not owned.person_writes:
        return false()
    return or_(false(), *_own_rows(model, scope))


def _own_rows(model: type[Base], scope: Scope) -> list[ColumnElement[bool]]:
    owned = model.__owned__
    if scope.kind == "agency" and owned.agency:
        return [_column(model, owned.agency) == scope.agency_id]
    if scope.kind != "person":
        return []
    own = [_column(model, name) == scope.person_id for name in owned.people]
    if scope.booking_id is None:
        return own
    if not own or not owned.link:
        return []
    return [and_(or_(*own), _column(model, owned.link) == scope.booking_id)]


def _column(model: type[Base], name: str) -> Any:
    return getattr(model, name)


def _guard_statement(state: ORMExecuteState) -> None:
    session = state.session
    assert isinstance(session, ScopedSession)
    scope = session.scope
    changes = state.is_insert or state.is_update or state.is_delete
    if changes and session.info["readonly"]:
        raise ScopeError("a read-only session")
    if scope.kind == "system" or not walls["orm"]:
        return
    if not state.is_orm_statement:
        if state.execution_options.get(EXEMPT) in EXEMPTIONS:
            return
        raise ScopeError("only ORM statements pass the wall")
    if state.is_insert:
        raise ScopeError("bulk insert skips the flush check; use add_all")
    state.statement = _guarded(scope, state.statement, changes)


SCOPES_KEPT = 4
"""For how many scopes a statement keeps its guarded form: people in the middle of a request."""
_guarded_for: WeakKeyDictionary[Executable, dict[tuple[Scope, bool], Executable]] = (
    WeakKeyDictionary()
)


def _guarded(scope: Scope, statement: Executable, changes: bool) -> Executable:
    """The statement with its criteria. A scope is plain data that never changes, so a statement
    that is made once for the whole process is guarded once for each of the latest scopes; any
    other one takes its guarded form along when it goes."""
    known = _guarded_for.setdefault(statement, {})
    found = known.get((scope, changes))
    if found is None:
        found = statement.options(*_criteria(scope, statement, changes))
        for oldest in list(known)[: 1 - SCOPES_KEPT]:
            known.pop(oldest, None)
        known[scope, changes] = found
    return found


def _criteria(scope: Scope, statement: Executable, changes: bool) -> list[LoaderCriteriaOption]:
    """The criteria of the tables a statement names."""
    # what a relationship loads comes with the criteria of the statement that it belongs to
    there = {id(option) for option in _options(statement)}
    needed = (_criterion(model, scope, changes) for model in _models_in(statement))
    return [one for one in needed if id(one) not in there]


@lru_cache(maxsize=2048)
def _criterion(model: type[Base], scope: Scope, changes: bool) -> LoaderCriteriaOption:
    """A scope is plain data that never changes, so its criteria are built once for some time."""
    rule: Callable[[type[Base], Scope], ColumnElement[bool]] = writable if changes else readable
    return with_loader_criteria(model, rule(model, scope), include_aliases=True)


def _options(statement: Executable) -> tuple[ExecutableOption, ...]:
    given: tuple[ExecutableOption, ...] = getattr(statement, "_with_options", ())
    return given


_of_statements: WeakKeyDictionary[Executable, list[type[Base]]] = WeakKeyDictionary()


def _models_in(statement: Executable) -> list[type[Base]]:
    """The models of a statement, looked for once when it is made once for the whole process."""
    found = _of_statements.get(statement)
    if found is None:
        found = _of_statements[statement] = _models_named_in(statement)
    return found


def _models_named_in(statement: Executable) -> list[type[Base]]:
    """Joins and loader options may bring in tables that the statement does not name yet, so then
    it is every model: correct first, then fast."""
    by_table = _by_table()
    loads = [one for one in _options(statement) if not isinstance(one, LoaderCriteriaOption)]
    if getattr(statement, "_setup_joins", ()) or loads:
        return list(by_table.values())
    names = {
        element.name
        for element in visitors.iterate(cast(ExternallyTraversible, statement))
        if isinstance(element, Table) and element.name in by_table
    }
    return [by_table[name] for name in sorted(names)]


@cache
def _by_table() -> dict[str, type[Base]]:
    configure_mappers()
    return {str(mapper.local_table): mapper.class_ for mapper in Base.registry.mappers}


def _guard_flush(session: Session, context: UOWTransaction, instances: object) -> None:
    assert isinstance(session, ScopedSession)
    new, dirty = session.new, session.dirty  # each is made anew whenever it is asked for
    changed = [*new, *dirty, *session.deleted]
    if not changed:
        return
    if session.info["readonly"]:
        raise ScopeError("a read-only session")
    scope = session.scope
    if scope.kind == "system" or not walls["orm"]:
        return
    for row in changed:
        if row in dirty and not session.is_modified(row):
            continue
        if not _may_write(row, scope, new=row in new):
            raise ScopeError(f"{scope.kind} scope may not write {type(row).__name__}")


def _may_write(row: Any, scope: Scope, *, new: bool) -> bool:
    owned: Owned = type(row).__owned__
    if new and owned.append:
        of_nobody_else = not owned.agency or getattr(row, owned.agency) in (None, scope.agency_id)
        return of_nobody_else or scope.kind != "agency"
    if scope.kind == "agency":
        return bool(owned.agency and owned.agency_writes) and _always(
            row, str(owned.agency), scope.agency_id
        )
    if scope.kind != "person" or not owned.person_writes:
        return False
    mine = any(_always(row, name, scope.person_id) for name in owned.people)
    if scope.booking_id is None:
        return mine
    return mine and bool(owned.link) and _always(row, str(owned.link), scope.booking_id)


def _always(row: Any, name: str, value: UUID | None) -> bool:
    """The column holds `value` now and held it before this flush."""
    history = get_history(row, name, PASSIVE_NO_INITIALIZE)
    return getattr(row, name) == value and all(old in (value, None) for old in history.deleted)


# --- wall 2: PostgreSQL -------------------------------------------------------------------------


def _announce(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    """Send the scope with each transaction; `true` makes the settings end with it."""
    if connection.dialect.name != "postgresql":
        return
    assert isinstance(session, ScopedSession)
    scope = session.scope
    connection.execute(
        text(
            "SELECT set_config('rounds.kind', :kind, true),"
            " set_config('rounds.agency', :agency, true),"
            " set_config('rounds.person', :person, true),"
            " set_config('rounds.booking', :booking, true)"
        ),
        {
            "kind": scope.kind,
            "agency": str(scope.agency_id or ""),
            "person": str(scope.person_id or ""),
            "booking": str(scope.booking_id or ""),
        },
    )


_KIND = "(SELECT current_setting('rounds.kind', true))"


def _setting(name: str) -> str:
    # after a transaction-local setting ended the value is '' and not NULL: nullif, then cast
    return f"(SELECT nullif(current_setting('rounds.{name}', true), '')::uuid)"


def _sql_own(owned: Owned) -> list[str]:
    own = []
    if owned.agency:
        own.append(f"({_KIND} = 'agency' AND {owned.agency} = {_setting('agency')})")
    if owned.people:
        mine = " OR ".join(f"{name} = {_setting('person')}" for name in owned.people)
        limit = f"{owned.link} = {_setting('booking')}" if owned.link else "false"
        own.append(
            f"({_KIND} = 'person' AND ({mine}) AND ({_setting('booking')} IS NULL OR {limit}))"
        )
    return own


def _sql_append(owned: Owned) -> str:
    """Any scope may add a row to a journal, an agency none in another one's name."""
    scoped = f"{_KIND} IN ('public', 'person', 'agency', 'system')"
    if not owned.agency:
        return scoped
    mine = f"{owned.agency} IS NULL OR {owned.agency} = {_setting('agency')}"
    return f"{scoped} AND ({_KIND} <> 'agency' OR {mine})"


def policies(table: Table, owned: Owned) -> list[str]:
    """The SQL that puts row-level security on one table."""
    system = f"{_KIND} = 'system'"
    own = _sql_own(owned)
    read = [system, *own]
    if owned.public:
        kinds = (
            "('public', 'person', 'agency')"
            if owned.agency_reads_public
            else "('public', 'person')"
        )
        rows = "true" if owned.public == "*" else owned.public
        read.append(f"({_KIND} IN {kinds} AND {rows})")
    write = [system]
    write += [rule for rule in own if "'agency'" in rule and owned.agency_writes]
    write += [rule for rule in own if "'person'" in rule and owned.person_writes]
    insert = _sql_append(owned) if owned.append else " OR ".join(write)
    changes = " OR ".join(write)
    name = table.name
    return [
        f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY {name}_read ON {name} FOR SELECT USING ({' OR '.join(read)})",
        f"CREATE POLICY {name}_insert ON {name} FOR INSERT WITH CHECK ({insert})",
        f"CREATE POLICY {name}_update ON {name} FOR UPDATE"
        f" USING ({changes}) WITH CHECK ({changes})",
        f"CREATE POLICY {name}_delete ON {name} FOR DELETE USING ({changes})",
    ]


def all_policies() -> list[str]:
    """Row-level security for every mapped table, in name order."""
    mappers: list[Mapper[Any]] = sorted(Base.registry.mappers, key=lambda m: str(m.local_table))
    return [
        statement
        for mapper in mappers
        if isinstance(mapper.local_table, Table)
        for statement in policies(mapper.local_table, mapper.class_.__owned__)
    ]
