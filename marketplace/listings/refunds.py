"""What comes back when a booking ends, and the table of it with real dates.

Days are whole calendar days in the site's time zone, from the cancel day to the start day; the
boundary day belongs to the better tier (floor rule `day-count`). The percentage is of what was
paid, and nothing more is owed (DESIGN 4).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from marketplace.core import reference
from marketplace.core.money import percent_of, share_of
from marketplace.listings.policies import Terms, floor_limit

Fault = Literal["provider", "candidate", "platform", "none"]
Reason = Literal[
    "provider-fault",
    "platform-fault",
    "cooling-off",
    "tier",
    "too-late",
    "after-start",
    "no-fault",
    "no-fault-unused-weeks",
    "at-least-half",
    "no-refund",
]

CHANGE_OF_MIND = "candidate-change-of-mind"
# Floor rule `after-start-prorata`: a started week with fewer days than this counts as unused.
DAYS_THAT_USE_A_WEEK = 3


@dataclass(frozen=True)
class RefundQuote:
    """What comes back. `percent` is the rule's; hard costs are already off `refund_cents`."""

    percent: int
    refund_cents: int
    kept_cents: int
    reason: Reason
    hard_costs_cents: int = 0


@dataclass(frozen=True)
class Span:
    """Days on which cancelling gives the same percent; None means open at that end."""

    percent: int
    first_day: date | None
    last_day: date | None
    refund_cents: int


def fault_of(cause: str) -> Fault:
    """Whose fault a cause of `refund_causes.csv` is. Raises `KeyError`."""
    fault = reference.row("refund_causes", cause)["fault"]
    for known in ("provider", "candidate", "platform", "none"):
        if fault == known:
            return known
    raise ValueError(f"refund cause {cause!r} has the unknown fault {fault!r}")


def cooling_off_until(terms: Terms, paid_at: datetime, start_on: date, tz: str) -> datetime | None:
    """The last instant at which everything comes back, or None if the start was too near.

    `paid_at` is an aware instant. The time ends early when the start comes within the declared
    days at the site before the hours are over.
    """
    zone = ZoneInfo(tz)
    last_day = start_on - timedelta(days=terms.cooling_off_min_days_to_start + 1)
    day_ends = datetime.combine(last_day + timedelta(days=1), time(), zone)
    until = min(
        paid_at + timedelta(hours=terms.cooling_off_hours), day_ends.astimezone(paid_at.tzinfo)
    )
    return until if until > paid_at else None


def refund_for(
    terms: Terms,
    paid_cents: int,
    *,
    start_on: date,
    cancel_on: date,
    cause: str = CHANGE_OF_MIND,
    since_payment: timedelta | None = None,
    weeks: int | None = None,
    hard_costs_cents: int = 0,
) -> RefundQuote:
    """What comes back of `paid_cents` when a booking ends on `cancel_on`, a day at the site.

    `cause` is a slug of `refund_causes.csv`. `cancel_on` is the day that counts: for an unpaid
    installment the day its grace ended, for a delayed visa the day of the visa application where
    the cause allows it. `since_payment` is the time since the first payment, None when nothing
    says so. `weeks`, the length of the rotation, is needed for a no-fault cause after the start.
    `hard_costs_cents` are costs named before payment and spent; at most a tenth of what was paid
    counts (floor rule `hard-costs-named`).

    A provider's or the platform's fault gives back everything that was paid, also after the
    start (DESIGN 4). A no-fault cause never gives less than a change of mind on that day.

    Raises `KeyError` for an unknown cause, and `ValueError` for a negative amount, for missing
    `weeks`, or when the cause's amount is decided by a table or a person elsewhere.
    """
    if paid_cents < 0 or hard_costs_cents < 0:
        raise ValueError("amounts are not negative")
    line = reference.row("refund_causes", cause)
    rule = "policy" if cause == "cooling-off" else line["before_start_refund"]
    if rule in ("partial", "difference", "custom"):
        raise ValueError(f"the refund for {cause!r} is decided elsewhere")
    fault = fault_of(cause)
    if fault in ("provider", "platform"):
        return _quote(
            paid_cents, 100, "provider-fault" if fault == "provider" else "platform-fault"
        )
    if rule == "0":
        return _quote(paid_cents, 0, "no-refund")
    usual = _change_of_mind(terms, paid_cents, start_on, cancel_on, since_payment)
    if rule in ("policy", "reschedule-or-policy-best"):
        return usual
    hard = min(hard_costs_cents, percent_of(paid_cents, floor_limit("hard-costs-named")))
    special = _no_fault(line, paid_cents, (start_on, cancel_on, weeks), hard)
    return max(usual, special, key=lambda quote: quote.refund_cents)


def refund_table(
    terms: Terms,
    price_cents: int,
    start_on: date,
    *,
    paid_by: Callable[[date], int] | None = None,
    today: date | None = None,
) -> tuple[Span, ...]:
    """The refund for a change of mind on each day, as spans with real dates, best first.

    Amounts are of the whole price, or of what `paid_by(last day of the span)` says is paid by
    then. With `today`, spans that are over are left out. The last span has no last day.
    """
    spans = []
    first: date | None = None
    for tier in (*terms.tiers, None):
        last = start_on - timedelta(days=tier.days) if tier else None
        percent = tier.percent if tier else 0
        if today is None or last is None or last >= today:
            paid = paid_by(last) if paid_by and last else price_cents
            spans.append(Span(percent, first, last, percent_of(paid, percent)))
        first = last + timedelta(days=1) if last else None
    return tuple(spans)


def unused_weeks(start_on: date, stopped_on: date, weeks: int) -> int:
    """Weeks that did not take place when a rotation stops; `stopped_on` itself is not used.

    A started week counts as unused when fewer than 3 of its days took place (floor rule
    `after-start-prorata`).
    """
    days = max((stopped_on - start_on).days, 0)
    whole, rest = divmod(days, 7)
    used = whole + (1 if rest >= DAYS_THAT_USE_A_WEEK else 0)
    return max(weeks - used, 0)


def _change_of_mind(
    terms: Terms, paid: int, start_on: date, cancel_on: date, since_payment: timedelta | None
) -> RefundQuote:
    days = (start_on - cancel_on).days
    in_time = since_payment is not None and since_payment <= timedelta(
        hours=terms.cooling_off_hours
    )
    if in_time and days > terms.cooling_off_min_days_to_start:
        return _quote(paid, 100, "cooling-off")
    percent = terms.percent_at(days)
    if percent:
        return _quote(paid, percent, "tier")
    return _quote(paid, 0, "too-late" if days >= 0 else "after-start")


def _no_fault(
    line: reference.Row, paid: int, when: tuple[date, date, int | None], hard: int
) -> RefundQuote:
    start_on, cancel_on, weeks = when
    half = line["before_start_refund"] == "reschedule-or-50"
    if not half and line["before_start_refund"] != "100":
        raise ValueError(f"cannot read the refund rule of cause {line['slug']!r}")
    if cancel_on <= start_on:
        # "At least half" is a promise: hard costs come off a full refund only.
        return _quote(paid, 50, "at-least-half") if half else _quote(paid, 100, "no-fault", hard)
    if weeks is None or weeks < 1:
        raise ValueError("after the start the length of the rotation is needed")
    unused = unused_weeks(start_on, cancel_on, weeks)
    whole = weeks * (2 if half else 1)
    share = share_of(paid, unused, whole)
    hard = 0 if half else min(hard, share)
    percent = 100 * unused // whole
    return RefundQuote(percent, share - hard, paid - share + hard, "no-fault-unused-weeks", hard)


def _quote(paid: int, percent: int, reason: Reason, hard: int = 0) -> RefundQuote:
    refund = percent_of(paid, percent) - hard
    return RefundQuote(percent, refund, paid - refund, reason, hard)
