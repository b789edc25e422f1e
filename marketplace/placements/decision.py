"""What an attending reads before deciding, and where a request stands: plain data for pages."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from marketplace.bookings.models import Booking
from marketplace.core import clock
from marketplace.core.formats import month_day, site_at, when
from marketplace.listings import catalog

Standing = Literal["open", "accepted", "decided", "expired", "withdrawn", "over"]
LETTER_WORDS = {
    "writes-when-earned": "A letter if you find it earned, after the rotation",
    "discuss": "A letter only if you choose to; trainees are told to ask",
    "not-usual": "No letter is promised",
}


@dataclass(frozen=True)
class Request:
    """A booking as the attending sees it. Nothing of the candidate's payments is in it."""

    candidate: str
    first_name: str
    initials: str
    standing: str
    school: str
    agency: str
    agency_phone: str
    reference: str
    doctor: str
    start: object
    end: object
    weeks: int
    dates_note: str
    where: str
    facts: tuple[tuple[str, str], ...]
    quote: str
    asked: tuple[tuple[str, str], ...]
    asked_note: str


def request_of(booking: Booking) -> Request:
    """The request from what was frozen into the booking."""
    who, terms = booking.candidate, booking.terms
    name = str(who.get("name") or "").strip() or "A candidate"
    exams = who.get("exams") or []
    facts = [("Level", str(terms["level_label"]))]
    if exams:
        facts.insert(0, ("Exams", ", ".join(map(str, exams))))
    return Request(
        candidate=name,
        first_name=name.split(maxsplit=1)[0],
        initials=initials(name),
        standing=str(who.get("status") or ""),
        school=", ".join(str(who[key]) for key in ("school", "country") if who.get(key)),
        agency=str(terms["agency"]),
        agency_phone="",
        reference=booking.reference,
        doctor=str(terms["attending"]),
        start=booking.start_on,
        end=booking.end_on,
        weeks=booking.weeks,
        dates_note=str(terms["type_label"]),
        where=site_at(terms["site"], terms["city_label"]),
        facts=tuple(facts),
        quote=str(who.get("note") or ""),
        asked=_asked(booking),
        asked_note="",
    )


def _asked(booking: Booking) -> tuple[tuple[str, str], ...]:
    terms = booking.terms
    found = [("clock", f"{terms['hours_per_week']} h a week for {booking.weeks} weeks")]
    for answer, lead in (("yes", "On their own"), ("supervised", "Supervised")):
        labels = [
            catalog.scope_activity(slug).label.lower()
            for slug, level in terms["activities"].items()
            if level == answer
        ]
        if labels:
            found.append(("check", f"{lead}: {', '.join(labels)}"))
    policy = (terms.get("letter_policy") or {}).get("policy", "")
    if policy in LETTER_WORDS:
        found.append(("file-text", LETTER_WORDS[policy]))
    found.append(("user-check", "A check-in on the first day and a word at the end"))
    return tuple(found)


def initials(name: str) -> str:
    """Two letters for the mark beside a name."""
    words = [word for word in name.removeprefix("Dr. ").split() if word]
    return "".join(word[0] for word in words[:2]).upper() or "?"


def standing_of(booking: Booking) -> Standing:
    """Where the attending's decision stands now; a deadline counts from the moment it passes."""
    if booking.state == "approved":
        return "expired" if _passed(booking.deadline_at) else "open"
    if booking.state in ("held", "requested"):
        return "over"
    if booking.state == "expired":
        return "expired"
    if booking.state == "withdrawn":
        return "withdrawn"
    if booking.state in ("declined", "cancelled_by_candidate", "cancelled_by_provider", "no_show"):
        return "decided"
    return "accepted"


def undo_until(booking: Booking) -> datetime | None:
    """Until when an acceptance can be taken back; None when that is over."""
    due = booking.deposit_due_at
    if booking.state != "accepted" or due is None or _passed(due):
        return None
    return due


def _passed(at: datetime | None) -> bool:
    return at is not None and at <= clock.now()


@dataclass(frozen=True)
class Ended:
    """The words of a request that can no longer be decided."""

    state: str
    title: str
    message: str


def ended_words(booking: Booking, standing: Standing, *, by_attending: bool) -> Ended:
    """What to say. `by_attending`: the last word was the attending's own."""
    first = request_of(booking).first_name
    agency = str(booking.terms["agency"])
    day = when(booking.state_since, booking.time_zone)
    if standing == "expired":
        at = booking.deadline_at or booking.state_since
        return Ended(
            "expired",
            "The time to answer is over",
            f"It ended {when(at, booking.time_zone)}. {first} was told and nobody was charged. If"
            f" you still want to teach {first}, tell {agency}; they can ask again.",
        )
    if standing == "withdrawn":
        return Ended(
            "withdrawn",
            "This request was taken back",
            f"{first} withdrew it on {day}. You need not do anything.",
        )
    if booking.state == "declined" and by_attending:
        return Ended(
            "decided",
            "You declined this request",
            f"You answered on {day}. {first} was told that you are not available; your reason"
            f" stays with {agency}. Nobody was charged.",
        )
    if booking.state == "declined":
        return Ended(
            "withdrawn",
            f"{agency} took this request back",
            f"They declined it on {day}. Nobody was charged. You need not do anything.",
        )
    return Ended(
        "decided",
        "This booking has ended",
        f"It ended on {day}. Questions are best asked of {agency}.",
    )


def accept_label(booking: Booking) -> str:
    """Accept Feb 8 to Mar 5."""
    return f"Accept {month_day(booking.start_on)} to {month_day(booking.end_on)}"
