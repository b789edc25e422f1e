"""Notes on bookings and the members' own views (agency sessions)."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.accounts import permissions
from marketplace.bookings.models import Booking
from marketplace.core import audit
from marketplace.core.context import Actor
from marketplace.core.errors import Invalid, NotFound
from marketplace.desk.models import BookingNote, SavedView

NOTE_LENGTH = 2000
NAME_LENGTH = 40
SHORTEST = 3
MOST_VIEWS = 12


def add_note(session: Session, actor: Actor, booking: Booking, text: str) -> BookingNote:
    """Write an internal note. Forbidden without `notes.write`; Invalid when it is empty. The audit
    says that a note was written, not what it says."""
    permissions.require(actor, "notes.write")
    if len(text) < SHORTEST:
        raise Invalid({"note": "Write the note first."})
    row = BookingNote(
        agency_id=booking.agency_id,
        booking_id=booking.id,
        text=text,
        author_id=actor.person_id,
        author_name=actor.name,
    )
    session.add(row)
    session.flush()
    audit.record(session, actor, "note.written", f"booking:{booking.id}", note=str(row.id))
    return row


def save_view(session: Session, actor: Actor, name: str, query: str) -> SavedView:
    """Keep a view under a name; the same name again replaces it. Invalid without a good name or
    when the member has `MOST_VIEWS` already."""
    assert actor.agency_id is not None and actor.person_id is not None
    if len(name) < SHORTEST:
        raise Invalid({"name": "Give the view a name of three letters or more."})
    row = session.scalars(
        select(SavedView).where(SavedView.person_id == actor.person_id, SavedView.name == name)
    ).one_or_none()
    if row is None:
        if _number(session, actor.person_id) >= MOST_VIEWS:
            raise Invalid({"name": f"You have {MOST_VIEWS} views. Delete one first."})
        row = SavedView(agency_id=actor.agency_id, person_id=actor.person_id, name=name)
        session.add(row)
    row.query = query
    session.flush()
    return row


def forget_view(session: Session, actor: Actor, view_id: UUID) -> None:
    """Delete an own view; NotFound for anybody else's."""
    row = session.get(SavedView, view_id)
    if row is None or row.person_id != actor.person_id:
        raise NotFound
    session.delete(row)
    session.flush()


def _number(session: Session, person_id: UUID) -> int:
    mine = select(func.count(SavedView.id)).where(SavedView.person_id == person_id)
    return session.scalar(mine) or 0
