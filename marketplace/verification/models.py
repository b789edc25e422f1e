"""Evidence about agencies, sites and attendings, what was decided on it, and look-ups by NPI.

Sites and affiliations live above this package; the keys to their tables go by name.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core import clock
from marketplace.core.db import Base, Keyed, Owned
from marketplace.verification.states import STATES

SUBJECTS = ("agency", "site", "attending")
EXPIRY = ("required", "optional", "none")


class Evidence(Keyed, Base):
    """One paper of an agency about itself, a site or an attending. `state` moves by states.py.

    `valid_until` is its last day (UTC); None means that it does not end. `source` says where it
    comes from. `reason` is what the agency reads.
    """

    __tablename__ = "evidence"
    __owned__ = Owned(agency="agency_id")
    __table_args__ = (
        UniqueConstraint("agency_id", "id"),
        ForeignKeyConstraint(["agency_id", "site_id"], ["site.agency_id", "site.id"]),
        ForeignKeyConstraint(
            ["agency_id", "attending_id"], ["affiliation.agency_id", "affiliation.attending_id"]
        ),
        CheckConstraint(f"state IN {STATES}", name="state"),
        CheckConstraint("site_id IS NULL OR attending_id IS NULL", name="one_subject"),
        Index("ix_evidence_due", "state", "valid_until"),
        Index("ix_evidence_agency_state", "agency_id", "state"),
    )

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"))
    kind: Mapped[str]
    site_id: Mapped[UUID | None]
    attending_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(default="draft")
    source: Mapped[str] = mapped_column(default="Sent by the agency")
    number: Mapped[str] = mapped_column(default="")
    issued_on: Mapped[date | None]
    valid_until: Mapped[date | None]
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    created_by: Mapped[str] = mapped_column(default="")
    sent_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    decided_name: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    warned_days: Mapped[int | None]  # the last warning before the end: 30, then 7


class VerificationStep(Keyed, Base):
    """History, append-only: each step of a piece of evidence, or of the agency (no evidence)."""

    __tablename__ = "verification_step"
    __owned__ = Owned(agency="agency_id", agency_writes=False, append=True)
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "evidence_id"], ["evidence.agency_id", "evidence.id"]),
    )

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"), index=True)
    evidence_id: Mapped[UUID | None] = mapped_column(index=True)
    what: Mapped[str]  # the paper's label then, or the agency's name
    event: Mapped[str]
    source: Mapped[str]
    target: Mapped[str]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(default=clock.now)


class AttendingCheck(Base):
    """The latest look-up of one attending in one kind of source, and the last one that was clear.

    Public by nature: what was checked, against what and when, is shown before payment.
    """

    __tablename__ = "attending_check"
    __owned__ = Owned(people=("attending_id",), public="*", agency_reads_public=True)
    __table_args__ = (Index("ix_attending_check_next", "next_at"),)

    attending_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    what: Mapped[str] = mapped_column(primary_key=True)  # registry, license, exclusion
    npi: Mapped[str]
    result: Mapped[str] = mapped_column(default="waiting")  # clear, problem, failed, waiting
    source: Mapped[str] = mapped_column(default="")
    source_on: Mapped[date | None]  # the day of the list that was read
    words: Mapped[str] = mapped_column(default="")
    tried_at: Mapped[datetime | None]
    clear_at: Mapped[datetime | None]  # the last look-up without a finding
    valid_until: Mapped[date | None]  # the license's last day
    next_at: Mapped[datetime] = mapped_column(default=clock.now)
