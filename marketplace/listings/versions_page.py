"""Published versions and the starts of a listing as plain data."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core import clock
from marketplace.core.errors import NotFound
from marketplace.listings import differences, editor_page
from marketplace.listings.differences import Difference
from marketplace.listings.draft_models import ListingVersion
from marketplace.listings.models import Rotation


@dataclass(frozen=True)
class VersionPage:
    """One published version beside the one before it."""

    title: str
    number: int
    before: int | None
    published_at: datetime
    published_by: str
    time_zone: str
    lines: tuple[Difference, ...]


def version_page(session: Session, rotation: Rotation, number: int) -> VersionPage:
    """NotFound for a version that was never published."""
    rows = session.scalars(
        select(ListingVersion)
        .where(ListingVersion.rotation_id == rotation.id, ListingVersion.version <= number)
        .order_by(ListingVersion.version.desc())
        .limit(2)
    ).all()
    if not rows or rows[0].version != number:
        raise NotFound
    before = rows[1] if len(rows) > 1 else None
    names = editor_page.names_of(session)
    return VersionPage(
        title=rotation.title,
        number=number,
        before=before.version if before else None,
        published_at=rows[0].published_at,
        published_by=rows[0].published_by or "Rounds",
        time_zone=rotation.site.time_zone,
        lines=differences.differences(before.facts if before else {}, rows[0].facts, names),
    )


def start_rows(session: Session, rotation: Rotation, url: str) -> list[dict[str, Any]]:
    """The starts that are not over, with what can be done about each."""
    today = clock.today(rotation.site.time_zone)
    base = url.rpartition("/listings/")[0]
    return [
        {
            "date": start.start_on,
            "taken": start.taken,
            "capacity": start.capacity,
            "closed": start.closed_at is not None,
            "blackout": start.blackout_id is not None,
            "url": f"{base}/availability/{start.id}",
        }
        for start in rotation.offerings
        if start.start_on >= today
    ]
