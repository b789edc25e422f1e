"""Where a booking stands, in words: who acts, by when, and what happens otherwise.

Pure: a booking, its history and its plan in; plain data for the pages out. Times are the site's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from marketplace.bookings import permissions
from marketplace.bookings.models import Booking, BookingTransition
from marketplace.bookings.operations import CONTEST_TIME
from marketplace.bookings.order import Who, day_at, time_at, who
from marketplace.core import clock, formats
from marketplace.core.money import dollars
from marketplace.core.words import words
from marketplace.payments.queries import PlanView, ScheduleRow

REVIEW_DAYS = 14  # review.blind: both reviews appear together after 14 days


@dataclass(frozen=True)
class Step:
    """One step of the tracker. state: done, now, bad, next."""

    title: str
    state: str
    who: str


@dataclass(frozen=True)
class Action:
    """A button: a link, or with `post` a form."""

    label: str
    url: str
    kind: str = "line"
    ico: str = ""
    post: bool = False


@dataclass(frozen=True)
class Standing:
    """The state for people: a pill (tag), a heading, and a few sentences."""

    tag: str
    tag_kind: str
    title: str
    lead: str


@dataclass(frozen=True)
class Line:
    """One line of the history."""

    when: str
    text: str


@dataclass(frozen=True)
class Told:
    """What the words of every state may need."""

    booking: Booking
    history: Sequence[BookingTransition]
    view: PlanView | None
    arrived: bool = True  # false while only the host has checked in

    @property
    def who(self) -> Who:
        """The people and the place."""
        return who(self.booking.terms)

    @property
    def problem(self) -> ScheduleRow | None:
        """The payment that needs the candidate."""
        return self.view.problem if self.view else None

    @property
    def checking(self) -> bool:
        """Is a payment being made or looked up right now?"""
        waiting = self.booking.state in ("accepted", "payment_needed", "confirmed", "active")
        return waiting and self.view is not None and self.view.in_flight

    def last(self, event: str) -> BookingTransition | None:
        """The latest step of this kind."""
        return next((row for row in reversed(self.history) if row.event == event), None)

    def when(self, instant: datetime | None) -> str:
        """An instant with day and time at the site."""
        return formats.when(instant, self.booking.time_zone) if instant else ""

    def day(self, instant: datetime) -> str:
        """Nov 22, at the site."""
        return formats.month_day(day_at(instant, self.booking.time_zone))


_CANCELLERS = {"agency": "agency", "attending": "attending"}
_TAGS: dict[str, tuple[str, str]] = {
    "held": ("Seat held", "info"),
    "requested": ("Waiting for {agency}", "info"),
    "approved": ("Waiting for {doctor}", "info"),
    "accepted": ("Accepted", "good"),
    "payment_needed": ("Payment needed", "bad"),
    "confirmed": ("Confirmed", "good"),
    "active": ("Running", "good"),
    "completed": ("Completed", "good"),
    "closed": ("Closed", "mute"),
    "declined": ("Declined", "mute"),
    "withdrawn": ("Withdrawn", "mute"),
    "expired": ("Ended", "mute"),
    "cancelled_by_candidate": ("Cancelled by you", "mute"),
    "cancelled_by_provider": ("Cancelled, all refunded", "bad"),
    "no_show": ("Did not come", "bad"),
}


def tag(booking: Booking, problem: bool = False) -> tuple[str, str]:
    """The pill: its words and its kind."""
    if problem and booking.state in ("confirmed", "active"):
        return "Payment needed", "bad"
    text, kind = _TAGS[booking.state]
    people = who(booking.terms)
    return text.format(agency=people.agency, doctor=people.doctor_short), kind


def standing(told: Told) -> Standing:
    """The heading and the sentences of a booking's page."""
    pill, kind = tag(told.booking, told.problem is not None)
    if told.checking:
        return Standing("Payment being checked", "info", *_texts("payment-unknown"))
    title, lead = _special(told) or _texts(_key(told), **_values(told))
    return Standing(pill, kind, title, lead)


def _texts(key: str, **values: object) -> tuple[str, str]:
    parts = [words(f"state.{key}.{part}", **values) for part in ("who", "when", "otherwise")]
    return words(f"state.{key}.title", **values), " ".join(part for part in parts if part)


def _key(told: Told) -> str:
    booking = told.booking
    if booking.state == "cancelled_by_provider":
        move = told.last("provider_cancel")
        return "cancelled-by-" + _CANCELLERS.get(move.actor_kind if move else "", "platform")
    return booking.state.replace("_", "-")


def _values(told: Told) -> dict[str, object]:
    """Every slot that the texts of the present state may have."""
    booking = told.booking
    values: dict[str, object] = {"ref": booking.reference, "name": booking.candidate.get("name")}
    if booking.deadline_at:
        values["time"] = f"{time_at(booking.deadline_at, booking.time_zone)} in {told.who.city}"
        values["date"] = f"{told.when(booking.deadline_at)} in {told.who.city}"
    elif booking.state == "active":
        values["date"] = formats.day(booking.end_on)
    elif booking.state == "completed":
        values["date"] = formats.day(_review_by(told))
    elif booking.state == "no_show":
        values["date"] = told.when(booking.state_since + CONTEST_TIME)
    values["amount"] = dollars(_amount(told))
    return values


def _review_by(told: Told) -> date:
    done = told.last("complete")
    since = day_at(done.at if done else clock.now(), told.booking.time_zone)
    return since + timedelta(days=REVIEW_DAYS)


def _amount(told: Told) -> int:
    booking = told.booking
    if booking.state.startswith("cancelled"):
        if booking.refund_cents is not None:
            return booking.refund_cents
        return told.view.paid_cents if told.view else 0
    if told.problem:
        return told.problem.amount_cents
    return told.view.rows[0].amount_cents if told.view and told.view.rows else 0


def _special(told: Told) -> tuple[str, str] | None:
    """States whose usual words would not be true."""
    booking, problem = told.booking, told.problem
    if permissions.hold_has_ended(booking, clock.now()):
        return words("error.hold-expired.title"), words("error.hold-expired.text")
    if booking.state == "expired" and told.last("payment_failed"):
        return "This request ended: the deposit was not paid", words("state.expired.otherwise")
    if booking.state == "cancelled_by_candidate" and not _amount(told):
        title = words("state.cancelled-by-candidate.title")
        return title, "Nothing comes back, and nothing more is owed."
    if problem:
        return _problem(told, problem)
    if booking.state == "confirmed":
        return words("state.confirmed.title"), _before_the_start(told)
    return None


def _problem(told: Told, problem: ScheduleRow) -> tuple[str, str] | None:
    """A payment that was declined, or that the bank wants confirmed."""
    if told.booking.state == "payment_needed":
        if problem.state == "needs_action":
            return None
        parts = ("error.card-declined.text", "state.payment-needed.when")
        text = " ".join(words(part, **_values(told)) for part in parts)
        return words("error.card-declined.title"), text
    amount, until = dollars(problem.amount_cents), told.when(problem.pay_until)
    if problem.state == "needs_action":
        text = f"Confirm {amount} by {until}. Your seat is safe until then."
        return words("error.card-needs-you.title"), text
    title = words("email.payment-failed.subject", amount=amount)
    if problem.state == "scheduled" and problem.next_try_at:
        retry = told.when(problem.next_try_at)
        return title, words("email.payment-failed.first-line", date=until, retry_date=retry)
    return title, f"Your seat is safe until {until}. Use another card before then."


def _before_the_start(told: Told) -> str:
    values = {"date": formats.day(told.booking.start_on)}
    if permissions.may_check_in(told.booking, clock.today(told.booking.time_zone)):
        return words("tracker.start.help", **values)
    parts = ("who", "when", "otherwise")
    return " ".join(words(f"state.documents-ready.{part}", **values) for part in parts)


def _installment_problem(told: Told, problem: ScheduleRow) -> tuple[str, str]:
    amount, until = dollars(problem.amount_cents), told.when(problem.pay_until)
    if problem.state == "needs_action":
        return words(
            "error.card-needs-you.title"
        ), f"Confirm {amount} by {until}. Your seat is safe until then."
    title = words("email.payment-failed.subject", amount=amount)
    if problem.state == "scheduled" and problem.next_try_at:
        retry = told.when(problem.next_try_at)
        return title, words("email.payment-failed.first-line", date=until, retry_date=retry)
    return title, f"Your seat is safe until {until}. Use another card before then."


# --- the tracker ----------------------------------------------------------------------------------

_TITLES = ("Request sent", "Agency checks", "Attending accepts", "Confirmed", "First day")
_ENDED = {
    "declined": "Declined",
    "withdrawn": "Withdrawn",
    "expired": "Ended",
    "cancelled_by_candidate": "Cancelled",
    "cancelled_by_provider": "Cancelled",
    "no_show": "Did not come",
}


def steps(told: Told) -> tuple[Step, ...]:
    """Five steps; an ending takes the place of the first one that was not reached."""
    done = _done(told)
    if told.booking.state in _ENDED:
        return (*done, Step(_ENDED[told.booking.state], "bad", _ending(told)))
    rest = [_later(told, number) for number in range(len(done), len(_TITLES))]
    if rest:
        rest[0] = _now(told, len(done))
    return (*done, *rest)


def _done(told: Told) -> tuple[Step, ...]:
    people = told.who
    names = ("You", people.agency, people.doctor_short, "Paid", "Checked in")
    found: list[Step] = []
    events = ("request", "approve", "accept", "deposit_paid", "check_in")
    for title, event, name in zip(_TITLES, events, names, strict=True):
        move = told.last(event)
        undone = told.last("undo") if event == "accept" else None
        if move is None or (undone and undone.seq > move.seq):
            break
        found.append(Step(title, "done", f"{name}, {told.day(move.at)}"))
    if told.booking.state in ("completed", "closed") and len(found) == len(_TITLES):
        ended = formats.month_day(told.booking.end_on)
        found.append(Step("Completed", "done", ended))
    return tuple(found)


def _now(told: Told, number: int) -> Step:
    booking, people, title = told.booking, told.who, _TITLES[number]
    by = f", by {told.when(booking.deadline_at)}" if booking.deadline_at else ""
    if told.checking:
        return Step(title, "now", "We are checking your payment")
    if booking.state == "payment_needed":
        return Step(title, "bad", f"You: pay {dollars(_amount(told))}{by}")
    if booking.state == "accepted":
        return Step(title, "now", f"We charge {dollars(_amount(told))} in about 15 minutes")
    if booking.state == "confirmed":
        return Step(title, "now", formats.day_short(booking.start_on))
    name = ("You", people.agency, people.doctor_short)[number]
    return Step(title, "now", f"{name}{by}")


def _later(told: Told, number: int) -> Step:
    texts = (
        "You",
        "Up to 48 hours",
        "Up to 72 hours",
        f"{dollars(_amount(told))} is charged" if told.view else "The deposit is charged",
        formats.day_short(told.booking.start_on),
    )
    return Step(_TITLES[number], "next", texts[number])


def _ending(told: Told) -> str:
    move = told.history[-1]
    return f"{_actor(told, move)}, {told.day(move.at)}"


def _actor(told: Told, move: BookingTransition) -> str:
    people = told.who
    names = {"candidate": "You", "agency": people.agency, "attending": people.doctor_short}
    return names.get(move.actor_kind, "Rounds")


# --- the history ----------------------------------------------------------------------------------

_EVENTS = {
    "hold": "You held a seat",
    "request": "You sent the request",
    "approve": "{who} approved it",
    "accept": "{who} accepted you",
    "undo": "{who} took the acceptance back",
    "decline": "{who} declined",
    "withdraw": "You took the request back",
    "expire": "The time for the next step was over",
    "deposit_paid": "Your deposit was charged",
    "payment_failed": "The deposit did not go through",
    "cancel": "{who} cancelled",
    "provider_cancel": "{who} cancelled, and everything paid goes back",
    "check_in": "The rotation began: {who} checked in",
    "complete": "The rotation was completed",
    "no_show": "{who} said that you did not come",
    "close": "The booking was closed",
}


def lines(told: Told) -> tuple[Line, ...]:
    """What happened, first to last."""
    found = []
    for move in told.history:
        name = _actor(told, move)
        if move.event == "approve" and move.actor_kind == "system":
            text = f"{told.who.agency} had approved it in advance"
        else:
            text = _EVENTS[move.event].format(who=name)
        found.append(Line(told.when(move.at), text))
    return tuple(found)
