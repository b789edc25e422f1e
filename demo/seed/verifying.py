"""Evidence of the 14 agencies in every state, and the look-ups of all attendings.

Who shows what: most are approved with papers in date; Waypost's insurance ends in three weeks and
Cedarlane's in five days; Newleaf waits for its second answer; Copperline is watched; Ironpost's
site letters were taken back before it was suspended; Harborlight and Sunrow have something new.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from demo.seed.chance import Ids, fork, instant
from demo.seed.market import Market
from demo.seed.papers import paper
from demo.seed.placing import CLOSED
from demo.seed.rows import Row, Rows
from demo.seed.sources import DATA, AgencySource, agencies
from marketplace.accounts.models import Membership, Person
from marketplace.core import storage
from marketplace.core.storage import StoredFile
from marketplace.listings.models import Affiliation, Attending, Site
from marketplace.tenants.models import Agency
from marketplace.verification import attendings, kinds, operations, standing
from marketplace.verification.kinds import Kind
from marketplace.verification.models import AttendingCheck, Evidence, VerificationStep
from marketplace.verification.sources import WHAT, FileSource

Steps = tuple[tuple[str, int, str], ...]
"""(event, days after the upload, reason)."""
HOLDS = "Name, number and dates match what the register says."
TARGETS = {
    "upload": "draft",
    "send": "sent",
    "accept": "accepted",
    "ask_revision": "revision",
    "reject": "rejected",
    "revoke": "rejected",
    "expire": "expired",
    "replace": "replaced",
    "remove": "removed",
    "approve": "verified",
    "limit": "limited",
    "suspend": "suspended",
}
ENDS_SOON = {"waypost-global-health": 20, "cedarlane-scholars": 5}
LIMITED = "Trainees report mostly watching where the listings promise hands-on work."
SUSPENDED = "Three rotations turned out not to exist: the hospitals do not know of them."
PAGE_MISSING = (
    "The insurance certificate has 3 pages and page 2 is missing. Please send all three."
    " Everything else holds."
)


@dataclass
class Clerk:
    """Writes papers and their history."""

    rows: Rows
    ids: Ids
    admin: Person
    now: datetime
    labels: dict[str, Kind]

    def file(self, agency: Row, title: str) -> UUID:
        """A stored file of an agency."""
        key = self.ids.uuid()
        storage.put(
            self.rows.session,
            paper(title, (str(agency["name"]),)),
            name=f"{title.lower().replace(' ', '-')}.pdf",
            media_type="application/pdf",
            agency_id=agency["id"],
            key=key,
        )
        self.rows.session.execute(
            update(StoredFile).where(StoredFile.id == key).values(created_at=self.now)
        )
        return key

    def paper(
        self,
        agency: Row,
        owner: str,
        kind: str,
        *,
        on: date,
        until: date | None,
        then: Steps,
        file: UUID | None = None,
        **subject: UUID,
    ) -> Row:
        """One paper and its steps: (event, days after `on`, reason)."""
        label = self.labels[kind].label
        at = instant(on, 9, 14)
        row: Row = {
            "id": self.ids.uuid(),
            "agency_id": agency["id"],
            "kind": kind,
            "site_id": None,
            "attending_id": None,
            "state": "draft",
            "source": "Sent by the agency",
            "number": f"DEMO-{self.ids.reference()[-4:]}" if kind != "site-letter" else "",
            "issued_on": on - timedelta(days=30),
            "valid_until": until,
            "file_id": file or self.file(agency, label),
            "created_at": at,
            "created_by": owner,
            "sent_at": None,
            "decided_at": None,
            "decided_by": None,
            "decided_name": "",
            "reason": "",
            "warned_days": None,
        } | subject
        self.rows.add(Evidence, row)
        self.step(agency, row, label, "upload", "", owner, at)
        for event, days, reason in then:
            moment = min(at + timedelta(days=days, minutes=len(event)), self.now)
            self._follow(row, event, moment, reason)
            by = owner if event in ("send", "remove") else self.admin.name
            self.step(
                agency, row, label, event, reason, "Rounds" if event == "expire" else by, moment
            )
        return row

    def _follow(self, row: Row, event: str, at: datetime, reason: str) -> None:
        if event == "send":
            row["sent_at"] = at
        if event in ("accept", "ask_revision", "reject", "revoke"):
            row["decided_at"], row["decided_by"] = at, self.admin.id
            row["decided_name"], row["reason"] = self.admin.name, reason

    def step(  # noqa: PLR0917
        self,
        agency: Row,
        row: Row | None,
        what: str,
        event: str,
        reason: str,
        by: str,
        at: datetime,
    ) -> None:
        """One line of history; of the agency itself when there is no paper."""
        standing_row = agency if row is None else row
        source = "" if event == "upload" else str(standing_row["state"])
        standing_row["state"] = TARGETS[event]
        kind = {"Rounds": "system", self.admin.name: "admin"}.get(by, "agency")
        self.rows.add(
            VerificationStep,
            {
                "id": self.ids.uuid(),
                "agency_id": agency["id"],
                "evidence_id": row["id"] if row else None,
                "what": what,
                "event": event,
                "source": source,
                "target": TARGETS[event],
                "actor_kind": kind,
                "actor_id": self.admin.id if kind == "admin" else None,
                "actor_name": by,
                "reason": reason,
                "at": at,
            },
        )


def build(rows: Rows, ids: Ids, market: Market, now: datetime) -> None:
    """Write evidence, history, standing and look-ups. Agencies, people and sites are written."""
    session = rows.session
    admin = session.scalars(select(Person).where(Person.is_admin)).one()
    clerk = Clerk(rows, ids, admin, now, kinds.kinds())
    for source in agencies():
        _agency(clerk, market, source)
    _look_ups(rows, market)
    rows.write()
    for source in agencies():
        _close_the_books(session, market, source)


def _agency(clerk: Clerk, market: Market, source: AgencySource) -> None:
    agency = market.agencies[source.slug]
    owner = _owner(clerk.rows.session, agency)
    joined = agency["created_at"].date()
    final = str(agency["state"])
    agency["state"] = "new"
    if source.state == "new":
        _waiting(clerk, agency, owner, market.anchor)
        return
    _required(clerk, market, source, owner, joined)
    clerk.step(agency, None, source.name, "approve", HOLDS, clerk.admin.name, _approved_at(joined))
    _letters(clerk, market, source, owner, joined)
    _more(clerk, market, source, owner)
    for event, reason in (("limit", LIMITED), ("suspend", SUSPENDED)):
        if final == TARGETS[event]:
            at = instant(market.anchor - timedelta(days=25), 16, 2)
            clerk.step(agency, None, source.name, event, reason, clerk.admin.name, at)


def _owner(session: Session, agency: Row) -> str:
    found = session.scalar(
        select(Membership.person_name).where(
            Membership.agency_id == agency["id"], Membership.role == "owner"
        )
    )
    return str(found)


def _approved_at(joined: date) -> datetime:
    return instant(joined + timedelta(days=6), 15)


def _required(clerk: Clerk, market: Market, source: AgencySource, owner: str, joined: date) -> None:
    random, anchor = fork("papers", source.slug), market.anchor
    agency = market.agencies[source.slug]
    accepted = (("send", 0, ""), ("accept", 5, HOLDS))
    long = anchor + timedelta(days=random.randint(420, 700))
    clerk.paper(agency, owner, "registration", on=joined, until=long, then=accepted)
    old = anchor - timedelta(days=60)
    if joined < old - timedelta(days=200):  # last year's certificate, and the one that followed
        replaced = (*accepted, ("replace", (old - joined).days + 3, ""))
        clerk.paper(agency, owner, "insurance", on=joined, until=old, then=replaced)
    until = anchor + timedelta(days=random.randint(150, 330))
    if source.slug in ENDS_SOON:
        until = clerk.now.date() + timedelta(days=ENDS_SOON[source.slug])
    clerk.paper(agency, owner, "insurance", on=old, until=until, then=accepted)
    if random.random() < 0.5:
        clerk.paper(agency, owner, "tax-number", on=joined, until=None, then=accepted)


def _letters(clerk: Clerk, market: Market, source: AgencySource, owner: str, joined: date) -> None:
    """Every hospital's letter; an agency's letters share one file to keep the demo small."""
    agency = market.agencies[source.slug]
    hospitals = [
        row for key, row in market.sites.items() if key[0] == source.slug and row["letter_until"]
    ]
    if not hospitals:
        return
    file = clerk.file(agency, "Site letter")
    for number, row in enumerate(hospitals):
        then: Steps = (
            ("send", 0, ""),
            ("accept", 4, "Letterhead and signer match the hospital's site."),
        )
        if source.state == "suspended" and number < 3:
            then = (*then, ("revoke", 700, SUSPENDED))
        clerk.paper(
            agency,
            owner,
            "site-letter",
            on=max(joined, market.anchor - timedelta(days=330)),
            until=row["letter_until"],
            then=then,
            file=file,
            site_id=row["id"],
        )


def _more(clerk: Clerk, market: Market, source: AgencySource, owner: str) -> None:
    """What makes every state visible."""
    agency, anchor = market.agencies[source.slug], market.anchor
    recently = clerk.now.date() - timedelta(days=2)
    then: Steps
    match source.slug:
        case "harborlight-rotations":
            doctor = _doctor(clerk, agency)
            until = anchor + timedelta(days=500)
            clerk.paper(
                *(agency, owner, "license-copy"),
                on=recently,
                until=until,
                then=(("send", 1, ""),),
                attending_id=doctor,
            )
        case "sunrow-telehealth-teaching":
            until = anchor + timedelta(days=600)
            clerk.paper(agency, owner, "insurance", on=recently, until=until, then=())
        case "copperline-medical-placements":
            why = "The name on this letter is of another company."
            then = (("send", 0, ""), ("reject", 2, why))
            clerk.paper(agency, owner, "tax-number", on=recently, until=None, then=then)
        case "greyharbor-gateway":
            ended = anchor - timedelta(days=12)
            then = (("send", 0, ""), ("accept", 2, HOLDS), ("expire", 348, ""))
            clerk.paper(
                *(agency, owner, "license-copy"),
                on=ended - timedelta(days=347),
                until=ended,
                then=then,
                attending_id=_doctor(clerk, agency),
            )
        case "bluefern-clinical":
            then = (("remove", 0, ""),)
            clerk.paper(agency, owner, "tax-number", on=recently, until=None, then=then)


def _doctor(clerk: Clerk, agency: Row) -> UUID:
    found = clerk.rows.session.scalars(
        select(Affiliation.attending_id)
        .where(Affiliation.agency_id == agency["id"])
        .order_by(Affiliation.attending_id)
    ).first()
    assert found is not None
    return found


def _waiting(clerk: Clerk, agency: Row, owner: str, anchor: date) -> None:
    """Newleaf: one paper holds, one was asked for again and was sent anew."""
    first = anchor - timedelta(days=6)
    then = (("send", 0, ""), ("accept", 2, operations.HOLDS))
    until = anchor + timedelta(days=400)
    clerk.paper(agency, owner, "registration", on=first, until=until, then=then)
    cover = anchor + timedelta(days=220)
    back = (("send", 0, ""), ("ask_revision", 2, PAGE_MISSING), ("replace", 4, ""))
    clerk.paper(agency, owner, "insurance", on=first, until=cover, then=back)
    again = (("send", 0, ""),)
    since = clerk.now.date() - timedelta(days=1)
    clerk.paper(agency, owner, "insurance", on=since, until=cover, then=again)


def _close_the_books(session: Session, market: Market, source: AgencySource) -> None:
    """Standing and letters, as the product itself derives them from the papers."""
    agency = market.agencies[source.slug]
    open_now = source.state not in CLOSED
    approved = source.state != "new"
    session.execute(
        update(Agency)
        .where(Agency.id == agency["id"])
        .values(
            state=source.state,
            is_public=open_now,
            approved_at=_approved_at(agency["created_at"].date()) if approved else None,
            verified_until=standing.last_day(session, agency["id"]),
        )
    )
    gone = select(Evidence.site_id).where(
        Evidence.agency_id == agency["id"], Evidence.state == "rejected"
    )
    session.execute(update(Site).where(Site.id.in_(gone)).values(letter_until=None))


def _look_ups(rows: Rows, market: Market) -> None:
    """What the demo's lists say about every attending, looked up some weeks ago."""
    lists = FileSource(DATA / "verify_sources")
    ago = {"registry": 40, "license": 40, "exclusion": 10}
    for doctor in market.attendings.values():
        mine: dict[str, AttendingCheck] = {}
        for what in WHAT:
            found = lists.look_up(what, str(doctor["npi"]), market.anchor)
            at = instant(market.anchor - timedelta(days=ago[what]))
            row: Row = {
                "attending_id": doctor["id"],
                "what": what,
                "npi": doctor["npi"],
                "result": found.result,
                "source": found.source,
                "source_on": at.date(),
                "words": found.words,
                "tried_at": at,
                "clear_at": at if found.result == "clear" else None,
                "valid_until": found.valid_until,
                "next_at": at + attendings.AGAIN[what],
            }
            if found.result == "failed":  # it was clear once, and the source has been silent since
                row |= {
                    "result": "clear",
                    "words": "Active when last seen",
                    "clear_at": instant(market.anchor - timedelta(days=130)),
                    "next_at": at + timedelta(days=90),
                }
            rows.add(AttendingCheck, row)
            mine[what] = AttendingCheck(**row)
        facts = attendings.facts(doctor["id"], mine)
        rows.session.execute(
            update(Attending)
            .where(Attending.id == doctor["id"])
            .values(
                npi_checked_at=facts.npi_checked_at,
                license_checked_at=facts.license_checked_at,
                exclusion_checked_at=facts.exclusion_checked_at,
                verified_until=facts.verified_until,
                excluded_at=mine["exclusion"].tried_at if facts.excluded else None,
                checks=facts.checks,
            )
        )
