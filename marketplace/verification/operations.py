"""The verbs of evidence: an agency uploads and sends, a platform admin decides.

One decision answers everything that the agency has sent: what is ticked goes back, the rest is
accepted. Standing of the agency is in `standing.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.permissions import require
from marketplace.core import audit, clock, storage
from marketplace.core.context import Actor
from marketplace.core.errors import Conflict, Forbidden, Invalid, NotFound
from marketplace.core.events import publish
from marketplace.tenants.models import Agency
from marketplace.verification import kinds, standing, states
from marketplace.verification.events import EvidenceDecided, SitePaperChanged
from marketplace.verification.files import Upload
from marketplace.verification.history import write_step
from marketplace.verification.models import Evidence

MAY = "settings.edit"
NOT_ADMIN = "Only a platform admin decides about evidence."
MAX_DRAFTS = 60
HOLDS = "It holds. Another paper of the same answer went back."
MIN_REASON = 10
MAX_REASON = 1000
# A newer paper of the same subject takes the place of these when it is uploaded.
_OPEN_PLACES = ("draft", "revision", "rejected")
_OLD_PLACES = ("accepted", "expired", "revision", "rejected")


@dataclass(frozen=True)
class Paper:
    """What a member of the agency fills in beside the file."""

    kind: str
    site_id: UUID | None = None
    attending_id: UUID | None = None
    number: str = ""
    issued_on: date | None = None
    valid_until: date | None = None


@dataclass(frozen=True)
class Answer:
    """An admin's decision on everything that waits. `event`: accept, ask_revision or reject.

    `about` are the papers that go back. `seen` are the papers that were on the page: a paper that
    was sent or taken back meanwhile is a Conflict.
    """

    event: str
    reason: str
    seen: frozenset[UUID]
    about: frozenset[UUID] = frozenset()


# --- the agency ---------------------------------------------------------------------------------


def upload(session: Session, actor: Actor, paper: Paper, file: Upload) -> Evidence:
    """Keep a paper as a draft; it replaces what was open for the same kind and subject.

    Forbidden by role; Invalid with a message for each field; NotFound for an unknown kind.
    """
    require(actor, MAY)
    assert actor.agency_id is not None
    kind = kinds.kind(paper.kind)
    if errors := complaints(kind, paper):
        raise Invalid(errors)
    own = _same_place(session, actor.agency_id, paper)
    if any(row.state == "sent" for row in own):
        raise Conflict("We are looking at the one you sent. Wait for the answer, or take it back.")
    if _drafts(session) >= MAX_DRAFTS:
        raise Conflict("You have many papers that are not sent yet. Send or remove them first.")
    row = Evidence(
        agency_id=actor.agency_id,
        kind=kind.slug,
        site_id=paper.site_id,
        attending_id=paper.attending_id,
        number=paper.number,
        issued_on=paper.issued_on,
        valid_until=paper.valid_until,
        created_by=actor.name,
        file_id=storage.put(
            session,
            file.content,
            name=file.name,
            media_type=file.media_type,
            agency_id=actor.agency_id,
            person_id=actor.person_id,
        ),
    )
    session.add(row)
    session.flush()
    for old in own:
        if old.state in _OPEN_PLACES:
            move(session, old, "replace", actor)
    write_step(session, row, kind.label, actor, event="upload", source="", reason="")
    audit.record(session, actor, "evidence.upload", f"evidence:{row.id}", kind=kind.slug)
    return row


def complaints(kind: kinds.Kind, paper: Paper) -> dict[str, str]:
    """What is wrong with the dates and the subject, a message for each field."""
    today, errors = clock.today("UTC"), {}
    if (kind.subject == "site") != (paper.site_id is not None):
        errors["site"] = "Choose the site that this letter is about."
    if (kind.subject == "attending") != (paper.attending_id is not None):
        errors["attending"] = "Choose the attending that this paper is about."
    if paper.issued_on and paper.issued_on > today:
        errors["issued_on"] = "This day has not come yet."
    if kind.expiry == "required" and paper.valid_until is None:
        errors["valid_until"] = "Give the last day on which it is valid."
    if paper.valid_until and paper.valid_until <= today:
        errors["valid_until"] = "It has ended. Send one that is still valid."
    elif paper.valid_until and kind.max_days:
        latest = today + timedelta(days=kind.max_days)
        if paper.valid_until > latest:
            errors["valid_until"] = f"Look at the year again: we take at most {latest:%b %Y}."
    return errors


def remove(session: Session, actor: Actor, evidence_id: UUID) -> None:
    """Take away a draft. Conflict when it was sent; NotFound outside the agency."""
    require(actor, MAY)
    move(session, locked(session, evidence_id), "remove", actor)


def send(session: Session, actor: Actor) -> int:
    """Ask Rounds to look at every draft; returns how many. Invalid when there is none, or when a
    new agency's required papers are not all there."""
    require(actor, MAY)
    assert actor.agency_id is not None
    rows = session.scalars(
        select(Evidence)
        .where(Evidence.agency_id == actor.agency_id)
        .where(Evidence.state.in_(("draft", "sent", "accepted")))
        .order_by(Evidence.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    drafts = [row for row in rows if row.state == "draft"]
    if not drafts:
        raise Invalid({"send": "There is nothing new to send. Add a paper first."})
    there = {row.kind for row in rows}
    agency = session.get_one(Agency, actor.agency_id)
    missing = [one.label for one in kinds.required(agency) if one.slug not in there]
    if missing and agency.approved_at is None:
        raise Invalid({"send": f"Still missing: {', '.join(missing).lower()}."})
    for row in drafts:
        row.sent_at = clock.now()
        move(session, row, "send", actor)
    return len(drafts)


def take_back(session: Session, actor: Actor, evidence_id: UUID) -> None:
    """Take back what nobody has decided yet. Conflict when it was decided."""
    require(actor, MAY)
    row = locked(session, evidence_id)
    move(session, row, "take_back", actor)
    row.sent_at = None


# --- the platform -------------------------------------------------------------------------------


def decide(session: Session, actor: Actor, agency_id: UUID, answer: Answer) -> None:
    """Answer everything that an agency has sent, with a reason.

    Accepting opens a new agency when its required papers are all accepted. Invalid names what is
    missing beside its field; Conflict when something was sent, taken back or decided meanwhile.
    """
    require_admin(actor)
    reason = reasoned(answer.reason)
    agency = standing.locked(session, agency_id)
    waiting = _waiting(session, agency_id)
    if {row.id for row in waiting} != answer.seen or not waiting:
        raise Conflict("What waits has changed since you opened the page. Look again.")
    back = [row for row in waiting if row.id in answer.about]
    holds = [row for row in waiting if row.id not in answer.about]
    _refuse_unclear(answer, back, holds)
    steps = [_settle(session, actor, row, answer.event, reason) for row in back]
    kept = reason if answer.event == "accept" else HOLDS
    steps += [_settle(session, actor, row, "accept", kept) for row in holds]
    session.flush()
    told = answer.event
    if answer.event == "accept" and agency.state == "new":
        told = "approve"
        standing.approve(session, actor, agency, reason)
    standing.refresh(session, agency)
    all_kinds = kinds.kinds()
    publish(
        session,
        EvidenceDecided(
            agency_id=agency_id,
            step_id=steps[0],
            event=told,
            reason=reason,
            papers=", ".join(dict.fromkeys(_label(all_kinds, row) for row in back or holds)),
        ),
    )


def revoke(session: Session, actor: Actor, evidence_id: UUID, reason: str) -> None:
    """Take back an acceptance: it turned out not to hold. Counts with the next request."""
    require_admin(actor)
    reason = reasoned(reason)
    row = locked(session, evidence_id)
    agency = standing.locked(session, row.agency_id)
    step = _settle(session, actor, row, "revoke", reason)
    session.flush()
    standing.refresh(session, agency)
    label = _label(kinds.kinds(), row)
    publish(session, EvidenceDecided(agency.id, step, "reject", reason, label))


def require_admin(actor: Actor) -> None:
    """Forbidden for everybody but platform admins."""
    if actor.kind != "admin":
        raise Forbidden(NOT_ADMIN)


def reasoned(text: str) -> str:
    """A reason that the agency can read; Invalid when there is none."""
    found = text.strip()
    if len(found) < MIN_REASON:
        raise Invalid({"reason": "Write in a sentence why. The agency reads it."})
    return found[:MAX_REASON]


def _refuse_unclear(answer: Answer, back: list[Evidence], holds: list[Evidence]) -> None:
    if answer.event not in ("accept", "ask_revision", "reject"):
        raise Invalid({"event": "Choose a decision."})
    if answer.event == "accept" and back:
        raise Invalid({"about": "To approve, tick nothing here; or ask for a revision."})
    if answer.event != "accept" and not back:
        raise Invalid({"about": "Tick the papers that go back."})
    today = clock.today("UTC")
    if any(row.valid_until and row.valid_until < today for row in holds):
        raise Invalid({"about": "A paper has ended while it waited. Tick it and ask again."})


def _settle(session: Session, actor: Actor, row: Evidence, event: str, reason: str) -> UUID:
    row.decided_at, row.decided_by, row.decided_name = clock.now(), actor.person_id, actor.name
    row.reason = reason
    step = move(session, row, event, actor, reason)
    if event == "accept":
        paper = Paper(row.kind, row.site_id, row.attending_id)
        for old in _same_place(session, row.agency_id, paper):
            if old.id != row.id and old.state in _OLD_PLACES:
                move(session, old, "replace", actor)
    refresh_site(session, row)
    return step


# --- shared -------------------------------------------------------------------------------------


def move(session: Session, row: Evidence, event: str, actor: Actor, reason: str = "") -> UUID:
    """Take one step: the only place that writes `state`. Returns the step's id."""
    step = states.next_state(states.EVIDENCE, row.state, event, actor.kind)
    if event in states.NEEDS_REASON and not reason:
        raise Invalid({"reason": "Write in a sentence why."})
    label = _label(kinds.kinds(), row)
    source, row.state = row.state, step.target
    key = write_step(session, row, label, actor, event=event, source=source, reason=reason)
    audit.record(
        session,
        actor,
        f"evidence.{event}",
        f"evidence:{row.id}",
        agency_id=row.agency_id,
        kind=row.kind,
        reason=reason,
    )
    return key


def refresh_site(session: Session, row: Evidence) -> None:
    """Tell what paper of this kind a site has on file now; one without an end is good for ever."""
    if row.site_id is None:
        return
    session.flush()
    days = session.scalars(
        select(Evidence.valid_until).where(
            Evidence.site_id == row.site_id,
            Evidence.kind == row.kind,
            Evidence.state == "accepted",
        )
    )
    until = max((day or date.max for day in days), default=None)
    publish(session, SitePaperChanged(row.agency_id, row.site_id, row.kind, until))


def locked(session: Session, evidence_id: UUID) -> Evidence:
    """The paper, locked and read afresh; NotFound outside the scope."""
    row = session.scalars(
        select(Evidence)
        .where(Evidence.id == evidence_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise NotFound
    return row


def _waiting(session: Session, agency_id: UUID) -> list[Evidence]:
    return list(
        session.scalars(
            select(Evidence)
            .where(Evidence.agency_id == agency_id, Evidence.state == "sent")
            .order_by(Evidence.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def _same_place(session: Session, agency_id: UUID, paper: Paper) -> list[Evidence]:
    found: Iterable[Evidence] = session.scalars(
        select(Evidence)
        .where(
            Evidence.agency_id == agency_id,
            Evidence.kind == paper.kind,
            Evidence.site_id == paper.site_id if paper.site_id else Evidence.site_id.is_(None),
            Evidence.attending_id == paper.attending_id
            if paper.attending_id
            else Evidence.attending_id.is_(None),
            Evidence.state.not_in(("replaced", "removed")),
        )
        .with_for_update()
    )
    return list(found)


def _drafts(session: Session) -> int:
    return len(session.scalars(select(Evidence.id).where(Evidence.state == "draft")).all())


def _label(known: dict[str, kinds.Kind], row: Evidence) -> str:
    found = known.get(row.kind)
    return found.label if found else row.kind
