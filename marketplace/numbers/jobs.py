"""Views become rows; agencies are measured one by one, then the market."""

from typing import Any

from sqlalchemy import select

from marketplace.core import clock, context, counters
from marketplace.core.context import Scope
from marketplace.core.db import open_session
from marketplace.core.jobs import AlreadyApplied, QueueError, apply_once, outside_handler
from marketplace.numbers import counting, market, measuring
from marketplace.numbers.models import AgencyNumbers, MarketNumbers
from marketplace.tenants.models import Agency

MOST_BATCHES = 5


@outside_handler("numbers.flush_views")
def flush_views(scope: Scope) -> None:
    """Write what was counted since the last time. While Redis is away there is nothing to do."""
    try:
        for _ in range(MOST_BATCHES):
            batch = counters.take(counting.COUNTER)
            if batch is None:
                return
            write_batch(scope, batch)
            counters.drop(counting.COUNTER, batch)
    except QueueError:
        return  # the batch waits in Redis


def write_batch(scope: Scope, batch: counters.Batch) -> bool:
    """Add a batch to the rows once; False when an earlier run did it."""
    try:
        with open_session(scope) as session:
            apply_once(session, f"views:{batch.id}")
            counting.write(session, batch.numbers)
    except AlreadyApplied:
        return False
    return True


@outside_handler("numbers.measure")
def measure(scope: Scope) -> None:
    """Measure every agency in its own session, then the middle of the market."""
    with open_session(scope, readonly=True) as session:
        agencies = session.scalars(select(Agency.id).order_by(Agency.id)).all()
    over = measuring.window()
    for agency_id in agencies:
        with open_session(context.agency(agency_id)) as session:
            found = measuring.measure(session, over)
            row = session.get(AgencyNumbers, agency_id)
            if row is None:
                row = AgencyNumbers(agency_id=agency_id)
                session.add(row)
            row.measured, row.weekly = dict(found.measured), dict(found.weekly)
            row.last_week, row.at = over.last_week, clock.now()
    measure_market(scope)


def measure_market(scope: Scope) -> None:
    """The middle of what was measured of the agencies that anybody may see, for these weeks."""
    with open_session(scope) as session:
        known: list[dict[str, Any]] = list(
            session.scalars(
                select(AgencyNumbers.measured)
                .join(Agency, Agency.id == AgencyNumbers.agency_id)
                .where(Agency.is_public, AgencyNumbers.last_week == measuring.window().last_week)
            )
        )
        row_of_all = session.get(MarketNumbers, 1)
        if row_of_all is None:
            row_of_all = MarketNumbers(id=1)
            session.add(row_of_all)
        row_of_all.measured, row_of_all.at = market.of_all(known), clock.now()
