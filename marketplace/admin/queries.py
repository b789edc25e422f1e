"""What the platform looks at: counts, money, work that waits, mail, and the audit log.

Every session here is a system session of a platform admin; each count is read from the rows.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from marketplace.admin import moderation_queries
from marketplace.bookings.models import Booking
from marketplace.bookings.states import MOVES
from marketplace.core import audit, clock
from marketplace.core.audit import AuditEntry
from marketplace.core.mail import MailMessage
from marketplace.core.outbox import OutboxMessage
from marketplace.payments.models import Charge, Refund
from marketplace.tenants.models import Agency

PAGE = 50
_STATES = tuple(dict.fromkeys(state for move in MOVES for state in (move.source, move.target)))


@dataclass(frozen=True)
class Work:
    """The outbox in numbers."""

    waiting: int
    trying_again: int
    dead: int
    done_last_hour: int
    stuck: int
    oldest_waiting: datetime | None


def bookings_by_state(session: Session) -> tuple[tuple[str, int], ...]:
    """How many bookings are in each state, in the order of a booking's life; none is left out."""
    found = session.execute(select(Booking.state, func.count()).group_by(Booking.state))
    counts = {row[0]: int(row[1]) for row in found}
    return tuple((state, counts.get(state, 0)) for state in _STATES)


def work(session: Session) -> Work:
    """What waits, what failed and is tried again, what stopped, and what was done."""
    open_rows = (OutboxMessage.done_at.is_(None), OutboxMessage.dead_at.is_(None))

    def number(*conditions: object) -> int:
        statement = select(func.count()).select_from(OutboxMessage).where(*conditions)  # type: ignore[arg-type]
        return session.scalar(statement) or 0

    return Work(
        waiting=number(*open_rows, OutboxMessage.failures == 0),
        trying_again=number(*open_rows, OutboxMessage.failures > 0),
        dead=number(OutboxMessage.done_at.is_(None), OutboxMessage.dead_at.is_not(None)),
        done_last_hour=number(
            OutboxMessage.dead_at.is_(None),
            OutboxMessage.done_at > clock.wall() - timedelta(hours=1),
        ),
        stuck=number(*open_rows, *_stuck()),
        oldest_waiting=session.scalar(select(func.min(OutboxMessage.created_at)).where(*open_rows)),
    )


STUCK_AFTER = timedelta(minutes=10)


def _stuck() -> tuple[ColumnElement[bool], ...]:
    """Never failed, and not done long after it was written: the relay or the worker is away."""
    late = OutboxMessage.created_at < clock.wall() - STUCK_AFTER
    return (OutboxMessage.failures == 0, late)


def jobs_to_look_at(session: Session, limit: int = PAGE) -> tuple[OutboxMessage, ...]:
    """Stopped jobs first, then those that are tried again or wait too long, the newest first."""
    return tuple(
        session.scalars(
            select(OutboxMessage)
            .where(
                OutboxMessage.done_at.is_(None),
                or_(OutboxMessage.failures > 0, and_(*_stuck())),
            )
            .order_by(OutboxMessage.dead_at.is_(None), OutboxMessage.id.desc())
            .limit(limit)
        )
    )


@dataclass(frozen=True)
class MailRow:
    """A message without its text, which may hold a link that signs in."""

    id: UUID
    slug: str
    to: str
    subject: str
    state: str
    created_at: datetime
    sent_at: datetime | None


def mail(
    session: Session, state: str = "", text: str = "", limit: int = PAGE
) -> tuple[MailRow, ...]:
    """The newest messages, all or those in one state, to or about what is looked for."""
    columns = (
        MailMessage.id,
        MailMessage.slug,
        MailMessage.to_address,
        MailMessage.subject,
        MailMessage.state,
        MailMessage.created_at,
        MailMessage.sent_at,
    )
    statement = select(*columns).order_by(MailMessage.id.desc()).limit(limit)
    if state:
        statement = statement.where(MailMessage.state == state)
    if text:
        looked = (MailMessage.to_address, MailMessage.subject, MailMessage.slug)
        statement = statement.where(or_(*(c.icontains(text, autoescape=True) for c in looked)))
    return tuple(MailRow(*row) for row in session.execute(statement))


def mail_by_state(session: Session) -> dict[str, int]:
    """How many messages are in each state."""
    found = session.execute(select(MailMessage.state, func.count()).group_by(MailMessage.state))
    return {row[0]: int(row[1]) for row in found}


@dataclass(frozen=True)
class AuditFilter:
    """What part of the audit log to show. Days are UTC, both counted in; `before` is the last
    entry of the page before."""

    text: str = ""
    action: str = ""
    actor: UUID | None = None
    agency: str = ""
    first: date | None = None
    last: date | None = None
    before: UUID | None = None


CSV_MOST = 10_000


def audit_entries(
    session: Session, wanted: AuditFilter, limit: int = PAGE + 1
) -> tuple[AuditEntry, ...]:
    """One page of the log, the newest first; one entry more than PAGE tells that there is more."""
    statement = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    for condition in _audit_conditions(wanted):
        statement = statement.where(condition)
    return tuple(session.scalars(statement))


def _audit_conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.text:
        columns = (AuditEntry.actor_name, AuditEntry.subject, AuditEntry.action)
        found.append(or_(*(c.icontains(wanted.text, autoescape=True) for c in columns)))
    if wanted.action:
        found.append(AuditEntry.action == wanted.action)
    if wanted.actor:
        found.append(
            or_(AuditEntry.actor_id == wanted.actor, AuditEntry.subject == f"person:{wanted.actor}")
        )
    if wanted.agency:
        found.append(
            AuditEntry.agency_id.in_(select(Agency.id).where(Agency.slug == wanted.agency))
        )
    if wanted.first:
        found.append(AuditEntry.at >= datetime.combine(wanted.first, time(), UTC))
    if wanted.last:
        end = datetime.combine(wanted.last, time(), UTC) + timedelta(days=1)
        found.append(AuditEntry.at < end)
    if wanted.before:
        found.append(AuditEntry.id < wanted.before)
    return found


def audit_actions(session: Session) -> tuple[str, ...]:
    """The kinds of entries there are, for the filter."""
    return tuple(session.scalars(select(AuditEntry.action).distinct().order_by(AuditEntry.action)))


def agency_names(session: Session) -> tuple[tuple[str, str], ...]:
    """Every agency as (address, name), by name, for filters."""
    rows = session.execute(select(Agency.slug, Agency.name).order_by(Agency.name))
    return tuple((row[0], row[1]) for row in rows)


def audit_count(session: Session) -> int:
    """How many entries there are in all."""
    return audit.count(session)


@dataclass(frozen=True)
class Wish:
    """One thing on the overview that a person should look at."""

    one: str
    many: str
    number: int
    url: str
    urgent: bool = False

    @property
    def words(self) -> str:
        """What there is, after its number."""
        return self.one if self.number == 1 else self.many


def needs_you(session: Session) -> tuple[Wish, ...]:
    """What waits for a decision of the platform, the urgent first; nothing that is zero."""
    now = work(session)
    unknown = select(func.count()).select_from(Charge).where(Charge.state == "unknown")
    held_up = select(func.count()).select_from(Refund).where(Refund.state == "failed")
    asked = select(func.count()).select_from(Agency).where(Agency.state == "new")
    waiting_mail = select(func.count()).select_from(MailMessage)
    late = clock.wall() - STUCK_AFTER
    waiting_mail = waiting_mail.where(MailMessage.state == "queued", MailMessage.created_at < late)
    chain = audit.chain(session, newest=100)
    wishes = (
        Wish(
            "audit row does not fit the chain",
            "audit rows do not fit the chain",
            len(chain.broken),
            "/admin/audit",
            True,
        ),
        Wish("job stopped", "jobs stopped", now.dead, "/admin/jobs", True),
        Wish(
            "job waits for more than 10 minutes",
            "jobs wait for more than 10 minutes",
            now.stuck,
            "/admin/jobs",
            True,
        ),
        Wish(
            "refund failed", "refunds failed", session.scalar(held_up) or 0, "/admin/payments", True
        ),
        Wish(
            "charge without an answer",
            "charges without an answer",
            session.scalar(unknown) or 0,
            "/admin/payments",
        ),
        Wish(
            "reported listing",
            "reported listings",
            moderation_queries.reported_count(session),
            "/admin/moderation",
        ),
        Wish(
            "agency not approved yet",
            "agencies not approved yet",
            session.scalar(asked) or 0,
            "/admin/verification",
        ),
        Wish(
            "message not sent yet",
            "messages not sent yet",
            session.scalar(waiting_mail) or 0,
            "/admin/mail",
        ),
    )
    return tuple(one for one in wishes if one.number)
