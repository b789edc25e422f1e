"""A booking as a calendar file (RFC 5545): the rotation and each payment to come."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from marketplace.bookings.models import Booking
from marketplace.bookings.order import who
from marketplace.core import formats
from marketplace.core.money import dollars
from marketplace.payments.queries import PlanView

LINE_OCTETS = 75  # RFC 5545 3.1
_STATUS = {"confirmed": "CONFIRMED", "active": "CONFIRMED", "completed": "CONFIRMED"}


@dataclass(frozen=True)
class Entry:
    """An event of whole days; `last` is its last day."""

    uid: str
    summary: str
    first: date
    last: date
    text: str
    place: str = ""


def calendar(booking: Booking, view: PlanView | None, now: datetime, url: str) -> str:
    """The file's text with CRLF line ends and folded lines. `now` is an aware UTC instant."""
    status = _STATUS.get(booking.state, "TENTATIVE")
    if booking.state.startswith(("cancelled", "withdrawn", "declined", "expired")):
        status = "CANCELLED"
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Rounds//Bookings//EN"]
    lines += ["CALSCALE:GREGORIAN", "METHOD:PUBLISH"]
    for entry in _entries(booking, view, url):
        lines += _event(entry, now, booking.steps, status)
    lines.append("END:VCALENDAR")
    return "".join(f"{folded}\r\n" for line in lines for folded in fold(line))


def _entries(booking: Booking, view: PlanView | None, url: str) -> Iterator[Entry]:
    people = who(booking.terms)
    yield Entry(
        uid=f"{booking.reference}@rounds",
        summary=f"{people.specialty} with {people.doctor_short}",
        first=booking.start_on,
        last=booking.end_on,
        text=f"Booking {booking.reference} with {people.agency}. {url}",
        place=formats.site_at(people.site, people.place),
    )
    for row in view.rows if view else ():
        if row.state == "scheduled" and row.due_on:
            yield Entry(
                uid=f"{booking.reference}-{row.seq}@rounds",
                summary=f"Rounds charges {dollars(row.amount_cents)}",
                first=row.due_on,
                last=row.due_on,
                text=f"Payment {row.seq} for booking {booking.reference}. {url}",
            )


def _event(entry: Entry, now: datetime, sequence: int, status: str) -> list[str]:
    lines = [
        "BEGIN:VEVENT",
        f"UID:{entry.uid}",
        f"DTSTAMP:{now:%Y%m%dT%H%M%SZ}",
        f"SEQUENCE:{sequence}",
        f"DTSTART;VALUE=DATE:{entry.first:%Y%m%d}",
        f"DTEND;VALUE=DATE:{entry.last + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{escape(entry.summary)}",
        f"DESCRIPTION:{escape(entry.text)}",
        f"STATUS:{status}",
        "TRANSP:TRANSPARENT",
    ]
    if entry.place:
        lines.append(f"LOCATION:{escape(entry.place)}")
    return [*lines, "END:VEVENT"]


def escape(text: str) -> str:
    """TEXT of RFC 5545 3.3.11."""
    for char in ("\\", ";", ","):
        text = text.replace(char, "\\" + char)
    return text.replace("\r\n", "\\n").replace("\n", "\\n")


def fold(line: str) -> Iterator[str]:
    """A content line in pieces of at most 75 octets; no character is cut in two."""
    piece, room = "", LINE_OCTETS
    for char in line:
        size = len(char.encode())
        if size > room:
            yield piece
            piece, room = " ", LINE_OCTETS - 1
        piece += char
        room -= size
    yield piece
