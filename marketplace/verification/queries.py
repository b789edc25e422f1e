"""Reads of verification: an agency's papers for its own pages, and what waits for the platform."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.accounts.models import Membership
from marketplace.core import clock
from marketplace.core.errors import NotFound
from marketplace.core.formats import day
from marketplace.core.storage import StoredFile
from marketplace.tenants.models import Agency
from marketplace.verification import kinds
from marketplace.verification.attendings import stale_since
from marketplace.verification.kinds import Kind
from marketplace.verification.models import AttendingCheck, Evidence, VerificationStep

ANSWER_DAYS = 2  # working days in which the platform promises an answer
SOON = timedelta(days=30)
RENEW = timedelta(days=60)  # from when on a page offers to send the next paper
TEAM = "The Rounds team"
STATE_WORDS: dict[str, tuple[str, str]] = {
    "draft": ("Not sent yet", "info"),
    "sent": ("With the Rounds team", "warn"),
    "accepted": ("Accepted", "good"),
    "revision": ("Send again", "bad"),
    "rejected": ("Not accepted", "bad"),
    "expired": ("Ended", "bad"),
    "replaced": ("Replaced", ""),
    "removed": ("Removed", ""),
}
EVENT_WORDS: dict[str, tuple[str, str]] = {
    "sign_up": ("building-2", "signed up"),
    "upload": ("upload", "added"),
    "send": ("send", "sent"),
    "take_back": ("undo-2", "took back"),
    "remove": ("trash-2", "removed"),
    "replace": ("refresh-cw", "replaced"),
    "accept": ("circle-check", "accepted"),
    "ask_revision": ("undo-2", "asked for a revision of"),
    "reject": ("circle-x", "did not accept"),
    "revoke": ("ban", "took back the acceptance of"),
    "expire": ("clock", "closed, because it ended:"),
    "approve": ("badge-check", "approved"),
    "limit": ("flag", "put under watch:"),
    "lift": ("circle-check", "ended the watch of"),
    "suspend": ("ban", "suspended"),
    "reinstate": ("circle-check", "reinstated"),
    "start_over": ("undo-2", "let start over:"),
}
STANDING_WORDS: dict[str, tuple[str, str]] = {
    "new": ("Not approved yet", "warn"),
    "verified": ("Approved", "good"),
    "limited": ("Under watch", "warn"),
    "suspended": ("Suspended", "bad"),
}


@dataclass(frozen=True)
class PaperView:
    """One paper in words."""

    id: UUID
    kind: str
    label: str
    about: str
    state: str
    words: str
    tone: str
    number: str
    number_label: str
    issued_on: date | None
    valid_until: date | None
    ends: str
    source: str
    file_name: str
    file_kb: int
    by: str
    sent_at: datetime | None
    decided_at: datetime | None
    decided_name: str
    reason: str
    renew: bool


@dataclass(frozen=True)
class KindView:
    """A kind with its latest paper and the one that counts, if these differ."""

    kind: Kind
    papers: tuple[PaperView, ...]

    @property
    def done(self) -> bool:
        """A paper of this kind is accepted and in date."""
        return any(paper.state == "accepted" for paper in self.papers)


@dataclass(frozen=True)
class StepView:
    """A line of history."""

    icon: str
    who: str
    text: str
    reason: str
    at: datetime


Names = dict[UUID, str]
"""Names of sites and attendings, which live above this package: the caller brings them."""


def papers(session: Session, agency_id: UUID, names: Names) -> tuple[PaperView, ...]:
    """The papers that count or wait, the newest first; what was replaced or removed is left out."""
    known = kinds.kinds()
    rows = session.execute(
        select(Evidence, StoredFile)
        .join(StoredFile, StoredFile.id == Evidence.file_id)
        .where(
            Evidence.agency_id == agency_id,
            Evidence.state.not_in(("replaced", "removed")),
        )
        .order_by(Evidence.id.desc())
    )
    return tuple(_paper(row, file, known, names) for row, file in rows)


def by_kind(agency: Agency, shown: Sequence[PaperView]) -> tuple[KindView, ...]:
    """Every kind about the agency itself that may be sent, with its papers; those that are asked
    of it first."""
    own = [one for one in kinds.asked_of(agency) if one.subject == "agency"]
    own.sort(key=lambda one: not one.required)
    return tuple(
        KindView(one, tuple(paper for paper in shown if paper.kind == one.slug)) for one in own
    )


def others(session: Session, shown: Sequence[PaperView]) -> tuple[PaperView, ...]:
    """Papers about sites and attendings."""
    about = {one.slug for one in kinds.kinds().values() if one.subject != "agency"}
    return tuple(paper for paper in shown if paper.kind in about)


def history(
    session: Session, agency_id: UUID, *, limit: int = 30, for_admin: bool = False
) -> tuple[StepView, ...]:
    """What happened, the newest first; an admin's own name is for admins' pages."""
    rows = session.scalars(
        select(VerificationStep)
        .where(VerificationStep.agency_id == agency_id, VerificationStep.event != "replace")
        .order_by(VerificationStep.at.desc(), VerificationStep.id.desc())
        .limit(limit)
    )
    return tuple(_step(row, for_admin) for row in rows)


def own_paper(session: Session, evidence_id: UUID) -> tuple[Evidence, StoredFile]:
    """A paper and its file; NotFound outside the scope."""
    row = session.get(Evidence, evidence_id)
    file = session.get(StoredFile, row.file_id) if row else None
    if row is None or file is None or row.state == "removed":
        raise NotFound
    return row, file


def needs(session: Session, agency_id: UUID) -> int:
    """How many papers the agency has to send again."""
    return int(
        session.scalar(
            select(func.count())
            .select_from(Evidence)
            .where(
                Evidence.agency_id == agency_id,
                Evidence.state.in_(("revision", "rejected", "expired")),
            )
        )
        or 0
    )


# --- the platform -------------------------------------------------------------------------------


@dataclass(frozen=True)
class QueueRow:
    """An agency whose papers wait for the platform."""

    slug: str
    name: str
    state: str
    papers: int
    sent_at: datetime
    answer_by: datetime


@dataclass(frozen=True)
class StandingRow:
    """An agency and how it stands."""

    slug: str
    name: str
    words: str
    tone: str
    verified_until: date | None
    in_date: bool
    ends_soon: bool


def queue(session: Session) -> tuple[QueueRow, ...]:
    """Agencies that wait for an answer, the longest waiting first (system session)."""
    rows = session.execute(
        select(
            Agency.slug,
            Agency.name,
            Agency.state,
            func.count(Evidence.id),
            func.min(Evidence.sent_at),
        )
        .join(Evidence, Evidence.agency_id == Agency.id)
        .where(Evidence.state == "sent")
        .group_by(Agency.slug, Agency.name, Agency.state)
        .order_by(func.min(Evidence.sent_at))
    )
    return tuple(
        QueueRow(slug, name, state, number, sent, answer_by(sent))
        for slug, name, state, number, sent in rows
        if sent
    )


def waiting_count(session: Session) -> int:
    """How many agencies wait for an answer (system session)."""
    found = session.scalar(
        select(func.count(Evidence.agency_id.distinct())).where(Evidence.state == "sent")
    )
    return int(found or 0)


def answer_by(sent: datetime) -> datetime:
    """Until when the platform answers: two working days, counted from Monday to Friday (UTC)."""
    at, left = sent, ANSWER_DAYS
    while left:
        at += timedelta(days=1)
        left -= at.weekday() < 5
    return at


def standings(session: Session) -> tuple[StandingRow, ...]:
    """Every agency and how it stands, by name (system session)."""
    today = clock.today("UTC")
    return tuple(
        StandingRow(
            row.slug,
            row.name,
            *STANDING_WORDS[row.state],
            row.verified_until,
            row.in_date,
            row.in_date and row.verified_until is not None and row.verified_until <= today + SOON,
        )
        for row in session.scalars(select(Agency).order_by(Agency.name))
    )


def agency_by_slug(session: Session, slug: str) -> Agency:
    """An agency by its slug (system session); NotFound."""
    found = session.scalars(select(Agency).where(Agency.slug == slug)).one_or_none()
    if found is None:
        raise NotFound
    return found


def same_people(session: Session, agency: Agency) -> list[tuple[str, str]]:
    """Other agencies of the same owners, and what they are: (name, state). Asked of the rows."""
    owners = select(Membership.person_id).where(
        Membership.agency_id == agency.id, Membership.role == "owner"
    )
    from_owner = select(Membership.agency_id).where(Membership.person_id.in_(owners))
    rows = session.execute(
        select(Agency.name, Agency.state)
        .where(Agency.id.in_(from_owner), Agency.id != agency.id)
        .order_by(Agency.name)
    )
    return [(name, STANDING_WORDS[state][0].lower()) for name, state in rows]


@dataclass(frozen=True)
class CheckView:
    """One look-up in words."""

    what: str
    result: str
    tone: str
    words: str
    source: str
    source_on: date | None
    tried_at: datetime | None
    clear_at: datetime | None
    stale: bool


def checks_of(session: Session, attending_ids: Sequence[UUID]) -> dict[UUID, tuple[CheckView, ...]]:
    """The look-ups of these attendings, by attending."""
    now = clock.now()
    found: dict[UUID, list[CheckView]] = {}
    for row in session.scalars(
        select(AttendingCheck)
        .where(AttendingCheck.attending_id.in_(list(attending_ids)))
        .order_by(AttendingCheck.what.desc())
    ):
        found.setdefault(row.attending_id, []).append(_check(row, now))
    return {key: tuple(rows) for key, rows in found.items()}


def attendings_to_look_at(session: Session, limit: int = 60) -> tuple[UUID, ...]:
    """Attendings with a finding, no answer, or too old a word; findings first (system session)."""
    now = clock.now()
    rows = session.scalars(select(AttendingCheck).order_by(AttendingCheck.attending_id))
    ranked: dict[UUID, int] = {}
    for row in rows:
        rank = 0 if row.result == "problem" else 1 if row.result in ("failed", "waiting") else 2
        if rank < 2 or stale_since(row, now):
            ranked[row.attending_id] = min(rank, ranked.get(row.attending_id, 9))
    return tuple(sorted(ranked, key=lambda key: (ranked[key], key)))[:limit]


# --- words --------------------------------------------------------------------------------------


def _paper(row: Evidence, file: StoredFile, known: dict[str, Kind], names: Names) -> PaperView:
    kind = known.get(row.kind)
    words, tone = STATE_WORDS[row.state]
    about = names.get(row.site_id or row.attending_id or row.id, "")
    return PaperView(
        id=row.id,
        kind=row.kind,
        label=kind.label if kind else row.kind,
        about=about,
        state=row.state,
        words=words,
        tone=tone,
        number=row.number,
        number_label=(kind.number_label if kind else "") or "Number",
        issued_on=row.issued_on,
        valid_until=row.valid_until,
        ends=_ends(row),
        source=row.source,
        file_name=file.name,
        file_kb=max(1, file.size // 1024),
        by=row.created_by,
        sent_at=row.sent_at,
        decided_at=row.decided_at,
        decided_name=row.decided_name,
        reason=row.reason,
        renew=row.valid_until is not None and row.valid_until <= clock.today("UTC") + RENEW,
    )


def _ends(row: Evidence) -> str:
    if row.valid_until is None:
        return "no end"
    left = (row.valid_until - clock.today("UTC")).days
    if left < 0:
        return f"ended {day(row.valid_until)}"
    if row.state == "accepted" and left <= SOON.days:
        return f"ends {day(row.valid_until)}, in {left} {'day' if left == 1 else 'days'}"
    return f"valid until {day(row.valid_until)}"


def _step(row: VerificationStep, for_admin: bool) -> StepView:
    icon, words = EVENT_WORDS.get(row.event, ("circle", row.event.replace("_", " ")))
    text = words if row.event == "sign_up" else f"{words} {row.what}"
    who = TEAM if row.actor_kind == "admin" and not for_admin else row.actor_name or "Rounds"
    return StepView(icon, who, text, row.reason, row.at)


def _check(row: AttendingCheck, now: datetime) -> CheckView:
    stale = stale_since(row, now) is not None
    result, tone = {
        "clear": ("Clear", "good"),
        "problem": ("Finding", "bad"),
        "failed": ("No answer", "warn"),
        "waiting": ("Not looked up yet", "info"),
    }[row.result]
    if row.result == "clear" and stale:
        result, tone = "Clear, but old", "warn"
    return CheckView(
        what=row.what,
        result=result,
        tone=tone,
        words=row.words,
        source=row.source,
        source_on=row.source_on,
        tried_at=row.tried_at,
        clear_at=row.clear_at,
        stale=stale,
    )
