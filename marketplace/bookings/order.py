"""An order as its pages show it: who, where, what is paid when, what comes back until when.

Pure: made from frozen terms and a plan, the same before the request and years later. Money is in
cents, dates are days at the site.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from marketplace.bookings import states
from marketplace.bookings.models import Booking
from marketplace.core import clock, formats
from marketplace.listings import catalog
from marketplace.listings.policies import terms_from
from marketplace.listings.refunds import refund_table
from marketplace.payments.operations import GRACE
from marketplace.payments.plan import Plan
from marketplace.payments.queries import PlanView, ScheduleRow

# Specialties with a tint of their own; the others take their group's (people.css).
_TINTS = {
    "internal-medicine": "im",
    "cardiology": "card",
    "interventional-cardiology": "card",
    "neurology": "neuro",
    "pediatrics": "peds",
    "family-medicine": "fm",
    "psychiatry": "psych",
    "emergency-medicine": "em",
    "general-surgery": "surg",
    "obstetrics-gynecology": "obgyn",
    "orthopedic-surgery": "ortho",
    "radiology-diagnostic": "rad",
    "ophthalmology": "oph",
}


@dataclass(frozen=True)
class PayRow:
    """One line of the schedule. kind: deposit, part, all. status: see `pay_status` of the page."""

    label: str
    cents: int
    due: date
    kind: str
    status: str = "later"


@dataclass(frozen=True)
class RefundStep:
    """Days on which cancelling gives the same percent of what is paid by then."""

    percent: int
    since: date | None
    until: date | None
    cents: int | None
    paid: int | None


@dataclass(frozen=True)
class Who:
    """The rotation in a few words."""

    specialty: str
    doctor: str  # "Isabel Fuentes"
    doctor_short: str  # "Dr. Fuentes"
    tint: str
    site: str
    place: str
    city: str
    agency: str
    level: str


@dataclass(frozen=True)
class Order(Who):
    """The order beside a form of the request."""

    start: date
    end: date
    weeks: int
    price: int
    rows: tuple[PayRow, ...]
    refund: tuple[RefundStep, ...]


def who(terms: Mapping[str, object]) -> Who:
    """The people and the place of frozen terms."""
    doctor = str(terms["attending"]).split(",")[0]
    place = str(terms["city_label"])
    return Who(
        specialty=str(terms["specialty_label"]),
        doctor=doctor,
        doctor_short=formats.doctor_short(doctor),
        tint=tint(str(terms["specialty"])),
        site=str(terms["site"]),
        place=place,
        city=place.rpartition(",")[0],
        agency=str(terms["agency"]),
        level=str(terms["level_label"]),
    )


def tint(specialty: str) -> str:
    """The colour of an avatar, which only repeats the specialty's words."""
    return _TINTS.get(specialty) or catalog.specialty(specialty).group


def order(
    terms: Mapping[str, object], plan: Plan, *, start: date, end: date, weeks: int, today: date
) -> Order:
    """What the forms of the request show beside them."""
    rows = planned_rows(plan, accepted_by(terms))
    return Order(
        **vars(who(terms)),
        start=start,
        end=end,
        weeks=weeks,
        price=plan.total_cents,
        rows=rows,
        refund=refund_steps(terms, rows, start, today),
    )


def of_plan(booking: Booking, view: PlanView, today: date) -> Order:
    """The order of a booking that has its plan, with what became of each payment. The schedule is
    not made anew: after the start there would be none."""
    rows = booked_rows(booking, view)
    return Order(
        **vars(who(booking.terms)),
        start=booking.start_on,
        end=booking.end_on,
        weeks=booking.weeks,
        price=sum(row.cents for row in rows),
        rows=rows,
        refund=refund_steps(booking.terms, rows, booking.start_on, today),
    )


def accepted_by(terms: Mapping[str, object], since: datetime | None = None) -> date:
    """The last day at the site on which the attending can accept a request sent at `since`."""
    length = states.DEADLINE["approved"]
    if not terms.get("preapproved"):
        length += states.DEADLINE["requested"]
    return day_at((since or clock.now()) + length, str(terms["time_zone"]))


def day_at(instant: datetime, zone: str) -> date:
    """The calendar day of an instant at a place."""
    return instant.astimezone(ZoneInfo(zone)).date()


def planned_rows(plan: Plan, deposit_by: date) -> tuple[PayRow, ...]:
    """The schedule before anything was charged."""
    if not plan.parts:
        return (PayRow("All at once", plan.deposit_cents, deposit_by, "all"),)
    count = len(plan.parts)
    parts = (
        PayRow(f"Installment {part.seq} of {count}", part.amount_cents, part.due_on, "part")
        for part in plan.parts
    )
    return (PayRow("Deposit", plan.deposit_cents, deposit_by, "deposit"), *parts)


def booked_rows(booking: Booking, view: PlanView) -> tuple[PayRow, ...]:
    """The schedule of a booking with what happened to each row."""
    zone, count = booking.time_zone, len(view.rows) - 1
    following = next((row.seq for row in view.rows if row.state == "scheduled"), None)
    rows = []
    for row in view.rows:
        kind = "part" if row.seq else ("deposit" if count else "all")
        label = {"deposit": "Deposit", "all": "All at once"}.get(kind)
        rows.append(
            PayRow(
                label=label or f"Installment {row.seq} of {count}",
                cents=row.amount_cents,
                due=_shown_day(booking, row, zone),
                kind=kind,
                status=_status(row, view, row.seq == following),
            )
        )
    return tuple(rows)


def _shown_day(booking: Booking, row: ScheduleRow, zone: str) -> date:
    """When it was paid, else when it was first refused, else when it is due."""
    if row.paid_at:
        return day_at(row.paid_at, zone)
    if row.is_problem and row.pay_until:
        return day_at(row.pay_until - GRACE, zone)
    if row.due_on:
        return row.due_on
    if booking.state == "approved" and booking.deadline_at:
        return day_at(booking.deadline_at, zone)
    if booking.deposit_due_at:
        return day_at(booking.deposit_due_at, zone)
    return accepted_by(booking.terms, booking.state_since)


def _status(row: ScheduleRow, view: PlanView, following: bool) -> str:
    if row.state == "paid":
        all_back = 0 < view.paid_cents <= view.refunded_cents
        return "refunded" if all_back else "paid"
    if row.state in ("charging", "unknown"):
        return "checking"
    if row.state == "needs_action":
        return "confirm"
    if row.is_problem:
        return "failed"
    if row.state == "void":
        return "cancelled"
    return "next" if following and view.state == "active" else "later"


def refund_steps(
    terms: Mapping[str, object], rows: tuple[PayRow, ...], start: date, today: date
) -> tuple[RefundStep, ...]:
    """The refund for each day to come, of what the schedule says is paid by then."""

    def paid_by(day: date) -> int:
        return sum(row.cents for row in rows if row.due <= day or row.kind != "part")

    cancellation = terms["cancellation"]
    assert isinstance(cancellation, Mapping)
    spans = refund_table(
        terms_from(cancellation),
        sum(row.cents for row in rows),
        start,
        paid_by=paid_by,
        today=today,
    )
    return tuple(
        RefundStep(
            percent=span.percent,
            since=span.first_day or today,
            until=span.last_day,
            cents=(span.refund_cents if span.last_day else 0) if rows else None,
            paid=paid_by(span.last_day or start) if rows else None,
        )
        for span in spans
    )


@dataclass(frozen=True)
class HoldClock:
    """The clock of a held seat. `extend_url` is empty when it cannot be lengthened."""

    seconds_left: int
    until_site: str
    place: str
    until_own: str
    extend_url: str


def hold_clock(booking: Booking, extend_url: str) -> HoldClock:
    """How long the seat is still held, in the site's time: we do not know the candidate's."""
    assert booking.deadline_at is not None
    left = booking.deadline_at - clock.now()
    return HoldClock(
        seconds_left=max(0, round(left / timedelta(seconds=1))),
        until_site=time_at(booking.deadline_at, booking.time_zone),
        place=who(booking.terms).city,
        until_own="",
        extend_url="" if booking.hold_extended else extend_url,
    )


def time_and_day(instant: datetime, zone: str) -> str:
    """Tue, Nov 24, 10:20 AM at a place."""
    return formats.when(instant, zone)


def time_at(instant: datetime, zone: str) -> str:
    """2:50 PM at a place."""
    return f"{instant.astimezone(ZoneInfo(zone)):%I:%M %p}".lstrip("0")
