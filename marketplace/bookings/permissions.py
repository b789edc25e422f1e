"""What a candidate may do with a booking now, beyond the table of moves."""

from datetime import date, datetime

from marketplace.bookings import states
from marketplace.bookings.models import Booking
from marketplace.payments.queries import PlanView

# In these states a card can be saved for what is still to be charged.
CARD_STATES = frozenset(
    {"held", "requested", "approved", "accepted", "payment_needed", "confirmed", "active"}
)


def may(booking: Booking, event: str) -> bool:
    """Does the table let a candidate take this step?"""
    return event in states.events_from(booking.state, "candidate")


def hold_is_live(booking: Booking, now: datetime) -> bool:
    """Is the seat still held? A deadline holds when it passes, not when the sweep comes by."""
    return booking.state == "held" and booking.deadline_at is not None and booking.deadline_at > now


def hold_has_ended(booking: Booking, now: datetime) -> bool:
    """Did the hold run out before the request was sent?"""
    lapsed = booking.state == "expired" and booking.steps == 2  # hold, expire
    return (booking.state == "held" and not hold_is_live(booking, now)) or lapsed


def may_change_card(booking: Booking, view: PlanView | None) -> bool:
    """Is anything left that a card could be charged for?"""
    if view is None or booking.state not in CARD_STATES or view.in_flight:
        return False
    return view.problem is None or view.problem.state != "needs_action"


def may_check_in(booking: Booking, today: date) -> bool:
    """From the first day at the site on."""
    return may(booking, "check_in") and today >= booking.start_on


def may_complete(booking: Booking, today: date) -> bool:
    """From the last day at the site on."""
    return may(booking, "complete") and today >= booking.end_on
