"""A placement in the attending's words: rows of the dashboard, the next step, what may be done."""

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from marketplace.bookings.models import Booking
from marketplace.core import clock, deadlines
from marketplace.core.formats import day_short, month_day, when
from marketplace.placements import decision, letters, operations
from marketplace.placements.models import Placement

LETTER_BUTTONS = {
    "promised": "I will write one",
    "declined": "I do not write one",
    "uploaded": "I have uploaded it",
}


_EVENING = time(18)


def _url(booking: Booking) -> str:
    return f"/attending/bookings/{booking.reference}"


def _who(booking: Booking) -> dict[str, Any]:
    p = decision.request_of(booking)
    return {
        "name": p.candidate,
        "candidate": p.candidate,
        "initials": p.initials,
        "hue": sum(map(ord, p.candidate)) % 8 + 1,
        "url": _url(booking),
        "agency": p.agency,
    }


def _dates(booking: Booking) -> str:
    return f"{month_day(booking.start_on)} to {month_day(booking.end_on)}"


def request_row(booking: Booking) -> dict[str, Any]:
    """A request that waits for an answer."""
    who = _who(booking)
    standing = decision.request_of(booking).standing
    due = deadlines.due(booking.deadline_at, clock.now(), booking.time_zone)
    line = " · ".join(part for part in (_dates(booking), standing, who["agency"]) if part)
    return {**who, "line": line, "due": due}


def here_row(booking: Booking, placement: Placement | None) -> dict[str, Any]:
    """Somebody who is here, with one thing to do."""
    may = may_now(booking, placement)
    action: dict[str, Any] | None = None
    if "check_in" in may:
        action = {"label": "Check in", "url": f"{_url(booking)}/check-in", "ico": "user-check"}
    elif "complete" in may:
        action = {"label": "Complete", "url": f"{_url(booking)}/complete", "ico": "circle-check"}
    if action is not None:
        action |= {"post": True, "accent": False}
    week = max(0, (clock.today(booking.time_zone) - booking.start_on).days // 7) + 1
    line = f"Week {min(week, booking.weeks)} of {booking.weeks}"
    return {**_who(booking), "line": line, "action": action}


def coming_row(booking: Booking) -> dict[str, Any]:
    """Somebody who comes later."""
    return {**_who(booking), "line": f"{day_short(booking.start_on)}, {booking.weeks} weeks"}


def letter_row(booking: Booking, placement: Placement | None) -> dict[str, Any] | None:
    """A letter that the attending was asked for or promised."""
    if placement is None or placement.letter_state not in letters.OPEN:
        return None
    day = letters.due_on(booking, placement)
    at = datetime.combine(day, _EVENING, ZoneInfo(booking.time_zone))
    words = {"asked": "Asks you for a letter", "promised": "You promised a letter"}
    return {
        **_who(booking),
        "line": words[placement.letter_state],
        "due": deadlines.due(at, clock.now(), booking.time_zone),
    }


def may_now(booking: Booking, placement: Placement | None) -> frozenset[str]:
    """What the attending may do now."""
    if booking.state == "approved" and decision.standing_of(booking) == "open":
        return frozenset({"accept", "decline"})
    if decision.undo_until(booking) is not None:
        return frozenset({"undo"})
    today = clock.today(booking.time_zone)
    if booking.state == "confirmed" and today >= booking.start_on:
        return frozenset({"check_in"})
    if booking.state != "active" or placement is None:
        return frozenset()
    found = set()
    if placement.host_checked_in_at is None and placement.contested_at is None:
        found.add("check_in")
        if operations.may_contest(placement, "host"):
            found.add("contest")
    if today >= booking.end_on:
        found.add("complete")
    return frozenset(found)


def next_words(booking: Booking, placement: Placement | None) -> tuple[str, str]:
    """Title and line of the next step."""
    p = decision.request_of(booking)
    standing = decision.standing_of(booking)
    if standing == "open":
        return "Can they join you?", "After that the request is released and nobody is charged."
    if standing != "accepted":
        ended = decision.ended_words(booking, standing, by_attending=False)
        return ended.title, ended.message
    if booking.state == "accepted":
        return "You accepted", "The deposit is charged when the time to undo is over."
    if booking.state == "payment_needed":
        return (
            "Accepted, payment open",
            f"{p.first_name} has to look at the card. You need not act.",
        )
    if booking.state == "confirmed":
        return f"Starts {day_short(booking.start_on)}", "Check in on the first day."
    return _running_words(booking, placement, p.first_name)


def _running_words(
    booking: Booking, placement: Placement | None, first_name: str
) -> tuple[str, str]:
    if booking.state == "active" and placement is not None and placement.contested_at:
        return "The start is contested", "The money stays held. The platform team writes to you."
    if booking.state == "active" and placement is not None and not placement.host_checked_in_at:
        return f"Is {first_name} there?", "They checked in; one word from your side is missing."
    if booking.state == "active":
        return f"Here until {day_short(booking.end_on)}", "Complete it on the last day."
    return "This rotation is over", f"It ended {day_short(booking.end_on)}. Thank you."


def steps_of(booking: Booking) -> list[tuple[str, str, str]]:
    """What follows an acceptance, for the small tracker."""
    paid = booking.first_paid_at
    waiting = booking.state in ("accepted", "payment_needed")
    started = booking.state in ("active", "completed", "closed")
    line = when(paid, booking.time_zone) if paid else "charged when the undo time is over"
    return [
        ("You accepted", str(booking.terms["agency"]), "done"),
        ("Deposit", line, "now" if waiting else "done"),
        ("First day", day_short(booking.start_on), "done" if started else ""),
    ]
