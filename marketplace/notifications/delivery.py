"""Writes a message once to each of its readers: a line in the inbox and an e-mail.

Runs in system sessions only: addresses are in `person`, which no agency's session may read. Every
effect is a row of one transaction. A message that was written before is left as it is, whoever
asks again, because its key names occasion and reader: `<slug>:<subject>:<occasion>:<reader>`.
"""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts import delegates
from marketplace.accounts.models import Membership, Person
from marketplace.accounts.permissions import may
from marketplace.core import mail
from marketplace.core.mail import MailMessage
from marketplace.core.mail_templates import absolute_url, render_mail
from marketplace.notifications import wording
from marketplace.notifications.letters import Fact, Letter
from marketplace.notifications.messages import Message
from marketplace.notifications.models import Notification

TEXT_WIDTH = 72


@dataclass(frozen=True)
class Readers:
    """To whom a message goes: one person, or the members of an agency who may act on it."""

    person_id: UUID | None = None
    agency_id: UUID | None = None

    @property
    def inbox_id(self) -> UUID:
        """Whose inbox holds the line; a team shares one."""
        found = self.agency_id or self.person_id
        assert found is not None
        return found


def deliver(session: Session, message: Message, letter: Letter, to: Readers, key: str) -> None:
    """Write what was not written yet. `key` names the occasion without its reader."""
    line = f"{key}:{to.inbox_id}"
    if not _is_told(session, line):
        session.add(
            Notification(
                person_id=to.person_id,
                agency_id=to.agency_id,
                slug=message.slug,
                title=letter.subject,
                url=letter.inbox,
                dedupe_key=line,
            )
        )
    for person, sees_money in _people(session, message, to):
        own = f"{key}:{person.id}"
        if session.scalar(select(MailMessage.id).where(MailMessage.dedupe_key == own)) is None:
            facts = [fact for fact in letter.facts if sees_money or not fact.money]
            _mail(session, person, message.slug, replace(letter, facts=tuple(facts)), own)
    if message.to == "attending" and message.delegates and to.person_id:
        _mail_delegates(session, message, letter, to.person_id, key)


def _mail_delegates(
    session: Session, message: Message, letter: Letter, attending_id: UUID, key: str
) -> None:
    """The same to those who answer for the attending; they sign in instead of using the link, so
    that every step says who took it."""
    facts = tuple(fact for fact in letter.facts if not fact.money)
    for person in delegates.readers(session, attending_id):
        own = f"{key}:{person.id}"
        if session.scalar(select(MailMessage.id).where(MailMessage.dedupe_key == own)) is None:
            mine = replace(letter, facts=facts, path=letter.inbox, note="")
            _mail(session, person, message.slug, mine, own)


def told(session: Session, lines: Iterable[str]) -> frozenset[str]:
    """Which of these inbox lines were written already."""
    wanted = list(lines)
    if not wanted:
        return frozenset()
    found = select(Notification.dedupe_key).where(Notification.dedupe_key.in_(wanted))
    return frozenset(session.scalars(found))


def _is_told(session: Session, line: str) -> bool:
    return bool(told(session, [line]))


def _people(session: Session, message: Message, to: Readers) -> list[tuple[Person, bool]]:
    """Who gets the e-mail, and whether it may name amounts. Closed accounts get none."""
    if to.agency_id is None:
        person = session.get_one(Person, to.person_id)
        return [(person, message.to == "candidate")] if person.closed_at is None else []
    rows = session.execute(
        select(Person, Membership.role)
        .join(Membership, Membership.person_id == Person.id)
        .where(
            Membership.agency_id == to.agency_id,
            Membership.ended_at.is_(None),
            Person.closed_at.is_(None),
        )
        .order_by(Person.id)
    ).all()
    return [(person, may(role, "money.view")) for person, role in rows if may(role, message.needs)]


def _mail(session: Session, person: Person, slug: str, letter: Letter, key: str) -> None:
    name = wording.name(person.name)
    rendered = render_mail(
        "letter",
        subject=letter.subject,
        person_name=name,
        lead=letter.lead,
        facts=letter.facts,
        fact_lines=_lines(letter.facts),
        action=letter.action,
        link=absolute_url(letter.path),
        note=letter.note,
    )
    mail.post(
        session,
        slug=slug,
        to=person.email,
        name=name,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        dedupe_key=key,
    )


def _lines(facts: tuple[Fact, ...]) -> str:
    """The facts in two columns of plain text."""
    width = max((len(fact.label) for fact in facts), default=0) + 4
    return "\n".join(
        textwrap.fill(
            fact.words,
            TEXT_WIDTH,
            initial_indent=f"  {fact.label}".ljust(width),
            subsequent_indent=" " * width,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for fact in facts
    )
