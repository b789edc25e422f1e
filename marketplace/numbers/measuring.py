"""One agency's numbers of the last twelve complete weeks (agency sessions; weeks in UTC)."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.bookings.models import Booking, BookingTransition
from marketplace.core import clock
from marketplace.listings.models import Offering
from marketplace.numbers.measures import WEEKS
from marketplace.numbers.models import ListingDay
from marketplace.payments.models import Installment, Refund
from marketplace.placements.models import Placement

_EVENTS = ("request", "approve", "decline", "deposit_paid", "provider_cancel")
_PROVIDER = ("agency", "attending")


@dataclass(frozen=True)
class Window:
    """Twelve complete weeks: from the first Monday to before `end`, a Monday."""

    first: date
    end: date

    @property
    def since(self) -> datetime:
        """The first instant."""
        return datetime.combine(self.first, time(), UTC)

    @property
    def until(self) -> datetime:
        """The first instant after it."""
        return datetime.combine(self.end, time(), UTC)

    @property
    def last_week(self) -> date:
        """Monday of the latest week."""
        return self.end - timedelta(weeks=1)

    def week(self, day: date) -> int | None:
        """The number of the week of a day, from 0; None outside."""
        return (day - self.first).days // 7 if self.first <= day < self.end else None


@dataclass
class Measured:
    """The numbers; None where there is nothing to measure."""

    measured: dict[str, float | None] = field(default_factory=dict)
    weekly: dict[str, list[float | None]] = field(default_factory=dict)


def window() -> Window:
    """The last complete weeks before today."""
    today = clock.today("UTC")
    end = today - timedelta(days=today.weekday())
    return Window(end - timedelta(weeks=WEEKS), end)


def measure(session: Session, over: Window) -> Measured:
    """All numbers of the session's agency."""
    found = Measured()
    _views(session, over, found)
    _bookings(session, over, found)
    _filled(session, found)
    _refunded(session, over, found)
    _letters(session, over, found)
    return found


def _views(session: Session, over: Window, found: Measured) -> None:
    rows = session.execute(
        select(ListingDay.day, func.sum(ListingDay.views))
        .where(ListingDay.day >= over.first, ListingDay.day < over.end)
        .group_by(ListingDay.day)
    ).all()
    weekly = [0.0] * WEEKS
    for day, views in rows:
        number = over.week(day)
        assert number is not None
        weekly[number] += int(views)
    found.weekly["views"] = list(weekly)
    found.measured["views"] = sum(weekly) / WEEKS if any(weekly) else None


def _bookings(session: Session, over: Window, found: Measured) -> None:
    rows = session.execute(
        select(
            BookingTransition.booking_id,
            BookingTransition.event,
            BookingTransition.actor_kind,
            BookingTransition.at,
        ).where(
            BookingTransition.event.in_(_EVENTS),
            BookingTransition.at >= over.since - timedelta(days=7),  # answered in, asked before
            BookingTransition.at < over.until,
        )
    ).all()
    asked: dict[UUID, datetime] = {one: at for one, event, _, at in rows if event == "request"}
    answers: dict[int, list[float]] = defaultdict(list)
    requests = [0.0] * WEEKS
    confirmed: set[UUID] = set()
    cancelled = 0
    for booking, event, actor, at in rows:
        number = over.week(at.date())
        if number is None:
            continue
        if event == "request":
            requests[number] += 1
        elif event == "deposit_paid":
            confirmed.add(booking)
        elif event == "provider_cancel":
            cancelled += actor in _PROVIDER
        elif actor == "agency" and booking in asked:
            answers[number].append((at - asked[booking]).total_seconds() / 3600)
    sent = {one for one, at in asked.items() if at >= over.since}
    found.weekly["requests"] = list(requests)
    found.weekly["answer"] = [
        round(median(answers[n]), 1) if answers[n] else None for n in range(WEEKS)
    ]
    hours = [one for week in answers.values() for one in week]
    found.measured["requests"] = len(sent) / WEEKS if sent else None
    found.measured["answer"] = median(hours) if hours else None
    found.measured["confirmed"] = _percent(len(sent & confirmed), len(sent))
    found.measured["cancelled"] = _percent(cancelled, len(confirmed))


def _filled(session: Session, found: Measured) -> None:
    today = clock.today("UTC")
    rows = session.execute(
        select(Offering.start_on, func.sum(Offering.taken), func.sum(Offering.capacity))
        .where(
            Offering.start_on > today,
            Offering.start_on <= today + timedelta(weeks=WEEKS),
            Offering.closed_at.is_(None),
            Offering.public,
        )
        .group_by(Offering.start_on)
    ).all()
    taken, seats = [0] * WEEKS, [0] * WEEKS
    for start_on, some, of in rows:
        week = ((start_on - today).days - 1) // 7
        taken[week] += int(some)
        seats[week] += int(of)
    found.measured["filled"] = _percent(sum(taken), sum(seats))
    found.weekly["filled"] = [_share(*pair) for pair in zip(taken, seats, strict=True)]


def _refunded(session: Session, over: Window, found: Measured) -> None:
    paid = session.scalar(
        select(func.sum(Installment.amount_cents)).where(
            Installment.paid_at >= over.since, Installment.paid_at < over.until
        )
    )
    rows = session.execute(
        select(Refund.created_at, Refund.amount_cents).where(
            Refund.state == "succeeded",
            Refund.created_at >= over.since,
            Refund.created_at < over.until,
        )
    ).all()
    back = [0] * WEEKS
    for at, cents in rows:
        week = over.week(at.date())
        assert week is not None
        back[week] += cents
    found.measured["refunded"] = _percent(sum(back), int(paid or 0))
    # of an average week's payments: a week's own may be none, and the twelve average to the whole
    found.weekly["refunded"] = [_share(cents * WEEKS, int(paid or 0)) for cents in back]


def _letters(session: Session, over: Window, found: Measured) -> None:
    rows = session.execute(
        select(Booking.end_on, Placement.letter_moved_at)
        .join(Placement, Placement.booking_id == Booking.id)
        .where(
            Placement.letter_state == "uploaded",
            Placement.letter_moved_at >= over.since,
            Placement.letter_moved_at < over.until,
        )
    ).all()
    days: dict[int | None, list[int]] = defaultdict(list)
    for end_on, at in rows:
        if at is not None:
            days[over.week(at.date())].append(max(0, (at.date() - end_on).days))
    every = [one for week in days.values() for one in week]
    found.measured["letter"] = float(median(every)) if every else None
    found.weekly["letter"] = [float(median(days[n])) if days[n] else None for n in range(WEEKS)]


def _share(part: int, whole: int) -> float | None:
    found = _percent(part, whole)
    return None if found is None else round(found, 1)


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None
