"""The verbs of an import: check a file, import it, take it back.

An import is written by the worker in one transaction that also says it is done: killed at any
point it has written nothing, and begins again. The world is asked anew then, so nothing rests on
the dry run.
"""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.models import Membership
from marketplace.accounts.permissions import may, require
from marketplace.core import audit, clock, context, outbox, progress, spreadsheets, storage
from marketplace.core.context import Actor, Scope
from marketplace.core.errors import Conflict, Gone, NotFound
from marketplace.core.spreadsheets import Line
from marketplace.imports import planning
from marketplace.imports.catalog import kind_of
from marketplace.imports.journal import entries_of, following
from marketplace.imports.keeping import NO_UNDO, file_of
from marketplace.imports.kinds import Desk, Kind
from marketplace.imports.models import CsvImport
from marketplace.imports.planning import Fault, Plan
from marketplace.imports.undoing import MOST_REASONS, Undo
from marketplace.tenants.models import Agency

CSV = "text/csv"
SHOWN_FAULTS = 500
SHOWN_CHANGES = 100


def scope_of(kind: Kind, agency_id: UUID) -> Scope:
    """The scope that a kind of file is read and written in."""
    if kind.platform_wide:
        return context.system(f"import {kind.slug}")
    return context.agency(agency_id)


# --- the dry run --------------------------------------------------------------------------------


def check(session: Session, kind: Kind, desk: Desk, content: bytes) -> Plan:
    """What a file would do (a session that only reads, in `scope_of` the kind).

    Raises `Invalid` (field `csv`) for a file that cannot be read or has other columns.
    """
    require(desk.actor, "listings.import")
    return planning.plan(kind, session, desk, planning.read(kind, content))


def keep(
    session: Session, kind: Kind, desk: Desk, content: bytes, *, name: str, found: Plan
) -> CsvImport:
    """Keep a checked file, with what the dry run said."""
    actor, agency_id = desk.actor, desk.agency_id
    require(actor, "listings.import")
    row = CsvImport(
        agency_id=agency_id,
        kind=kind.slug,
        state="faulty" if found.faults else "checked",
        file_id=storage.put(
            session,
            content,
            name=name,
            media_type=CSV,
            agency_id=agency_id,
            person_id=actor.person_id,
        ),
        file_name=name,
        by_person=actor.person_id,
        by_name=actor.name,
    )
    _say(row, found)
    session.add(row)
    session.flush()
    return row


def _say(row: CsvImport, found: Plan) -> None:
    row.rows, row.unchanged = found.rows, found.unchanged
    row.created, row.updated = found.created, found.updated
    row.bad_rows, row.bad_cells = found.bad_rows, len(found.faults)
    row.faults = [vars(fault) for fault in found.faults[:SHOWN_FAULTS]]
    row.changes = [
        {"line": one.number, "name": one.name[:200], "new": one.new, "columns": list(one.columns)}
        for one in found.changes[:SHOWN_CHANGES]
    ]


# --- importing ----------------------------------------------------------------------------------


def start(session: Session, actor: Actor, import_id: UUID, *, demo: bool) -> CsvImport:
    """Hand a checked file to the worker. Repeating it is harmless; Conflict when it has faults,
    or was imported before, Gone when its days are over."""
    require(actor, "listings.import")
    row = own(session, import_id, lock=True)
    file_of(row)
    if row.state not in ("checked", "queued"):
        raise Conflict("This file cannot be imported any more. Upload it again.", row.state)
    if row.state == "queued" and not is_stuck(row):
        return row
    row.state, row.queued_at = "queued", clock.wall()
    row.by_person, row.by_name = actor.person_id, actor.name
    audit.record(session, actor, "import.started", f"import:{row.id}", kind=row.kind)
    _enqueue(session, "imports.run", row, demo=demo)
    return row


STUCK_SECONDS = 180


def is_stuck(row: CsvImport) -> bool:
    """It waits for so long that somebody may ask for it again."""
    return row.queued_at is None or (clock.wall() - row.queued_at).total_seconds() > STUCK_SECONDS


def _enqueue(session: Session, topic: str, row: CsvImport, **more: object) -> None:
    payload = {"import_id": str(row.id), "agency_id": str(row.agency_id), **more}
    outbox.enqueue(session, topic, payload, scope=scope_of(kind_of(row.kind), row.agency_id))


def own(session: Session, import_id: UUID, *, lock: bool = False) -> CsvImport:
    """An import of this agency; NotFound for any other."""
    wanted = select(CsvImport).where(CsvImport.id == import_id)
    if lock:
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(wanted).one_or_none()
    if found is None:
        raise NotFound
    return found


def run(session: Session, agency_id: UUID, import_id: UUID, *, demo: bool) -> None:
    """Write a queued file, all of it or nothing, in this transaction (the worker).

    What the world says now counts: with a fault nothing is written, and the page says why.
    """
    row = _taken(session, agency_id, import_id)
    if row.state != "queued":
        return
    actor = _worker_for(session, row)
    if actor is None:
        row.state, row.finished_at = "refused", clock.now()
        reason = f"{row.by_name} may not import for your agency any more."
        row.faults, row.bad_rows = [vars(Fault(0, "", "", reason))], 0
        return
    kind, desk = kind_of(row.kind), Desk(agency_id, actor, demo)
    sheet = planning.read(kind, storage.read(session, file_of(row)))
    tell = progress.teller(str(row.id), 2 * len(sheet.lines))
    found = planning.plan(kind, session, desk, sheet, lock=True, tell=tell)
    _say(row, found)
    row.finished_at = clock.now()
    if found.faults:
        row.state = "refused"
        return
    _write(session, row, desk, found, tell)
    tell(2 * found.rows)


def _write(session: Session, row: CsvImport, desk: Desk, found: Plan, tell: planning.Tell) -> None:
    kind = kind_of(row.kind)
    with following(session) as journal:
        planning.write(kind, session, desk, found, lambda done: tell(found.rows + done))
    row.journal_id = storage.put(
        session,
        journal.as_bytes(),
        name=f"journal of {row.file_name}",
        media_type="application/json",
        agency_id=row.agency_id,
    )
    row.state = "done"
    audit.record(
        session,
        desk.actor,
        "import.done",
        f"import:{row.id}",
        agency_id=row.agency_id,
        kind=row.kind,
        file=row.file_name,
        created=row.created,
        updated=row.updated,
    )


def bring_in(
    session: Session, kind: Kind, desk: Desk, content: bytes, *, name: str, dry_run: bool
) -> Plan:
    """Check a file and write it at once, for the command line. With a fault, or where nothing
    differs, nothing is written."""
    if not dry_run:
        session.scalars(
            select(Agency.id).where(Agency.id == desk.agency_id).with_for_update()
        ).one()
    found = planning.plan(kind, session, desk, planning.read(kind, content), lock=not dry_run)
    if dry_run or found.faults or not found.changes:
        return found
    row = keep(session, kind, desk, content, name=name, found=found)
    row.finished_at = clock.now()
    _write(session, row, desk, found, lambda done: None)
    return found


def _taken(session: Session, agency_id: UUID, import_id: UUID) -> CsvImport:
    """The import, after every other one of the agency: they wait for each other."""
    session.scalars(select(Agency.id).where(Agency.id == agency_id).with_for_update()).one()
    row = own(session, import_id, lock=True)
    if row.agency_id != agency_id:
        raise NotFound
    return row


def _worker_for(session: Session, row: CsvImport) -> Actor | None:
    """Who asked, in the role that they have now; None when it does not allow importing."""
    role = session.scalar(
        select(Membership.role).where(
            Membership.agency_id == row.agency_id,
            Membership.person_id == row.by_person,
            Membership.ended_at.is_(None),
        )
    )
    if role is None or not may(role, "listings.import"):
        return None
    return Actor("agency", row.by_person, row.agency_id, row.by_name, role)


# --- taking it back -----------------------------------------------------------------------------


def last_done(session: Session, agency_id: UUID) -> CsvImport | None:
    """The import that may be undone: the latest that is not."""
    return session.scalars(
        select(CsvImport)
        .where(CsvImport.agency_id == agency_id, CsvImport.state.in_(("done", "undoing")))
        .order_by(CsvImport.finished_at.desc(), CsvImport.id.desc())
        .limit(1)
    ).one_or_none()


def start_undo(session: Session, actor: Actor, import_id: UUID) -> CsvImport:
    """Hand the last import to the worker, to be taken back. Repeating it is harmless; Conflict
    for any import but the last, Gone when its days are over."""
    require(actor, "listings.import")
    row = own(session, import_id, lock=True)
    if row.state in ("undoing", "undone"):
        return row
    last = last_done(session, row.agency_id)
    if last is None or last.id != row.id:
        raise Conflict("Only the last import can be undone.", "not_last")
    if row.journal_id is None:
        raise Gone(NO_UNDO, "expired")
    row.state, row.undo_refused, row.undone_by = "undoing", [], actor.name
    audit.record(session, actor, "import.undo_started", f"import:{row.id}", kind=row.kind)
    _enqueue(session, "imports.undo", row, person_id=str(actor.person_id))
    return row


def undo(session: Session, agency_id: UUID, import_id: UUID, person_id: UUID) -> None:
    """Take an import back in this transaction (the worker), or say what is in the way."""
    row = _taken(session, agency_id, import_id)
    if row.state != "undoing":
        return
    assert row.journal_id is not None
    entries = entries_of(storage.read(session, row.journal_id))
    undoing = Undo(session, entries)
    reasons = undoing.reasons()
    if not reasons:
        try:
            undoing.write(progress.teller(str(row.id), len(entries)))
        except Conflict as error:
            reasons = [error.message]
    if reasons:
        row.state, row.undo_refused = "done", reasons[:MOST_REASONS]
        return
    row.state, row.undone_at = "undone", clock.now()
    audit.record(
        session,
        Actor("agency", person_id, agency_id, row.undone_by),
        "import.undone",
        f"import:{row.id}",
        agency_id=agency_id,
        kind=row.kind,
    )


# --- files to take away -------------------------------------------------------------------------


def with_notes(session: Session, row: CsvImport, plan: Plan) -> bytes:
    """The file again with a first column that says what is wrong with each row, to be corrected
    and uploaded: that column is not read."""
    sheet = spreadsheets.read(storage.read(session, file_of(row)), max_rows=planning.MAX_ROWS)
    notes: dict[int, list[str]] = {}
    for fault in plan.faults:
        where = f"{fault.column}: " if fault.column else ""
        notes.setdefault(fault.line, []).append(where + fault.reason)
    names = [name for name in sheet.columns if name != planning.PROBLEM]
    rows = [
        [" ".join(notes.get(line.number, [])), *(line.cells.get(name, "") for name in names)]
        for line in map(_without_quotes, sheet.lines)
    ]
    return spreadsheets.write([[planning.PROBLEM, *names], *rows])


def corrected(kind: Kind, content: bytes, cells: Mapping[tuple[int, str], str]) -> bytes:
    """A file with other texts in some cells, by line and column."""
    sheet = spreadsheets.read(content, max_rows=planning.MAX_ROWS)
    typed = {name for _, name in cells}
    added = [c.name for c in kind.columns if c.name in typed and c.name not in sheet.columns]
    names = [*sheet.columns, *added]
    rows = [
        [cells.get((line.number, name), line.cells.get(name, "")) for name in names]
        for line in map(_without_quotes, sheet.lines)
    ]
    return spreadsheets.write([names, *rows])


def _without_quotes(line: Line) -> Line:
    plain = {name: spreadsheets.plain_cell(text) for name, text in line.cells.items()}
    return replace(line, cells=plain)


def export(session: Session, kind: Kind, agency_id: UUID) -> bytes:
    """Everything of a kind that the agency has, in the columns that an import reads."""
    return planning.sheet_of(kind, kind.export(session, agency_id))
