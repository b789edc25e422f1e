"""One booking for the agency, as plain data: tracker, timeline, money, papers, candidate."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from marketplace.bookings import reasons, states
from marketplace.bookings.models import Booking, BookingTransition
from marketplace.bookings.workspace_queries import STATUS
from marketplace.bookings.workspace_rows import due, head
from marketplace.core.formats import day_short, when
from marketplace.core.money import dollars
from marketplace.listings import catalog
from marketplace.listings.refunds import RefundQuote
from marketplace.payments.queries import PlanView, ScheduleRow


def steps(booking: Booking, history: Sequence[BookingTransition]) -> list[tuple[str, str, str]]:
    """The small tracker: requested, approved, accepted, deposit, starts."""
    at = {move.event: when(move.at, booking.time_zone) for move in history}
    place = {
        "requested": 1,
        "approved": 2,
        "accepted": 3,
        "payment_needed": 3,
        "confirmed": 4,
        "active": 5,
        "completed": 5,
        "closed": 5,
    }.get(booking.state)
    exact = by.exact if (by := due(booking)) else ""
    rows = [
        ("Requested", at.get("request", "")),
        ("You approve", at.get("approve") or f"by {exact}"),
        ("Attending accepts", at.get("accept") or (f"by {exact}" if place == 2 else "within 72 h")),
        ("Deposit charged", at.get("deposit_paid", "after the undo time")),
        ("Starts", day_short(booking.start_on)),
    ]
    if place is None:  # ended early: what happened, then how it ended
        done = [(title, line, "done") for title, line in rows[:4] if line in at.values()]
        return [
            *done,
            (STATUS[booking.state][0], when(booking.state_since, booking.time_zone), "now"),
        ]
    marks = ["done" if n < place else "now" if n == place else "" for n in range(5)]
    return [(title, line, mark) for (title, line), mark in zip(rows, marks, strict=True)]


_ICONS = {
    "hold": "calendar-plus",
    "request": "send",
    "approve": "check",
    "accept": "check",
    "deposit_paid": "credit-card",
    "payment_failed": "circle-alert",
    "check_in": "user-check",
    "complete": "circle-check",
    "decline": "x",
    "withdraw": "undo-2",
    "undo": "undo-2",
    "expire": "clock",
    "cancel": "ban",
    "provider_cancel": "ban",
    "no_show": "user",
    "close": "lock",
}
_TEXTS = {
    "hold": "held a seat",
    "request": "sent the request with a saved card",
    "approve": "approved it",
    "accept": "accepted",
    "undo": "took the acceptance back",
    "deposit_paid": "recorded the deposit",
    "payment_failed": "could not charge the deposit",
    "check_in": "checked in",
    "complete": "completed the rotation",
    "decline": "declined",
    "withdraw": "withdrew it",
    "expire": "ended it: the time was over",
    "cancel": "cancelled",
    "provider_cancel": "cancelled for the provider",
    "no_show": "recorded that the candidate did not come",
    "close": "closed it: all money is settled",
}


@dataclass(frozen=True)
class Event:
    """A line of the timeline."""

    icon: str
    who: str
    text: str
    when: str


def timeline(
    booking: Booking, history: Sequence[BookingTransition], plan: PlanView | None = None
) -> list[Event]:
    """What happened, latest first; with `plan` (for those who may see money) the payments too. An
    attending's reason stays with the agency."""
    found = [(move.at, _step(booking, move)) for move in history]
    found += _payments(booking, plan) if plan else []
    return [event for _, event in sorted(found, key=lambda pair: pair[0], reverse=True)]


def _payments(booking: Booking, plan: PlanView) -> list[tuple[datetime, Event]]:
    """Installments that were paid and money that went back."""
    zone, parts = booking.time_zone, len(plan.rows) - 1
    found = []
    for row in plan.rows:
        if row.paid_at:
            label = "Deposit" if row.seq == 0 else f"Installment {row.seq} of {parts}"
            text = f"charged, {dollars(row.amount_cents)}"
            found.append((row.paid_at, Event("credit-card", label, text, when(row.paid_at, zone))))
    for back in plan.refunds:
        if back.settled_at:
            text = f"{dollars(back.amount_cents)} to the candidate's card"
            event = Event("undo-2", "Money went back:", text, when(back.settled_at, zone))
            found.append((back.settled_at, event))
    return found


def _step(booking: Booking, move: BookingTransition) -> Event:
    text = _TEXTS.get(move.event, move.event)
    if move.note:
        text = f"{text}: {reasons.label(move.note).lower()}"
    who = move.actor_name or ("Rounds" if move.actor_kind == "system" else "The candidate")
    if move.event in ("hold", "request"):
        who = head(booking, "").candidate
    at = when(move.at, booking.time_zone)
    return Event(_ICONS.get(move.event, "circle"), who, text, at)


@dataclass(frozen=True)
class MoneyRow:
    """One payment of the plan."""

    label: str
    line: str
    state: str
    tone: str
    cents: int


@dataclass(frozen=True)
class Money:
    """The plan, what is held, and what would go back."""

    state: str
    tone: str
    rows: tuple[MoneyRow, ...]
    total: int
    facts: tuple[tuple[str, str], ...]
    ended: tuple[tuple[str, str], ...]
    foot: str


_PAY = {
    "paid": ("Paid", "good"),
    "declined": ("Declined", "bad"),
    "needs_action": ("Bank asks", "bad"),
    "charging": ("Being checked", "info"),
    "unknown": ("Being checked", "info"),
    "void": ("Cancelled", ""),
}


def money(
    booking: Booking, plan: PlanView | None, *, quote: RefundQuote, fault_quote: RefundQuote
) -> Money:
    """The money panel; `quote` is the candidate's refund today, `fault_quote` the provider's."""
    if plan is None:
        return Money("Nothing charged yet", "", (), booking.price_cents, (), (), "")
    fee = int(booking.terms["platform_fee_percent"])
    yours = booking.price_cents - booking.price_cents * fee // 100
    following = next((row.seq for row in plan.rows if row.state == "scheduled"), None)
    charged = dollars(plan.paid_cents) + " charged" if plan.paid_cents else "Nothing charged yet"
    facts = [("Charged", dollars(plan.paid_cents))]
    if plan.refunded_cents:
        facts.append(("Given back", dollars(plan.refunded_cents)))
    facts.append(("Your side, after fees", dollars(yours)))
    live = booking.state in states.LIVE
    return Money(
        state=charged,
        tone="good" if plan.paid_cents else "",
        rows=tuple(_row(row, len(plan.rows) - 1, following) for row in plan.rows),
        total=plan.total_cents,
        facts=tuple(facts),
        ended=(
            ("Candidate cancels", f"{dollars(quote.refund_cents)} back"),
            ("You or the attending cancel", f"{dollars(fault_quote.refund_cents)} back"),
        )
        if live
        else (),
        foot=f"{booking.terms['cancellation']['label']} policy, terms version"
        f" {booking.terms['version']}. If the provider side cancels, the candidate gets everything"
        " back, fees included.",
    )


def _row(row: ScheduleRow, parts: int, following: int | None) -> MoneyRow:
    label = "Deposit" if row.seq == 0 else f"{row.seq} of {parts}"
    line = day_short(row.due_on) if row.due_on else "when accepted"
    state, tone = _PAY.get(row.state, ("Next", "") if row.seq == following else ("Planned", ""))
    return MoneyRow(label, line, state, tone, row.amount_cents)


def candidate_pairs(booking: Booking) -> list[tuple[str, str]]:
    """What the candidate agreed to show, as frozen with the request."""
    told = booking.candidate
    pairs = [
        ("Status", told.get("status")),
        ("School", told.get("school")),
        ("Country", told.get("country")),
        ("Exams", ", ".join(map(str, told.get("exams") or ()))),
        ("Visa", told.get("visa")),
    ]
    return [(label, str(text)) for label, text in pairs if text]


@dataclass(frozen=True)
class Paper:
    """A document that the listing asks for."""

    label: str
    state: str
    line: str
    action: str = ""
    url: str = ""
    post: bool = False


def papers(booking: Booking) -> list[Paper]:
    """The documents of the frozen terms; they are due before the first day."""
    slugs = booking.terms.get("required_documents") or ()
    line = f"Due before {day_short(booking.start_on)}"
    return [Paper(catalog.document_kind(slug).label, "", line) for slug in slugs]
