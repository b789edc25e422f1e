"""`seed`: the whole fictional market in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from demo import accounts
from demo.seed import market, people
from demo.seed.chance import Ids, monday_of
from demo.seed.rows import Rows
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
    rotations: int = market.ROTATIONS, anchor: date | None = None, tell: Tell | None = None
) -> Seeded:
    """Fill an empty database. `anchor` is a Monday, this week's unless given.

    Raises `NotEmpty` when there are agencies already.
    """
    anchor = monday_of(anchor or clock.now().date())
    with open_session(system("seed the demo market")) as session:
        if not is_empty(session):
            raise NotEmpty("the database already holds agencies")
        rows, ids = Rows(session), Ids(anchor)
        built = market.build(rows, ids, anchor, rotations, tell)
        people.build(rows, ids, built, demo_attending(built))
        rows.write()
        return Seeded(dict(rows.written))
