"""The e-mail about saved searches: all news of a person in one message a day at most."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.models import Person
from marketplace.core import clock
from marketplace.core.mail_templates import absolute_url, post_mail
from marketplace.core.money import dollars
from marketplace.core.words import words
from marketplace.listings import catalog
from marketplace.saved.models import SavedMatch, SavedSearch, SearchMail
from marketplace.saved.queries import state_of
from marketplace.search import finding
from marketplace.search.rows import Listing, listings

SHOWN = 5
"""Rotations of one search that the message names; the rest are counted."""
GAP = {"daily": timedelta(days=1), "weekly": timedelta(days=7)}


@dataclass(frozen=True)
class Line:
    """One rotation of the message."""

    title: str
    place: str
    price: str
    why: str
    url: str


@dataclass(frozen=True)
class Part:
    """One saved search of the message."""

    name: str
    lines: tuple[Line, ...]
    more: int
    url: str


def write(session: Session, person_id: UUID) -> bool:
    """Write a person's digest if there is news and its day has come (person scope).

    The settings row is locked first, so two workers write one message. What is not published or
    has no seat any more is left out; everything looked at counts as mailed. Returns whether a
    message was written.
    """
    today = clock.now().date()
    settings = session.get(SearchMail, person_id, with_for_update=True)
    person = session.get(Person, person_id)
    if settings is None or person is None or person.closed_at or not _is_due(settings, today):
        return False
    news = session.scalars(
        select(SavedMatch).where(
            SavedMatch.person_id == person_id,
            SavedMatch.news_at.is_not(None),
            SavedMatch.mailed_at.is_(None),
        )
    ).all()
    parts = _parts(session, person_id, news)
    for match in news:
        match.mailed_at = clock.now()
    if not parts:
        return False
    settings.sent_on = today
    _post(session, person, parts, settings.token, today)
    return True


def _is_due(settings: SearchMail, today: date) -> bool:
    gap = GAP.get(settings.frequency)
    return gap is not None and (settings.sent_on is None or settings.sent_on <= today - gap)


def _parts(session: Session, person_id: UUID, news: Sequence[SavedMatch]) -> list[Part]:
    searches = session.scalars(
        select(SavedSearch)
        .where(SavedSearch.person_id == person_id)
        .order_by(SavedSearch.created_at, SavedSearch.id)
    )
    told: set[UUID] = set()
    parts = []
    for search in searches:
        matches = {
            match.rotation_id: match
            for match in news
            if match.search_id == search.id and match.open and match.rotation_id not in told
        }
        state = state_of(search.query)
        rows = [row for row in listings(session, list(matches), state.weeks) if row.starts]
        told |= {row.id for row in rows}
        if rows:
            lines = tuple(_line(row, matches[row.id]) for row in rows[:SHOWN])
            parts.append(Part(search.name, lines, len(rows[SHOWN:]), finding.address(state)))
    return parts


def _line(row: Listing, match: SavedMatch) -> Line:
    start = row.starts[0].day
    why = {
        "price": f"Price down from {dollars(match.old_price_cents or 0)}",
        "seat": "A seat is free again",
    }.get(match.news, "New")
    return Line(
        title=f"{catalog.specialty(row.specialty).label} with Dr. {row.doctor}",
        place=row.city.label,
        price=f"{dollars(row.price_cents)} for {row.weeks} weeks, all fees",
        why=f"{why}, next start {start:%b} {start.day}, {start.year}",
        url=f"/rotations/{row.slug}?weeks={row.weeks}",
    )


def _post(session: Session, person: Person, parts: Sequence[Part], token: str, today: date) -> None:
    count = sum(len(part.lines) + part.more for part in parts)
    first = parts[0].lines[0]
    amount = first.price.split(" for ")[0]
    stop = f"/unsubscribe/{token}"
    subject = words("email.saved-search.subject", count=count, search=parts[0].name)
    if count == 1:
        subject = f"1 new rotation for “{parts[0].name}”"
    post_mail(
        session,
        "saved-search",
        to=person.email,
        name=person.name,
        dedupe_key=f"saved-search:{person.id}:{today}",
        headers={
            "List-Unsubscribe": f"<{absolute_url(stop)}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        subject=subject,
        person_name=person.name.split()[0] if person.name.split() else "",
        lead=words("email.saved-search.first-line", rotation=first.title, amount=amount),
        parts=parts,
        path="/me/saved",
        stop=stop,
    )
