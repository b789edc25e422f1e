"""Exports that an agency's owner asked for."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core import clock
from marketplace.core.db import Base, Keyed, Owned

STATES = ("waiting", "running", "ready", "failed", "expired")
UNDER_WAY = ("waiting", "running")


class AgencyExport(Keyed, Base):
    """One archive: asked for, written by a job, ready for some days, gone.

    `done` of `total` files are written. `claimed_until` (wall clock): a job writes it until then.
    `error` is in words for people.
    """

    __tablename__ = "agency_export"
    __owned__ = Owned(agency="agency_id")
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state"),
        CheckConstraint("(state = 'ready') = (file_id IS NOT NULL)", name="file"),
        Index(
            "uq_agency_export_under_way",
            "agency_id",
            unique=True,
            sqlite_where=text("state IN ('waiting', 'running')"),
            postgresql_where=text("state IN ('waiting', 'running')"),
        ),
        Index("ix_agency_export_expires", "state", "expires_at"),
    )

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"))
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    asked_name: Mapped[str]
    reason: Mapped[str]
    state: Mapped[str] = mapped_column(default="waiting")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    sha256: Mapped[str] = mapped_column(default="")
    file_id: Mapped[UUID | None] = mapped_column(ForeignKey("stored_file.id"))
    error: Mapped[str] = mapped_column(default="")
    downloads: Mapped[int] = mapped_column(default=0)
    claimed_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    ready_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
