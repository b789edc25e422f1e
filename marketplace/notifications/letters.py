"""A message's words: subject, first line, facts, one action. Plain data, the same for the text
and the HTML of an e-mail and for the inbox."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from marketplace.bookings.models import Booking
from marketplace.bookings.order import Who, who
from marketplace.core import formats
from marketplace.notifications import wording
from marketplace.notifications.messages import Message, Side
from marketplace.payments.queries import PlanView, ScheduleRow


@dataclass(frozen=True)
class Fact:
    """One line of the facts. `money`: only for those who may see money."""

    label: str
    words: str
    money: bool = False


@dataclass(frozen=True)
class Letter:
    """What one side reads."""

    subject: str
    lead: str
    facts: tuple[Fact, ...]
    action: str
    path: str
    inbox: str
    note: str


@dataclass(frozen=True)
class Extra:
    """What a message says beside what every message about a booking says."""

    slots: Mapping[str, object] = field(default_factory=dict)
    facts: tuple[Fact, ...] = ()
    variant: str = ""
    path: str = ""


@dataclass(frozen=True)
class About:
    """What happened to which booking. `detail` came with the news: the booking may have moved on
    since, and a message must say what was true of its own occasion."""

    booking: Booking
    agency_slug: str
    view: PlanView | None
    detail: Mapping[str, str]

    @property
    def people(self) -> Who:
        """Rotation, attending, site and agency of the frozen terms."""
        return who(self.booking.terms)

    @property
    def candidate(self) -> str:
        """The candidate's name as it was frozen into the booking."""
        return wording.name(str(self.booking.candidate.get("name") or "")) or "A candidate"

    @property
    def deadline(self) -> datetime | None:
        """Until when somebody must act."""
        given = self.detail.get("deadline")
        return datetime.fromisoformat(given) if given else self.booking.deadline_at

    @property
    def happened(self) -> datetime:
        """When it happened."""
        return datetime.fromisoformat(self.detail["at"])

    def at(self, value: datetime | None) -> str:
        """An instant on the site's clock."""
        if value is None:
            return ""
        return wording.instant(value, self.booking.time_zone, self.people.city)

    @property
    def part(self) -> ScheduleRow:
        """The installment that the news is about."""
        assert self.view is not None
        return self.view.rows[int(self.detail["part"])]


def letter(message: Message, about: About, extra: Extra) -> Letter:
    """Put a message about a booking into words."""
    booking = about.booking
    slots = _slots(message.to, about) | dict(extra.slots)
    places = {
        "reference": booking.reference,
        "agency": about.agency_slug,
        "specialty": booking.terms["specialty"],
        "token": about.detail.get("token", ""),
    }
    facts = (*extra.facts, *_facts(message.to, about))  # its own news first
    return compose(message, slots, facts, places, variant=extra.variant, path=extra.path)


def compose(
    message: Message,
    slots: Mapping[str, object],
    facts: tuple[Fact, ...],
    places: Mapping[str, str],
    *,
    variant: str = "",
    path: str = "",
) -> Letter:
    """Fill the words of a message, whatever it is about."""

    def says(part: str) -> str:
        return wording.says(message.slug, part, variant, slots)

    address = path or message.path.format(**places)
    return Letter(
        subject=wording.plain(says("subject")),
        lead=wording.plain(says("first-line")),
        facts=tuple(Fact(f.label, wording.plain(f.words), f.money) for f in facts if f.words),
        action=says("action"),
        path=address,
        inbox=message.inbox.format(**places) if message.inbox else address,
        note=says("note"),
    )


def _slots(side: Side, about: About) -> dict[str, object]:
    booking, people = about.booking, about.people
    dates = wording.span if side == "candidate" else wording.short_span
    return {
        "rotation": booking.terms["title"],
        "specialty": people.specialty,
        "dates": dates(booking.start_on, booking.end_on),
        "city": people.city,
        "site": people.site,
        "agency": people.agency,
        "attending": f"Dr. {people.doctor}",
        "candidate": about.candidate,
        "date": about.at(about.deadline),
        "ref": booking.reference,
    }


def _facts(side: Side, about: About) -> tuple[Fact, ...]:
    booking, people = about.booking, about.people
    weeks = f"{booking.weeks} {'week' if booking.weeks == 1 else 'weeks'}"
    dates = Fact("Dates", f"{wording.span(booking.start_on, booking.end_on)} ({weeks})")
    where = Fact("Where", formats.site_at(people.site, people.place))
    rotation = Fact("Rotation", str(booking.terms["title"]))
    doctor = Fact("With", f"Dr. {people.doctor}")
    ours = Fact("Booking", booking.reference)
    standing = Fact("Background", str(booking.candidate.get("line") or ""))
    candidate = Fact("Candidate", about.candidate)
    agency = Fact("Agency", people.agency)
    match side:
        case "candidate":
            return (rotation, doctor, dates, where, agency, ours)
        case "attending":
            return (candidate, standing, rotation, dates, where, agency, ours)
        case "agency":
            return (candidate, standing, rotation, doctor, dates, where, ours)
