"""A booking in one line of the agency's pages: the table, what waits, who arrives."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from marketplace.bookings.models import Booking
from marketplace.bookings.workspace_queries import STATUS, due_at, next_words
from marketplace.core import clock, deadlines
from marketplace.core.deadlines import Due, Todo
from marketplace.core.formats import day_short, doctor_short


@dataclass(frozen=True)
class Head:
    """A booking in one line."""

    reference: str
    url: str
    candidate: str
    first_name: str
    initials: str
    hue: int
    standing: str
    specialty: str
    doctor: str
    doctor_short: str
    start: date
    weeks: int
    state: str
    tone: str
    next: str
    due: Due | None
    have: int
    want: int
    price: int


def head(booking: Booking, slug: str) -> Head:
    """The row of a table, and the top of the booking's page."""
    name = str(booking.candidate.get("name") or "").strip() or "A candidate"
    words = name.split()
    doctor = str(booking.terms["attending"])
    state, tone = STATUS.get(booking.state, (booking.state, ""))
    return Head(
        reference=booking.reference,
        url=f"/agency/{slug}/bookings/{booking.reference}",
        candidate=name,
        first_name=words[0],
        initials="".join(word[0] for word in words[:2]).upper(),
        hue=sum(map(ord, name)) % 8 + 1,
        standing=str(booking.candidate.get("line") or ""),
        specialty=str(booking.terms["specialty_label"]),
        doctor=doctor,
        doctor_short=doctor_short(doctor),
        start=booking.start_on,
        weeks=booking.weeks,
        state=state,
        tone=tone,
        next=next_words(booking),
        due=due(booking),
        have=0,
        want=len(booking.terms.get("required_documents") or ()),
        price=booking.price_cents,
    )


def due(booking: Booking) -> Due | None:
    """The next deadline in words; None when nothing is due."""
    at = due_at(booking)
    return deadlines.due(at, clock.now(), booking.time_zone) if at else None


def todo_of(booking: Booking) -> Todo:
    """The step of a booking that waits for the agency."""
    name = str(booking.candidate.get("name") or "").strip() or "A candidate"
    title, action = {
        "requested": (f"Answer {name}'s request", "Answer"),
        "confirmed": (f"Confirm that {name} arrived", "Check in"),
        "active": (f"Say that {name}'s rotation is over", "Complete"),
    }[booking.state]
    doctor, specialty = booking.terms["attending"], booking.terms["specialty_label"]
    line = f"{specialty} with Dr. {doctor} · starts {day_short(booking.start_on)}"
    if booking.state == "requested":
        line += " · the seat is released if nobody answers"
    path = f"/bookings/{booking.reference}"
    return Todo(due_at(booking), title, line, action, path, booking.time_zone)


@dataclass(frozen=True)
class Arrival:
    """Somebody who arrives soon."""

    name: str
    initials: str
    hue: int
    line: str
    state: str
    tone: str


@dataclass(frozen=True)
class ArrivalGroup:
    """Arrivals of one day."""

    title: str
    items: tuple[Arrival, ...]


def arrivals(bookings: Sequence[Booking], slug: str) -> list[ArrivalGroup]:
    """By first day."""
    days: dict[date, list[Arrival]] = {}
    for booking in bookings:
        b = head(booking, slug)
        started = booking.state == "active"
        here = ("Checked in", "good") if started else ("Expected", "")
        item = Arrival(
            b.candidate, b.initials, b.hue, f"{b.specialty} · {b.doctor_short}", here[0], here[1]
        )
        days.setdefault(booking.start_on, []).append(item)
    return [ArrivalGroup(day_short(day), tuple(items)) for day, items in days.items()]
