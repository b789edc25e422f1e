"""What the platform changes rarely and every page reads: kept in each process, fresh at once.

Such rows (lists, announcements) are read by loaders into memory. A change raises one number in
its own transaction (`bump`) and, once committed, touches a file in the data folder. A request
compares the file's time, which costs a microsecond and no query; where other machines share the
database (never with SQLite) the number itself is asked every few seconds besides. Jobs always ask.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import event, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.core import context
from marketplace.core.db import REFERENCE, Base, ScopedSession, open_session

log = logging.getLogger("rounds.freshness")

ASK_EVERY = 3.0
"""Seconds between two looks at the number where several machines may run the product."""

Loader = Callable[[Session, int], None]
_loaders: list[Loader] = []


class PlatformNumber(Base):
    """One row that grows with each change of what the platform keeps in memory."""

    __tablename__ = "platform_number"
    __owned__ = REFERENCE

    name: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(default=0)


class _Now:
    """What this process knows: the number it has loaded, the file's time, when it last asked."""

    stamp = Path("platform-number")
    asks_database = False
    number: int | None = None
    touched: int | None = None
    asked = 0.0


def configure(folder: Path, *, shared: bool) -> None:
    """Where the file is, and whether other machines may change the database."""
    _Now.stamp, _Now.asks_database = folder / "platform-number", shared
    forget()


def forget() -> None:
    """Load everything anew with the next look."""
    _Now.number = _Now.touched = None


def loader(function: Loader) -> Loader:
    """Register what reads its rows in a system session when the number has changed."""
    _loaders.append(function)
    return function


def refresh(*, ask: bool = False) -> None:
    """Load what has changed. With `ask` the database is asked even if no sign tells of a change."""
    touched = _time_of_file()
    late = _Now.asks_database and time.monotonic() - _Now.asked > ASK_EVERY
    if not (ask or late or _Now.number is None or touched != _Now.touched):
        return
    try:
        _load()
    except SQLAlchemyError:  # not migrated yet, or away: the defaults or the last known rows hold
        log.warning("the platform's lists were not read", exc_info=True)
        return
    _Now.touched, _Now.asked = touched, time.monotonic()


def _load() -> None:
    with open_session(context.system("platform lists"), readonly=True) as session:
        number = session.scalar(select(PlatformNumber.number)) or 0
        if number == _Now.number:
            return
        for load in _loaders:
            load(session, number)
    _Now.number = number


def _time_of_file() -> int:
    try:
        return _Now.stamp.stat().st_mtime_ns
    except OSError:
        return 0


def bump(session: Session) -> None:
    """Something that the loaders read changes in this transaction."""
    row = session.get(PlatformNumber, "platform", with_for_update=True)
    if row is None:
        row = PlatformNumber(name="platform", number=0)
        session.add(row)
    row.number += 1
    session.info["freshness"] = True
    session.flush()


@event.listens_for(ScopedSession, "after_commit")
def _told(session: Session) -> None:
    if session.info.pop("freshness", False):
        try:
            _Now.stamp.touch()
        except OSError:
            log.warning("cannot touch %s", _Now.stamp)
        forget()
