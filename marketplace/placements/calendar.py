"""A rotation as a calendar entry (RFC 5545)."""

from datetime import UTC, datetime, timedelta

from marketplace.bookings.models import Booking
from marketplace.core import formats


def entry(booking: Booking, *, title: str, now: datetime) -> str:
    """An all-day entry from the first to the last day. No name of the candidate: calendars are
    shared."""
    place = formats.site_at(booking.terms["site"], booking.terms["city_label"])
    last = booking.end_on + timedelta(days=1)  # the end is exclusive
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Rounds//Rotations//EN",
        "BEGIN:VEVENT",
        f"UID:{booking.reference}@rounds",
        f"DTSTAMP:{now.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        f"DTSTART;VALUE=DATE:{booking.start_on:%Y%m%d}",
        f"DTEND;VALUE=DATE:{last:%Y%m%d}",
        f"SUMMARY:{_text(title)}",
        f"LOCATION:{_text(place)}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return escaped.replace("\n", "\\n")


def _folded(line: str) -> str:
    """At most 75 octets in a line; a space continues it."""
    parts, rest = [], line
    while len(rest.encode()) > 73:
        cut = 73
        while len(rest[:cut].encode()) > 73:
            cut -= 1
        parts.append(rest[:cut])
        rest = rest[cut:]
    return "\r\n ".join([*parts, rest])
