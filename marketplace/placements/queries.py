"""Reads of placements, and the way from an e-mail link to its booking."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.models import Person
from marketplace.bookings.models import Booking
from marketplace.bookings.operations import hash_token
from marketplace.placements.models import Placement


@dataclass(frozen=True)
class Asked:
    """Whom a decide link asks about which booking."""

    booking_id: UUID
    attending_id: UUID


def asked_by_link(session: Session, token: str) -> Asked | None:
    """The booking behind a link's token (system scope); None when the token is not known, or the
    attending's account is closed or blocked: then no link of theirs opens anything."""
    row = session.execute(
        select(Booking.id, Booking.attending_id)
        .join(Person, Person.id == Booking.attending_id)
        .where(
            Booking.decide_token_hash == hash_token(token),
            Person.closed_at.is_(None),
            Person.blocked_at.is_(None),
        )
    ).one_or_none()
    return Asked(row.id, row.attending_id) if row else None


def of_booking(session: Session, booking_id: UUID) -> Placement | None:
    """The placement, when the booking was ever confirmed."""
    return session.get(Placement, booking_id)


def of_bookings(session: Session, booking_ids: Collection[UUID]) -> dict[UUID, Placement]:
    """The placements of several bookings, one read."""
    rows = session.scalars(select(Placement).where(Placement.booking_id.in_(booking_ids)))
    return {row.booking_id: row for row in rows}
