"""What a job measured last: the agency's own numbers (agency sessions) and the market's middle."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.numbers.models import AgencyNumbers, MarketNumbers


def own(session: Session) -> AgencyNumbers | None:
    """The numbers of the session's agency; None before the first measuring."""
    return session.scalars(select(AgencyNumbers)).one_or_none()


def market(session: Session) -> dict[str, dict[str, float]]:
    """The middle of the market by measure; measures with too few agencies are missing."""
    row = session.get(MarketNumbers, 1)
    return row.measured if row else {}
