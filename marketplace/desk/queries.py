"""Reads of what a team keeps for itself (agency sessions)."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.bookings.models import Booking
from marketplace.desk.models import BookingNote, SavedView


def notes(session: Session, booking: Booking) -> tuple[BookingNote, ...]:
    """The notes of a booking, the newest first."""
    return tuple(
        session.scalars(
            select(BookingNote)
            .where(BookingNote.booking_id == booking.id)
            .order_by(BookingNote.at.desc(), BookingNote.id.desc())
        )
    )


def views(session: Session, person_id: UUID) -> tuple[SavedView, ...]:
    """A member's own views, the oldest first."""
    return tuple(
        session.scalars(
            select(SavedView).where(SavedView.person_id == person_id).order_by(SavedView.id)
        )
    )
