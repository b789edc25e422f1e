"""Scenes that make every message, and the messages they made."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

from sqlalchemy import select

from marketplace.archive import jobs as archive_jobs
from marketplace.archive import operations as exports
from marketplace.bookings import operations
from marketplace.core import clock, context, jobs
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.mail import MailMessage
from marketplace.core.outbox import OutboxMessage
from marketplace.listings import inviting, moderation, places
from marketplace.listings import operations as listings
from marketplace.listings.models import Attending, Rotation
from marketplace.notifications.models import Notification
from marketplace.payments import operations as payments
from marketplace.payments.gateway import Declined, NeedsAction
from marketplace.payments.models import Installment, Refund, Transfer
from marketplace.placements import operations as placements
from marketplace.storefront import domains
from marketplace.verification import attendings, standing
from marketplace.verification.sources import Found
from tests import factories
from tests.factories import Made, Market
from tests.verification import support as verification

TELL = "notifications.tell"


def run() -> None:
    """Do the work that waits, the telling last, until nothing new comes of it."""
    while factories.run_outbox(
        TELL, "bookings.return_money", "bookings.share_earned", "listings.signature_decided"
    ):
        pass


def mails(slug: str = "") -> list[MailMessage]:
    """What was written, oldest first."""
    with open_session(factories.a_system(), readonly=True) as session:
        rows = list(session.scalars(select(MailMessage).order_by(MailMessage.id)))
        session.expunge_all()
    return [row for row in rows if not slug or row.slug == slug]


def lines(slug: str = "") -> list[Notification]:
    """The inbox lines, oldest first."""
    with open_session(factories.a_system(), readonly=True) as session:
        rows = list(session.scalars(select(Notification).order_by(Notification.id)))
        session.expunge_all()
    return [row for row in rows if not slug or row.slug == slug]


def outbox() -> list[OutboxMessage]:
    """The rows that tell."""
    with open_session(factories.a_system(), readonly=True) as session:
        rows = list(session.scalars(select(OutboxMessage).where(OutboxMessage.topic == TELL)))
        session.expunge_all()
    return rows


def bare(text: str) -> str:
    """Words with single spaces."""
    return " ".join(text.split())


def words_of(html: str) -> str:
    """What an HTML message says."""
    text = re.sub(r"<(style|title).*?</\1>", " ", html, flags=re.S)
    return bare(unescape(re.sub(r"<[^>]+>", " ", text)))


def booked(market: Market, state: factories.State, name: str = "Amara Nwosu") -> Made:
    """A booking of a new candidate."""
    return factories.booking(market, factories.candidate(name), state)


# --- scenes: each ends with the message of its name -----------------------------------------------


def _at(state: factories.State) -> Callable[[Market], None]:
    def scene(market: Market) -> None:
        booked(market, state)

    return scene


def _tick(topic: str) -> None:
    jobs.run_tick(topic)


def hold(market: Market) -> None:
    """A seat that is held for eleven minutes."""
    booked(market, "held")
    clock.advance(timedelta(minutes=11))
    _tick("notifications.holds_running")


def remind(market: Market) -> None:
    """The attending is reminded a day before the deadline."""
    booked(market, "approved")
    clock.advance(timedelta(hours=50))
    _tick("bookings.remind")


def attending_declines(market: Market) -> Made:
    """No, and why: a reason for the agency only."""
    made = booked(market, "approved")
    with open_session(context.person(market.attending_id)) as session:
        operations.decline(
            session, market.doctor_actor, made.id, reason="fit", note="Seemed unprepared to me."
        )
    return made


def attending_silent(market: Market) -> None:
    """The attending lets the deadline pass."""
    made = booked(market, "approved")
    clock.advance(timedelta(hours=73))
    with open_session(context.agency(market.agency_id)) as session:
        operations.expire(session, made.id, payment_in_flight=False)


def attending_cancels(market: Market) -> Made:
    """A confirmed booking is cancelled by the attending."""
    made = booked(market, "confirmed")
    with open_session(context.person(market.attending_id)) as session:
        operations.provider_cancel(
            session, market.doctor_actor, made.id, reason="away", note="A private matter."
        )
    return made


def due_soon(market: Market) -> Made:
    """Two and a half days before an installment."""
    made = booked(market, "confirmed")
    when = installments(made)[1].next_try_at
    assert when is not None
    clock.advance(when - clock.now() - timedelta(hours=60))
    _tick("notifications.installments_due")
    return made


def starts_soon(market: Market) -> Made:
    """Six days before the start."""
    made = booked(market, "confirmed")
    factories.move_to_day(made.id, "start_on")
    clock.advance(-timedelta(days=6))
    _tick("notifications.starts_soon")
    return made


def refund_left(market: Market) -> Made:
    """Everything goes back, and the provider has sent it."""
    made = booked(market, "cancelled_by_provider")
    with open_session(context.agency(market.agency_id)) as session:
        for row in session.scalars(select(Refund).where(Refund.plan_id == made.plan_id)):
            payments.settle_refund(session, row.id, f"re_{row.id.hex}")
    return made


def share_paid(market: Market) -> Made:
    """The first share of every charge has reached the agency."""
    made = booked(market, "active")
    clock.advance(timedelta(hours=73))
    _tick("payments.release_due")
    with open_session(context.agency(market.agency_id)) as session:
        for row in session.scalars(select(Transfer).where(Transfer.plan_id == made.plan_id)):
            payments.settle_transfer(session, row.id, f"tr_{row.id.hex}")
    return made


def host_checks_in(market: Market) -> Made:
    """The agency says that the candidate arrived."""
    made = booked(market, "confirmed")
    factories.move_to_day(made.id, "start_on")
    with open_session(context.agency(market.agency_id)) as session:
        placements.check_in(session, market.staff_actor, made.id)
    return made


def letter_is_up(market: Market) -> None:
    """Asked, promised, uploaded."""
    made = booked(market, "completed")
    for who, status in (("candidate", "asked"), ("doctor", "promised"), ("doctor", "uploaded")):
        actor = market.doctor_actor if who == "doctor" else made.candidate.actor
        assert actor.person_id is not None
        with open_session(context.person(actor.person_id)) as session:
            placements.set_letter(session, actor, made.id, status)


def letter_waits(market: Market) -> None:
    """Promised and not uploaded: the attending is reminded, later the agency."""
    made = booked(market, "completed")
    for who, status in (("candidate", "asked"), ("doctor", "promised")):
        actor = market.doctor_actor if who == "doctor" else made.candidate.actor
        assert actor.person_id is not None
        with open_session(context.person(actor.person_id)) as session:
            placements.set_letter(session, actor, made.id, status)
    clock.advance(timedelta(days=28 + 14))
    _tick("notifications.letters_due")


def doctor_leaves(market: Market) -> None:
    """The attending works with the agency no more."""
    booked(market, "confirmed")
    with open_session(factories.a_system()) as session:
        places.leave(session, market.doctor_actor, market.agency_id)


def ask_to_sign(market: Market) -> None:
    """The tasks changed, so the attending is asked again."""
    with open_session(context.agency(market.agency_id)) as session:
        row = session.get_one(Rotation, market.rotation_id)
        row.version += 1
        row.state, row.public = "draft", False
        listings.ask_signature(session, market.staff_actor, row.id)


def list_sent_back(market: Market) -> None:
    """The attending does not sign."""
    from marketplace.listings.models import ScopeSignature

    ask_to_sign(market)
    with open_session(context.person(market.attending_id)) as session:
        row = session.scalars(select(ScopeSignature).where(ScopeSignature.decision.is_(None))).one()
        listings.refuse(
            session, market.doctor_actor, row.id, comment="They only watch procedures here."
        )


def work_together(market: Market) -> None:
    """Another agency asks the attending."""
    with open_session(factories.a_system()) as session:
        npi = session.get_one(Attending, market.attending_id).npi
        other = factories.agency(session).id
    with open_session(factories.a_system()) as session:
        wanted = places.Invitation(npi, "front@example.org")
        inviting.invite(session, market.staff_actor, other, wanted)


def say_no(market: Market) -> None:
    """An attending who had left says no."""
    with open_session(factories.a_system()) as session:
        places.leave(session, market.doctor_actor, market.agency_id)
        npi = session.get_one(Attending, market.attending_id).npi
        wanted = places.Invitation(npi, "front@example.org", "Isabel Fuentes", "cardiology")
        key = inviting.invite(session, market.staff_actor, market.agency_id, wanted).id
    with open_session(factories.a_system()) as session:
        inviting.answer(session, market.doctor_actor, key, yes=False)


def taken_down(market: Market) -> None:
    """The platform takes the listing down."""
    with open_session(factories.a_system()) as session:
        admin = Actor("admin", name="Pat Admin")
        moderation.take_down(session, admin, market.rotation_id, "The task list is not true.")


def _send_papers(market: Market) -> None:
    verification.upload(market, "registration", None)
    verification.upload(market, "insurance", 20)
    verification.send(market)


def paper_comes_back(market: Market) -> None:
    """The platform asks for another version."""
    _send_papers(market)
    one = min(verification.waiting(market))
    verification.decide(market, "ask_revision", (one,), "Page 2 of 3 is missing. Please send all.")


def agency_stopped(market: Market) -> None:
    """The platform suspends the agency."""
    with open_session(factories.a_system()) as session:
        reason = "Three rotations turned out not to exist."
        standing.change(session, verification.ADMIN, market.agency_id, "suspend", reason)


def paper_ends(market: Market) -> None:
    """A paper ends in three weeks."""
    _send_papers(market)
    verification.decide(market)
    jobs.run_tick("verification.expire_due")


def archive_is_written(market: Market) -> None:
    """An owner asked for everything."""
    owner = Actor("agency", market.staff["owner"], market.agency_id, "Mia", "owner")
    with open_session(context.agency(market.agency_id)) as session:
        key = exports.ask(session, owner, "We move.").id
    archive_jobs.write(context.system("test"), str(key))


def name_is_proved(market: Market) -> None:
    """The agency's own name is proved."""
    owner = Actor("agency", None, market.agency_id, "Mia", "owner")
    with open_session(context.agency(market.agency_id)) as session:
        domain = domains.add(session, owner, "site.harbor-clinics.com", "http://localhost")
        key, record = domain.id, domains.record_of(domain)[1]
    with open_session(factories.a_system()) as session:
        domains.settle(session, key, (record,))


def doctor_excluded(market: Market) -> None:
    """The attending stands on the exclusion list."""
    with open_session(factories.a_system()) as session:
        npi = session.get_one(Attending, market.attending_id).npi
        attendings.watch(session, market.attending_id, npi)
    found = Found("exclusion", "problem", "On the exclusion list since 2026-05-20.", "List")
    with open_session(factories.a_system()) as session:
        attendings.record(session, market.attending_id, npi, [found])


SCENES: dict[str, Callable[[Market], object]] = {
    "seat-held": hold,
    "request-received": _at("requested"),
    "agency-request": _at("requested"),
    "attending-decide": _at("approved"),
    "attending-reminder": remind,
    "accepted": _at("confirmed"),
    "agency-confirmed": _at("confirmed"),
    "attending-confirmed": _at("confirmed"),
    "payment-receipt": _at("confirmed"),
    "payment-failed": _at("payment_needed"),
    "declined": _at("declined"),
    "agency-declined": attending_declines,
    "agency-ended": _at("expired"),
    "agency-withdrawn": _at("withdrawn"),
    "attending-released": attending_silent,
    "cancelled": _at("cancelled_by_candidate"),
    "agency-cancelled": _at("cancelled_by_candidate"),
    "attending-cancelled": _at("cancelled_by_candidate"),
    "refund-sent": refund_left,
    "installment-due": due_soon,
    "starts-soon": starts_soon,
    "attending-starts-soon": starts_soon,
    "check-in-noted": host_checks_in,
    "no-show": _at("no_show"),
    "how-was-it": _at("completed"),
    "letter-uploaded": letter_is_up,
    "payout-sent": share_paid,
    "sign-scope": ask_to_sign,
    "attending-invited": work_together,
    "agency-invitation": say_no,
    "agency-attending-left": doctor_leaves,
    "letter-reminder": letter_waits,
    "agency-letter-late": letter_waits,
    "agency-signature": list_sent_back,
    "agency-listing-closed": taken_down,
    "evidence-decided": paper_comes_back,
    "agency-standing": agency_stopped,
    "evidence-ends": paper_ends,
    "agency-attending-closed": doctor_excluded,
    "site-address": name_is_proved,
    "export-ready": archive_is_written,
}


def installments(made: Made) -> list[Installment]:
    """The plan's parts in order."""
    with open_session(factories.a_system(), readonly=True) as session:
        rows = list(
            session.scalars(
                select(Installment)
                .where(Installment.plan_id == made.plan_id)
                .order_by(Installment.seq)
            )
        )
        session.expunge_all()
        return rows


def refuse_second(made: Made, *, bank: bool = False, hard: bool = False) -> None:
    """The first installment after the deposit is refused on its day."""
    with open_session(context.agency(made.market.agency_id)) as session:
        part = session.scalars(
            select(Installment).where(Installment.plan_id == made.plan_id, Installment.seq == 1)
        ).one()
        assert part.next_try_at is not None
        clock.advance(max(part.next_try_at - clock.now(), timedelta()) + timedelta(seconds=1))
        attempt = payments.begin_charge(session, part.id)
        assert attempt is not None
        unique = attempt.id.hex
        if bank:
            payments.settle_needs_action(
                session, attempt.id, NeedsAction(f"pi_{unique}", f"pi_{unique}_secret_x")
            )
        else:
            code = "expired_card" if hard else "insufficient_funds"
            payments.settle_declined(
                session, attempt.id, Declined(f"pi_{unique}", code, None, hard=hard)
            )
