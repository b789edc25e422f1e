"""Limits on attempts, by account and by address.

Attempts are rows written in a session of their own, before the attempt is made: a request that
fails or rolls back still counts, and the queue may be away. A success is taken back, so that
people who sign in often are never locked out. Call this before the request's own session writes:
SQLite has one writer.
"""

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from marketplace.accounts.models import Attempt
from marketplace.core import clock, context
from marketplace.core.db import open_session
from marketplace.core.errors import TooMany
from marketplace.core.words import words


@dataclass(frozen=True)
class Limit:
    """At most `times` attempts in `window`."""

    times: int
    window: timedelta


@dataclass(frozen=True)
class Limits:
    """For one kind of attempt: from one address on one account, on one account from anywhere,
    and from one address on any account. The first keeps a stranger from locking somebody out."""

    pair: Limit
    account: Limit
    address: Limit


_QUARTER = timedelta(minutes=15)
_HOUR = timedelta(hours=1)
_FEW = Limits(Limit(5, _QUARTER), Limit(8, _HOUR), Limit(60, _HOUR))

LIMITS: dict[str, Limits] = {
    "sign-in": Limits(Limit(8, _QUARTER), Limit(40, _HOUR), Limit(60, _QUARTER)),
    "link": _FEW,
    "reset": _FEW,
    "sign-up": _FEW,
    "report": Limits(Limit(5, _HOUR), Limit(8, _HOUR), Limit(30, _HOUR)),
    "use-link": Limits(Limit(30, _QUARTER), Limit(1000, _QUARTER), Limit(30, _QUARTER)),
    "password": Limits(Limit(8, _QUARTER), Limit(20, _HOUR), Limit(60, _QUARTER)),
}
_MINUTE = timedelta(minutes=1)
# What strangers can have written, and is only worth the first few rows: of one address, and of all.
ROOM: dict[str, tuple[Limit, Limit]] = {
    "webhook": (Limit(5, _MINUTE), Limit(60, _MINUTE)),
    "webhook-more": (Limit(1, _MINUTE), Limit(10, _MINUTE)),
}
KEEP = timedelta(days=1)


def count(kind: str, account: str, address: str) -> tuple[UUID, ...]:
    """Count one attempt of a kind on an account (an e-mail address, or what stands for one).

    Raises TooMany, with the seconds until the next try, when a limit is reached. Returns the
    counted rows for `forgive`.
    """
    limits = LIMITS[kind]
    account, address = _digest(account.casefold()), network(address)
    buckets = {
        f"{kind}:pair:{account}:{address}": limits.pair,
        f"{kind}:account:{account}": limits.account,
        f"{kind}:address:{address}": limits.address,
    }
    rows = [Attempt(bucket=bucket) for bucket in buckets]
    with open_session(context.system("count attempt")) as session:
        session.add_all(rows)
        session.flush()
        counted = tuple(row.id for row in rows)
    # Counted first, looked at after: of many at the same time at most `times` see themselves
    # within the limit.
    with open_session(context.system("look at attempts"), readonly=True) as session:
        wait = max(_wait(session, bucket, limit) for bucket, limit in buckets.items())
    if wait:
        forgive(counted)
        minutes = -(-wait // 60)
        raise TooMany(words("error.too-many.text", minutes=minutes), retry_after=wait)
    return counted


def has_room(kind: str, address: str) -> bool:
    """Is one more thing of a kind (`ROOM`) from an address worth a row? It is counted if so;
    without room nothing is written, so that thousands cost a read each."""
    one, everybody = ROOM[kind]
    buckets = {f"{kind}:address:{network(address)}": one, f"{kind}:all": everybody}
    with open_session(context.system("look at attempts"), readonly=True) as session:
        for bucket, limit in buckets.items():
            if _number(session, bucket, limit)[0] >= limit.times:
                return False
    with open_session(context.system("count attempt")) as session:
        session.add_all(Attempt(bucket=bucket) for bucket in buckets)
    return True


def forgive(counted: tuple[UUID, ...]) -> None:
    """Take an attempt back: it succeeded, or it was refused before it was made."""
    with open_session(context.system("forgive attempt")) as session:
        session.execute(delete(Attempt).where(Attempt.id.in_(counted)))


def forget(session: Session) -> None:
    """Delete what no limit looks at any more (system scope)."""
    session.execute(delete(Attempt).where(Attempt.at < clock.wall() - KEEP))


def network(address: str) -> str:
    """The part of an address that one person holds: all of IPv4, the first 64 bits of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


def _digest(account: str) -> str:
    """What people type by mistake into this field (a password) must not be stored."""
    return hashlib.sha256(account.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _wait(session: Session, bucket: str, limit: Limit) -> int:
    """Seconds until there is room in a bucket; 0 when the newest attempt fits."""
    number, oldest = _number(session, bucket, limit)
    if number <= limit.times or oldest is None:
        return 0
    return max(1, int((oldest - clock.wall() + limit.window).total_seconds()) + 1)


def _number(session: Session, bucket: str, limit: Limit) -> tuple[int, datetime | None]:
    """How many attempts are in the window, and when the oldest of them was."""
    since = clock.wall() - limit.window
    row = session.execute(
        select(func.count(), func.min(Attempt.at)).where(
            Attempt.bucket == bucket, Attempt.at > since
        )
    ).one()
    return row[0], row[1]
