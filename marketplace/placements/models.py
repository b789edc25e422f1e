"""The running rotation of a confirmed booking."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core import clock
from marketplace.core.db import Base, Owned


class Placement(Base):
    """Check-ins and completion of one booking, by each side: the candidate, and the host (agency
    or attending). Key: the booking's id."""

    __tablename__ = "placement"
    __owned__ = Owned(
        agency="agency_id",
        people=("candidate_id", "attending_id"),
        link="booking_id",
        person_writes=True,
    )
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "booking_id"], ["booking.agency_id", "booking.id"]),
    )

    booking_id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    candidate_id: Mapped[UUID]
    attending_id: Mapped[UUID]
    candidate_checked_in_at: Mapped[datetime | None]
    host_checked_in_at: Mapped[datetime | None]
    stood_at: Mapped[datetime | None]  # one side was silent for 72 h: the other's stands
    contested_at: Mapped[datetime | None]
    contest_note: Mapped[str] = mapped_column(default="")
    candidate_completed_at: Mapped[datetime | None]
    host_completed_at: Mapped[datetime | None]
    letter_state: Mapped[str] = mapped_column(default="not_asked")  # status only, never content
    letter_moved_at: Mapped[datetime | None]
    opened_at: Mapped[datetime] = mapped_column(default=clock.now)
