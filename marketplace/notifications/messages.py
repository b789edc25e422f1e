"""Who is told what: one table, plain words, one action each.

Money is told to the candidate and the agency, never to the attending; an attending's private
reason is told to nobody.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from marketplace.bookings.models import Booking
from marketplace.core.formats import day, when
from marketplace.core.money import dollars

Recipient = Literal["candidate", "agency", "attending"]


@dataclass(frozen=True)
class Message:
    """A message to one side. `path` may use the booking's reference and the agency's slug."""

    slug: str
    to: Recipient
    subject: Callable[[Booking], str]
    lead: Callable[[Booking], str]
    action: str
    path: str


CANDIDATE_PAGE = "/me/bookings/{reference}"
AGENCY_PAGE = "/agency/{agency}/bookings/{reference}"


def title(row: Booking) -> str:
    """The rotation in a subject line."""
    return str(row.terms["title"])


def dates(row: Booking) -> str:
    """First and last day."""
    return f"{day(row.start_on)} to {day(row.end_on)}"


def _deadline(row: Booking) -> str:
    return when(row.deadline_at, row.time_zone) if row.deadline_at else ""


def _refund(row: Booking) -> str:
    return dollars(row.refund_cents or 0)


_BY_EVENT: dict[str, tuple[Message, ...]] = {
    "request": (
        Message(
            "request-received",
            "candidate",
            lambda b: f"We have your request for {title(b)}",
            lambda b: (
                f"You asked for {dates(b)}. The agency answers by {_deadline(b)}."
                " Nothing is charged yet."
            ),
            "See your request",
            CANDIDATE_PAGE,
        ),
        Message(
            "agency-new-request",
            "agency",
            lambda b: f"New request: {b.candidate.get('name', 'a candidate')}, {dates(b)}",
            lambda b: f"A request for {title(b)} waits for you until {_deadline(b)}.",
            "Look and decide",
            AGENCY_PAGE,
        ),
    ),
    "deposit_paid": (
        Message(
            "payment-receipt",
            "candidate",
            lambda b: f"Confirmed: {title(b)}",
            lambda b: (
                "The doctor accepted and your deposit is paid. Your money is held and goes to the"
                " agency in two steps, after check-in and after the end."
            ),
            "See your booking",
            CANDIDATE_PAGE,
        ),
        Message(
            "agency-confirmed",
            "agency",
            lambda b: f"Confirmed: {b.candidate.get('name', 'a candidate')}, {dates(b)}",
            lambda b: f"The deposit for {title(b)} is paid. The seat is taken.",
            "Open the booking",
            AGENCY_PAGE,
        ),
        Message(
            "attending-confirmed",
            "attending",
            lambda b: f"Confirmed: {b.candidate.get('name', 'your trainee')}, {dates(b)}",
            lambda b: "Your trainee has confirmed. You will find everything on your page.",
            "Open your page",
            "/attending",
        ),
    ),
    "payment_failed": (
        Message(
            "payment-failed",
            "candidate",
            lambda b: f"Your deposit for {title(b)} did not go through",
            lambda b: (
                f"Your seat is safe until {_deadline(b)}. Use another card, or confirm the payment"
                " with your bank."
            ),
            "Fix the payment",
            CANDIDATE_PAGE,
        ),
    ),
    "decline": (
        Message(
            "declined",
            "candidate",
            lambda b: f"{title(b)}: not this time",
            lambda b: "The request was declined and nothing was charged. Other seats are open.",
            "See other rotations",
            "/rotations",
        ),
    ),
    "expire": (
        Message(
            "expired",
            "candidate",
            lambda b: f"{title(b)}: the time to answer is over",
            lambda b: "The request has ended by itself and nothing was charged.",
            "See other rotations",
            "/rotations",
        ),
    ),
    "withdraw": (
        Message(
            "withdrawn",
            "agency",
            lambda b: f"Withdrawn: {b.reference}",
            lambda b: "The candidate took the request back. Nothing is left to do.",
            "Open the booking",
            AGENCY_PAGE,
        ),
    ),
    "complete": (
        Message(
            "how-was-it",
            "candidate",
            lambda b: f"How was {title(b)}?",
            lambda b: (
                "Tell us what you really did. It takes five minutes and helps the next person."
            ),
            "Write my review",
            CANDIDATE_PAGE + "/review",
        ),
    ),
}
_CANCELLED = (
    Message(
        "cancelled",
        "candidate",
        lambda b: f"{title(b)} is cancelled: {_refund(b)} goes back to you",
        lambda b: f"We send {_refund(b)} to your card. Banks may need up to 10 days.",
        "See the refund",
        CANDIDATE_PAGE,
    ),
    Message(
        "agency-cancelled",
        "agency",
        lambda b: f"Cancelled: {b.reference}, {dates(b)}",
        lambda b: f"The booking is cancelled. {_refund(b)} goes back to the candidate.",
        "Open the booking",
        AGENCY_PAGE,
    ),
    Message(
        "attending-cancelled",
        "attending",
        lambda b: f"Cancelled: {dates(b)}",
        lambda b: "This placement is cancelled. Your seat in these weeks is free again.",
        "Open your page",
        "/attending",
    ),
)
MESSAGES = _BY_EVENT | {"cancel": _CANCELLED, "provider_cancel": _CANCELLED}


def facts(row: Booking) -> list[tuple[str, str]]:
    """The same facts in every message about a booking."""
    return [
        ("Rotation", title(row)),
        ("Dates", dates(row)),
        ("Place", f"{row.terms['site']}, {row.terms['city_label']}"),
        ("Booking", row.reference),
    ]
