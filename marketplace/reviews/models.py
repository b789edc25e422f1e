"""Verified reviews: one for each completed, or provider-cancelled, booking."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core import clock
from marketplace.core.db import Base, Keyed, Owned


class Review(Keyed, Base):
    """Ratings 1-5 by dimension, what was really done, and words. Public after its release time."""

    __tablename__ = "review"
    __owned__ = Owned(
        agency="agency_id",
        people=("candidate_id",),
        public="public",
        agency_writes=True,
        person_writes=True,
    )
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "booking_id"], ["booking.agency_id", "booking.id"]),
        ForeignKeyConstraint(["agency_id", "rotation_id"], ["rotation.agency_id", "rotation.id"]),
        CheckConstraint("overall BETWEEN 1 AND 5", name="overall"),
    )

    agency_id: Mapped[UUID]
    booking_id: Mapped[UUID] = mapped_column(unique=True)
    rotation_id: Mapped[UUID] = mapped_column(index=True)
    candidate_id: Mapped[UUID] = mapped_column(index=True)
    author: Mapped[str]  # "Graduate, class of 2024": never the name
    overall: Mapped[int]
    ratings: Mapped[dict[str, Any]]
    attested: Mapped[dict[str, str]]  # activity slug: yes | supervised | no
    declared: Mapped[dict[str, str]]
    text: Mapped[str] = mapped_column(default="")
    reply: Mapped[str] = mapped_column(default="")
    replied_at: Mapped[datetime | None]
    submitted_at: Mapped[datetime] = mapped_column(default=clock.now)
    release_at: Mapped[datetime]
    public: Mapped[bool] = mapped_column(default=False)
