"""Agencies: the tenants."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core import clock
from marketplace.core.db import Base, Keyed, Owned

AGENCY_STATES = ("new", "verified", "limited", "suspended")


class Agency(Keyed, Base):
    """An agency. `is_public` is true while its listings may be shown (not suspended)."""

    __tablename__ = "agency"
    __owned__ = Owned(agency="id", public="is_public")
    __table_args__ = (CheckConstraint(f"state IN {AGENCY_STATES}", name="state"),)

    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    tagline: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="new")
    is_public: Mapped[bool] = mapped_column(default=True)
    founded_year: Mapped[int | None]
    email: Mapped[str] = mapped_column(default="")
    cancellation_preset: Mapped[str] = mapped_column(default="moderate")
    deposit_percent: Mapped[int] = mapped_column(default=20)
    max_installments: Mapped[int] = mapped_column(default=4)
    platform_fee_percent: Mapped[int] = mapped_column(default=12)
    payout_account: Mapped[str | None] = mapped_column(unique=True)
    payouts_stopped: Mapped[bool] = mapped_column(default=False)
    answer_hours: Mapped[int | None]  # median, measured
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    @property
    def takes_bookings(self) -> bool:
        """A suspended agency takes no new booking; existing candidates stay served."""
        return self.state != "suspended"
