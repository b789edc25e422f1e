"""Reads of bookings for the agency's workspace. Sessions carry the agency's scope.

The table's query string is its only state: `Wanted` is read from it and writes it back.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from marketplace.bookings import states
from marketplace.bookings.models import Booking, BookingTransition
from marketplace.core import clock
from marketplace.core.errors import NotFound

PER_PAGE = 50
MAX_TEXT = 60
MOST_OF_A_MONTH = 600  # rows read for a month of the calendar
ARRIVING_DAYS = 14
MILESTONE_HOUR = time(18)  # site time: a check-in or completion is looked for by the evening
VIEWS = (
    ("needs", "Needs me"),
    ("attending", "With attending"),
    ("payment", "Payment"),
    ("arriving", f"Arriving in {ARRIVING_DAYS} days"),
    ("here", "Here now"),
    ("past", "Past"),
    ("all", "All"),
)
SORTS = ("name", "start", "due", "total")
SORT_WORDS = {"name": "name", "start": "start", "due": "next deadline", "total": "total"}
STATUS: Mapping[str, tuple[str, str]] = {
    "requested": ("New request", "warn"),
    "approved": ("With attending", "info"),
    "accepted": ("Accepted", "info"),
    "payment_needed": ("Payment needed", "bad"),
    "confirmed": ("Confirmed", "good"),
    "active": ("Here now", "accent"),
    "completed": ("Completed", ""),
    "closed": ("Closed", ""),
    "declined": ("Declined", ""),
    "withdrawn": ("Withdrawn", ""),
    "expired": ("Expired", ""),
    "cancelled_by_candidate": ("Cancelled by candidate", ""),
    "cancelled_by_provider": ("Cancelled by provider", ""),
    "no_show": ("Did not come", "bad"),
}


@dataclass(frozen=True)
class Wanted:
    """What the table shows. Anything unknown in an address falls back to the default."""

    view: str = "needs"
    q: str = ""
    status: str = ""
    specialty: str = ""
    starts: str = ""  # a month, as 2027-01
    sort: str = "due"
    descending: bool = False
    page: int = 1

    @classmethod
    def from_args(cls, args: Mapping[str, str]) -> "Wanted":
        """Read an address."""
        raw = args.get("sort", "due")
        page = args.get("page", "1")
        return cls(
            view=_known(args.get("view", ""), [key for key, _ in VIEWS], "needs"),
            q=args.get("q", "").replace("\0", "").strip()[:MAX_TEXT],
            status=_known(args.get("status", ""), list(STATUS), ""),
            specialty=args.get("specialty", "").replace("\0", "")[:MAX_TEXT],
            starts=args.get("starts", "") if month_of(args.get("starts", "")) else "",
            sort=_known(raw.lstrip("-"), list(SORTS), "due"),
            descending=raw.startswith("-"),
            page=min(int(page), 10_000) if page.isdecimal() and page.isascii() and page else 1,
        )

    def url(self, base: str, **changes: object) -> str:
        """The address of this table with some changes; defaults are left out."""
        query = self.query(**changes)
        return f"{base}?{query}" if query else base

    def query(self, **changes: object) -> str:
        """The query string of that address."""
        other = replace(self, **{"page": 1} | changes)  # type: ignore[arg-type]
        values = {
            "view": other.view if other.view != "needs" else "",
            "q": other.q,
            "status": other.status,
            "specialty": other.specialty,
            "starts": other.starts,
            "sort": other.sort_value if other.sort_value != "due" else "",
            "page": str(other.page) if other.page > 1 else "",
        }
        return urlencode({key: value for key, value in values.items() if value})

    @classmethod
    def from_query(cls, query: str) -> "Wanted":
        """Read a query string, such as a saved view's; the first of equal names counts."""
        pairs = parse_qsl(query[:1000], max_num_fields=50)
        return cls.from_args(dict(reversed(pairs)))

    @property
    def sort_value(self) -> str:
        """The sort as the address writes it."""
        return f"{'-' if self.descending else ''}{self.sort}"

    @property
    def filtered(self) -> bool:
        """Is anything filtered beside the view?"""
        return bool(self.q or self.status or self.specialty or self.starts)


def month_of(text: str) -> tuple[date, date] | None:
    """The first and the last day of a month written as 2027-01; None for anything else."""
    if not re.fullmatch(r"20[0-9]{2}-(0[1-9]|1[0-2])", text):
        return None
    first = date.fromisoformat(f"{text}-01")
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _known(value: str, allowed: list[str], default: str) -> str:
    return value if value in allowed else default


@dataclass(frozen=True)
class Page:
    """One page of the table."""

    bookings: tuple[Booking, ...]
    total: int
    page: int
    pages: int

    @property
    def first(self) -> int:
        """Number of the first row shown."""
        return (self.page - 1) * PER_PAGE + 1 if self.total else 0

    @property
    def last(self) -> int:
        """Number of the last row shown."""
        return min(self.page * PER_PAGE, self.total)


def table(session: Session, wanted: Wanted) -> Page:
    """The rows of a page; a page past the end answers the last one."""
    query = _filtered(wanted)
    total = session.scalar(
        select(func.count()).select_from(Booking).where(query.whereclause)  # type: ignore[arg-type]
    )
    pages = max(1, -(-(total or 0) // PER_PAGE))
    page = min(max(1, wanted.page), pages)
    rows = session.scalars(
        query.order_by(*_order(wanted)).limit(PER_PAGE).offset((page - 1) * PER_PAGE)
    ).all()
    return Page(tuple(rows), total or 0, page, pages)


def every_row(session: Session, wanted: Wanted, limit: int = 5_000) -> tuple[Booking, ...]:
    """All rows of a view, for a download."""
    return tuple(session.scalars(_filtered(wanted).order_by(*_order(wanted)).limit(limit)))


def counts(session: Session, own: Mapping[str, Wanted] | None = None) -> dict[str, int]:
    """How many bookings each built-in view has, and each of a member's own, in one read."""
    asked = {key: _view(key) for key, _ in VIEWS}
    asked |= {key: and_(*_conditions(wanted)) for key, wanted in (own or {}).items()}
    query = select(*[func.count(Booking.id).filter(rule) for rule in asked.values()]).select_from(
        Booking
    )
    row = session.execute(query.where(_sent())).one()
    return {key: int(number) for key, number in zip(asked, row, strict=True)}


def specialties(session: Session) -> list[tuple[str, str]]:
    """The specialties of this agency's bookings, as pairs of slug and label."""
    slug = Booking.terms["specialty"].as_string()
    label = Booking.terms["specialty_label"].as_string()
    rows = session.execute(
        select(slug, label).select_from(Booking).where(_sent()).distinct().order_by(label)
    )
    return [(str(key), str(text)) for key, text in rows]


def by_references(session: Session, references: Sequence[str]) -> tuple[Booking, ...]:
    """Several bookings that were sent to this agency, by reference; NotFound when one is not."""
    wanted = {reference[:40] for reference in references if "\0" not in reference}
    rows = session.scalars(
        select(Booking)
        .where(Booking.reference.in_(sorted(wanted)), _sent())
        .order_by(Booking.reference)
    ).all()
    if len(rows) != len(set(references)):
        raise NotFound
    return tuple(rows)


def by_reference(session: Session, reference: str) -> Booking:
    """A booking that was sent to this agency. NotFound for any other."""
    if "\0" in reference:  # no text of a database holds it
        raise NotFound
    found = session.scalars(
        select(Booking).where(Booking.reference == reference[:40], _sent())
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def needs(session: Session, limit: int = 30) -> tuple[Booking, ...]:
    """What waits for the agency, nearest deadline first, at most `limit`."""
    day = case((Booking.state == "active", Booking.end_on), else_=Booking.start_on)
    dated = func.coalesce(func.date(Booking.deadline_at), day)
    rows = session.scalars(
        select(Booking).where(_sent(), _view("needs")).order_by(dated, Booking.id).limit(limit)
    ).all()
    return tuple(sorted(rows, key=lambda row: due_at(row) or clock.now()))


def waiting(session: Session) -> dict[str, int]:
    """How many things wait, by row of the agency's menu."""
    number = session.scalar(
        select(func.count()).select_from(Booking).where(_sent(), _view("needs"))
    )
    return {"home": number or 0}


def arrivals(session: Session) -> tuple[Booking, ...]:
    """Who arrives in the next two weeks or arrived in the last one, by start."""
    today = clock.now().date()
    arrived = and_(Booking.state == "active", Booking.start_on >= today - timedelta(days=7))
    return tuple(
        session.scalars(
            select(Booking)
            .where(or_(_view("arriving"), arrived))
            .order_by(Booking.start_on, Booking.id)
            .limit(20)
        )
    )


def last_actor(session: Session, booking_id: UUID) -> str:
    """The kind of actor who took the latest step; empty when there is none."""
    found = session.scalars(
        select(BookingTransition.actor_kind)
        .where(BookingTransition.booking_id == booking_id)
        .order_by(BookingTransition.seq.desc())
        .limit(1)
    ).first()
    return found or ""


def due_at(booking: Booking) -> datetime | None:
    """When the next step is due: the state's deadline, or the evening of a milestone's day."""
    if booking.deadline_at is not None:
        return booking.deadline_at
    if booking.state == "confirmed":
        return _evening(booking, booking.start_on)
    if booking.state == "active":
        return _evening(booking, booking.end_on)
    return None


def next_words(booking: Booking) -> str:
    """Who acts next, in two words."""
    today = clock.today(booking.time_zone)
    if booking.state == "confirmed":
        return "You check in" if booking.start_on <= today else "Starts"
    if booking.state == "active":
        return "You complete" if booking.end_on <= today else "Ends"
    return {
        "requested": "You answer",
        "approved": "Attending answers",
        "accepted": "Deposit is charged",
        "payment_needed": "Candidate pays",
    }.get(booking.state, "Nothing to do")


def _evening(booking: Booking, day: date) -> datetime:
    return datetime.combine(day, MILESTONE_HOUR, ZoneInfo(booking.time_zone))


def month(session: Session, first: date, last: date) -> tuple[Booking, ...]:
    """Bookings that keep a seat and touch these days, by start."""
    kept = sorted(states.SEAT - {"held", "no_show"})
    return tuple(
        session.scalars(
            select(Booking)
            .where(
                _sent(),
                Booking.state.in_(kept),
                Booking.start_on <= last,
                Booking.end_on >= first,
            )
            .order_by(Booking.start_on, Booking.id)
            .limit(MOST_OF_A_MONTH)
        )
    )


def _sent() -> ColumnElement[bool]:
    """The candidate finished the request; a hold that was left is nobody's business."""
    return (
        select(BookingTransition.id)
        .where(BookingTransition.booking_id == Booking.id, BookingTransition.event == "request")
        .exists()
    )


def _view(key: str) -> ColumnElement[bool]:
    today = clock.now().date()
    soon = today + timedelta(days=ARRIVING_DAYS)
    found: dict[str, ColumnElement[bool]] = {
        "needs": or_(
            Booking.state == "requested",
            and_(Booking.state == "confirmed", Booking.start_on <= today),
            and_(Booking.state == "active", Booking.end_on <= today),
        ),
        "attending": Booking.state == "approved",
        "payment": Booking.state.in_(("accepted", "payment_needed")),
        "arriving": and_(Booking.state == "confirmed", Booking.start_on <= soon),
        "here": Booking.state == "active",
        "past": Booking.state.in_((*sorted(states.FINAL), "completed")),
        "all": Booking.id.is_not(None),
    }
    return found[key]


def _filtered(wanted: Wanted) -> Select[Booking]:
    return select(Booking).where(_sent(), *_conditions(wanted))


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found = [_view(wanted.view)]
    if wanted.status:
        found.append(Booking.state == wanted.status)
    if wanted.specialty:
        found.append(Booking.terms["specialty"].as_string() == wanted.specialty)
    if month := month_of(wanted.starts):
        found.append(Booking.start_on.between(*month))
    if wanted.q:
        found.append(
            or_(
                Booking.reference.icontains(wanted.q, autoescape=True),
                Booking.candidate["name"].as_string().icontains(wanted.q, autoescape=True),
                Booking.terms["attending"].as_string().icontains(wanted.q, autoescape=True),
            )
        )
    return found


def _order(wanted: Wanted) -> list[ColumnElement[Any]]:
    by: dict[str, ColumnElement[Any]] = {
        "name": func.lower(Booking.candidate["name"].as_string()),
        "start": Booking.start_on.expression,
        "total": Booking.price_cents.expression,
        "due": Booking.deadline_at.expression,
    }
    key = by[wanted.sort]
    direction = key.desc() if wanted.descending else key.asc()
    last = [key.is_(None)] if wanted.sort == "due" else []
    return [*last, direction, Booking.start_on.expression, Booking.id.expression]
