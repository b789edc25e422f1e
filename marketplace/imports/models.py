"""One upload of a file: what it is, what the dry run said, and what became of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core import clock
from marketplace.core.db import Base, Keyed, Owned

STATES = ("checked", "faulty", "queued", "done", "refused", "undoing", "undone")


class CsvImport(Keyed, Base):
    """A file of an agency. `kind` names the columns (imports/catalog.py).

    checked or faulty (the dry run) -> queued -> done or refused (the world has moved) -> undoing
    -> undone, or done again with `undo_refused` in words. The file and the journal, by which an
    import is undone, are stored files; both go after some days (imports/keeping.py), and with them
    what was quoted from the file. `faults` and `changes` are for the page, cut to a length that
    can be read; the numbers count all.
    """

    __tablename__ = "csv_import"
    __owned__ = Owned(agency="agency_id")
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state"),
        Index("ix_csv_import_agency", "agency_id", "at"),
    )

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"))
    kind: Mapped[str]
    state: Mapped[str]
    file_id: Mapped[UUID | None] = mapped_column(ForeignKey("stored_file.id"))
    file_name: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(default=clock.now)
    by_person: Mapped[UUID | None]
    by_name: Mapped[str] = mapped_column(default="")
    rows: Mapped[int] = mapped_column(default=0)
    created: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    bad_rows: Mapped[int] = mapped_column(default=0)
    bad_cells: Mapped[int] = mapped_column(default=0)
    faults: Mapped[list[Any]] = mapped_column(default=list)
    changes: Mapped[list[Any]] = mapped_column(default=list)
    queued_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    journal_id: Mapped[UUID | None] = mapped_column(ForeignKey("stored_file.id"))
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str] = mapped_column(default="")
    undo_refused: Mapped[list[Any]] = mapped_column(default=list)
