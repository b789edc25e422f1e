"""Identifiers: time-ordered UUIDs for rows, short references for people."""

import os
import secrets
import time
from uuid import UUID

# No 0/O, 1/I/L, U: a reference is read aloud over the phone.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


def uuid7() -> UUID:
    """A UUID version 7 (RFC 9562): 48 bits of milliseconds, then random bits."""
    millis = time.time_ns() // 1_000_000
    value = (millis & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def booking_reference() -> str:
    """A short reference such as RND-7F3K2M; unique by the column that holds it."""
    return "RND-" + "".join(secrets.choice(_ALPHABET) for _ in range(6))


def token() -> str:
    """An unguessable token for a link (256 bits)."""
    return secrets.token_urlsafe(32)
