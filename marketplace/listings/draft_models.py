"""What a listing will be, what it was, and what was asked about it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core import clock
from marketplace.core.db import Base, Keyed, Owned


def _of_rotation() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["agency_id", "rotation_id"], ["rotation.agency_id", "rotation.id"])


class ListingDraft(Base):
    """Changes of a listing that was live once, until they are published.

    `values` holds only the columns that differ, as JSON; `prices` maps weeks to cents when they
    differ. A listing that never was live is its own draft and has no such row.
    """

    __tablename__ = "listing_draft"
    __owned__ = Owned(agency="agency_id")
    __table_args__ = (_of_rotation(),)

    rotation_id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(index=True)
    version: Mapped[int]
    signed_version: Mapped[int | None]
    values: Mapped[dict[str, Any]] = mapped_column(default=dict)
    prices: Mapped[dict[str, Any] | None]
    saved_by: Mapped[str] = mapped_column(default="")
    saved_at: Mapped[datetime] = mapped_column(default=clock.now)


class ListingVersion(Keyed, Base):
    """What was published as one version: every fact that candidates can read."""

    __tablename__ = "listing_version"
    __owned__ = Owned(agency="agency_id")
    __table_args__ = (_of_rotation(), UniqueConstraint("rotation_id", "version"))

    rotation_id: Mapped[UUID]
    agency_id: Mapped[UUID] = mapped_column(index=True)
    version: Mapped[int]
    facts: Mapped[dict[str, Any]]
    published_by: Mapped[str] = mapped_column(default="")
    published_at: Mapped[datetime] = mapped_column(default=clock.now)


class WiderRequest(Keyed, Base):
    """An agency asks to take people whom the type does not take by default; the platform decides.

    `wanted` is what the decision is about: the type, who is accepted and the stated basis.
    """

    __tablename__ = "wider_request"
    __owned__ = Owned(agency="agency_id")
    __table_args__ = (
        _of_rotation(),
        CheckConstraint("state IN ('open', 'approved', 'declined')", name="state"),
    )

    rotation_id: Mapped[UUID]
    agency_id: Mapped[UUID] = mapped_column(index=True)
    wanted: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(default="open")
    note: Mapped[str] = mapped_column(default="")
    asked_by: Mapped[str] = mapped_column(default="")
    asked_at: Mapped[datetime] = mapped_column(default=clock.now)
    decided_by: Mapped[str] = mapped_column(default="")
    decided_at: Mapped[datetime | None]


class Blackout(Keyed, Base):
    """Days on which an agency starts nobody: everywhere, at one site or with one attending."""

    __tablename__ = "blackout"
    __owned__ = Owned(agency="agency_id")
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "site_id"], ["site.agency_id", "site.id"]),
        ForeignKeyConstraint(
            ["agency_id", "attending_id"], ["affiliation.agency_id", "affiliation.attending_id"]
        ),
        CheckConstraint("first_day <= last_day", name="days"),
    )

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"), index=True)
    site_id: Mapped[UUID | None]
    attending_id: Mapped[UUID | None]
    first_day: Mapped[date]
    last_day: Mapped[date]
    reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
