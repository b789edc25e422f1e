"""A month of bookings as plain data: an agenda of days, and weeks of a grid."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from marketplace.bookings.models import Booking
from marketplace.bookings.workspace_queries import STATUS, due_at, month_of
from marketplace.bookings.workspace_rows import Head, head
from marketplace.core import clock
from marketplace.core.formats import month_day

SHOWN = 3  # entries of a day in the grid; the list has them all
AHEAD = 18  # months that the filter offers
_UNSURE = frozenset({"requested", "approved", "accepted", "payment_needed"})


@dataclass(frozen=True)
class Entry:
    """Something of one day. kind: arrives, leaves, due."""

    kind: str
    words: str
    who: Head
    tone: str


@dataclass
class Day:
    """A day; `of_month` is false for the days that fill the first and the last week."""

    on: date
    of_month: bool
    is_today: bool
    entries: list[Entry] = field(default_factory=list)
    here: int = 0  # trainees at a site on this day

    @property
    def more(self) -> int:
        """How many entries the grid leaves out."""
        return max(0, len(self.entries) - SHOWN)


@dataclass(frozen=True)
class Month:
    """The page's month."""

    label: str
    slug: str
    before: str
    after: str
    weeks: tuple[tuple[Day, ...], ...]
    agenda: tuple[Day, ...]
    arrives: int
    leaves: int
    most_here: int


def asked(text: str) -> tuple[date, date]:
    """The month of an address, or the present one: its first and last day."""
    today = clock.today("UTC")
    found = month_of(text) or month_of(f"{today:%Y-%m}")
    assert found is not None
    return found


def choices(chosen: str = "") -> list[tuple[str, str]]:
    """Months for a filter: from two back, and the chosen one if it is elsewhere."""
    first = clock.today("UTC").replace(day=1)
    for _ in range(2):
        first = (first - timedelta(days=1)).replace(day=1)
    found = []
    for _ in range(AHEAD):
        found.append((f"{first:%Y-%m}", f"{first:%B %Y}"))
        first = (first + timedelta(days=31)).replace(day=1)
    if chosen and chosen not in dict(found) and (month := month_of(chosen)):
        found.insert(0, (chosen, f"{month[0]:%B %Y}"))
    return found


def month(bookings: Sequence[Booking], first: date, last: date, slug: str) -> Month:
    """The entries of a month, day by day. Days are those at each site."""
    today = clock.today("UTC")
    start = first - timedelta(days=first.weekday())
    end = last + timedelta(days=6 - last.weekday())
    days = {
        one: Day(one, first <= one <= last, one == today)
        for one in (start + timedelta(days=n) for n in range((end - start).days + 1))
    }
    for booking in bookings:
        _put(booking, days, slug)
    every = list(days.values())
    inside = [day for day in every if day.of_month]
    return Month(
        label=f"{first:%B %Y}",
        slug=f"{first:%Y-%m}",
        before=f"{first - timedelta(days=1):%Y-%m}",
        after=f"{last + timedelta(days=1):%Y-%m}",
        weeks=tuple(tuple(every[n : n + 7]) for n in range(0, len(every), 7)),
        agenda=tuple(day for day in inside if day.entries),
        arrives=sum(entry.kind == "arrives" for day in inside for entry in day.entries),
        leaves=sum(entry.kind == "leaves" for day in inside for entry in day.entries),
        most_here=max((day.here for day in inside), default=0),
    )


def _put(booking: Booking, days: dict[date, Day], slug: str) -> None:
    who = head(booking, slug)
    words, tone = STATUS.get(booking.state, (booking.state, ""))
    if booking.start_on in days:
        unsure = booking.state in _UNSURE
        arrives = f"May arrive: {words.lower()}" if unsure else "Arrives"
        entry = Entry("arrives", arrives, who, "" if unsure else tone)
        days[booking.start_on].entries.append(entry)
    if booking.end_on in days and booking.state not in _UNSURE:
        days[booking.end_on].entries.append(Entry("leaves", "Last day", who, ""))
    at = due_at(booking)
    if at is not None and booking.state == "requested" and at.date() in days:
        due = Entry("due", f"Answer by {month_day(at.date())}", who, "warn")
        days[at.date()].entries.append(due)
    if booking.state in _UNSURE:
        return
    for day in days.values():
        if booking.start_on <= day.on <= booking.end_on:
            day.here += 1
