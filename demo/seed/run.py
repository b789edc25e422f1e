"""`seed`: the whole fictional market in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from demo.seed import market
from demo.seed.chance import Ids, monday_of
from demo.seed.rows import Rows
from marketplace.core import clock
from marketplace.core.context import system
from marketplace.core.db import open_session
from marketplace.tenants.models import Agency

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
        market.build(rows, ids, anchor, rotations, tell)
        rows.write()
        return Seeded(dict(rows.written))
