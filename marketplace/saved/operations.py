"""Verbs of what is saved. Sessions carry the person's scope."""

import logging
import secrets
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.core import clock
from marketplace.core.errors import Conflict, Invalid, NotFound
from marketplace.listings.models import Rotation
from marketplace.saved.models import (
    FREQUENCIES,
    SavedMatch,
    SavedRotation,
    SavedSearch,
    SearchMail,
)
from marketplace.search.rows import Listing

log = logging.getLogger("rounds.saved")

MOST_ROTATIONS = 200
MOST_SEARCHES = 20
SHORTEST_NAME, LONGEST_NAME = 3, 80
CHECK_EVERY = timedelta(minutes=10)


def keep_rotation(session: Session, person_id: UUID, slug: str) -> None:
    """Save a published rotation; one that is saved already stays. NotFound, or Conflict when the
    list is full."""
    rotation_id = session.scalar(
        select(Rotation.id).where(Rotation.slug == slug, Rotation.public.is_(True))
    )
    if rotation_id is None:
        raise NotFound
    if session.get(SavedRotation, (person_id, rotation_id)) is not None:
        return
    _room(session, SavedRotation, person_id, MOST_ROTATIONS, "rotations")
    _add_once(session, SavedRotation(person_id=person_id, rotation_id=rotation_id))


def drop_rotation(session: Session, person_id: UUID, slug: str) -> None:
    """Take a rotation out of the list, published or not any more; one that is not in it is fine."""
    found = session.scalars(
        select(SavedRotation).where(
            SavedRotation.person_id == person_id,
            SavedRotation.rotation_id == Rotation.id,
            Rotation.slug == slug,
        )
    ).one_or_none()
    if found is not None:
        session.delete(found)
        session.flush()


def drop_saved(session: Session, person_id: UUID, rotation_id: UUID) -> None:
    """The same by the rotation's id. NotFound when it is not saved."""
    found = session.get(SavedRotation, (person_id, rotation_id))
    if found is None:
        raise NotFound
    session.delete(found)


def keep_search(session: Session, person_id: UUID, query: str, name: str) -> SavedSearch:
    """Save a search (a canonical query string) under a name; the same search twice is one row.

    Conflict when the list is full.
    """
    same = select(SavedSearch).where(SavedSearch.person_id == person_id, SavedSearch.query == query)
    found = session.scalars(same).one_or_none()
    if found is not None:
        return found
    _room(session, SavedSearch, person_id, MOST_SEARCHES, "searches")
    mail_settings(session, person_id)
    _add_once(session, SavedSearch(person_id=person_id, query=query, name=_named(name)))
    return session.scalars(same).one()


def rename(session: Session, person_id: UUID, search_id: UUID, name: str) -> None:
    """Give a search another name. NotFound; Invalid when it is too short or too long."""
    found = own_search(session, person_id, search_id)
    if not SHORTEST_NAME <= len(name.strip()) <= LONGEST_NAME:
        raise Invalid({"name": "Give it a name of 3 to 80 characters."})
    found.name = _named(name)


def look(session: Session, person_id: UUID, search_id: UUID) -> SavedSearch:
    """The person looks at a search: nothing of it is new any more. NotFound."""
    found = own_search(session, person_id, search_id)
    found.seen_at = clock.now()
    return found


def delete_search(session: Session, person_id: UUID, search_id: UUID) -> None:
    """Delete a search with what was found. NotFound."""
    found = own_search(session, person_id, search_id)
    for match in session.scalars(select(SavedMatch).where(SavedMatch.search_id == found.id)):
        session.delete(match)
    session.flush()
    session.delete(found)


def choose_frequency(session: Session, person_id: UUID, frequency: str) -> None:
    """How often e-mail may come: daily, weekly or off. Invalid for anything else."""
    if frequency not in FREQUENCIES:
        raise Invalid({"frequency": "Choose one of these."})
    mail_settings(session, person_id).frequency = frequency


def mail_settings(session: Session, person_id: UUID) -> SearchMail:
    """The person's settings, made when they are asked for the first time."""
    found = session.get(SearchMail, person_id)
    if found is None:
        token = secrets.token_urlsafe(24)
        _add_once(session, SearchMail(person_id=person_id, frequency="daily", token=token))
        found = session.get_one(SearchMail, person_id, populate_existing=True)
    return found


def own_search(session: Session, person_id: UUID, search_id: UUID) -> SavedSearch:
    """A saved search of this person; NotFound for anybody else's."""
    found = session.get(SavedSearch, search_id)
    if found is None or found.person_id != person_id:
        raise NotFound
    return found


def note_matches(session: Session, search: SavedSearch, found: Iterable[Listing]) -> int:
    """Compare what a search finds now with what it found last; returns how much is new.

    New: a rotation that was never found, a lower price, a free seat after there was none (a
    rotation that has left the search counts as one without). The first time nothing is new.
    """
    now = clock.now()
    known = {
        row.rotation_id: row
        for row in session.scalars(select(SavedMatch).where(SavedMatch.search_id == search.id))
    }
    first, fresh, seen = search.primed_at is None, 0, set[UUID]()
    for row in found:
        seen.add(row.id)
        match = known.get(row.id)
        has_seat = bool(row.starts)
        if match is None:
            match = SavedMatch(
                search_id=search.id,
                person_id=search.person_id,
                rotation_id=row.id,
                price_cents=row.price_cents,
                open=has_seat,
                news="",
            )
            session.add(match)
            news = "" if first else "new"
        elif has_seat and not match.open:
            news = "seat"
        else:
            news = "price" if row.price_cents < match.price_cents else ""
        if news:
            match.news, match.news_at, match.mailed_at = news, now, None
            match.old_price_cents = match.price_cents if news == "price" else None
            fresh += 1
        match.price_cents, match.open = row.price_cents, has_seat
    for key, match in known.items():
        if key not in seen:
            match.open = False
    search.primed_at = search.primed_at or now
    search.check_at = now + CHECK_EVERY
    return fresh


def _add_once(session: Session, row: SavedRotation | SavedSearch | SearchMail) -> None:
    """Add a row unless the same press of a button, sent twice at once, has just added it."""
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        log.info("was saved at the same moment", extra={"table": row.__tablename__})


def _named(name: str) -> str:
    kept = " ".join("".join(char for char in name if char.isprintable() or char == " ").split())
    return kept[:LONGEST_NAME].strip() or "My search"


def _room(
    session: Session,
    kind: type[SavedRotation] | type[SavedSearch],
    person_id: UUID,
    most: int,
    what: str,
) -> None:
    held = session.scalar(select(func.count()).select_from(kind).where(kind.person_id == person_id))
    if (held or 0) >= most:
        raise Conflict(f"You have saved {most} {what}. Remove one first.", "full")
