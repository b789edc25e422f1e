"""Papers, decisions and look-ups for the tests of verification."""

from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from marketplace import invariants
from marketplace.core import clock, context, jobs
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.outbox import OutboxMessage
from marketplace.listings.models import Rotation
from marketplace.tenants.models import Agency
from marketplace.verification import operations, sources
from marketplace.verification.files import checked
from marketplace.verification.models import Evidence
from marketplace.verification.operations import Answer, Paper
from tests import factories

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40
ADMIN = Actor("admin", UUID(int=7), name="Robin Hallowell")
WHY = "Name, number and dates match the register."


def owner(market: factories.Market) -> Actor:
    """The agency's owner at work."""
    return Actor("agency", market.staff["owner"], market.agency_id, "Maren Owner", "owner")


def days(count: int) -> date:
    """So many days from today (UTC)."""
    return clock.today("UTC") + timedelta(days=count)


def upload(
    market: factories.Market, kind: str = "insurance", until: int | None = 200, **more: UUID
) -> UUID:
    """A draft of the agency."""
    valid = days(until) if until is not None else None
    with open_session(context.agency(market.agency_id)) as session:
        paper = Paper(kind, valid_until=valid, **more)
        return operations.upload(session, owner(market), paper, checked(PDF, "paper.pdf")).id


def send(market: factories.Market) -> int:
    """Ask Rounds to look."""
    with open_session(context.agency(market.agency_id)) as session:
        return operations.send(session, owner(market))


def waiting(market: factories.Market) -> frozenset[UUID]:
    """What the admin sees."""
    with open_session(factories.a_system(), readonly=True) as session:
        return frozenset(
            session.scalars(
                select(Evidence.id).where(
                    Evidence.agency_id == market.agency_id, Evidence.state == "sent"
                )
            )
        )


def decide(
    market: factories.Market, event: str = "accept", about: tuple[UUID, ...] = (), why: str = WHY
) -> None:
    """The admin answers what waits."""
    seen = waiting(market)
    with open_session(factories.a_system()) as session:
        answer = Answer(event, why, seen, frozenset(about))
        operations.decide(session, ADMIN, market.agency_id, answer)


def new_agency() -> factories.Market:
    """An agency that has signed up, with a listing that lacks nothing but the approval."""
    market = factories.market()
    with open_session(factories.a_system()) as session:
        agency = session.get_one(Agency, market.agency_id)
        agency.state, agency.is_public = "new", False
        listed = session.get_one(Rotation, market.rotation_id)
        listed.state, listed.public = "draft", False
    return market


def approved(until: int = 200) -> factories.Market:
    """An agency that showed its papers and was approved; its listing is open again."""
    market = new_agency()
    upload(market, "registration", None)
    upload(market, "insurance", until)
    send(market)
    decide(market)
    with open_session(factories.a_system()) as session:
        listed = session.get_one(Rotation, market.rotation_id)
        listed.state, listed.public = "published", True
    return market


def agency_of(market: factories.Market) -> Agency:
    """The agency as it is now."""
    with open_session(factories.a_system(), readonly=True) as session:
        return session.get_one(Agency, market.agency_id)


def rotation_of(market: factories.Market) -> Rotation:
    """The listing as it is now."""
    with open_session(factories.a_system(), readonly=True) as session:
        return session.get_one(Rotation, market.rotation_id)


def evidence(key: UUID) -> Evidence:
    """A paper as it is now."""
    with open_session(factories.a_system(), readonly=True) as session:
        return session.get_one(Evidence, key)


def pass_days(count: int) -> None:
    """Time passes, and the sweeps come by."""
    clock.advance(timedelta(days=count))
    jobs.run_tick("verification.expire_due")
    jobs.run_tick("listings.follow_checks")


def work(topic: str) -> int:
    """Do what waits in the outbox for a topic; returns how many rows."""
    with open_session(factories.a_system(), readonly=True) as session:
        rows = session.scalars(
            select(OutboxMessage.id).where(
                OutboxMessage.topic == topic, OutboxMessage.done_at.is_(None)
            )
        ).all()
    for key in rows:
        assert jobs.run_message(str(key)) == "done"
    return len(rows)


def no_violations() -> None:
    """Every invariant of verification and listings holds."""
    with open_session(factories.a_system(), readonly=True) as session:
        found = [line for line in invariants.violations(session) if line.startswith("V")]
    assert found == []


def lists(folder: Path, npi: str, *, status: str = "active", until: str = "2090-01-01") -> Path:
    """A source made of files in which this attending is clear."""
    (folder / "registry.csv").write_text(f"npi,name,state,status\n{npi},Isabel Fuentes,IL,active\n")
    (folder / "licenses.csv").write_text(
        f"npi,state,number,status,expires_on\n{npi},IL,IL-1,{status},{until}\n"
    )
    (folder / "exclusions.csv").write_text("npi,name,excluded_on\n")
    sources.configure(str(folder))
    return folder
