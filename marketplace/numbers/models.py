"""Numbers of agencies: page views by day, and what a job measured last."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core import clock
from marketplace.core.db import REFERENCE, Base, Owned


class ListingDay(Base):
    """How often a listing's page was opened on a day (UTC). No person is known here."""

    __tablename__ = "listing_day"
    __owned__ = Owned(agency="agency_id", agency_writes=False)
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "rotation_id"], ["rotation.agency_id", "rotation.id"]),
        Index("ix_listing_day_agency", "agency_id", "day"),
    )

    rotation_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    views: Mapped[int] = mapped_column(default=0)


class AgencyNumbers(Base):
    """What an agency's last twelve weeks came to. `measured`: measure -> number or null; `weekly`:
    series -> twelve numbers or nulls, the latest week last (seats filled: the next week first)."""

    __tablename__ = "agency_numbers"
    __owned__ = Owned(agency="agency_id")

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"), primary_key=True)
    measured: Mapped[dict[str, Any]] = mapped_column(default=dict)
    weekly: Mapped[dict[str, Any]] = mapped_column(default=dict)
    last_week: Mapped[date]  # Monday of the latest complete week
    at: Mapped[datetime] = mapped_column(default=clock.now)


class MarketNumbers(Base):
    """The middle of the market, by measure: {"n", "p25", "median", "p75"}. Holds only what no
    single agency can be read from (`market.middle`), so everybody may read it. One row."""

    __tablename__ = "market_numbers"
    __owned__ = REFERENCE

    id: Mapped[int] = mapped_column(primary_key=True)
    measured: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime] = mapped_column(default=clock.now)
