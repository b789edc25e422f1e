"""What the demo candidate keeps: a few rotations, and a search in which something is new."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select

from demo.seed.chance import Ids
from demo.seed.people import People
from demo.seed.rows import Rows
from marketplace.listings.models import Block, Rotation
from marketplace.saved.models import SavedMatch, SavedRotation, SavedSearch, SearchMail

SPECIALTY, LEVEL = "internal-medicine", "hands-on-outpatient"
KEPT = 4
FRESH = 2
"""Rotations of the search that are new since the candidate looked."""
TOKEN = "demo-unsubscribe-token"  # noqa: S105  (a fictional link; it only ends e-mails)


def build(rows: Rows, ids: Ids, everybody: People, now: datetime) -> None:
    """Write what is kept. Every published rotation must be written before."""
    rows.write()
    who: UUID = everybody.candidates[0].id
    found = rows.session.execute(
        select(Rotation.id, func.min(Block.price_cents).label("cents"))
        .where(
            Block.rotation_id == Rotation.id,
            Rotation.public.is_(True),
            Rotation.specialty == SPECIALTY,
            Rotation.level == LEVEL,
        )
        .group_by(Rotation.id)
        .order_by(Rotation.id)
    ).all()
    for number, row in enumerate(found[:KEPT]):
        rows.add(
            SavedRotation,
            {
                "person_id": who,
                "rotation_id": row.id,
                "created_at": now - timedelta(days=2 * number + 1),
            },
        )
    search = rows.add(
        SavedSearch,
        {
            "id": ids.uuid(),
            "person_id": who,
            "name": "Hands-on internal medicine, clinic",
            "query": f"specialty={SPECIALTY}&hands_on={LEVEL}",
            "created_at": now - timedelta(days=9),
            "seen_at": now - timedelta(days=2),
            "primed_at": now - timedelta(days=9),
            "check_at": now,
        },
    )
    rows.add(SearchMail, {"person_id": who, "frequency": "daily", "token": TOKEN, "sent_on": None})
    for row in found:
        fresh = row in found[-FRESH:]
        rows.add(
            SavedMatch,
            {
                "search_id": search["id"],
                "person_id": who,
                "rotation_id": row.id,
                "price_cents": row.cents,
                "open": True,
                "news": "new" if fresh else "",
                "old_price_cents": None,
                "news_at": now - timedelta(hours=5) if fresh else None,
                "mailed_at": None,
            },
        )
    rows.write()
