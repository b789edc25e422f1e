"""Counting page views of listings: which ones count, and the rows they become.

A view costs the page one Redis command and the database nothing. Nothing about the visitor is
kept, so the same person twice is two views.
"""

import re
from collections.abc import Mapping
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core import clock, counters
from marketplace.core.typed import address_of
from marketplace.listings.models import Rotation
from marketplace.numbers.models import ListingDay

COUNTER = "listing-views"
# What names itself a program. Programs that do not cannot be told from people here.
_PROGRAM = re.compile(
    r"bot|crawl|spider|slurp|preview|scan|monitor|fetch|curl|wget|python|java|go-http|headless"
    r"|facebookexternalhit|lighthouse|feed",
    re.IGNORECASE,
)


def counts(method: str, path: str, headers: Mapping[str, str]) -> bool:
    """Is this request somebody opening a listing? Not programs, prefetches, parts of a page, nor
    another start chosen on the page itself."""
    agent = headers.get("User-Agent", "")
    if method != "GET" or len(agent) < 20 or _PROGRAM.search(agent):
        return False
    if "prefetch" in headers.get("Sec-Purpose", "") or "HX-Request" in headers:
        return False
    return address_of(headers.get("Referer", "")).path != path


def note(rotation_id: UUID) -> None:
    """Count a view of today. Does nothing while Redis is away."""
    counters.add(COUNTER, f"{clock.today('UTC')} {rotation_id}")


def write(session: Session, numbers: Mapping[str, int]) -> int:
    """Add a batch to the rows (system session); returns how many views. Listings that are gone and
    fields that nobody wrote here are left out."""
    read = {key: number for field, number in numbers.items() if (key := _key(field))}
    listed = select(Rotation.id, Rotation.agency_id).where(
        Rotation.id.in_({one for one, _ in read})
    )
    owners = {row.id: row.agency_id for row in session.execute(listed)}
    total = 0
    for (rotation_id, day), number in sorted(read.items()):
        if rotation_id not in owners or number <= 0:
            continue
        row = session.get(ListingDay, (rotation_id, day), with_for_update=True)
        if row is None:
            row = ListingDay(
                rotation_id=rotation_id, day=day, agency_id=owners[rotation_id], views=0
            )
            session.add(row)
        row.views += number
        total += number
    session.flush()
    return total


def _key(field: str) -> tuple[UUID, date] | None:
    day, _, rotation_id = field.partition(" ")
    try:
        return UUID(rotation_id), date.fromisoformat(day)
    except ValueError:
        return None
