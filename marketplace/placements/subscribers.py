"""Reactions to bookings. They run in the scope of whoever moved the booking, which may always
write the placement of that booking."""

from sqlalchemy.orm import Session

from marketplace.bookings.events import BookingMoved
from marketplace.core.events import subscribe
from marketplace.placements import operations


@subscribe(BookingMoved)
def on_moved(session: Session, event: BookingMoved) -> None:
    """A confirmed booking gets its placement; milestones note which side said so."""
    if event.target == "confirmed":
        operations.open_placement(session, event.booking_id)
    elif event.event in ("check_in", "complete"):
        placement = operations.open_placement(session, event.booking_id)
        side = operations.side_of(event.actor_kind)
        if event.event == "check_in":
            operations.note_check_in(placement, side)
        else:
            operations.note_completion(placement, side)
