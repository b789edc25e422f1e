"""Looking attendings up: who is watched, what was found, and what follows from it.

A look-up that fails changes no fact: what was found before holds until it is too old, and pages
say since when nothing was heard. A finding counts at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core import audit, clock, context, outbox
from marketplace.core.context import SYSTEM, Actor
from marketplace.core.errors import Invalid, NotFound
from marketplace.core.events import publish
from marketplace.verification.events import AttendingChecked
from marketplace.verification.models import AttendingCheck
from marketplace.verification.operations import require_admin
from marketplace.verification.sources import WHAT, Found

TOPIC = "verification.check_attending"
GOOD_FOR = timedelta(days=365)  # a clear look-up counts so long, and never past the license
AGAIN: Mapping[str, timedelta] = {
    "registry": timedelta(days=90),
    "license": timedelta(days=90),
    "exclusion": timedelta(days=30),  # the list is published monthly
}
STALE: Mapping[str, timedelta] = {what: gap + timedelta(days=15) for what, gap in AGAIN.items()}
AFTER_FAILURE = timedelta(hours=6)


@dataclass(frozen=True)
class Watched:
    """An attending whose look-ups are due."""

    attending_id: UUID
    npi: str


def watch(session: Session, attending_id: UUID, npi: str) -> bool:
    """Begin to look an attending up (system session); False when that is so already. The first
    look-up follows as soon as the transaction is committed."""
    rows = _rows(session, attending_id)
    if {row.npi for row in rows.values()} == {npi} and len(rows) == len(WHAT):
        return False
    for what in WHAT:
        row = rows.get(what)
        if row is None:
            session.add(AttendingCheck(attending_id=attending_id, what=what, npi=npi))
        elif row.npi != npi:
            row.npi, row.result, row.next_at = npi, "waiting", clock.now()
            row.clear_at, row.valid_until, row.words = None, None, ""
    session.flush()
    _ask(session, attending_id)
    return True


def check_again(session: Session, actor: Actor, attending_id: UUID) -> None:
    """Look an attending up now, because a platform admin asks. NotFound when nobody watches."""
    require_admin(actor)
    if not _rows(session, attending_id):
        raise NotFound
    _ask(session, attending_id)
    audit.record(session, actor, "attending.check_again", f"attending:{attending_id}")


def due(session: Session, limit: int = 50) -> list[Watched]:
    """Whose look-ups are due, the longest overdue first (system session)."""
    rows = session.execute(
        select(AttendingCheck.attending_id, AttendingCheck.npi)
        .where(AttendingCheck.next_at <= clock.now())
        .order_by(AttendingCheck.next_at, AttendingCheck.attending_id)
        .limit(limit * len(WHAT))
    )
    return [Watched(*key) for key in dict.fromkeys((row[0], row[1]) for row in rows)][:limit]


def record(session: Session, attending_id: UUID, npi: str, found: Sequence[Found]) -> None:
    """Write what the sources said (system session) and tell what holds now."""
    rows = _rows(session, attending_id, lock=True)
    for one in found:
        row = rows.get(one.what)
        if row is None or row.npi != npi:
            continue  # the number was corrected meanwhile; its own look-up follows
        _write(session, row, one)
    session.flush()
    if any(one.result != "failed" for one in found):
        publish(session, facts(attending_id, rows))


def record_by_hand(session: Session, actor: Actor, attending_id: UUID, found: Found) -> None:
    """A platform admin looked it up at the source's own page. NotFound when nobody watches;
    Invalid without words, or without the last day of a license."""
    require_admin(actor)
    rows = _rows(session, attending_id, lock=True)
    if found.what not in rows:
        raise NotFound
    errors = {}
    if len(found.words.strip()) < 3:
        errors["words"] = "Write what you found, and where."
    if found.what == "license" and found.result == "clear" and found.valid_until is None:
        errors["valid_until"] = "Give the last day of the license."
    if errors:
        raise Invalid(errors)
    _write(session, rows[found.what], found)
    session.flush()
    audit.record(
        session,
        actor,
        "attending.checked_by_hand",
        f"attending:{attending_id}",
        what=found.what,
        result=found.result,
        words=found.words,
    )
    publish(session, facts(attending_id, rows))


def facts(attending_id: UUID, rows: Mapping[str, AttendingCheck]) -> AttendingChecked:
    """What holds for an attending by these rows."""
    clear = {what: rows[what].clear_at for what in rows}
    bad = [what for what, row in rows.items() if row.result == "problem"]
    return AttendingChecked(
        attending_id=attending_id,
        npi_checked_at=clear.get("registry"),
        license_checked_at=clear.get("license"),
        exclusion_checked_at=clear.get("exclusion"),
        verified_until=None if bad else _until(rows),
        excluded="exclusion" in bad,
        checks={what: _line(row) for what, row in rows.items()},
    )


def stale_since(row: AttendingCheck, now: datetime) -> datetime | None:
    """Since when a source has told nothing new, when that is too long ago."""
    if row.clear_at is None or row.clear_at + STALE[row.what] > now:
        return None
    return row.clear_at


def _write(session: Session, row: AttendingCheck, found: Found) -> None:
    now, before = clock.now(), row.result
    row.tried_at = now
    if found.result == "failed":
        row.next_at = now + AFTER_FAILURE
        if row.result == "waiting":
            row.result = "failed"
        row.words = row.words or found.words
        row.source = row.source or found.source
    else:
        row.result, row.words, row.source = found.result, found.words, found.source
        row.source_on, row.valid_until = found.source_on, found.valid_until
        row.next_at = now + AGAIN[row.what]
        row.clear_at = now if found.result == "clear" else None
    if before not in (row.result, "waiting"):
        audit.record(
            session,
            SYSTEM,
            f"attending.{row.what}_{row.result}",
            f"attending:{row.attending_id}",
            words=row.words,
        )


def _until(rows: Mapping[str, AttendingCheck]) -> date | None:
    """The last day on which every look-up still counts; None when one is missing."""
    clear = [row.clear_at for row in rows.values()]
    if len(rows) < len(WHAT) or None in clear:
        return None
    days = [(at + GOOD_FOR).date() for at in clear if at]
    days += [row.valid_until for row in rows.values() if row.valid_until]
    return min(days)


def _line(row: AttendingCheck) -> dict[str, str]:
    """One look-up as pages show it, kept with the attending so that showing it costs nothing."""
    return {
        "result": row.result,
        "words": row.words,
        "source": row.source,
        "list": row.source_on.isoformat() if row.source_on else "",
        "on": row.clear_at.date().isoformat() if row.clear_at else "",
        "tried": row.tried_at.date().isoformat() if row.tried_at else "",
    }


def _rows(session: Session, attending_id: UUID, *, lock: bool = False) -> dict[str, AttendingCheck]:
    wanted = select(AttendingCheck).where(AttendingCheck.attending_id == attending_id)
    if lock:
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(wanted.order_by(AttendingCheck.what))
    return {row.what: row for row in found}


def _ask(session: Session, attending_id: UUID) -> None:
    outbox.enqueue(
        session,
        TOPIC,
        {"attending_id": str(attending_id)},
        scope=context.system("look up an attending"),
    )
