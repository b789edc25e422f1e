"""Identifiers: time-ordered UUIDs for rows, short references for people."""

import secrets
import time
from threading import Lock
from uuid import UUID

# No 0/O, 1/I/L, U: a reference is read aloud over the phone.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


_RESTARTS = 0x400  # a millisecond's count begins below this, so that it rarely runs over
_lock = Lock()
_last = (0, 0)  # millisecond and count of the newest id


def uuid7() -> UUID:
    """A UUID version 7 (RFC 9562): 48 bits of milliseconds, a count of 12 bits, then random bits.

    Ids of one process grow strictly, those of one millisecond too (6.2, method 1): rows that are
    written together keep their order.
    """
    global _last  # noqa: PLW0603  (one count for the process)
    with _lock:
        millis, count = time.time_ns() // 1_000_000, secrets.randbelow(_RESTARTS)
        if millis <= _last[0]:
            millis, count = _last[0] + (_last[1] + 1 >> 12), _last[1] + 1 & 0xFFF
        _last = (millis, count)
    head = (millis & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | count << 64
    return UUID(int=head | 0x2 << 62 | secrets.randbits(62))


def booking_reference() -> str:
    """A short reference such as RND-7F3K2M; unique by the column that holds it."""
    return "RND-" + "".join(secrets.choice(_ALPHABET) for _ in range(6))


def token() -> str:
    """An unguessable token for a link (256 bits)."""
    return secrets.token_urlsafe(32)
