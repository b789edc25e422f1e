"""Bodies of the notifications' jobs."""

import logging
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace.bookings.models import Booking
from marketplace.core import clock
from marketplace.core.context import Scope
from marketplace.core.db import open_session
from marketplace.core.jobs import handler, outside_handler
from marketplace.core.outbox import OutboxMessage
from marketplace.notifications import of_agency, parting, telling, verifying
from marketplace.notifications.delivery import told
from marketplace.payments.models import Installment
from marketplace.placements import letters
from marketplace.placements.models import Placement

log = logging.getLogger("rounds.notifications")

HOLD_HALF_OVER = timedelta(minutes=10)
DUE_BEFORE = timedelta(days=3)
STARTS_BEFORE = timedelta(days=7)
_LETTER_MAILS = {"attending": "letter-reminder", "agency": "agency-letter-late"}


@handler("notifications.tell")
def tell(session: Session, occasion: str, detail: dict[str, str], ticket: str) -> None:
    """Tell of one occasion. A secret leaves the outbox row in the same transaction."""
    if "signature_id" in detail:
        telling.tell_of_signature(session, occasion, detail)
    elif occasion == "listing_moderated":
        telling.tell_of_moderation(session, occasion, detail)
    elif occasion in verifying.OCCASIONS:
        verifying.tell_of_verification(session, occasion, detail)
    elif occasion in of_agency.OCCASIONS:
        of_agency.tell_of_agency(session, occasion, detail)
    elif occasion == "attending_left":
        parting.tell_of_leaving(session, occasion, detail)
    elif "invitation_id" in detail:
        telling.tell_of_invitation(session, occasion, detail)
    else:
        telling.tell_of_booking(session, occasion, detail)
    if ticket:
        kept = {key: value for key, value in detail.items() if key != "token"}
        session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.effect_key == ticket)
            .values(payload={"occasion": occasion, "detail": kept, "ticket": ticket})
        )


@outside_handler("notifications.holds_running")
def holds_running(scope: Scope) -> None:
    """A seat that is still held after ten minutes: say until when."""
    now = clock.now()
    with open_session(scope, readonly=True) as session:
        due = session.execute(
            select(Booking.id, Booking.candidate_id).where(
                Booking.state == "held",
                Booking.created_at <= now - HOLD_HALF_OVER,
                Booking.deadline_at > now,
            )
        ).all()
        wanted = {f"seat-held:{key}:1:{person}": {"booking_id": str(key)} for key, person in due}
    _tell_each(scope, "seat_held", wanted)


@outside_handler("notifications.installments_due")
def installments_due(scope: Scope) -> None:
    """Three days before a card is charged."""
    now = clock.now()
    with open_session(scope, readonly=True) as session:
        due = session.execute(
            select(Booking.id, Installment.seq, Booking.candidate_id)
            .join(Installment, Installment.plan_id == Booking.plan_id)
            .where(
                Installment.seq > 0,
                Installment.state == "scheduled",
                Installment.pay_until.is_(None),
                Installment.next_try_at > now,
                Installment.next_try_at <= now + DUE_BEFORE,
                Booking.state.in_(("confirmed", "active")),
            )
        ).all()
        wanted = {
            f"installment-due:{key}:{seq}:{person}": {"booking_id": str(key), "part": str(seq)}
            for key, seq, person in due
        }
    _tell_each(scope, "installment_due", wanted)


@outside_handler("notifications.starts_soon")
def starts_soon(scope: Scope) -> None:
    """Seven days before the first day."""
    today = clock.now().date()
    with open_session(scope, readonly=True) as session:
        due = session.execute(
            select(Booking.id, Booking.candidate_id).where(
                Booking.state == "confirmed",
                Booking.start_on >= today,
                Booking.start_on <= today + STARTS_BEFORE,
            )
        ).all()
        wanted = {f"starts-soon:{key}:1:{person}": {"booking_id": str(key)} for key, person in due}
    _tell_each(scope, "starts_soon", wanted)


@outside_handler("notifications.letters_due")
def letters_due(scope: Scope) -> None:
    """Letters of recommendation that are due soon, due or late: the attending, then the agency."""
    with open_session(scope, readonly=True) as session:
        rows = session.execute(
            select(Booking, Placement)
            .join(Placement, Placement.booking_id == Booking.id)
            .where(
                Placement.letter_state.in_(letters.OPEN),
                Booking.state.in_(("completed", "closed")),
                Booking.end_on <= clock.now().date(),
            )
        ).all()
        by_side: dict[str, dict[str, dict[str, str]]] = {"attending": {}, "agency": {}}
        for booking, placement in rows:
            due = letters.due_on(booking, placement)
            for step in letters.reminders(booking, placement):
                slug = _LETTER_MAILS[step.to]
                reader = booking.attending_id if step.to == "attending" else booking.agency_id
                by_side[step.to][f"{slug}:{booking.id}:{step.slug}:{reader}"] = {
                    "booking_id": str(booking.id),
                    "seq": step.slug,
                    "due": due.isoformat(),
                    "late": "1" if step.days > 0 else "",
                }
    for side, wanted in by_side.items():
        _tell_each(scope, f"letter_{side}", wanted)


def _tell_each(scope: Scope, occasion: str, wanted: dict[str, dict[str, str]]) -> None:
    """Tell of every row whose line is not in an inbox yet, each in a session of its own."""
    with open_session(scope, readonly=True) as session:
        known = _known(session, wanted)
    for line, detail in wanted.items():
        if line in known:
            continue
        try:
            with open_session(scope) as session:
                telling.tell_of_booking(session, occasion, detail)
        except Exception:  # the row stays due and is tried at the next tick
            log.exception("notification failed", extra={"line": line, "occasion": occasion})


def _known(session: Session, lines: Iterable[str], at_once: int = 500) -> frozenset[str]:
    every = list(lines)
    found: frozenset[str] = frozenset()
    for start in range(0, len(every), at_once):
        found |= told(session, every[start : start + at_once])
    return found
