"""News of bookings."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class BookingMoved:
    """A booking took a step of `states.MOVES`. `deadline_at` is the new state's."""

    booking_id: UUID
    reference: str
    agency_id: UUID
    candidate_id: UUID
    attending_id: UUID
    plan_id: UUID | None
    source: str
    event: str
    target: str
    seq: int
    actor_kind: str
    deadline_at: datetime | None


@dataclass(frozen=True)
class AttendingAsked:
    """The attending is asked to decide; `token` goes into the e-mail link and nowhere else."""

    booking_id: UUID
    agency_id: UUID
    attending_id: UUID
    token: str
    reminder: bool = False
