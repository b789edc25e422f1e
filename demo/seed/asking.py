"""Agencies that ask attendings: Harborlight waits for three, and one asks the demo's attending."""

from datetime import date, timedelta

from demo import accounts
from demo.seed.chance import Ids, instant
from demo.seed.market import Market
from demo.seed.rows import Row, Rows
from marketplace.listings.consent import LIFE
from marketplace.listings.models import AttendingInvitation


def build(rows: Rows, ids: Ids, built: Market, doctor: str) -> None:
    """One invitation waits, one is not sent yet, one was turned down; and one for the attending
    whose account the demo shows."""
    own, other = built.agencies[accounts.HARBORLIGHT], _another(built, doctor)
    there = {one.pair.doctor.slug for one in built.listed if one.pair.agency.slug == own["slug"]}
    strangers = [row for slug, row in built.attendings.items() if slug not in {*there, doctor}]
    waits, held, declined = strangers[:3]
    sent = built.anchor - timedelta(days=3)
    _ask(rows, ids, own, waits, sent)
    _ask(rows, ids, own, held, None)
    _ask(rows, ids, own, declined, sent - timedelta(days=2), no=sent)
    if other is not None:
        _ask(rows, ids, other, built.attendings[doctor], sent + timedelta(days=1))
    rows.write()


def _another(built: Market, doctor: str) -> Row | None:
    """An agency that does not work with the attending yet."""
    works = {one.pair.agency.slug for one in built.listed if one.pair.doctor.slug == doctor}
    return next((row for slug, row in built.agencies.items() if slug not in works), None)


def _ask(  # noqa: PLR0917
    rows: Rows, ids: Ids, agency: Row, doctor: Row, sent: date | None, no: date | None = None
) -> None:
    at = instant(sent) if sent else None
    rows.add(
        AttendingInvitation,
        {
            "id": ids.uuid(),
            "agency_id": agency["id"],
            "attending_id": doctor["id"],
            "npi": doctor["npi"],
            "email": f"{doctor['slug']}@attendings.example",
            "name": doctor["display_name"],
            "specialty": doctor["specialty"],
            "invited_by": "Jonas Pell" if agency["slug"] == accounts.HARBORLIGHT else "",
            "sends": 1 if sent else 0,
            "sent_at": at,
            "expires_at": at + LIFE if at else None,
            "accepted_at": None,
            "declined_at": instant(no) if no else None,
            "withdrawn_at": None,
            "token_hash": None,
        },
    )
