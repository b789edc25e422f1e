"""E-mail as rows: written in the transaction that decided it, sent by the worker.

With no MAIL_URL a message stays in the local mailbox (the demo shows it). `smtp://user:pass@host`
sends it. A claim row keeps two workers from sending one message; a crash between sending and
noting it can repeat a message, never lose one.
"""

import smtplib
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import formataddr, make_msgid, parseaddr
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from sqlalchemy import Index, or_, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.core import clock, context, outbox
from marketplace.core.context import Scope
from marketplace.core.db import JOURNAL, Base, Keyed, open_session
from marketplace.core.errors import Conflict, NotFound
from marketplace.core.jobs import outside_handler

_CLAIM = timedelta(seconds=60)
_settings: dict[str, str] = {"url": "", "from": "Rounds <hello@rounds.example>"}


class MailMessage(Keyed, Base):
    """One message to one address. `dedupe_key` keeps an event from mailing twice."""

    __tablename__ = "mail_message"
    __owned__ = JOURNAL
    __table_args__ = (Index("ix_mail_message_to", "to_address", "created_at"),)

    slug: Mapped[str]
    to_address: Mapped[str]
    to_name: Mapped[str] = mapped_column(default="")
    subject: Mapped[str]
    text: Mapped[str]
    html: Mapped[str]
    dedupe_key: Mapped[str] = mapped_column(unique=True)
    attachments: Mapped[list[Any]] = mapped_column(default=list)
    headers: Mapped[dict[str, str]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(default="queued")  # or sending, sent, stored, discarded
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    claimed_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]


def configure(url: str, sender: str) -> None:
    """Where messages go; an empty address keeps them in the local mailbox."""
    _settings.update({"url": url, "from": sender})


def post(
    session: Session,
    *,
    slug: str,
    to: str,
    name: str,
    subject: str,
    text: str,
    html: str,
    dedupe_key: str,
    headers: dict[str, str] | None = None,
) -> UUID:
    """Write a message and the work of sending it in this transaction. `headers` are further ones,
    such as List-Unsubscribe."""
    message = MailMessage(
        slug=slug,
        to_address=to,
        to_name=_one_line(name),
        subject=_one_line(subject),
        text=text,
        html=html,
        dedupe_key=dedupe_key,
        headers={name: _one_line(value) for name, value in (headers or {}).items()},
    )
    session.add(message)
    session.flush()
    outbox.enqueue(
        session,
        "core.mail.deliver",
        {"message_id": str(message.id)},
        scope=context.system("deliver mail"),
    )
    return message.id


def send_again(session: Session, message_id: UUID) -> MailMessage:
    """Write the work of sending a message once more. Conflict while it is being sent."""
    row = _locked(session, message_id)
    if row.state == "sending" and row.claimed_at and row.claimed_at > clock.wall() - _CLAIM:
        raise Conflict("This message is being sent at this moment.")
    row.state = "queued"
    outbox.enqueue(
        session,
        "core.mail.deliver",
        {"message_id": str(row.id)},
        scope=context.system("deliver mail"),
    )
    return row


def discard(session: Session, message_id: UUID) -> MailMessage:
    """Keep a waiting message from being sent; it stays for the record."""
    row = _locked(session, message_id)
    if row.state != "queued":
        raise Conflict("Only a message that waits can be discarded.")
    row.state = "discarded"
    return row


def _locked(session: Session, message_id: UUID) -> MailMessage:
    row = session.get(MailMessage, message_id, with_for_update=True)
    if row is None:
        raise NotFound
    return row


def _one_line(value: str) -> str:
    """No line break may enter a header."""
    return " ".join(value.split())


@outside_handler("core.mail.deliver")
def deliver(scope: Scope, message_id: str) -> None:
    """Send one message; safe to run again."""
    key = UUID(message_id)
    with open_session(scope) as session:
        claimed = session.execute(
            update(MailMessage)
            .where(
                MailMessage.id == key,
                or_(
                    MailMessage.state == "queued",
                    (MailMessage.state == "sending")
                    & (MailMessage.claimed_at < clock.wall() - _CLAIM),
                ),
            )
            .values(state="sending", claimed_at=clock.wall())
        )
        if claimed.rowcount == 0:  # type: ignore[attr-defined]
            return
        row = session.get_one(MailMessage, key)
        session.expunge(row)
    try:
        state = _send(row)
    except (OSError, smtplib.SMTPException):
        with open_session(scope) as session:
            session.get_one(MailMessage, key).state = "queued"
        raise
    with open_session(scope) as session:
        stored = session.get_one(MailMessage, key)
        stored.state, stored.sent_at = state, clock.now()


def _send(row: MailMessage) -> str:
    if not _settings["url"]:
        return "stored"
    address = urlsplit(_settings["url"])
    message = EmailMessage()
    message["From"] = _settings["from"]
    message["To"] = formataddr((row.to_name, row.to_address))
    message["Subject"] = row.subject
    domain = parseaddr(_settings["from"])[1].partition("@")[2]
    message["Message-ID"] = make_msgid(idstring=str(row.id), domain=domain or "rounds.example")
    for name, value in row.headers.items():
        message[name] = value
    message.set_content(row.text)
    message.add_alternative(row.html, subtype="html")
    secure = address.scheme == "smtps"
    kind = smtplib.SMTP_SSL if secure else smtplib.SMTP
    with kind(
        address.hostname or "localhost", address.port or (465 if secure else 25), timeout=15
    ) as smtp:
        if address.username:
            if not secure:
                smtp.starttls()
            smtp.login(unquote(address.username), unquote(address.password or ""))
        smtp.send_message(message)
    return "sent"
