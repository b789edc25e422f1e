"""Mail: one row, one message, also when the server stumbles."""

import uuid

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from marketplace.core import context, jobs, mail
from marketplace.core.db import open_session
from marketplace.core.mail import MailMessage
from marketplace.core.outbox import OutboxMessage

SYSTEM = context.system("test")


def post(key: str = "one", **more: str) -> uuid.UUID:
    values = {"name": "Maria", "subject": "Hello", "text": "Text", "html": "<p>Text</p>"} | more
    with open_session(SYSTEM) as session:
        return mail.post(session, slug="test", to="m@example.test", dedupe_key=key, **values)


def work() -> list[str]:
    with open_session(SYSTEM, readonly=True) as session:
        keys = [str(key) for key in session.scalars(select(OutboxMessage.id))]
    return [jobs.run_message(key) for key in keys]


def state(key: uuid.UUID) -> str:
    with open_session(SYSTEM, readonly=True) as session:
        return session.get_one(MailMessage, key).state


def test_without_a_server_the_message_stays_in_the_mailbox(app) -> None:
    key = post()
    assert work() == ["done"]
    assert state(key) == "stored"


def test_one_event_mails_once(app) -> None:
    post()
    with pytest.raises(IntegrityError):
        post()
    with open_session(SYSTEM, readonly=True) as session:
        assert session.scalar(select(func.count()).select_from(MailMessage)) == 1


def test_no_line_break_enters_a_header(app) -> None:
    key = post(name="Maria\r\nBcc: x@example.test", subject="Hello\nX-Evil: 1")
    with open_session(SYSTEM, readonly=True) as session:
        row = session.get_one(MailMessage, key)
        assert "\n" not in row.subject + row.to_name and "\r" not in row.to_name


def test_a_stumbling_server_is_tried_again(app, monkeypatch) -> None:
    mail.configure("smtp://127.0.0.1:9", "Rounds <hello@rounds.example>")
    key = post()
    assert work() == ["failed"]
    assert state(key) == "queued"
    mail.configure("", "Rounds <hello@rounds.example>")
    assert work() == ["done"]
    assert state(key) == "stored"
