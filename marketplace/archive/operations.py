"""An owner's export: asked for, claimed, written, kept for some days, fetched, gone."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.permissions import require
from marketplace.archive.models import UNDER_WAY, AgencyExport
from marketplace.core import audit, clock, context, outbox, storage
from marketplace.core.context import Actor
from marketplace.core.errors import Conflict, Gone, Invalid, NotFound
from marketplace.core.storage import Sealed, StoredFile
from marketplace.notifications import of_agency
from marketplace.tenants.models import Agency

MAY = "agency.export"
TOPIC = "archive.write"
KEPT = timedelta(days=7)
SECONDS = 1800  # for writing one
REASON_LENGTH = 300
GONE = "This archive was kept for 7 days and is gone. Ask for a new one; nothing else is lost."


def ask(session: Session, actor: Actor, reason: str) -> AgencyExport:
    """Have an archive of the actor's agency written. The caller has asked for the password.

    Raises Forbidden for everybody but owners, Invalid (field `reason`), Conflict while another one
    is written.
    """
    require(actor, MAY)
    assert actor.agency_id is not None and actor.person_id is not None
    if not reason:
        raise Invalid({"reason": "Write why, in a few words. It stands in your audit log."})
    session.scalars(select(Agency.id).where(Agency.id == actor.agency_id).with_for_update()).one()
    if any(one.state in UNDER_WAY for one in exports(session, actor.agency_id)):
        raise Conflict("An archive is being written already. It appears below when it is ready.")
    found = AgencyExport(
        agency_id=actor.agency_id, asked_by=actor.person_id, asked_name=actor.name, reason=reason
    )
    session.add(found)
    session.flush()
    payload = {"export_id": str(found.id)}
    outbox.enqueue(session, TOPIC, payload, scope=context.system("write an archive"))
    audit.record(session, actor, "agency.export_ask", f"export:{found.id}", reason=reason)
    return found


def exports(session: Session, agency_id: UUID) -> list[AgencyExport]:
    """The exports of an agency, the newest first."""
    asked = select(AgencyExport).where(AgencyExport.agency_id == agency_id)
    return list(session.scalars(asked.order_by(AgencyExport.id.desc()).limit(20)))


def fetch(session: Session, actor: Actor, export_id: UUID) -> tuple[AgencyExport, Sealed]:
    """The file of an export, for the owner, written down. Raises Forbidden, NotFound for a foreign
    or missing one, Conflict before it is ready, Gone when its time is over."""
    require(actor, MAY)
    found = session.scalars(
        select(AgencyExport).where(AgencyExport.id == export_id).with_for_update()
    ).one_or_none()
    if found is None or found.agency_id != actor.agency_id:
        raise NotFound
    if found.state in (*UNDER_WAY, "failed"):
        raise Conflict("This archive is not ready yet. Wait for our e-mail, or look again.")
    if found.file_id is None or found.expires_at is None or found.expires_at <= clock.now():
        raise Gone(GONE, "expired")
    found.downloads += 1
    audit.record(session, actor, "agency.export_fetch", f"export:{found.id}", size=found.size)
    return found, storage.sealed(session.get_one(StoredFile, found.file_id))


# --- the job's steps (system sessions) ----------------------------------------------------------


def claim(session: Session, export_id: UUID) -> UUID | None:
    """Take an export to write it; answers its agency, or None when there is nothing to do: it is
    done, or another job has it."""
    found = _locked(session, export_id)
    moment = clock.wall()
    if found is None or found.state not in (*UNDER_WAY, "failed"):
        return None
    if found.claimed_until is not None and found.claimed_until > moment:
        return None
    found.state, found.error, found.done = "running", "", 0
    found.claimed_until = moment + timedelta(seconds=SECONDS + 10)
    return found.agency_id


def progress(session: Session, export_id: UUID, done: int, total: int) -> None:
    """Write down how far it is."""
    found = _locked(session, export_id)
    if found is not None and found.state == "running":
        found.done, found.total = done, total


def finish(session: Session, export_id: UUID, written: Sealed) -> bool:
    """The archive is there: keep it, start its days, tell the owners. False when the export is
    not waited for any more."""
    found = _locked(session, export_id)
    if found is None or found.state != "running":
        return False
    slug = session.get_one(Agency, found.agency_id).slug
    storage.keep(
        session,
        written,
        name=f"{slug}.zip",
        media_type="application/zip",
        agency_id=found.agency_id,
    )
    found.state, found.file_id, found.claimed_until = "ready", written.key, None
    found.size, found.sha256, found.done = written.size, written.sha256, found.total
    found.ready_at = clock.now()
    found.expires_at = found.ready_at + KEPT
    audit.record(
        session,
        context.SYSTEM,
        "agency.export_ready",
        f"export:{found.id}",
        agency_id=found.agency_id,
        size=found.size,
        sha256=found.sha256,
    )
    of_agency.enqueue(
        session,
        "export_ready",
        found.agency_id,
        variant="",
        once=str(found.id),
        size=words_of(found.size),
        until=f"{found.expires_at:%B} {found.expires_at.day}, {found.expires_at.year}",
    )
    return True


def fail(session: Session, export_id: UUID) -> None:
    """It did not work; the next try starts anew."""
    found = _locked(session, export_id)
    if found is not None and found.state == "running":
        found.state, found.claimed_until = "failed", None
        found.error = "Writing the archive did not work. We try again by ourselves."


def expire(session: Session) -> list[UUID]:
    """End what was kept long enough; answers the files whose content is to be erased after this
    transaction."""
    due = session.scalars(
        select(AgencyExport)
        .where(AgencyExport.state == "ready", AgencyExport.expires_at <= clock.now())
        .order_by(AgencyExport.id)
        .with_for_update()
    ).all()
    gone = []
    for found in due:
        assert found.file_id is not None
        gone.append(found.file_id)
        found.state, found.file_id = "expired", None
    session.flush()  # nothing names the files any more
    for key in gone:
        storage.forget(session, key)
    return gone


def _locked(session: Session, export_id: UUID) -> AgencyExport | None:
    asked = select(AgencyExport).where(AgencyExport.id == export_id).with_for_update()
    return session.scalars(asked).one_or_none()


def words_of(size: int) -> str:
    """Bytes in words, in units of 1,000."""
    for unit, step in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= step:
            return f"{size / step:.1f} {unit}"
    return f"{size} bytes"
