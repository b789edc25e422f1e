"""Bodies of the reviews' jobs."""

import logging

from sqlalchemy import select

from marketplace.core import clock, context
from marketplace.core.context import Scope
from marketplace.core.db import open_session
from marketplace.core.jobs import outside_handler
from marketplace.reviews import operations
from marketplace.reviews.models import Review

log = logging.getLogger("rounds.reviews")

BATCH = 200


@outside_handler("reviews.release_due")
def release_due(scope: Scope) -> None:
    """Release what has waited long enough, each review in its agency's scope."""
    with open_session(scope, readonly=True) as session:
        due = session.execute(
            select(Review.id, Review.agency_id)
            .where(Review.public.is_(False), Review.release_at <= clock.now())
            .order_by(Review.release_at)
            .limit(BATCH)
        ).all()
    for review_id, agency_id in due:
        try:
            with open_session(context.agency(agency_id)) as session:
                operations.release(session, review_id)
        except Exception:  # the row stays due; it must not hold up the others
            log.exception("review row failed", extra={"review": str(review_id)})
