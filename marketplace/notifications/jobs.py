"""Tells people: an inbox line and an e-mail each, once (system session, rows only)."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.models import Membership, Person
from marketplace.bookings.models import Booking
from marketplace.core.formats import day, when
from marketplace.core.jobs import handler
from marketplace.core.mail_templates import absolute_url, post_mail
from marketplace.core.money import dollars
from marketplace.listings.models import Rotation, ScopeSignature
from marketplace.notifications.messages import MESSAGES, Message, facts
from marketplace.notifications.models import Notification
from marketplace.payments.models import Installment
from marketplace.tenants.models import Agency

DECIDING_ROLES = ("owner", "manager", "coordinator")


@handler("notifications.booking")
def booking(session: Session, booking_id: str, event: str, seq: str) -> None:
    """Everybody the table names for this step."""
    row = session.get_one(Booking, UUID(booking_id))
    for message in MESSAGES[event]:
        for person in _people(session, row, message):
            _tell(session, row, message, person, f"{message.slug}:{row.id}:{seq}:{person.id}")


def _people(session: Session, row: Booking, message: Message) -> list[Person]:
    if message.to == "candidate":
        return [session.get_one(Person, row.candidate_id)]
    if message.to == "attending":
        return [session.get_one(Person, row.attending_id)]
    return list(
        session.scalars(
            select(Person)
            .join(Membership, Membership.person_id == Person.id)
            .where(
                Membership.agency_id == row.agency_id,
                Membership.role.in_(DECIDING_ROLES),
                Membership.ended_at.is_(None),
            )
        )
    )


def _tell(session: Session, row: Booking, message: Message, person: Person, key: str) -> None:
    agency = session.get_one(Agency, row.agency_id)
    path = message.path.format(reference=row.reference, agency=agency.slug)
    _post(
        session,
        person,
        slug=message.slug,
        subject=message.subject(row),
        lead=message.lead(row),
        about=facts(row),
        action=message.action,
        path=path,
        key=key,
    )


def _post(
    session: Session,
    person: Person,
    *,
    slug: str,
    subject: str,
    lead: str,
    about: list[tuple[str, str]],
    action: str,
    path: str,
    key: str,
    inbox_path: str = "",
) -> None:
    session.add(
        Notification(
            person_id=person.id, slug=slug, title=subject, url=inbox_path or path, dedupe_key=key
        )
    )
    post_mail(
        session,
        "notice",
        to=person.email,
        name=person.name,
        dedupe_key=key,
        subject=subject,
        lead=lead,
        facts=about,
        action=action,
        link=absolute_url(path),
        person_name=person.name,
    )


@handler("notifications.decide")
def decide(session: Session, booking_id: str, token: str, reminder: str) -> None:
    """The attending's link: a page without sign-in where they accept or decline."""
    row = session.get_one(Booking, UUID(booking_id))
    doctor = session.get_one(Person, row.attending_id)
    until = when(row.deadline_at, row.time_zone) if row.deadline_at else ""
    name = row.candidate.get("name", "A candidate")
    span = f"{day(row.start_on)} to {day(row.end_on)}"
    subject = f"{name} asks to learn with you, {span}"
    _post(
        session,
        doctor,
        slug="attending-reminder" if reminder else "attending-decide",
        subject=f"Still open: {name}, {span}" if reminder else subject,
        lead=f"You can answer without signing in, by {until}.",
        about=facts(row),
        action="Look and decide",
        path=f"/decide/{token}",
        key=f"decide:{row.id}:{row.steps}:{reminder or '0'}",
        inbox_path="/attending",
    )


@handler("notifications.sign")
def sign(session: Session, signature_id: str, token: str) -> None:
    """The attending's link to sign the task list of a listing."""
    asked = session.get_one(ScopeSignature, UUID(signature_id))
    rotation = session.get_one(Rotation, asked.rotation_id)
    doctor = session.get_one(Person, asked.attending_id)
    _post(
        session,
        doctor,
        slug="sign-scope",
        subject=f"Please check the task list of {rotation.title}",
        lead="Sign what trainees really do with you. The listing opens only after you sign.",
        about=[("Listing", rotation.title), ("Version", str(asked.version))],
        action="Read and sign",
        path=f"/sign/{token}",
        key=f"sign:{asked.id}:{asked.asked_at.isoformat()}",
        inbox_path="/attending",
    )


@handler("notifications.installment")
def installment(session: Session, installment_id: str) -> None:
    """A receipt, or what the candidate can do about a payment that did not go through."""
    part = session.get_one(Installment, UUID(installment_id))
    row = session.scalars(select(Booking).where(Booking.plan_id == part.plan_id)).one()
    person = session.get_one(Person, row.candidate_id)
    amount, paid = dollars(part.amount_cents), part.state == "paid"
    if paid:
        subject, lead = f"Receipt: {amount}", f"Thank you. {amount} was paid and is held."
    else:
        until = when(part.pay_until, row.time_zone) if part.pay_until else ""
        subject = f"Your payment of {amount} did not work"
        lead = f"Your seat is safe until {until}. You can use another card now."
    _post(
        session,
        person,
        slug="payment-receipt" if paid else "payment-failed",
        subject=subject,
        lead=lead,
        about=[*facts(row), ("Amount", amount)],
        action="See your booking",
        path=f"/me/bookings/{row.reference}",
        key=f"installment:{part.id}:{part.state}:{part.attempts}",
    )
