"""What /me/saved shows, and the end of the e-mails by a token."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core import context
from marketplace.core.db import open_session
from marketplace.core.errors import NotFound
from marketplace.listings.models import Rotation
from marketplace.saved import operations, queries
from marketplace.saved.models import SearchMail
from marketplace.saved.queries import Searched
from marketplace.search import finding, works_for_me
from marketplace.search.page import Card, card
from marketplace.search.state import SearchState

FREQUENCY_WORDS = (
    ("daily", "At most once a day"),
    ("weekly", "At most once a week"),
    ("off", "No e-mail"),
)
_TOKEN_LONGEST = 100


@dataclass(frozen=True)
class SavedPage:
    """Cards of what is published, ids of what is not, searches, how often e-mail comes."""

    cards: tuple[Card, ...]
    gone: tuple[UUID, ...]
    searches: tuple[Searched, ...]
    frequency: str
    frequencies: tuple[tuple[str, str], ...] = FREQUENCY_WORDS


def compose(session: Session, person_id: UUID) -> SavedPage:
    """The page of one person (person scope)."""
    ids = queries.saved_ids(session, person_id)
    rows = queries.rows_of(session, ids)
    state, catalog = SearchState(), finding.known(session)
    facts = works_for_me.who(person_id, state).facts
    shown = {row.id for row in rows}
    settings = session.get(SearchMail, person_id)
    return SavedPage(
        cards=tuple(card(row, state, catalog, None, facts) for row in rows),
        gone=tuple(key for key in ids if key not in shown),
        searches=tuple(queries.searches(session, person_id)),
        frequency=settings.frequency if settings else "daily",
    )


def is_public(slug: str) -> bool:
    """Is there such a published rotation? The same answer for drafts and for what never was.

    Read in a session of its own: that of a post may hold SQLite's write lock.
    """
    if not slug.isascii() or not slug.isprintable():
        return False
    found = select(Rotation.id).where(Rotation.slug == slug, Rotation.public.is_(True))
    with open_session(context.public(), readonly=True) as session:
        return session.scalar(found) is not None


def ended(token: str) -> bool:
    """Are the e-mails of this token ended already? NotFound for an unknown token."""
    with open_session(context.system("unsubscribe page"), readonly=True) as session:
        return _settings(session, token).frequency == "off"


def end_mail(token: str) -> None:
    """End the e-mails of this token; again is fine. NotFound for an unknown token."""
    with open_session(context.system("unsubscribe"), readonly=True) as session:
        person_id = _settings(session, token).person_id
    with open_session(context.person(person_id)) as session:
        operations.choose_frequency(session, person_id, "off")


def _settings(session: Session, token: str) -> SearchMail:
    if not token.isascii() or not token.isprintable() or len(token) > _TOKEN_LONGEST:
        raise NotFound
    found = session.scalars(select(SearchMail).where(SearchMail.token == token)).one_or_none()
    if found is None:
        raise NotFound
    return found
