"""What a team keeps for itself beside its bookings: notes, saved views, canned replies.

None of these tables has a person or a link in its ownership: a candidate or an attending cannot
read them in any scope.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core import clock
from marketplace.core.db import Base, Keyed, Owned


class BookingNote(Keyed, Base):
    """An internal note on a booking: who wrote it and when. Notes are added, never changed."""

    __tablename__ = "booking_note"
    __owned__ = Owned(agency="agency_id")
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "booking_id"], ["booking.agency_id", "booking.id"]),
        Index("ix_booking_note_booking", "booking_id"),
    )

    agency_id: Mapped[UUID]
    booking_id: Mapped[UUID]
    text: Mapped[str]
    author_id: Mapped[UUID | None]
    author_name: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(default=clock.now)


class SavedView(Keyed, Base):
    """A member's own view of the bookings: `query` is the query string of its address."""

    __tablename__ = "saved_view"
    __owned__ = Owned(agency="agency_id")
    __table_args__ = (
        ForeignKeyConstraint(
            ["agency_id", "person_id"], ["membership.agency_id", "membership.person_id"]
        ),
        UniqueConstraint("agency_id", "person_id", "name"),
    )

    agency_id: Mapped[UUID]
    person_id: Mapped[UUID]
    name: Mapped[str]
    query: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class CannedReply(Keyed, Base):
    """A text that the team writes often. `{candidate}`, `{rotation}` and `{start}` are filled in
    from the booking it is used for."""

    __tablename__ = "canned_reply"
    __owned__ = Owned(agency="agency_id")
    __table_args__ = (UniqueConstraint("agency_id", "title"),)

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"))
    title: Mapped[str]
    text: Mapped[str]
    changed_by: Mapped[str] = mapped_column(default="")
    changed_at: Mapped[datetime] = mapped_column(default=clock.now)
