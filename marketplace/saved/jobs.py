"""Saved searches are compared in the background, and what is new goes out in one digest a day.

Due rows are selected in a system session, each is then handled in the session of its own person:
one person's failure stops nobody else's. Everything that a digest does is rows of one transaction,
and its key names the person and the day, so the database itself refuses a second one.
"""

import logging
from datetime import timedelta
from uuid import UUID

from sqlalchemy import or_, select

from marketplace.core import clock, context
from marketplace.core.context import Scope
from marketplace.core.db import open_session
from marketplace.core.jobs import outside_handler
from marketplace.saved import digests, operations, queries
from marketplace.saved.models import SavedMatch, SavedSearch, SearchMail
from marketplace.search.port import SearchUnavailable

log = logging.getLogger("rounds.saved")

AT_ONCE = 200
DAYS_BETWEEN = {"daily": 1, "weekly": 7}


@outside_handler("saved.compare_due")
def compare_due(scope: Scope) -> None:
    """Run every search whose time has come, at most 200 in one go; the rest come next."""
    with open_session(scope, readonly=True) as session:
        due = session.execute(
            select(SavedSearch.id, SavedSearch.person_id)
            .where(SavedSearch.check_at <= clock.now())
            .order_by(SavedSearch.check_at)
            .limit(AT_ONCE)
        ).all()
    for search_id, person_id in due:
        try:
            compare(person_id, search_id)
        except SearchUnavailable:
            log.warning("the engine is away, searches are compared later")
            return
        except Exception:  # the row stays due
            log.exception("comparing failed", extra={"search_id": str(search_id)})


def compare(person_id: UUID, search_id: UUID) -> int:
    """Run one search and note what is new; returns how much.

    The search runs before the writing session is opened: an engine is never asked inside it.
    """
    scope = context.person(person_id)
    with open_session(scope, readonly=True) as session:
        search = session.get(SavedSearch, search_id)
        if search is None:
            return 0
        found = queries.matches(session, search)
    with open_session(scope) as session:
        row = session.get(SavedSearch, search_id, with_for_update=True)
        return operations.note_matches(session, row, found) if row else 0


@outside_handler("saved.send_digests")
def send_digests(scope: Scope) -> None:
    """Write the digest of everybody who has news and has had none for long enough."""
    today = clock.now().date()
    with open_session(scope, readonly=True) as session:
        due = session.scalars(
            select(SearchMail.person_id).where(
                or_(
                    *(
                        (SearchMail.frequency == name)
                        & or_(
                            SearchMail.sent_on.is_(None),
                            SearchMail.sent_on <= today - timedelta(days=days),
                        )
                        for name, days in DAYS_BETWEEN.items()
                    )
                ),
                SearchMail.person_id.in_(
                    select(SavedMatch.person_id).where(
                        SavedMatch.news_at.is_not(None), SavedMatch.mailed_at.is_(None)
                    )
                ),
            )
        ).all()
    for person_id in due:
        try:
            with open_session(context.person(person_id)) as session:
                digests.write(session, person_id)
        except Exception:  # the news stay unmailed and are tried at the next tick
            log.exception("digest failed", extra={"person_id": str(person_id)})
