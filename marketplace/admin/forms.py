"""What admins type, read strictly: a reason for every act, filters that cannot break a page."""

import unicodedata
from collections.abc import Mapping
from datetime import date
from uuid import UUID

from marketplace.core.errors import Invalid

REASON_LEAST = 8
REASON_MOST = 500
SHORT = f"Give a reason of at least {REASON_LEAST} letters. It stays in the audit log."


def text(form: Mapping[str, str], name: str, most: int) -> str:
    """One line of text without control characters, trimmed and cut to `most`."""
    given = form.get(name, "")[: most * 4]
    shown = "".join(char if char.isprintable() else " " for char in given)
    return " ".join(shown.split())[:most]


def lines(form: Mapping[str, str], name: str, most: int) -> str:
    """Text that may have line breaks, without other control characters."""
    given = form.get(name, "").replace("\r\n", "\n")[: most * 4]
    kept = (c for c in given if c == "\n" or unicodedata.category(c)[0] != "C")
    return "".join(kept).strip()[:most]


def reason(form: Mapping[str, str], name: str = "reason") -> str:
    """Why an admin does it. Invalid when it says nothing."""
    found = text(form, name, REASON_MOST)
    if len(found) < REASON_LEAST:
        raise Invalid({name: SHORT})
    return found


def day(form: Mapping[str, str], name: str) -> date | None:
    """A day of a filter; what cannot be read filters nothing."""
    try:
        found = date.fromisoformat(form.get(name, "")[:10])
    except ValueError:
        return None
    return found if date(2000, 1, 1) <= found <= date(2200, 1, 1) else None


def key(form: Mapping[str, str], name: str) -> UUID | None:
    """A row's key of a filter; what cannot be read filters nothing."""
    try:
        return UUID(form.get(name, "")[:40])
    except ValueError:
        return None


def choice(form: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    """One of the known words, else ''."""
    found = form.get(name, "")
    return found if found in allowed else ""
