"""The candidate's pages of one booking and of all of them, as plain data for the templates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from marketplace.bookings import permissions, reasons, states
from marketplace.bookings.models import Booking
from marketplace.bookings.order import (
    PayRow,
    RefundStep,
    booked_rows,
    day_at,
    refund_steps,
    who,
)
from marketplace.bookings.progress import Action, Line, Told, lines, standing, steps, tag
from marketplace.bookings.queries import Listed
from marketplace.core import clock, deadlines, formats
from marketplace.core.money import dollars
from marketplace.core.words import words
from marketplace.listings import catalog
from marketplace.payments.queries import PlanView

_LETTERS = frozenset({"writes-when-earned", "not-usual", "discuss"})  # letter.policy.*
REVIEWED = frozenset({"completed", "closed"})
UNPAID = frozenset({"held", "requested", "approved", "accepted", "payment_needed"})


def url_of(reference: str, page: str = "") -> str:
    """The address of a booking, or of one of its pages."""
    return f"/me/bookings/{reference}{'/' + page if page else ''}"


def request_url(booking: Booking) -> str:
    """Step 1 of the same rotation, to choose another start."""
    return f"/me/request/{booking.terms['rotation_slug']}?weeks={booking.weeks}"


def next_step_url(booking: Booking) -> str:
    """Where a request that is still held goes on."""
    if booking.plan_id:
        return url_of(booking.reference, "card")
    return url_of(booking.reference, "agree" if booking.consent else "eligibility")


@dataclass(frozen=True)
class Money:
    """The money box. Cents."""

    big: int
    big_text: str
    rows: tuple[PayRow, ...]
    total: int
    total_label: str
    fine: str
    fine_link: None
    links: tuple[Action, ...]


@dataclass(frozen=True)
class Change:
    """If plans change: the refund of each day, or a sentence."""

    steps: tuple[RefundStep, ...]
    text: str
    fine: str
    actions: tuple[Action, ...]


@dataclass(frozen=True)
class Back:
    """Money that went back."""

    when: str
    cents: int
    text: str


def header(told: Told) -> dict[str, object]:
    """`b` of the booking's templates."""
    booking, stands = told.booking, standing(told)
    people = told.who
    return {
        **vars(people),
        "agency_short": people.agency,
        "reference": booking.reference,
        "url": url_of(booking.reference),
        "start": booking.start_on,
        "end": booking.end_on,
        "weeks": booking.weeks,
        "price": booking.price_cents,
        "terms_url": url_of(booking.reference, "terms"),
        "terms": f"Version {booking.terms['version']}" + (", accepted" if booking.plan_id else ""),
        **vars(stands),
        "poll_url": url_of(booking.reference) if told.checking else "",
        "steps": steps(told),
        "actions": actions(told),
    }


def actions(told: Told) -> tuple[Action, ...]:
    """What the candidate can do next, the most important first."""
    booking, today = told.booking, clock.today(told.booking.time_zone)
    here, found = booking.reference, []
    if told.problem and not told.checking:
        found.append(_pay_action(told, here))
    if permissions.hold_is_live(booking, clock.now()):
        found.append(Action("Continue your request", next_step_url(booking), "accent"))
    if permissions.may_check_in(booking, today) or not told.arrived:
        found.append(Action(words("action.checkin"), url_of(here, "check-in"), "accent", post=True))
    if permissions.may_complete(booking, today):
        found.append(
            Action("My rotation is finished", url_of(here, "complete"), "accent", post=True)
        )
    if booking.state in REVIEWED:
        found.append(Action("Write your review", url_of(here, "review"), "accent"))
    if booking.state in ("confirmed", "active"):
        found.append(
            Action("Add to calendar", url_of(here, "calendar.ics"), "line", "calendar-plus")
        )
    if booking.state in ("declined", "withdrawn", "expired", "cancelled_by_provider"):
        found.append(Action("See other starts", request_url(booking), "accent"))
        found.append(Action(words("empty.bookings.action"), "/rotations"))
    return tuple(found)


def _pay_action(told: Told, here: str) -> Action:
    problem = told.problem
    assert problem is not None
    if problem.state == "needs_action":
        label = f"Confirm {dollars(problem.amount_cents)} with your bank"
        return Action(label, url_of(here, "pay"), "accent")
    return Action(words("action.change-card"), url_of(here, "card"), "accent")


def money(told: Told) -> Money:
    """What was paid, what comes, and with which card."""
    booking, view = told.booking, told.view
    if view is None:
        return Money(0, "Nothing is charged yet", (), booking.price_cents, "", "", None, ())
    links: tuple[Action, ...] = ()
    if permissions.may_change_card(booking, view) and view.card:
        links = (Action(words("action.change-card"), url_of(booking.reference, "card")),)
    return Money(
        big=view.paid_cents,
        big_text=f"paid of {dollars(view.total_cents)}",
        rows=booked_rows(booking, view),
        total=view.total_cents,
        total_label="",
        fine=_fine(booking, view),
        fine_link=None,
        links=links,
    )


def _fine(booking: Booking, view: PlanView) -> str:
    coming = next((r for r in view.rows if r.state == "scheduled" and r.due_on), None)
    if view.state == "stopped" or not view.card:
        return ""
    if not view.paid_cents:
        return f"{view.card} is saved, not charged."
    if coming is None or coming.due_on is None:
        return words("notice.held-money") if booking.state in ("confirmed", "active") else ""
    day = formats.day(coming.due_on)
    return f"{view.card} is charged {dollars(coming.amount_cents)} on {day}."


def refunds(told: Told) -> tuple[Back, ...]:
    """What went back to the card."""
    zone = told.booking.time_zone
    return tuple(
        Back(
            formats.day(day_at(row.settled_at or row.created_at, zone)),
            row.amount_cents,
            "Sent back" if row.state == "succeeded" else "On its way back",
        )
        for row in (told.view.refunds if told.view else ())
    )


def change(told: Told, refund_cents: int) -> Change | None:
    """Taking a request back, or cancelling. `refund_cents`: what would come back now."""
    booking, here = told.booking, told.booking.reference
    if booking.state in UNPAID and permissions.may(booking, "withdraw"):
        label = "Give the seat back" if booking.state == "held" else words("action.withdraw")
        text = (
            "You can take back your request at any time. Nothing was charged, so nothing is owed."
        )
        return Change((), text, "", (Action(label, url_of(here, "withdraw"), "bad", post=True),))
    if not permissions.may(booking, "cancel") or told.view is None:
        return None
    rows = booked_rows(booking, told.view)
    table = refund_steps(booking.terms, rows, booking.start_on, clock.today(booking.time_zone))
    fine = words("refund.today", amount=dollars(refund_cents)) + "."
    button = Action(words("action.cancel"), url_of(here, "cancel"), "bad")
    return Change(table, "", fine, (button,))


def contest(told: Told, note: str, error: str) -> dict[str, str] | None:
    """The form of a candidate whose host checked in alone; None for everybody else."""
    if told.arrived:
        return None
    return {"action": url_of(told.booking.reference, "contest"), "note": note, "error": error}


def details(told: Told) -> list[tuple[str, str]]:
    """Facts beside the booking."""
    booking, people = told.booking, told.who
    rows = [
        ("Agency", people.agency),
        ("Level", people.level),
        ("First day", formats.day(booking.start_on)),
        ("Last day", formats.day(booking.end_on)),
        ("Times", f"{people.city} time"),
    ]
    rows = [*_agencys_words(told), *rows]
    asked = document_labels(booking)
    return [*rows, ("The agency asks for", ", ".join(asked))] if asked else rows


def _agencys_words(told: Told) -> list[tuple[str, str]]:
    """Why the agency said no. An attending's reason stays with the agency."""
    booking, last = told.booking, told.history[-1] if told.history else None
    if booking.state != "declined" or last is None or last.actor_kind != "agency":
        return []
    reason = dict(reasons.AGENCY_DECLINE).get(booking.reason or "", "")
    rows = [("Why the agency said no", reason), ("The agency writes", booking.reason_note or "")]
    return [(label, words) for label, words in rows if words]


def document_labels(booking: Booking) -> list[str]:
    """The papers that the frozen terms ask for."""
    return [catalog.document_kind(slug).label for slug in booking.terms["required_documents"]]


def letter_words(booking: Booking) -> str:
    """The letter policy of the frozen terms; empty when it says nothing."""
    policy = str((booking.terms.get("letter_policy") or {}).get("policy", ""))
    return words(f"letter.policy.{policy}") if policy in _LETTERS else ""


def history(told: Told) -> tuple[Line, ...]:
    """What happened so far."""
    return lines(told)


# --- all bookings -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Card:
    """A booking in a list."""

    url: str
    specialty: str
    doctor: str
    tint: str
    place: str
    start: date
    end: date
    tag: str
    tag_kind: str
    next: str


@dataclass(frozen=True)
class Todo:
    """Something that needs the candidate."""

    date: date
    away: str
    title: str
    line: str
    url: str
    action: str
    first: bool


def card(listed: Listed) -> Card:
    """One booking in the list."""
    booking, people = listed.booking, who(listed.booking.terms)
    label, kind = tag(booking, _problem(listed))
    return Card(
        url=url_of(booking.reference),
        specialty=people.specialty,
        doctor=people.doctor,
        tint=people.tint,
        place=people.place,
        start=booking.start_on,
        end=booking.end_on,
        tag=label,
        tag_kind=kind,
        next=_next_line(booking),
    )


def _problem(listed: Listed) -> bool:
    return any(row.is_problem for row in listed.rows)


def _next_line(booking: Booking) -> str:
    if booking.deadline_at and booking.state in states.DEADLINE:
        return f"By {formats.when(booking.deadline_at, booking.time_zone)}"
    if booking.state == "confirmed":
        return f"Starts on {formats.day(booking.start_on)}"
    if booking.state == "active":
        return f"Until {formats.day(booking.end_on)}"
    return booking.reference


def todos(found: Sequence[Listed]) -> list[Todo]:
    """Everything that needs the candidate, most urgent first; the first one is marked."""
    rows = [entry for listed in found if (entry := _todo(listed))]
    rows.sort(key=lambda row: row[0])
    return [replace(entry, first=number == 0) for number, (_, entry) in enumerate(rows)]


def _todo(listed: Listed) -> tuple[datetime, Todo] | None:
    booking, now = listed.booking, clock.now()
    today = clock.today(booking.time_zone)
    problem = next((row for row in listed.rows if row.is_problem), None)
    name = f"{who(booking.terms).specialty} with {who(booking.terms).doctor_short}"
    if permissions.hold_is_live(booking, now) and booking.deadline_at:
        line = "The seat is held for you. Nothing is charged."
        return _entry(booking, booking.deadline_at, f"Finish your request: {name}", line,
                      next_step_url(booking), "Continue")  # fmt: skip
    if problem and booking.state in ("payment_needed", "confirmed", "active"):
        until = booking.deadline_at or problem.pay_until or now
        page = "pay" if problem.state == "needs_action" else "card"
        line = f"{dollars(problem.amount_cents)} could not be charged. Your seat is kept meanwhile."
        return _entry(booking, until, f"Pay for {name}", line,
                      url_of(booking.reference, page), "Pay")  # fmt: skip
    if permissions.may_check_in(booking, today):
        return _entry(booking, now, f"Check in: {name}", "Your rotation begins.",
                      url_of(booking.reference), "Check in")  # fmt: skip
    if permissions.may_complete(booking, today):
        return _entry(booking, now, f"Finish: {name}", "Your last day has come.",
                      url_of(booking.reference), "Finish")  # fmt: skip
    return None


def _entry(  # noqa: PLR0917
    booking: Booking, until: datetime, title: str, line: str, url: str, action: str
) -> tuple[datetime, Todo]:
    away = deadlines.due(until, clock.now(), booking.time_zone).words
    day = day_at(until, booking.time_zone)
    return until, Todo(day, away, title, line, url, action, first=False)


@dataclass(frozen=True)
class Coming:
    """A charge to come."""

    date: date
    cents: int


@dataclass(frozen=True)
class Payments:
    """Paid and to come over all live bookings. Cents."""

    paid: int
    total: int
    rows: tuple[Coming, ...]


def payments(found: Sequence[Listed]) -> Payments | None:
    """The money of confirmed and running bookings; None when there are none."""
    rows = [r for one in found if one.booking.state in ("confirmed", "active") for r in one.rows]
    if not rows:
        return None
    coming = sorted(
        (Coming(r.due_on, r.amount_cents) for r in rows if r.state == "scheduled" and r.due_on),
        key=lambda row: row.date,
    )
    return Payments(
        paid=sum(row.amount_cents for row in rows if row.state == "paid"),
        total=sum(row.amount_cents for row in rows if row.state != "void"),
        rows=tuple(coming[:4]),
    )


def lead(open_todos: Sequence[Todo]) -> str:
    """The sentence under the heading of "Next for you"."""
    if not open_todos:
        return "Nothing needs you right now."
    count = (
        "One thing needs you." if len(open_todos) == 1 else f"{len(open_todos)} things need you."
    )
    return f"{count} The first is due on {formats.day_short(open_todos[0].date)}."
