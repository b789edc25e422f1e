"""Reads of bookings for the agency's workspace. Sessions carry the agency's scope.

The table's query string is its only state: `Wanted` is read from it and writes it back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from marketplace.bookings import states
from marketplace.bookings.models import Booking, BookingTransition
from marketplace.core import clock
from marketplace.core.errors import NotFound

PER_PAGE = 50
MAX_TEXT = 60
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
            sort=_known(raw.lstrip("-"), list(SORTS), "due"),
            descending=raw.startswith("-"),
            page=min(int(page), 10_000) if page.isdecimal() and page.isascii() and page else 1,
        )

    def url(self, base: str, **changes: object) -> str:
        """The address of this table with some changes; defaults are left out."""
        other = replace(self, **{"page": 1} | changes)  # type: ignore[arg-type]
        values = {
            "view": other.view if other.view != "needs" else "",
            "q": other.q,
            "status": other.status,
            "specialty": other.specialty,
            "sort": other.sort_value if other.sort_value != "due" else "",
            "page": str(other.page) if other.page > 1 else "",
        }
        query = urlencode({key: value for key, value in values.items() if value})
        return f"{base}?{query}" if query else base

    @property
    def sort_value(self) -> str:
        """The sort as the address writes it."""
        return f"{'-' if self.descending else ''}{self.sort}"

    @property
    def filtered(self) -> bool:
        """Is anything filtered beside the view?"""
        return bool(self.q or self.status or self.specialty)


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


def counts(session: Session) -> dict[str, int]:
    """How many bookings each saved view has, in one read."""
    query = select(
        *[func.count(Booking.id).filter(_view(key)).label(key) for key, _ in VIEWS]
    ).select_from(Booking)
    row = session.execute(query.where(_sent())).one()
    return {key: int(getattr(row, key)) for key, _ in VIEWS}


def specialties(session: Session) -> list[tuple[str, str]]:
    """The specialties of this agency's bookings, as pairs of slug and label."""
    slug = Booking.terms["specialty"].as_string()
    label = Booking.terms["specialty_label"].as_string()
    rows = session.execute(
        select(slug, label).select_from(Booking).where(_sent()).distinct().order_by(label)
    )
    return [(str(key), str(text)) for key, text in rows]


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


def needs(session: Session) -> tuple[Booking, ...]:
    """What waits for the agency, nearest deadline first."""
    rows = session.scalars(select(Booking).where(_sent(), _view("needs"))).all()
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
    query = select(Booking).where(_sent(), _view(wanted.view))
    if wanted.status:
        query = query.where(Booking.state == wanted.status)
    if wanted.specialty:
        query = query.where(Booking.terms["specialty"].as_string() == wanted.specialty)
    if wanted.q:
        query = query.where(
            or_(
                Booking.reference.icontains(wanted.q, autoescape=True),
                Booking.candidate["name"].as_string().icontains(wanted.q, autoescape=True),
                Booking.terms["attending"].as_string().icontains(wanted.q, autoescape=True),
            )
        )
    return query


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
