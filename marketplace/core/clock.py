"""The one source of time. The business clock is movable in the demo and in tests.

`now()` answers for deadlines, due dates and policies. `wall()` answers for security: sign-in,
tokens, leases. Both are aware UTC instants. The offset lives in a small file, so that every
process of the demo moves together.
"""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

_state: dict[str, object] = {"path": None, "mtime": None, "offset": timedelta(0)}


def use_file(path: Path | None) -> None:
    """Read the offset from `path` (demo and tests); None keeps the real time."""
    _state.update(path=path, mtime=None, offset=timedelta(0))


def wall() -> datetime:
    """Real UTC time; never moved."""
    return datetime.now(UTC)


def now() -> datetime:
    """Business UTC time: the real time plus the demo's offset."""
    return wall() + offset()


def today(zone: str) -> date:
    """The calendar day at a site, by its IANA time zone."""
    return now().astimezone(ZoneInfo(zone)).date()


def offset() -> timedelta:
    """How far the business clock is ahead of the real one."""
    path = _state["path"]
    if not isinstance(path, Path):
        current = _state["offset"]
        assert isinstance(current, timedelta)
        return current
    try:
        mtime = path.stat().st_mtime_ns
    except FileNotFoundError:
        return timedelta(0)
    if mtime != _state["mtime"]:
        seconds = float(json.loads(path.read_text())["offset_seconds"])
        _state.update(mtime=mtime, offset=timedelta(seconds=seconds))
    current = _state["offset"]
    assert isinstance(current, timedelta)
    return current


def advance(by: timedelta) -> datetime:
    """Move the business clock and return the new time. Only the demo and tests call this."""
    moved = offset() + by
    path = _state["path"]
    if isinstance(path, Path):
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps({"offset_seconds": moved.total_seconds()}))
        draft.replace(path)
    _state.update(offset=moved, mtime=None)
    return now()


def reset() -> None:
    """Return to the real time (tests)."""
    advance(-offset())
