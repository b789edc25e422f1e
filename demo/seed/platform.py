"""What the platform's admin finds: reports of readers, an announcement, a blocked account."""

from datetime import datetime, timedelta

from sqlalchemy import select

from demo.seed.chance import Ids
from demo.seed.people import People
from demo.seed.rows import Rows
from marketplace.accounts.models import Person
from marketplace.core import freshness
from marketplace.core.announcements import Announcement
from marketplace.listings.models import ListingLook, ListingReport, Rotation

REPORTS = (
    ("price", "On the phone they asked for 150 dollars more for a badge. The page says all fees."),
    ("facts", "The page says four days a week in the clinic. It was two when I was there."),
    ("price", "They wanted a second deposit by bank transfer."),
)
NEWS = (
    "On Sunday from 6 to 7 AM Eastern no card is charged and no payout leaves."
    " Nothing else changes, and nothing is lost."
)
UNSEEN = 12
WHY_BLOCKED = "Three reports of asking candidates for money outside Rounds."


def build(rows: Rows, ids: Ids, everybody: People, now: datetime) -> None:
    """Write it. Published rotations and candidates must be written before."""
    rows.write()
    listed = rows.session.scalars(
        select(Rotation.id).where(Rotation.public).order_by(Rotation.id).limit(2)
    ).all()
    for number, (kind, note) in enumerate(REPORTS):
        rows.add(
            ListingReport,
            {
                "id": ids.uuid(),
                "rotation_id": listed[number % 2],
                "person_id": everybody.candidates[number + 3].id,
                "kind": kind,
                "note": note,
                "at": now - timedelta(hours=5 * number + 2),
            },
        )
    rows.add(
        Announcement,
        {
            "id": ids.uuid(),
            "text": NEWS,
            "sides": ["agency"],
            "from_at": now - timedelta(days=1),
            "until_at": now + timedelta(days=6),
            "dismissible": True,
            "by_name": "Robin Hallowell",
            "created_at": now - timedelta(days=1),
        },
    )
    _seen(rows, now)
    blocked = everybody.candidates[-1].person
    rows.write()
    freshness.bump(rows.session)
    _block(rows, blocked["id"], now)


def _seen(rows: Rows, now: datetime) -> None:
    """The team has looked at all but the newest listings."""
    newest_first = select(Rotation.id).where(Rotation.public).order_by(Rotation.updated_at.desc())
    for key in rows.session.scalars(newest_first.offset(UNSEEN)).all():
        rows.add(
            ListingLook,
            {
                "rotation_id": key,
                "looked_at": now - timedelta(days=1),
                "by_name": "Robin Hallowell",
            },
        )


def _block(rows: Rows, person_id: object, now: datetime) -> None:
    person = rows.session.get_one(Person, person_id)
    person.blocked_at, person.blocked_reason = now - timedelta(days=3), WHY_BLOCKED
    rows.session.flush()
