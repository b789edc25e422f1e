"""The verbs of a booking. Each locks the booking, asks the table for the move, and writes it once.

Lock order everywhere: the candidate (to hold a seat), booking, plan, installments. Nothing here
calls the outside.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Uuid, bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.accounts.models import Person
from marketplace.bookings import states
from marketplace.bookings.events import AttendingAsked, BookingMoved
from marketplace.bookings.models import Booking, BookingTransition
from marketplace.core import audit, clock, context, ids, outbox
from marketplace.core.context import SYSTEM, Actor
from marketplace.core.errors import Conflict, Gone, Invalid, NotFound
from marketplace.core.events import publish
from marketplace.listings import queries as listings
from marketplace.listings import seats
from marketplace.listings.models import Attending, Block, Offering, Rotation
from marketplace.listings.policies import terms_from
from marketplace.listings.refunds import RefundQuote, refund_for
from marketplace.listings.standing import stops
from marketplace.payments import operations as payments
from marketplace.payments.plan import Plan, make_plan
from marketplace.tenants.models import Agency

MIN_NOTICE = timedelta(days=7)  # papers and travel need at least this; listings may ask for more
HOLD_ENDED = "Your hold has ended, so the seat is free for others. Nothing was charged."
START_SHARE, COMPLETION_SHARE = 50, 50  # percent of the agency's part at each milestone
CONTEST_TIME = timedelta(hours=72)
PROVIDER_FAULT = "agency-cancelled"
NO_SHOW_CAUSE = "candidate-no-show"
NO_SHOW_AFTER = timedelta(days=3)
REFERENCES = 5  # tries; of 729 million one is rarely taken


@dataclass(frozen=True)
class Wanted:
    """What a candidate asks for: one start and one length of a rotation."""

    rotation_id: UUID
    offering_id: UUID
    weeks: int
    form_key: str
    from_site: bool = False  # the candidate came from the agency's own site


# --- the request --------------------------------------------------------------------------------


def hold(session: Session, actor: Actor, wanted: Wanted) -> Booking:
    """Hold a seat for 20 minutes while the request is filled in.

    The same form sent twice answers the same booking, and so does asking again for what is held.
    Another start or length of the same rotation takes the place of the hold before. Raises
    Conflict when the start is full, closed, too near, or the candidate already has a booking
    then; NotFound for what is not public.
    """
    assert actor.person_id is not None
    _one_at_a_time(session, actor.person_id)
    again = _by_form_key(session, actor.person_id, wanted.form_key)
    if again is not None:
        return again
    rotation, offering, block = _open_for_booking(session, wanted)
    start_on = offering.start_on
    before = _own_hold(session, actor.person_id, rotation.id)
    if before is not None:
        if (before.offering_id, before.weeks) == (offering.id, wanted.weeks):
            return before
        withdraw(session, actor, before.id)
    end_on = listings.last_day(start_on, wanted.weeks)
    _refuse_overlap(session, actor.person_id, start_on, end_on)
    seats.hold_seat(session, wanted.offering_id, rotation.attending_id, start_on, wanted.weeks)
    booking = Booking(
        reference=ids.booking_reference(),
        agency_id=rotation.agency_id,
        candidate_id=actor.person_id,
        attending_id=rotation.attending_id,
        rotation_id=rotation.id,
        offering_id=wanted.offering_id,
        block_id=block.id,
        form_key=wanted.form_key,
        from_site=wanted.from_site,
        state="held",
        deadline_at=clock.now() + states.HOLD,
        weeks=wanted.weeks,
        start_on=start_on,
        end_on=end_on,
        time_zone=rotation.site.time_zone,
        price_cents=block.price_cents,
        terms=listings.frozen_terms(rotation, block),
        steps=1,
    )
    _insert(session, booking)
    _write_history(session, booking, actor, source="", event="hold", note="")
    return booking


def _insert(session: Session, booking: Booking) -> None:
    """Write it; with another reference when somebody has this one (nobody may see whose)."""
    for _ in range(REFERENCES):
        try:
            with session.begin_nested():
                session.add(booking)
            return
        except IntegrityError as error:
            if "booking_reference" not in str(error.orig).replace(".", "_"):
                raise Conflict(
                    "You already have a request for this start.", "already_live"
                ) from error
            booking.reference = ids.booking_reference()
    raise Conflict("Please try again.", "no_reference")


def extend_hold(session: Session, actor: Actor, booking_id: UUID) -> Booking:
    """Ten more minutes, once (WCAG 2.2.1). Conflict when it was used or the hold has ended."""
    booking = locked(session, booking_id)
    _refuse_ended_hold(booking)
    if booking.hold_extended or booking.deadline_at is None:
        raise Conflict("This hold was already made longer once.", "extended")
    booking.hold_extended = True
    booking.deadline_at += states.HOLD_EXTENSION
    audit.record(session, actor, "booking.extend_hold", _subject(booking))
    return booking


def answer(session: Session, actor: Actor, booking_id: UUID, answers: Mapping[str, Any]) -> Booking:
    """Keep what the candidate answered for this request, until the terms are accepted with it.

    `answers` are plain data. Gone when the hold has ended.
    """
    booking = locked(session, booking_id)
    _refuse_ended_hold(booking)
    if booking.plan_id is None:
        booking.consent = dict(answers)
        audit.record(session, actor, "booking.answer", _subject(booking))
    return booking


def accept_terms(
    session: Session,
    actor: Actor,
    booking_id: UUID,
    *,
    candidate: Mapping[str, Any],
    consent: Mapping[str, Any],
    wanted_installments: int,
) -> Booking:
    """Freeze what the candidate agreed to: schedule, mandate, and what others may know of them.

    Repeating it before the card is saved changes nothing: the first consent holds.
    """
    booking = locked(session, booking_id)
    _refuse_ended_hold(booking)
    if booking.plan_id is not None:
        return booking
    _refuse_stopped(session, booking)
    booking.candidate, booking.consent = dict(candidate), dict(consent)
    plan = payments.open_plan(
        session,
        agency_id=booking.agency_id,
        person_id=booking.candidate_id,
        reference=booking.reference,
        plan=plan_for(booking, wanted_installments),
        fee_percent=int(booking.terms["platform_fee_percent"]),
        time_zone=booking.time_zone,
        mandate=dict(consent),
    )
    booking.plan_id = plan.id
    audit.record(session, actor, "booking.accept_terms", _subject(booking))
    return booking


def _refuse_stopped(session: Session, booking: Booking) -> None:
    """A hold is no booking yet: what the platform has stopped meanwhile takes no card."""
    agency = session.get(Agency, booking.agency_id)
    doctor = session.get_one(Attending, booking.attending_id)
    if agency is None or not agency.takes_bookings or doctor.excluded_at is not None:
        raise Conflict(
            "This rotation takes no new bookings at the moment. Nothing was charged.", "stopped"
        )


def plan_for(booking: Booking, wanted_installments: int | None = None) -> Plan:
    """The payment plan of a booking's frozen terms, counted from today at the site."""
    wanted = (
        booking.terms["max_installments"] if wanted_installments is None else wanted_installments
    )
    return make_plan(
        booking.price_cents,
        int(booking.terms["deposit_percent"]),
        min(int(wanted), int(booking.terms["max_installments"])),
        clock.today(booking.time_zone),
        booking.start_on,
    )


def send_request(session: Session, booking: Booking) -> Booking:
    """The card is saved: the request goes to the agency. Safe to repeat.

    Called after the provider itself said so, with the booking `locked`. An ended hold is refused;
    the seat may be gone.
    """
    if booking.state != "held":
        return booking
    _refuse_ended_hold(booking)
    _transition(session, booking, "request", SYSTEM)
    if booking.terms.get("preapproved"):
        _approve(session, booking, SYSTEM)
    return booking


def approve(session: Session, actor: Actor, booking_id: UUID) -> Booking:
    """The agency approves; the attending is asked (72 h). Gone when its 48 hours are over."""
    booking = locked(session, booking_id)
    if booking.state == "requested":
        _refuse_passed_deadline(booking)
    _approve(session, booking, actor)
    return booking


def _approve(session: Session, booking: Booking, actor: Actor) -> None:
    _transition(session, booking, "approve", actor)
    ask_attending(session, booking)


def ask_attending(session: Session, booking: Booking, *, reminder: bool = False) -> None:
    """A fresh link for the attending's e-mail; an earlier one stops working."""
    token = ids.token()
    booking.decide_token_hash = hash_token(token)
    publish(
        session,
        AttendingAsked(booking.id, booking.agency_id, booking.attending_id, token, reminder),
    )


def hash_token(token: str) -> bytes:
    """What is stored of a link's token."""
    return hashlib.sha256(token.encode()).digest()


def decline(
    session: Session, actor: Actor, booking_id: UUID, *, reason: str, note: str = ""
) -> Booking:
    """Agency or attending says no, with a reason. Nothing was charged; the seat is free again."""
    if not reason:
        raise Invalid({"reason": "Choose a reason. The candidate sees a kind form of it."})
    booking = locked(session, booking_id)
    if booking.state in ("requested", "approved"):
        _refuse_passed_deadline(booking)
    booking.reason, booking.reason_note = reason, note[:2000]
    _transition(session, booking, "decline", actor, note=reason)
    if actor.kind == "attending":
        _leave_money_to_worker(session, booking)
    else:
        _stop_payments(session, booking)
    return booking


def withdraw(session: Session, actor: Actor, booking_id: UUID) -> Booking:
    """The candidate takes the request back before anything was charged."""
    booking = locked(session, booking_id)
    _transition(session, booking, "withdraw", actor)
    _stop_payments(session, booking)
    return booking


# --- the attending ------------------------------------------------------------------------------


def accept(session: Session, actor: Actor, booking_id: UUID) -> Booking:
    """The attending accepts. The deposit is charged when the undo time (15 minutes) is over."""
    booking = locked(session, booking_id)
    _refuse_passed_deadline(booking)
    _transition(session, booking, "accept", actor)
    booking.deposit_due_at = clock.now() + states.UNDO
    return booking


def undo_accept(session: Session, actor: Actor, booking_id: UUID) -> Booking:
    """Take an acceptance back within 15 minutes; the 72 hours go on where they were."""
    booking = locked(session, booking_id)
    if booking.state != "accepted" or booking.deposit_due_at is None:
        raise Conflict("There is nothing to undo.", "nothing_to_undo")
    if clock.now() >= booking.deposit_due_at:
        raise Gone("The time to undo is over. Call the agency if plans have changed.", "undo_over")
    left = states.DEADLINE["approved"] - (booking.state_since - _approved_at(session, booking))
    booking.deposit_due_at = None
    _transition(session, booking, "undo", actor, deadline=max(left, states.UNDO))
    return booking


def _approved_at(session: Session, booking: Booking) -> Any:
    return (
        session.scalars(
            select(BookingTransition.at)
            .where(BookingTransition.booking_id == booking.id, BookingTransition.event == "approve")
            .order_by(BookingTransition.seq.desc())
        ).first()
        or booking.state_since
    )


# --- money answers ------------------------------------------------------------------------------


def deposit_due(session: Session, booking_id: UUID) -> None:
    """The undo time is over: the deposit may be charged."""
    booking = locked(session, booking_id)
    ready = booking.deposit_due_at is not None and booking.deposit_due_at <= clock.now()
    if booking.state == "accepted" and ready and booking.plan_id:
        payments.make_deposit_due(session, booking.plan_id)


def deposit_paid(session: Session, plan_id: UUID) -> None:
    """Confirm the booking. A payment that arrives for an ended booking goes back in full."""
    booking = _locked_by_plan(session, plan_id)
    if booking is None or booking.state in ("confirmed", "active", "completed", "closed"):
        return
    if booking.state in ("accepted", "payment_needed"):
        booking.first_paid_at = clock.now()
        _transition(session, booking, "deposit_paid", SYSTEM)
        return
    payments.stop_plan(session, plan_id)
    paid = payments.paid_cents(session, plan_id)
    payments.refund(session, plan_id, paid, cause="late-success", fault=True)
    booking.refund_cents = paid
    audit.record(session, SYSTEM, "booking.late_payment_refunded", _subject(booking), cents=paid)


def deposit_failed(session: Session, plan_id: UUID) -> None:
    """The deposit did not go through: the seat is kept 48 h while the candidate acts."""
    booking = _locked_by_plan(session, plan_id)
    if booking is not None and booking.state == "accepted":
        _transition(session, booking, "payment_failed", SYSTEM)


def grace_over(session: Session, booking_id: UUID) -> None:
    """An installment stayed unpaid past its grace: the booking ends as a candidate's cancel."""
    booking = locked(session, booking_id)
    if booking.state == "confirmed":
        _cancel(session, booking, SYSTEM, "cancel", cause="installment-unpaid")


# --- cancelling ---------------------------------------------------------------------------------


def refund_quote(
    session: Session, booking: Booking, *, provider_fault: bool = False
) -> RefundQuote:
    """What comes back if the booking is cancelled now, by the frozen terms, of what was paid."""
    paid = payments.paid_cents(session, booking.plan_id) if booking.plan_id else 0
    since = clock.now() - booking.first_paid_at if booking.first_paid_at else None
    return refund_for(
        terms_from(booking.terms["cancellation"]),
        paid,
        start_on=booking.start_on,
        cancel_on=clock.today(booking.time_zone),
        cause=PROVIDER_FAULT if provider_fault else "candidate-change-of-mind",
        since_payment=since,
        weeks=booking.weeks,
    )


def cancel(
    session: Session, actor: Actor, booking_id: UUID, *, expected_cents: int, reason: str = ""
) -> Booking:
    """The candidate cancels. `expected_cents` is the refund they were shown: Conflict when the
    day has changed and it would be less."""
    booking = locked(session, booking_id)
    if (
        booking.state == "confirmed"
        and refund_quote(session, booking).refund_cents < expected_cents
    ):
        raise Conflict("The refund has changed since this page was shown. Look again.", "changed")
    _cancel(session, booking, actor, "cancel", cause="candidate-change-of-mind", reason=reason)
    return booking


def provider_cancel(
    session: Session, actor: Actor, booking_id: UUID, *, reason: str, note: str = ""
) -> Booking:
    """Agency, attending or platform cancels: everything paid goes back by itself."""
    if not reason:
        raise Invalid({"reason": "Say why. The candidate reads it with the refund."})
    booking = locked(session, booking_id)
    booking.reason_note = note[:2000]
    if actor.kind == "attending":
        return _attending_cancels(session, booking, actor, reason)
    if booking.plan_id and payments.has_transfers(session, booking.plan_id):
        raise Conflict(
            "A part of this payment was already paid out. Write to the platform team; they cancel"
            " it and settle the money with you.",
            "transferred",
        )
    _cancel(session, booking, actor, "provider_cancel", cause=PROVIDER_FAULT, reason=reason)
    return booking


def _attending_cancels(session: Session, booking: Booking, actor: Actor, reason: str) -> Booking:
    """An attending cannot see the candidate's money: the worker returns it, all of it."""
    if booking.state == "active":
        raise Conflict(
            "This rotation has begun. Ask the agency to stop it; they settle the money.",
            "ask_agency",
        )
    booking.reason = reason
    _transition(session, booking, "provider_cancel", actor, note=reason)
    _leave_money_to_worker(session, booking)
    return booking


def _leave_money_to_worker(session: Session, booking: Booking) -> None:
    if booking.plan_id:
        outbox.enqueue(
            session,
            "bookings.return_money",
            {"booking_id": str(booking.id)},
            scope=context.agency(booking.agency_id),
        )


def return_money(session: Session, booking_id: UUID) -> None:
    """The worker's half of an ending that an attending decided: charge nothing more, and give
    back what was paid. Conflict while a charge is on its way: it is tried again."""
    booking = locked(session, booking_id)
    if booking.plan_id is None or booking.state not in ("declined", "cancelled_by_provider"):
        return
    _stop_payments(session, booking)
    if booking.state == "cancelled_by_provider":
        _give_back(session, booking, PROVIDER_FAULT, fault=True)


def _cancel(
    session: Session, booking: Booking, actor: Actor, event: str, *, cause: str, reason: str = ""
) -> None:
    fault = event == "provider_cancel"
    states.next_state(booking.state, event, actor.kind)
    _stop_payments(session, booking)
    booking.reason = reason or cause
    _give_back(session, booking, cause, fault=fault)
    _transition(session, booking, event, actor, note=booking.reason)


def _give_back(session: Session, booking: Booking, cause: str, *, fault: bool) -> None:
    """Schedule the refund of the frozen terms, and keep what is held from being released."""
    quote = refund_quote(session, booking, provider_fault=fault)
    if booking.plan_id:
        payments.stop_releases(session, booking.plan_id)
        payments.refund(session, booking.plan_id, quote.refund_cents, cause=cause, fault=fault)
    booking.refund_cents = quote.refund_cents


def _stop_payments(session: Session, booking: Booking) -> None:
    if booking.plan_id:
        payments.stop_plan(session, booking.plan_id)


# --- the running rotation -----------------------------------------------------------------------


def check_in(session: Session, actor: Actor, booking_id: UUID) -> Booking:
    """The rotation has begun: half of the agency's part is due after 72 uncontested hours."""
    booking = locked(session, booking_id)
    if clock.today(booking.time_zone) < booking.start_on:
        raise Conflict("You can check in from the first day on.", "too_early")
    _transition(session, booking, "check_in", actor)
    _schedule_share(session, booking, "start", START_SHARE)
    return booking


def complete(session: Session, actor: Actor, booking_id: UUID) -> Booking:
    """The rotation is over: the rest of the agency's part is due after 72 hours."""
    booking = locked(session, booking_id)
    if clock.today(booking.time_zone) < booking.end_on:
        raise Conflict("The rotation can be completed from its last day on.", "too_early")
    _transition(session, booking, "complete", actor)
    _schedule_share(session, booking, "completion", COMPLETION_SHARE)
    return booking


def no_show(session: Session, actor: Actor, booking_id: UUID) -> Booking:
    """The candidate did not come and sent no word for 72 hours (cause `candidate-no-show`).

    Nothing goes back and nothing more is charged; the candidate may contest it.
    """
    booking = locked(session, booking_id)
    if clock.today(booking.time_zone) < booking.start_on + NO_SHOW_AFTER:
        raise Conflict("This can be recorded from the third day after the start.", "too_early")
    states.next_state(booking.state, "no_show", actor.kind)
    _stop_payments(session, booking)
    booking.reason, booking.refund_cents = NO_SHOW_CAUSE, 0
    _transition(session, booking, "no_show", actor, note=NO_SHOW_CAUSE)
    return booking


def _schedule_share(session: Session, booking: Booking, share: str, percent: int) -> None:
    """Write down that a share is earned. A row for the worker: money is the agency's, and
    whoever reached the milestone may be a person who cannot write there."""
    if booking.plan_id:
        outbox.enqueue(
            session,
            "bookings.share_earned",
            {
                "booking_id": str(booking.id),
                "share": share,
                "percent": percent,
                "due_at": (clock.now() + CONTEST_TIME).isoformat(),
            },
            scope=context.agency(booking.agency_id),
        )


def share_earned(
    session: Session, booking_id: UUID, *, share: str, percent: int, due_at: datetime
) -> None:
    """Free a share of the money at `due_at`, unless the booking was cancelled meanwhile."""
    booking = locked(session, booking_id)
    if booking.plan_id and booking.state in ("active", "completed", "closed"):
        payments.schedule_release(
            session,
            booking.plan_id,
            agency_id=booking.agency_id,
            share=share,
            percent=percent,
            due_at=due_at,
        )


def close(session: Session, booking_id: UUID) -> None:
    """Everything about money is done."""
    booking = locked(session, booking_id)
    if booking.state == "completed":
        _transition(session, booking, "close", SYSTEM)


# --- time ---------------------------------------------------------------------------------------


def expire(session: Session, booking_id: UUID, payment_in_flight: bool) -> None:
    """Let a passed deadline end the booking. An unknown payment stops the clock."""
    booking = locked(session, booking_id)
    passed = booking.deadline_at is not None and booking.deadline_at <= clock.now()
    if booking.state not in states.DEADLINE or not passed or payment_in_flight:
        return
    _transition(session, booking, "expire", SYSTEM)
    _stop_payments(session, booking)


# --- shared -------------------------------------------------------------------------------------


def locked(session: Session, booking_id: UUID) -> Booking:
    """The booking, locked until the transaction ends and read afresh. NotFound when it is not
    in this scope."""
    booking = session.scalars(_LOCKED, {"booking_id": booking_id}).one_or_none()
    if booking is None:
        raise NotFound
    return booking


_LOCKED = (
    select(Booking)
    .where(Booking.id == bindparam("booking_id", type_=Uuid()))
    .with_for_update()
    .execution_options(populate_existing=True)
)


def _locked_by_plan(session: Session, plan_id: UUID) -> Booking | None:
    return session.scalars(
        select(Booking)
        .where(Booking.plan_id == plan_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _transition(
    session: Session,
    booking: Booking,
    event: str,
    actor: Actor,
    *,
    note: str = "",
    deadline: timedelta | None = None,
) -> None:
    """Take one step: the only place that writes `state`."""
    move = states.next_state(booking.state, event, actor.kind)
    source = booking.state
    booking.state, booking.state_since = move.target, clock.now()
    booking.steps += 1
    length = deadline or states.DEADLINE.get(move.target)
    booking.deadline_at = clock.now() + length if length else None
    if source in states.SEAT and move.target not in states.SEAT:
        seats.release_seat(
            session, booking.offering_id, booking.attending_id, booking.start_on, booking.weeks
        )
    _write_history(session, booking, actor, source=source, event=event, note=note)


def _write_history(
    session: Session, booking: Booking, actor: Actor, *, source: str, event: str, note: str
) -> None:
    session.add(
        BookingTransition(
            agency_id=booking.agency_id,
            candidate_id=booking.candidate_id,
            attending_id=booking.attending_id,
            booking_id=booking.id,
            seq=booking.steps,
            source=source,
            event=event,
            target=booking.state,
            actor_kind=actor.kind,
            actor_id=actor.person_id,
            actor_name=actor.name,
            note=note,
        )
    )
    audit.record(
        session,
        actor,
        f"booking.{event}",
        _subject(booking),
        agency_id=booking.agency_id,
        source=source,
        target=booking.state,
    )
    publish(
        session,
        BookingMoved(
            booking_id=booking.id,
            reference=booking.reference,
            agency_id=booking.agency_id,
            candidate_id=booking.candidate_id,
            attending_id=booking.attending_id,
            plan_id=booking.plan_id,
            source=source,
            event=event,
            target=booking.state,
            seq=booking.steps,
            actor_kind=actor.kind,
            deadline_at=booking.deadline_at,
        ),
    )


def _subject(booking: Booking) -> str:
    return f"booking:{booking.reference}"


def _own_hold(session: Session, person_id: UUID, rotation_id: UUID) -> Booking | None:
    """The request of this rotation that the candidate is still filling in."""
    asked = {"person_id": person_id, "rotation_id": rotation_id, "now": clock.now()}
    return session.scalars(_OWN_HOLD, asked).first()


_OWN_HOLD = select(Booking).where(
    Booking.candidate_id == bindparam("person_id", type_=Uuid()),
    Booking.rotation_id == bindparam("rotation_id", type_=Uuid()),
    Booking.state == "held",
    Booking.deadline_at > bindparam("now"),
)


def _one_at_a_time(session: Session, person_id: UUID) -> None:
    """One person's requests wait for each other: two tabs must not hold two seats in one week.

    FOR NO KEY UPDATE, so that rows which only refer to the person need not wait.
    """
    session.execute(_WAIT_FOR_PERSON, {"person_id": person_id})


_WAIT_FOR_PERSON = (
    select(Person.id)
    .where(Person.id == bindparam("person_id", type_=Uuid()))
    .with_for_update(key_share=True)
)


def _by_form_key(session: Session, candidate_id: UUID, form_key: str) -> Booking | None:
    asked = {"person_id": candidate_id, "form_key": form_key}
    return session.scalars(_BY_FORM_KEY, asked).one_or_none()


_BY_FORM_KEY = select(Booking).where(
    Booking.candidate_id == bindparam("person_id", type_=Uuid()),
    Booking.form_key == bindparam("form_key"),
)


def _open_for_booking(session: Session, wanted: Wanted) -> tuple[Rotation, Offering, Block]:
    rotation = session.get(Rotation, wanted.rotation_id)
    offering = session.get(Offering, wanted.offering_id)
    if rotation is None or offering is None or offering.rotation_id != rotation.id:
        raise NotFound
    if not rotation.public:
        raise NotFound
    today: date = clock.today(rotation.site.time_zone)
    for stop in stops(rotation, today):
        raise Conflict(stop.for_candidate, f"{stop.code}_closed")
    block = next((one for one in rotation.blocks if one.weeks == wanted.weeks), None)
    if block is None:
        raise Invalid({"weeks": "Choose one of the lengths on this page."})
    if offering.closed_at is not None:
        raise Conflict("This start was closed by the agency. Choose another start.", "closed")
    if offering.start_on < today + MIN_NOTICE:
        raise Conflict("This start is too near to be booked. Choose a later one.", "too_near")
    return rotation, offering, block


def _refuse_overlap(session: Session, person_id: UUID, start_on: date, end_on: date) -> None:
    """One candidate cannot be in two rotations in the same week (rule `no-overlap`)."""
    asked = {"person_id": person_id, "start_on": start_on, "end_on": end_on}
    clash = session.scalars(_OVERLAP, asked).first()
    if clash is not None:
        raise Conflict(
            f"You already have booking {clash.reference} in these weeks."
            " Withdraw it first, or choose other dates.",
            "overlap",
        )


_OVERLAP = select(Booking).where(
    Booking.candidate_id == bindparam("person_id", type_=Uuid()),
    Booking.state.in_(states.LIVE),
    Booking.start_on <= bindparam("end_on", type_=Date()),
    Booking.end_on >= bindparam("start_on", type_=Date()),
)


def _refuse_ended_hold(booking: Booking) -> None:
    if booking.state != "held":
        raise Gone(HOLD_ENDED, "hold_ended")
    _refuse_passed_deadline(booking, HOLD_ENDED)


def _refuse_passed_deadline(
    booking: Booking, message: str = "The time to decide is over. The candidate was told."
) -> None:
    """A deadline holds at the moment it passes, not when the sweep comes by."""
    if booking.deadline_at is not None and booking.deadline_at <= clock.now():
        raise Gone(message, "deadline")
