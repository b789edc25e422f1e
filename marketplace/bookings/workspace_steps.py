"""The next step of a booking as a role of the agency may take it."""

from dataclasses import dataclass

from marketplace.accounts.permissions import may
from marketplace.bookings import states
from marketplace.bookings.models import Booking
from marketplace.bookings.operations import NO_SHOW_AFTER
from marketplace.bookings.workspace_rows import Head, due, head
from marketplace.core import clock
from marketplace.core.deadlines import Due
from marketplace.core.formats import day_short


@dataclass(frozen=True)
class Action:
    """A button of the next step; `post` makes it a form."""

    label: str
    url: str
    kind: str = "line"
    ico: str = ""
    post: bool = True


@dataclass(frozen=True)
class Next:
    """The one thing to do now, by when, and what happens otherwise."""

    title: str
    due: Due | None
    line: str
    actions: tuple[Action, ...] = ()


def next_step(booking: Booking, url: str, role: str, *, host_checked_in: bool) -> Next | None:
    """The next step as this role may take it; None when nothing will happen any more."""
    b = head(booking, "")
    by = due(booking)
    exact = by.exact if by else ""
    decide = may(role, "bookings.decide")
    if booking.state == "requested":
        actions = (Action("Approve", f"{url}/approve", "accent", "check"),) if decide else ()
        return Next(
            f"Approve or decline by {exact}",
            by,
            f"then {b.doctor_short} has 72 h. If nobody answers, the request ends by itself and"
            " the seat is free again. Nobody is charged until the attending accepts.",
            actions,
        )
    if booking.state in ("confirmed", "active"):
        return _running(booking, b, url, role, host_checked_in=host_checked_in)
    return _waiting(booking, b, by)


def _waiting(booking: Booking, b: Head, by: Due | None) -> Next | None:
    """Steps that somebody else takes."""
    exact = by.exact if by else ""
    texts = {
        "approved": (
            f"{b.doctor_short} decides by {exact}",
            "After that the request is released and nobody is charged.",
        ),
        "accepted": (
            f"{b.doctor_short} accepted",
            "The deposit is charged when the 15 minutes to undo are over.",
        ),
        "payment_needed": (
            f"{b.first_name} has to look at the card by {exact}",
            "The deposit did not go through. The seat is kept until then and released after it.",
        ),
        "completed": ("This rotation is over", "Your last share is released 72 h after it."),
    }
    if booking.state not in texts:
        return None
    title, line = texts[booking.state]
    return Next(title, by, line)


def _running(booking: Booking, b: Head, url: str, role: str, *, host_checked_in: bool) -> Next:
    today, by = clock.today(booking.time_zone), due(booking)
    run, stop = may(role, "placements.run"), may(role, "bookings.cancel")
    actions: list[Action] = []
    if stop:
        actions.append(Action("Cancel", f"{url}/cancel", "line", "ban", post=False))
    if booking.state == "confirmed" and today < booking.start_on:
        return Next(
            f"Starts {day_short(booking.start_on)}",
            None,
            "Check in on the first day: half of your part is released 72 h after it.",
            tuple(actions),
        )
    if not host_checked_in:
        if run and booking.state == "confirmed" and today >= booking.start_on + NO_SHOW_AFTER:
            actions.append(Action("Did not come", f"{url}/no-show", "line", "user"))
        if run:
            actions.append(Action("Check in", f"{url}/check-in", "accent", "user-check"))
        return Next(
            f"Confirm that {b.first_name} arrived",
            by if booking.state == "confirmed" else None,
            "Half of your part is released 72 h after the first check-in, unless it is contested.",
            tuple(actions),
        )
    if today >= booking.end_on:
        if run:
            actions.append(Action("Complete", f"{url}/complete", "accent", "circle-check"))
        return Next(
            f"Say that {b.first_name}'s rotation is over",
            by,
            "The rest of your part is released 72 h later.",
            tuple(actions),
        )
    return Next(
        f"{b.first_name} is here until {day_short(booking.end_on)}",
        None,
        "On the last day you complete the rotation.",
        tuple(actions),
    )


def may_decline(booking: Booking, role: str) -> bool:
    """May this role say no now?"""
    return may(role, "bookings.decide") and "decline" in states.events_from(booking.state, "agency")
