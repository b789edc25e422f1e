"""The platform's own rows over the lists of `marketplace/data`: versioned, never overwritten.

What an agreement says is frozen into its booking, so a change here reaches new ones only.
"""

from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.core import audit, clock, freshness, reference
from marketplace.core.context import Actor
from marketplace.core.db import REFERENCE, Base, Keyed
from marketplace.core.errors import Conflict, Forbidden
from marketplace.core.reference import Row


class ListRow(Keyed, Base):
    """One version of one row of a list; the newest version of a key holds."""

    __tablename__ = "list_row"
    __owned__ = REFERENCE
    __table_args__ = (UniqueConstraint("name", "key", "version"),)

    name: Mapped[str]
    key: Mapped[str]
    version: Mapped[int]
    values: Mapped[dict[str, str]]
    retired: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str]
    by_person: Mapped[UUID | None]
    by_name: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(default=clock.now)


@freshness.loader
def _load(session: Session, number: int) -> None:
    changed: dict[str, dict[str, Row]] = {}
    retired: dict[str, set[str]] = {}
    for row in session.scalars(select(ListRow).order_by(ListRow.version)):
        if row.name in reference.KEYS:
            changed.setdefault(row.name, {})[row.key] = MappingProxyType(dict(row.values))
            keys = retired.setdefault(row.name, set())
            (keys.add if row.retired else keys.discard)(row.key)
    reference.use(number, changed, {name: frozenset(keys) for name, keys in retired.items()})


def version_of(session: Session, name: str, key: str) -> int:
    """The newest version of a row; 0 while the file's own row holds."""
    newest = select(func.max(ListRow.version)).where(ListRow.name == name, ListRow.key == key)
    return session.scalar(newest) or 0


def history(session: Session, name: str, key: str) -> tuple[ListRow, ...]:
    """The versions of a row, the newest first."""
    rows = select(ListRow).where(ListRow.name == name, ListRow.key == key)
    return tuple(session.scalars(rows.order_by(ListRow.version.desc())))


def save(
    session: Session,
    actor: Actor,
    *,
    name: str,
    values: Row,
    retired: bool,
    version: int,
    reason: str,
) -> ListRow:
    """Write the next version of a row (system session). `version` is the one that was looked at:
    Conflict when somebody has changed the row since. The caller has checked the values."""
    if actor.kind != "admin":
        raise Forbidden("Only a platform admin changes a list.")
    key = reference.key_of(name, values)
    freshness.bump(session)  # locks: one change at a time
    if version_of(session, name, key) != version:
        raise Conflict("Somebody changed this row a moment ago. Look at it again.", "outdated")
    before = _now(name, key)
    row = ListRow(
        name=name,
        key=key,
        version=version + 1,
        values=dict(values),
        retired=retired,
        reason=reason,
        by_person=actor.person_id,
        by_name=actor.name,
    )
    session.add(row)
    session.flush()
    changes = "; ".join(
        f"{column}: {before.get(column, '')} -> {value}"[:300]
        for column, value in values.items()
        if before.get(column, "") != value
    )
    subject = f"list:{name}/{key}"
    audit.record(
        session, actor, "list.changed", subject, reason=reason, retired=retired, changes=changes
    )
    return row


def _now(name: str, key: str) -> Row:
    return next((r for r in reference.rows(name) if reference.key_of(name, r) == key), {})
