"""Builds what tests need: a market, people, and bookings at any state through the real verbs.

    market = factories.market()                       # agency, doctor, a published rotation
    ana = factories.candidate()                       # a person with a full profile
    made = factories.booking(market, ana, "confirmed")

`booking` moves the business clock where time must pass (a test's clock is reset after it). Money
is settled with made-up ids of the provider, unless `double` names a running Stripe double.
"""

import itertools
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import delete, select

from marketplace.accounts import queries as accounts
from marketplace.accounts.models import CandidateProfile, Membership, Person
from marketplace.bookings import operations
from marketplace.bookings.models import Booking
from marketplace.core import clock, context, ids, jobs
from marketplace.core.context import Actor
from marketplace.core.db import ScopedSession, open_session
from marketplace.core.outbox import OutboxMessage
from marketplace.listings.models import (
    Affiliation,
    Attending,
    Block,
    Offering,
    Rotation,
    ScopeSignature,
    Site,
)
from marketplace.listings.npi import check_digit
from marketplace.listings.versions import signed_beside
from marketplace.payments import operations as payments
from marketplace.payments.gateway import Declined, NeedsAction, Succeeded
from marketplace.payments.gateways import gateway
from marketplace.payments.models import Customer, Installment, PaymentPlan
from marketplace.tenants.models import Agency
from tests.payments.double import StripeDouble

State = Literal[
    "held",
    "terms",  # held, with the terms accepted and no card yet
    "requested",
    "approved",
    "accepted",
    "payment_needed",
    "confirmed",
    "active",
    "completed",
    "closed",
    "declined",
    "withdrawn",
    "expired",
    "cancelled_by_candidate",
    "cancelled_by_provider",
    "no_show",
]
HANDS_ON = {"take-history": "yes", "physical-exam": "supervised", "present-case": "yes"}
_numbers = itertools.count(1)


def a_system() -> context.Scope:
    """The scope that builds."""
    return context.system("factories")


def monday(weeks_ahead: int = 20) -> date:
    """A Monday so many weeks ahead of the business clock's day."""
    today = clock.now().date()
    return today + timedelta(days=7 - today.weekday(), weeks=weeks_ahead - 1)


# --- rows, in a system session of the caller ----------------------------------------------------


def person(session: ScopedSession, name: str = "Ana Silva", **more: Any) -> Person:
    """A person with an address of their own."""
    row = Person(**{"email": f"p{next(_numbers)}@example.org", "name": name} | more)
    session.add(row)
    session.flush()
    return row


def agency(session: ScopedSession, **more: Any) -> Agency:
    """A verified agency."""
    number = next(_numbers)
    values = {"slug": f"harbor-{number}", "name": f"Harbor Rotations {number}"}
    row = Agency(**values | {"state": "verified"} | more)
    session.add(row)
    session.flush()
    return row


def attending(session: ScopedSession, name: str = "Isabel Fuentes", **more: Any) -> Attending:
    """A verified cardiologist, person and attending."""
    number = next(_numbers)
    nine = f"1{number:08d}"
    human = person(session, f"Dr. {name}")
    values: dict[str, Any] = {
        "slug": f"isabel-fuentes-{number}",
        "npi": nine + check_digit(nine),
        "display_name": name,
        "specialty": "cardiology",
        "languages": ["English", "Spanish"],
        "median_letter_days": 21,
        "weekly_capacity": 3,
        "verified_until": clock.now().date() + timedelta(days=900),
        "joined_at": clock.now(),
    }
    row = Attending(id=human.id, **values | more)
    session.add(row)
    session.flush()
    return row


def affiliation(session: ScopedSession, agency_id: UUID, attending_id: UUID) -> Affiliation:
    """The attending works with the agency."""
    row = Affiliation(
        agency_id=agency_id,
        attending_id=attending_id,
        email="doctor@example.org",
        accepted_at=clock.now(),
    )
    session.add(row)
    session.flush()
    return row


def site(session: ScopedSession, agency_id: UUID, **more: Any) -> Site:
    """A clinic in Chicago."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "slug": f"lakeview-{number}",
        "name": "Lakeview Heart Clinic",
        "kind": "clinic",
        "setting": "outpatient",
        "city": "chicago-il",
        "state": "IL",
        "time_zone": "America/Chicago",
    }
    row = Site(agency_id=agency_id, **values | more)
    session.add(row)
    session.flush()
    return row


def rotation(
    session: ScopedSession, agency_id: UUID, site_id: UUID, attending_id: UUID, **more: Any
) -> Rotation:
    """A published, co-signed hands-on outpatient externship for students and graduates."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "slug": f"cardiology-chicago-{number}",
        "state": "published",
        "title": "Cardiology clinic externship",
        "summary": "Four days of clinic a week.",
        "specialty": "cardiology",
        "type": "externship",
        "interaction": "hands-on",
        "setting": "outpatient",
        "level": "hands-on-outpatient",
        "activities": HANDS_ON,
        "inclusions": ["orientation"],
        "accepts": ["student", "graduate"],
        "required_documents": ["passport", "hipaa-training"],
        "letter_policy": {"policy": "writes-when-earned"},
        "cancellation": {"preset": "moderate"},
        "price_parts": [["Teaching", 70], ["Placement", 18], ["Platform", 12]],
        "signed_version": 1,
        "published_at": clock.now(),
    } | more
    public = values["state"] == "published"
    row = Rotation(
        agency_id=agency_id, site_id=site_id, attending_id=attending_id, public=public, **values
    )
    session.add(row)
    session.flush()
    if row.signed_version is not None:
        session.add(_signature(row))
        session.flush()
    return row


def _signature(listed: Rotation) -> ScopeSignature:
    """What the attending signed: the listing as it is."""
    return ScopeSignature(
        agency_id=listed.agency_id,
        rotation_id=listed.id,
        attending_id=listed.attending_id,
        version=listed.signed_version,
        declared=dict(listed.activities),
        facts=signed_beside(listed),
        signed=dict(listed.activities),
        decision="signed",
        decided_at=clock.now(),
    )


def unsign(rotation_id: UUID) -> None:
    """As if the attending had never been asked."""
    with open_session(a_system()) as session:
        session.execute(delete(ScopeSignature).where(ScopeSignature.rotation_id == rotation_id))
        session.get_one(Rotation, rotation_id).signed_version = None


def block(session: ScopedSession, listed: Rotation, weeks: int, price_cents: int) -> Block:
    """A length and its price."""
    row = Block(
        agency_id=listed.agency_id,
        rotation_id=listed.id,
        public=listed.public,
        weeks=weeks,
        price_cents=price_cents,
    )
    session.add(row)
    session.flush()
    return row


def offering(
    session: ScopedSession, listed: Rotation, start_on: date, capacity: int = 2, **more: Any
) -> Offering:
    """A start with its seats."""
    row = Offering(
        agency_id=listed.agency_id,
        rotation_id=listed.id,
        attending_id=listed.attending_id,
        public=listed.public,
        start_on=start_on,
        capacity=capacity,
        **more,
    )
    session.add(row)
    session.flush()
    return row


# --- ready-made ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Market:
    """One agency with a doctor and a rotation. `offerings` are in the order of their starts."""

    agency_id: UUID
    agency_slug: str
    attending_id: UUID
    attending_slug: str
    site_id: UUID
    rotation_id: UUID
    slug: str
    offerings: tuple[UUID, ...]
    starts: tuple[date, ...]
    staff: dict[str, UUID] = field(default_factory=dict)  # role -> person

    @property
    def staff_actor(self) -> Actor:
        """The agency's manager at work."""
        return Actor("agency", self.staff["manager"], self.agency_id, "Maya Clerk", "manager")

    @property
    def doctor_actor(self) -> Actor:
        """The attending deciding."""
        return Actor("attending", self.attending_id, name="Dr. Isabel Fuentes")


@dataclass(frozen=True)
class Candidate:
    """A person who books."""

    id: UUID
    name: str
    email: str

    @property
    def actor(self) -> Actor:
        """The candidate acting."""
        return Actor("candidate", self.id, name=self.name)

    @property
    def scope(self) -> context.Scope:
        """The candidate's own rows."""
        return context.person(self.id)


def market(
    *,
    weeks_ahead: tuple[int, ...] = (20, 24, 28),
    capacity: int = 2,
    prices: tuple[tuple[int, int], ...] = ((2, 110_000), (4, 165_000), (8, 300_000)),
    **rotation_fields: Any,
) -> Market:
    """An agency with staff in every role, a doctor, and a rotation with blocks and starts."""
    with open_session(a_system()) as session:
        owner = agency(session)
        doctor = attending(session)
        affiliation(session, owner.id, doctor.id)
        place = site(session, owner.id)
        staff = {}
        for role in ("owner", "manager", "coordinator", "finance", "read-only"):
            clerk = person(session, "Maya Clerk")
            session.add(Membership(agency_id=owner.id, person_id=clerk.id, role=role))
            staff[role] = clerk.id
        listed = rotation(session, owner.id, place.id, doctor.id, **rotation_fields)
        for weeks, price in prices:
            block(session, listed, weeks, price)
        starts = tuple(monday(ahead) for ahead in weeks_ahead)
        offered = tuple(offering(session, listed, start, capacity).id for start in starts)
        return Market(
            agency_id=owner.id,
            agency_slug=owner.slug,
            attending_id=doctor.id,
            attending_slug=doctor.slug,
            site_id=place.id,
            rotation_id=listed.id,
            slug=listed.slug,
            offerings=offered,
            starts=starts,
            staff=staff,
        )


FULL_PROFILE: dict[str, Any] = {
    "school": "University of Lagos",
    "country": "Nigeria",
    "status": "graduate",
    "graduation_date": date(2024, 6, 30),
    "birth_date": date(1998, 2, 3),
    "usmle_step_1": "passed",
    "usmle_step_2_ck": "passed",
    "ecfmg": "certified",
    "entry_status": "none-yet",
    "needs_visa": True,
}


def candidate(name: str = "Amara Nwosu", *, profile: bool = True, **fields: Any) -> Candidate:
    """A candidate; with a full profile of a graduate, changed by `fields`."""
    with open_session(a_system()) as session:
        row = person(session, name)
        if profile:
            session.add(CandidateProfile(person_id=row.id, **FULL_PROFILE | fields))
        return Candidate(row.id, row.name, row.email)


# --- bookings -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Made:
    """A booking's ids."""

    id: UUID
    reference: str
    plan_id: UUID | None
    market: Market
    candidate: Candidate

    @property
    def state(self) -> str:
        """Its state now."""
        with open_session(a_system(), readonly=True) as session:
            return session.get_one(Booking, self.id).state


# how to come to a state: the states before it
_PATH: dict[State, tuple[State, ...]] = {
    "held": ("held",),
    "terms": ("held", "terms"),
    "requested": ("held", "terms", "requested"),
    "approved": ("held", "terms", "requested", "approved"),
    "accepted": ("held", "terms", "requested", "approved", "accepted"),
}
_PATH["payment_needed"] = (*_PATH["accepted"], "payment_needed")
_PATH["confirmed"] = (*_PATH["accepted"], "confirmed")
_PATH["active"] = (*_PATH["confirmed"], "active")
_PATH["completed"] = (*_PATH["active"], "completed")
_PATH["closed"] = (*_PATH["completed"], "closed")
_PATH["no_show"] = (*_PATH["confirmed"], "no_show")
_PATH["cancelled_by_candidate"] = (*_PATH["confirmed"], "cancelled_by_candidate")
_PATH["cancelled_by_provider"] = (*_PATH["confirmed"], "cancelled_by_provider")
_PATH["declined"] = (*_PATH["requested"], "declined")
_PATH["withdrawn"] = (*_PATH["requested"], "withdrawn")
_PATH["expired"] = (*_PATH["requested"], "expired")


def booking(
    where: Market,
    who: Candidate,
    state: State = "requested",
    *,
    offering: int = 0,
    weeks: int = 4,
    double: StripeDouble | None = None,
) -> Made:
    """A booking at `state`, each step taken by the real operation."""
    with open_session(who.scope) as session:
        wanted = operations.Wanted(
            where.rotation_id, where.offerings[offering], weeks, form_key=str(ids.uuid7())
        )
        row = operations.hold(session, who.actor, wanted)
        key, reference = row.id, row.reference
    for step in _PATH[state][1:]:
        _STEPS[step](where, who, key, double)
    with open_session(a_system(), readonly=True) as session:
        plan_id = session.get_one(Booking, key).plan_id
    return Made(key, reference, plan_id, where, who)


def run_outbox(*topics: str) -> int:
    """Do the waiting work of these topics now (all when none is named); returns how much."""
    with open_session(a_system(), readonly=True) as session:
        rows = session.scalars(
            select(OutboxMessage)
            .where(OutboxMessage.done_at.is_(None), OutboxMessage.dead_at.is_(None))
            .order_by(OutboxMessage.id)
        ).all()
        waiting = [str(row.id) for row in rows if not topics or row.topic in topics]
    for message_id in waiting:
        assert jobs.run_message(message_id) == "done"
    return len(waiting)


def _terms(where: Market, who: Candidate, key: UUID, double: StripeDouble | None) -> None:
    with open_session(who.scope) as session:
        operations.accept_terms(
            session,
            who.actor,
            key,
            candidate=accounts.candidate_summary(session, who.id),
            consent={"card": True, "terms": True, "at": clock.now().isoformat()},
            wanted_installments=4,
        )


def _requested(where: Market, who: Candidate, key: UUID, double: StripeDouble | None) -> None:
    unique = ids.uuid7().hex
    customer, method = f"cus_{unique}", f"pm_{unique}"
    with open_session(who.scope, readonly=True) as session:
        known = session.get(Customer, who.id)
        customer = known.external_id if known else customer
    if double is not None:
        customer, method = double.save_card(gateway())  # type: ignore[arg-type]
    with open_session(who.scope) as session:
        row = operations.locked(session, key)
        if session.get(Customer, who.id) is None:
            session.add(Customer(person_id=who.id, external_id=customer))
        assert row.plan_id is not None
        payments.remember_setup(
            session, row.plan_id, customer_id=customer, setup_id=f"seti_{unique}"
        )
        payments.save_card(
            session, row.plan_id, payment_method=method, brand="visa", last4="4242", exp="12/34"
        )
        operations.send_request(session, operations.locked(session, key))


def _approved(where: Market, who: Candidate, key: UUID, double: StripeDouble | None) -> None:
    with open_session(context.agency(where.agency_id)) as session:
        if operations.locked(session, key).state == "requested":
            operations.approve(session, where.staff_actor, key)


def _accepted(where: Market, who: Candidate, key: UUID, double: StripeDouble | None) -> None:
    with open_session(context.person(where.attending_id)) as session:
        operations.accept(session, where.doctor_actor, key)


def _charge_deposit(where: Market, key: UUID, outcome: Any, double: StripeDouble | None) -> None:
    clock.advance(timedelta(minutes=16))
    with open_session(context.agency(where.agency_id)) as session:
        operations.deposit_due(session, key)
    if double is not None:
        jobs.run_tick("payments.charge_due")
    else:
        settle_due(key, outcome)
    run_outbox("bookings.deposit_paid", "bookings.deposit_failed")


def settle_due(booking_id: UUID, outcome: Any = Succeeded) -> int:
    """Charge what is due of a booking without a provider; `outcome` is the kind of answer.

    Returns how many installments were charged.
    """
    with open_session(a_system(), readonly=True) as session:
        row = session.get_one(Booking, booking_id)
        agency_id, plan_id = row.agency_id, row.plan_id
        due = session.scalars(
            select(Installment.id).where(
                Installment.plan_id == plan_id,
                Installment.state == "scheduled",
                Installment.next_try_at <= clock.now(),
            )
        ).all()
    for installment_id in due:
        with open_session(context.agency(agency_id)) as session:
            attempt = payments.begin_charge(session, installment_id)
            assert attempt is not None
            unique = attempt.id.hex
            if outcome is Succeeded:
                answer = Succeeded(f"pi_{unique}", f"ch_{unique}", attempt.amount_cents)
                payments.settle_succeeded(session, attempt.id, answer)
            elif outcome is NeedsAction:
                payments.settle_needs_action(
                    session, attempt.id, NeedsAction(f"pi_{unique}", f"pi_{unique}_secret_x")
                )
            else:
                payments.settle_declined(
                    session, attempt.id, Declined(f"pi_{unique}", "expired_card", None, hard=True)
                )
    return len(due)


def _confirmed(where: Market, who: Candidate, key: UUID, double: StripeDouble | None) -> None:
    _charge_deposit(where, key, Succeeded, double)


def _payment_needed(where: Market, who: Candidate, key: UUID, double: StripeDouble | None) -> None:
    """The deposit is declined. With a double, the saved card is made to decline first."""
    if double is not None:
        with open_session(a_system(), readonly=True) as session:
            plan = session.get_one(PaymentPlan, session.get_one(Booking, key).plan_id)
            method = plan.payment_method
        double.control(f"payment_methods/{method}", {"decline": "expired_card"})
    _charge_deposit(where, key, Declined, double)


def move_to_day(key: UUID, day: str) -> None:
    """Move the business clock to noon UTC of a booking's day: start_on, end_on."""
    with open_session(a_system(), readonly=True) as session:
        goal: date = getattr(session.get_one(Booking, key), day)
    days = (goal - clock.now().date()).days
    if days > 0:
        clock.advance(timedelta(days=days))
    hours = 18 - clock.now().hour  # daytime at every U.S. site
    if hours > 0:
        clock.advance(timedelta(hours=hours))


def _active(where: Market, who: Candidate, key: UUID, double: StripeDouble | None) -> None:
    move_to_day(key, "start_on")
    while double is None and settle_due(key):
        pass
    with open_session(who.scope) as session:
        operations.check_in(session, who.actor, key)
    run_outbox("bookings.share_earned")


def _completed(where: Market, who: Candidate, key: UUID, double: StripeDouble | None) -> None:
    move_to_day(key, "end_on")
    with open_session(context.agency(where.agency_id)) as session:
        operations.complete(session, where.staff_actor, key)
    run_outbox("bookings.share_earned")


def _closed(where: Market, who: Candidate, key: UUID, double: StripeDouble | None) -> None:
    with open_session(context.agency(where.agency_id)) as session:
        operations.close(session, key)


def _no_show(where: Market, who: Candidate, key: UUID, double: StripeDouble | None) -> None:
    move_to_day(key, "start_on")
    clock.advance(operations.NO_SHOW_AFTER)
    with open_session(context.agency(where.agency_id)) as session:
        operations.no_show(session, where.staff_actor, key)


def _cancelled(where: Market, who: Candidate, key: UUID, double: StripeDouble | None) -> None:
    with open_session(who.scope) as session:
        operations.cancel(session, who.actor, key, expected_cents=0)


def _provider_cancelled(
    where: Market, who: Candidate, key: UUID, double: StripeDouble | None
) -> None:
    with open_session(context.agency(where.agency_id)) as session:
        operations.provider_cancel(session, where.staff_actor, key, reason="site-closed")


def _declined(where: Market, who: Candidate, key: UUID, double: StripeDouble | None) -> None:
    with open_session(context.agency(where.agency_id)) as session:
        operations.decline(session, where.staff_actor, key, reason="dates")


def _withdrawn(where: Market, who: Candidate, key: UUID, double: StripeDouble | None) -> None:
    with open_session(who.scope) as session:
        operations.withdraw(session, who.actor, key)


def _expired(where: Market, who: Candidate, key: UUID, double: StripeDouble | None) -> None:
    clock.advance(timedelta(hours=49))
    with open_session(context.agency(where.agency_id)) as session:
        operations.expire(session, key, payment_in_flight=False)


_STEPS: dict[State, Any] = {
    "terms": _terms,
    "requested": _requested,
    "approved": _approved,
    "accepted": _accepted,
    "payment_needed": _payment_needed,
    "confirmed": _confirmed,
    "active": _active,
    "completed": _completed,
    "closed": _closed,
    "no_show": _no_show,
    "cancelled_by_candidate": _cancelled,
    "cancelled_by_provider": _provider_cancelled,
    "declined": _declined,
    "withdrawn": _withdrawn,
    "expired": _expired,
}
