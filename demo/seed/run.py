"""`seed`: the whole fictional market in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from demo import accounts
from demo.seed import (
    asking,
    desks,
    drafting,
    keeping,
    market,
    people,
    platform,
    shops,
    verdicts,
    verifying,
)
from demo.seed.bookings import Desk
from demo.seed.chance import Ids, monday_of
from demo.seed.money import Till
from demo.seed.rows import Rows
from demo.stripe_double.seeding import Past
from demo.stripe_double.store import Store
from marketplace.core import clock
from marketplace.core.context import system
from marketplace.core.db import open_session
from marketplace.tenants.models import Agency

ROOM = 3  # trainees at once
Tell = Callable[[int], None]


class NotEmpty(RuntimeError):
    """The database already holds agencies; the seed never mixes with real data."""


@dataclass(frozen=True)
class Seeded:
    """Rows written, by table."""

    written: dict[str, int]


def is_empty(session: Session) -> bool:
    """Whether nothing was seeded or entered yet."""
    return session.scalar(select(Agency.id).limit(1)) is None


def demo_attending(built: market.Market) -> str:
    """The attending of the demo account: one of Harborlight's with room for several trainees."""
    return next(
        listed.pair.doctor.slug
        for listed in built.listed
        if listed.pair.agency.slug == accounts.HARBORLIGHT
        and listed.pair.doctor.trainees >= ROOM
        and listed.shape.hands_on
    )


def seed(
    provider_file: Path,
    rotations: int = market.ROTATIONS,
    now: datetime | None = None,
    tell: Tell | None = None,
) -> Seeded:
    """Fill an empty database, and `provider_file`, the store of the Stripe double.

    `now` decides everything, with this week's Monday as the anchor of all dates. The same `now`
    gives the same market. Raises `NotEmpty` when there are agencies already.
    """
    now = (now or clock.now()).replace(microsecond=0)
    anchor = monday_of(now.date())
    with open_session(system("seed the demo market")) as session:
        if not is_empty(session):
            raise NotEmpty("the database already holds agencies")
        rows, ids = Rows(session), Ids(anchor)
        built = market.build(rows, ids, anchor, rotations, tell)
        doctor = demo_attending(built)
        everybody = people.build(rows, ids, built, doctor)
        verifying.build(rows, ids, built, now)
        drafting.build(rows, ids, built, doctor)
        asking.build(rows, ids, built, doctor)
        store = Store(provider_file)
        try:
            store.clear()  # an earlier try that was not finished
            with store.transaction() as connection:
                past = Past(connection, ids.provider)
                _accounts(session, past, built)
                till = Till(rows, ids, past, now)
                booked = Desk(rows, ids, built, everybody, till, now).build(doctor)
                verdicts.build(rows, ids, booked, now)
                keeping.build(rows, ids, everybody, now)
                desks.build(rows, ids, built, everybody, booked, now)
                platform.build(rows, ids, everybody, now)
                shops.build(session, rows, ids, built, now)
        finally:
            store.close()
        return Seeded(dict(rows.written))


def _accounts(session: Session, past: Past, built: market.Market) -> None:
    """Agencies that were checked can be paid; the new one has not opened its account yet."""
    for row in built.agencies.values():
        if row["state"] == "new":
            continue
        row["payout_account"] = past.account(row["created_at"], str(row["id"]), row["email"])
        session.execute(
            update(Agency)
            .where(Agency.id == row["id"])
            .values(payout_account=row["payout_account"])
        )
