"""Reads of what is saved. Sessions carry the person's scope."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core import context
from marketplace.core.db import open_session
from marketplace.saved.models import SavedMatch, SavedRotation, SavedSearch
from marketplace.search import finding, works_for_me
from marketplace.search.port import MAX_PER_PAGE
from marketplace.search.rows import Listing, listings
from marketplace.search.state import SearchState

MOST_MATCHES = 500
"""Listings of one search that are compared; who saves more has not narrowed anything."""


@dataclass(frozen=True)
class Searched:
    """A saved search as the page shows it."""

    id: UUID
    name: str
    chips: tuple[str, ...]
    fresh: int
    url: str


def saved_ids(session: Session, person_id: UUID) -> list[UUID]:
    """The rotations that a person keeps, the latest first."""
    wanted = select(SavedRotation.rotation_id).where(SavedRotation.person_id == person_id)
    return list(
        session.scalars(wanted.order_by(SavedRotation.created_at.desc(), SavedRotation.rotation_id))
    )


def saved_of(person_id: UUID | None) -> frozenset[UUID]:
    """The same for a public page, read in a session of its own; empty for a guest."""
    if person_id is None:
        return frozenset()
    with open_session(context.person(person_id), readonly=True) as session:
        return frozenset(saved_ids(session, person_id))


def searches(session: Session, person_id: UUID) -> list[Searched]:
    """The saved searches, the latest first, with how much is new since the last look."""
    rows = session.scalars(
        select(SavedSearch)
        .where(SavedSearch.person_id == person_id)
        .order_by(SavedSearch.created_at.desc(), SavedSearch.id)
    ).all()
    fresh = _fresh(session, person_id)
    catalog = finding.known(session)
    found = []
    for row in rows:
        state = state_of(row.query)
        chips = tuple(chip.label for chip in state.chips(catalog))
        found.append(
            Searched(row.id, row.name, chips, fresh.get(row.id, 0), finding.address(state))
        )
    return found


def _fresh(session: Session, person_id: UUID) -> dict[UUID, int]:
    rows = session.execute(
        select(SavedMatch.search_id, func.count())
        .where(
            SavedMatch.person_id == person_id,
            SavedMatch.search_id == SavedSearch.id,
            SavedMatch.news_at > SavedSearch.seen_at,
            SavedMatch.open,
        )
        .group_by(SavedMatch.search_id)
    )
    return {row.search_id: row[1] for row in rows}


def state_of(query: str) -> SearchState:
    """The search of a stored query string."""
    return SearchState.of_query(query)


def stored(query: str) -> str:
    """A query string as it is stored: canonical, without page, view, page size and comparison."""
    state = replace(state_of(query), compare=())
    return state.viewed_as("list").sized(SearchState().per_page).canonical()


def matches(session: Session, search: SavedSearch) -> list[Listing]:
    """What a search finds now, with a free seat inside its dates where it names any.

    Raises `SearchUnavailable` while the engine is away: nothing is compared with half an answer.
    """
    state = state_of(search.query).sized(MAX_PER_PAGE)
    facts = works_for_me.who(search.person_id, state).facts
    catalog = finding.known(session)
    found: list[Listing] = []
    pages, page = 1, 1
    while page <= min(pages, MOST_MATCHES // MAX_PER_PAGE):
        answer = finding.find(session, state.on_page(page), catalog, (), candidate=facts)
        answer.need_engine()
        found += answer.rows
        pages, page = answer.result.pages, page + 1
    return found


def rows_of(session: Session, ids: Sequence[UUID]) -> list[Listing]:
    """These rotations as far as they are published, in the same order."""
    return listings(session, ids)
