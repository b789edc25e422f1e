"""Tells an agency that an attending has left it: what stops and what goes on (system session)."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.bookings import states
from marketplace.bookings.models import Booking
from marketplace.core import formats
from marketplace.listings.models import Attending, Rotation
from marketplace.notifications import wording
from marketplace.notifications.delivery import Readers, deliver
from marketplace.notifications.letters import Fact, compose
from marketplace.notifications.messages import messages_for
from marketplace.tenants.models import Agency

MOST = 6


def tell_of_leaving(session: Session, occasion: str, detail: Mapping[str, str]) -> None:
    """Name the listings that closed and the bookings that stay."""
    agency = session.get_one(Agency, UUID(detail["agency_id"]))
    doctor = session.get_one(Attending, UUID(detail["attending_id"]))
    paused = [UUID(key) for key in detail["paused"].split()]
    titles = session.scalars(
        select(Rotation.title).where(Rotation.id.in_(paused)).order_by(Rotation.title)
    ).all()
    stay = session.scalars(
        select(Booking)
        .where(
            Booking.agency_id == agency.id,
            Booking.attending_id == doctor.id,
            Booking.state.in_(states.SEAT),
        )
        .order_by(Booking.start_on, Booking.id)
    ).all()
    name = formats.doctor(doctor.display_name)
    facts = (
        Fact("Attending", name),
        Fact("Paused", _few([wording.plain(title) for title in titles]) or "No listing was live"),
        Fact(
            "Goes on",
            _few([_booked(one) for one in stay]) or "Nothing is booked with them",
        ),
    )
    for message in messages_for(occasion):
        words = compose(message, {"attending": name}, facts, {"agency": agency.slug})
        key = f"{message.slug}:{agency.id}:{doctor.id}:{detail['at']}"
        deliver(session, message, words, Readers(agency_id=agency.id), key)


def _booked(booking: Booking) -> str:
    return f"{booking.reference}, {wording.short_span(booking.start_on, booking.end_on)}"


def _few(lines: list[str]) -> str:
    more = f"; and {len(lines) - MOST} more" if len(lines) > MOST else ""
    return "; ".join(lines[:MOST]) + more
