"""Canned replies: the agency's own texts, with places that a booking fills in (agency sessions)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.accounts import permissions
from marketplace.bookings.models import Booking
from marketplace.core import audit, clock
from marketplace.core.context import Actor
from marketplace.core.errors import Invalid, NotFound
from marketplace.core.formats import day
from marketplace.desk.models import CannedReply
from marketplace.listings import lint

MOST = 60
TITLE_LENGTH = 60
TEXT_LENGTH = 1500
PLACES: Mapping[str, str] = {
    "candidate": "the candidate's first name",
    "rotation": "the specialty and the attending",
    "start": "the first day",
}
_PLACE = re.compile(r"{([^{}]*)}")


@dataclass(frozen=True)
class Draft:
    """A reply as it was typed."""

    title: str
    text: str


def replies(session: Session) -> tuple[CannedReply, ...]:
    """The agency's replies by title."""
    return tuple(session.scalars(select(CannedReply).order_by(func.lower(CannedReply.title))))


def reply(session: Session, reply_id: UUID) -> CannedReply:
    """One reply; NotFound for a foreign or missing one."""
    found = session.get(CannedReply, reply_id)
    if found is None:
        raise NotFound
    return found


def write(
    session: Session, actor: Actor, draft: Draft, reply_id: UUID | None = None
) -> CannedReply:
    """Add a reply, or change the one with this id. Forbidden without `messages.write`; Invalid for
    an empty or taken title, an empty text, an unknown place, or words that no message may hold."""
    permissions.require(actor, "messages.write")
    assert actor.agency_id is not None
    known = replies(session)
    row = reply(session, reply_id) if reply_id else None
    errors = _errors(draft)
    if any(one.title.lower() == draft.title.lower() and one is not row for one in known):
        errors["title"] = "There is a reply with this title. Choose another one."
    if row is None and len(known) >= MOST:
        errors["title"] = f"An agency keeps at most {MOST} replies. Delete one first."
    if errors:
        raise Invalid(errors)
    if row is None:
        row = CannedReply(agency_id=actor.agency_id)
        session.add(row)
    row.title, row.text = draft.title, draft.text
    row.changed_by, row.changed_at = actor.name, clock.now()
    session.flush()
    audit.record(session, actor, "reply.written", f"canned_reply:{row.id}", title=row.title)
    return row


def delete(session: Session, actor: Actor, reply_id: UUID) -> None:
    """Delete a reply; what was sent with it stays. Forbidden without `messages.write`."""
    permissions.require(actor, "messages.write")
    row = reply(session, reply_id)
    audit.record(session, actor, "reply.deleted", f"canned_reply:{row.id}", title=row.title)
    session.delete(row)
    session.flush()


def filled(text: str, booking: Booking) -> str:
    """The text with its places filled in for a booking; anything else in braces stays."""
    name = str(booking.candidate.get("name") or "").split()
    values = {
        "candidate": name[0] if name else "there",
        "rotation": f"{booking.terms['specialty_label']} with Dr. {booking.terms['attending']}",
        "start": day(booking.start_on),
    }
    return _PLACE.sub(lambda found: values.get(found[1].strip(), found[0]), text)


def refuse_banned(text: str, field: str) -> dict[str, str]:
    """A message for `field` when a text to a candidate promises or hides what no text may."""
    outside = ("contact-outside", "contact-outside-maybe", "email-phone")
    said = lint.refusal(text, also=outside)
    return {field: said} if said else {}


def _errors(draft: Draft) -> dict[str, str]:
    errors = refuse_banned(draft.text, "text")
    if len(draft.title) < 3:
        errors["title"] = "Give it a title that your team will find it by."
    if len(draft.text) < 10:
        errors["text"] = "Write the text: a sentence at least."
    unknown = [name for name in _PLACE.findall(draft.text) if name.strip() not in PLACES]
    if unknown:
        places = ", ".join(f"{{{name}}}" for name in PLACES)
        errors["text"] = f"We cannot fill in {{{unknown[0][:20]}}}. You can use {places}."
    return errors
