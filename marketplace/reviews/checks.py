"""Invariants of reviews."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.bookings.models import Booking
from marketplace.core.checks import Check
from marketplace.reviews.models import Review

REVIEWABLE = ("completed", "closed", "cancelled_by_provider")


def _unearned(session: Session) -> list[str]:
    rows = session.scalars(
        select(Review.id)
        .join(Booking, Booking.id == Review.booking_id)
        .where(Booking.state.not_in(REVIEWABLE) | (Review.candidate_id != Booking.candidate_id))
    )
    return [str(row) for row in rows]


CHECKS = (Check("I17", "every review belongs to its author's completed booking", _unearned),)
