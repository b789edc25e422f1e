"""One candidate's way from the request to the last installment, resumable at every point.

`walk` looks at the database and does what comes next, as the browser, the agency, the attending
and the worker would; started again after a crash it goes on. What was acknowledged is written to
`acknowledged`, so that the test knows what must never be lost.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from marketplace.accounts import queries as accounts
from marketplace.bookings import card, operations
from marketplace.bookings.models import Booking
from marketplace.core import clock, context, jobs
from marketplace.core.db import open_session
from marketplace.payments import jobs as payment_jobs
from marketplace.payments.models import Installment
from tests import factories
from tests.payments.double import GOOD, StripeDouble

TICKS = (
    "bookings.charge_deposits",
    "payments.charge_due",
    "payments.settle_unknown",
    "payments.send_refunds",
    "bookings.expire_due",
)


@dataclass(frozen=True)
class Journey:
    """Who goes where. `ledger` is the file of what was acknowledged."""

    market: factories.Market
    who: factories.Candidate
    double: StripeDouble
    ledger: Path

    def acknowledge(self, step: str) -> None:
        """The user saw a success: from here on it must hold."""
        with self.ledger.open("a") as file:
            file.write(step + "\n")

    def acknowledged(self) -> list[str]:
        """Every success that was shown."""
        return self.ledger.read_text().split() if self.ledger.exists() else []

    def booking(self) -> Booking | None:
        """The booking as it stands."""
        with open_session(factories.a_system(), readonly=True) as session:
            row = session.scalars(
                select(Booking).where(Booking.candidate_id == self.who.id)
            ).one_or_none()
            if row is not None:
                session.expunge(row)
            return row

    def installments(self) -> list[Installment]:
        """The plan's parts as they stand."""
        with open_session(factories.a_system(), readonly=True) as session:
            rows = session.scalars(
                select(Installment)
                .where(Installment.person_id == self.who.id)
                .order_by(Installment.seq)
            ).all()
            session.expunge_all()
            return list(rows)


def walk(trip: Journey) -> None:
    """Go on until the last installment is paid."""
    payment_jobs.STUCK = timedelta(0)  # a restarted worker asks at once
    for _ in range(60):
        step = _next(trip)
        if step is None:
            return
        step(trip)
    raise AssertionError("the journey does not end")


def _next(trip: Journey) -> Callable[[Journey], None] | None:
    row = trip.booking()
    if row is None:
        return _hold
    if row.state == "held":
        return _card if row.plan_id else _terms
    if row.state == "requested":
        return _approve
    if row.state == "approved":
        return _accept
    paid = [part.state for part in trip.installments()]
    if row.state == "confirmed" and set(paid) == {"paid"}:
        return None
    return _work


def _hold(trip: Journey) -> None:
    with open_session(trip.who.scope) as session:
        wanted = operations.Wanted(trip.market.rotation_id, trip.market.offerings[0], 4, "form")
        operations.hold(session, trip.who.actor, wanted)
    trip.acknowledge("held")


def _terms(trip: Journey) -> None:
    row = trip.booking()
    assert row is not None
    with open_session(trip.who.scope) as session:
        operations.accept_terms(
            session,
            trip.who.actor,
            row.id,
            candidate=accounts.candidate_summary(session, trip.who.id),
            consent={"terms": True},
            wanted_installments=4,
        )
    trip.acknowledge("terms")


def _card(trip: Journey) -> None:
    row = trip.booking()
    assert row is not None
    started = card.begin(trip.who.scope, row.id, email=trip.who.email)
    trip.double.confirm(started.client_secret, GOOD)
    assert card.finish(trip.who.scope, row.id)
    trip.acknowledge("requested")


def _approve(trip: Journey) -> None:
    row = trip.booking()
    assert row is not None
    with open_session(context.agency(trip.market.agency_id)) as session:
        operations.approve(session, trip.market.staff_actor, row.id)
    trip.acknowledge("approved")


def _accept(trip: Journey) -> None:
    row = trip.booking()
    assert row is not None
    with open_session(context.person(trip.market.attending_id, row.id)) as session:
        operations.accept(session, trip.market.doctor_actor, row.id)
    trip.acknowledge("accepted")


def _work(trip: Journey) -> None:
    """Time passes and the worker does what is due."""
    row = trip.booking()
    assert row is not None
    due = [part.next_try_at for part in trip.installments() if part.next_try_at]
    if row.state == "accepted" and row.deposit_due_at:
        due.append(row.deposit_due_at)
    later = [moment for moment in due if moment > clock.now()]
    if later and len(later) == len(due):
        clock.advance(min(later) - clock.now() + timedelta(seconds=1))
    for topic in TICKS:
        jobs.run_tick(topic)
    factories.run_outbox()
    for part in trip.installments():
        if part.state == "paid" and f"paid-{part.seq}" not in trip.acknowledged():
            trip.acknowledge(f"paid-{part.seq}")
