"""Deadlines in words ("17 h overdue", "2 days left"), the exact time beside them; things to do."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Literal

from marketplace.core.formats import when

Tone = Literal["bad", "warn", "ok", "muted"]


@dataclass(frozen=True)
class Due:
    """A deadline as a page shows it: `tone` only repeats what `words` say."""

    words: str
    tone: Tone
    exact: str  # "Tue, Nov 24, 10:20 AM" in the given zone; "" without a deadline
    iso: str  # UTC, for <time datetime>; "" without a deadline


def due(at: datetime | None, now: datetime, tz: str) -> Due:
    """How far `at` is from `now` (both aware), shown in the zone `tz`. `None` is no deadline."""
    if at is None:
        return Due("No deadline", "muted", "", "")
    exact = when(at, tz)
    iso = at.astimezone(UTC).isoformat()
    minutes = int((at - now).total_seconds() // 60)
    length = _length(abs(minutes))
    if minutes < 0:
        return Due(f"{length} overdue", "bad", exact, iso)
    return Due(f"{length} left", "warn" if minutes <= 24 * 60 else "ok", exact, iso)


@dataclass(frozen=True)
class Todo:
    """One thing that an agency has to do: until when (None: when they can), what and why, and the
    one next step. `path` stands below the agency's address; `zone` shows the time."""

    at: datetime | None
    title: str
    line: str
    action: str
    path: str
    zone: str = "UTC"


def shortened(todos: list[Todo], most: int, rest: str, path: str) -> list[Todo]:
    """The first of many alike, and one line for the rest: `rest` follows its number."""
    if len(todos) <= most:
        return todos
    number = len(todos) - most
    return [*todos[:most], Todo(None, f"{number} more {rest}", "", "See them", path)]


def end_of(day: date) -> datetime:
    """The last minute of a day that is counted in UTC, such as a paper's last day."""
    return datetime.combine(day, time(23, 59), UTC)


def _length(minutes: int) -> str:
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // 1440} days"
