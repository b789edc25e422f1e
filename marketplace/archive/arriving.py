"""In: an archive into an installation without agencies, everything or nothing."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from marketplace.archive import container, tables
from marketplace.archive.container import Archive
from marketplace.core import audit, storage
from marketplace.core.context import Actor
from marketplace.core.db import Base
from marketplace.core.storage import StoredFile
from marketplace.tenants.models import Agency

Row = dict[str, Any]
AT_ONCE = 500  # rows


@dataclass
class Loaded:
    """What an archive brought: the agency's slug, rows by table, files."""

    slug: str = ""
    rows: dict[str, int] = field(default_factory=dict)
    files: list[UUID] = field(default_factory=list)


def load(session: Session, actor: Actor, path: Path) -> Loaded:
    """Write an archive into this installation (system session): everything or nothing.

    Raises `Invalid` (field `archive`) for a damaged or hostile archive, and when any agency is
    already here.
    """
    if session.scalar(select(func.count()).select_from(Agency)):
        raise container.refused(
            "An archive goes into an empty installation; this one has agencies."
        )
    loaded = Loaded()
    with container.opened(path) as archive:
        agency_id = _agency_id(archive.manifest)
        _check_names(archive)
        try:
            _write(session, archive, agency_id, loaded)
        except SQLAlchemyError as error:
            _take_back(loaded)
            raise container.refused("The rows of the archive do not fit together.") from error
        except BaseException:
            _take_back(loaded)
            raise
    audit.record(
        session, actor, "agency.load", f"agency:{agency_id}", agency_id=agency_id, slug=loaded.slug
    )
    return loaded


def _take_back(loaded: Loaded) -> None:
    for key in loaded.files:
        storage.erase(key)


def _agency_id(manifest: Mapping[str, Any]) -> UUID:
    try:
        return UUID(manifest["agency"])
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise container.refused("The manifest does not name an agency.") from error


def _check_names(archive: Archive) -> None:
    known = {f"tables/{name}.jsonl" for name in tables.order()}
    strange = {name for name in archive.names if name.startswith("tables/")} - known
    if strange:
        raise container.refused(f"The archive has {min(strange)}, which does not belong in it.")


def _write(session: Session, archive: Archive, agency_id: UUID, loaded: Loaded) -> None:
    if session.get_bind().dialect.name == "sqlite":
        # rows of one table may name each other, whatever their order
        session.execute(text("PRAGMA defer_foreign_keys=ON"))
    for name in tables.order():
        rows = _read(archive, name, agency_id)
        if name == "stored_file":
            loaded.rows[name] = _files(session, archive, rows, loaded)
            continue
        number = 0
        while batch := list(islice(rows, AT_ONCE)):
            if name == "agency":
                loaded.slug = str(batch[0]["slug"])
            session.execute(insert(Base.metadata.tables[name]), batch)
            number += len(batch)
        loaded.rows[name] = number
    if loaded.rows["agency"] != 1:
        raise container.refused("The archive does not hold exactly the agency that it names.")
    session.flush()
    _check_foreign_keys(session)


def _check_foreign_keys(session: Session) -> None:
    """SQLite looks at deferred keys only when the transaction ends: look now."""
    if session.get_bind().dialect.name != "sqlite":
        return
    if session.execute(text("PRAGMA foreign_key_check")).first() is not None:
        raise container.refused("The rows of the archive do not fit together.")


def _read(archive: Archive, name: str, agency_id: UUID) -> Iterator[Row]:
    """The rows of a table, each of them of this agency."""
    table = Base.metadata.tables[name]
    owner = tables.owned().get(name)
    for line in archive.lines(f"tables/{name}.jsonl"):
        try:
            row = tables.from_json(table, json.loads(line))
        except (ValueError, RecursionError) as error:
            raise container.refused(f"tables/{name}.jsonl cannot be used: {error}") from error
        if owner and row[owner] != agency_id:
            raise container.refused(f"tables/{name}.jsonl has a row of another agency.")
        yield row


def _files(session: Session, archive: Archive, rows: Iterator[Row], loaded: Loaded) -> int:
    """Each row with its file. No row without a file, no file without a row."""
    for row in rows:
        member = f"files/{row['id'].hex}"
        if member not in archive.names:
            raise container.refused(f"The archive has no {member}.")
        if storage.exists(row["id"]):
            raise container.refused("A file of the archive is here already.")
        loaded.files.append(row["id"])
        _store(session, row, archive.parts(member))
    named = {name for name in archive.names if name.startswith("files/")}
    if named != {f"files/{key.hex}" for key in loaded.files}:
        raise container.refused("The archive has files that do not belong in it.")
    return len(loaded.files)


def _store(session: Session, row: Row, parts: Iterator[bytes]) -> None:
    writer = storage.Writer(row["id"])
    try:
        for part in parts:
            writer.write(part)
        written = writer.close()
    except BaseException:
        writer.discard()
        raise
    if (written.size, written.sha256) != (row["size"], row["sha256"]):
        raise container.refused("A file of the archive is not the one that its row describes.")
    storage.keep(
        session,
        written,
        name=row["name"],
        media_type=row["media_type"],
        agency_id=row["agency_id"],
        person_id=row["person_id"],
    )
    session.execute(
        update(StoredFile).where(StoredFile.id == row["id"]).values(created_at=row["created_at"])
    )
