"""Agencies: the tenants."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core import clock, reference
from marketplace.core.db import Base, Keyed, Owned

AGENCY_STATES = ("new", "verified", "limited", "suspended")
OPEN_STATES = ("verified", "limited")


def fee_of_new_agencies() -> int:
    """The platform's part of each payment in percent, for an agency that joins now."""
    return int(reference.row("platform_fees", "platform-fee-percent", "code")["value"])


class Agency(Keyed, Base):
    """An agency. `is_public` is true while its listings may be shown: approved, not suspended, its
    papers in date. Only `verification.standing` changes these columns."""

    __tablename__ = "agency"
    __owned__ = Owned(agency="id", public="is_public")
    __table_args__ = (CheckConstraint(f"state IN {AGENCY_STATES}", name="state"),)

    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    tagline: Mapped[str] = mapped_column(default="")
    kind: Mapped[str] = mapped_column(default="agency")  # agency_kinds.csv; changed by the platform
    state: Mapped[str] = mapped_column(default="new")
    is_public: Mapped[bool] = mapped_column(default=True)
    approved_at: Mapped[datetime | None]  # first approval by the platform
    verified_until: Mapped[date | None]  # last day of its required papers (UTC); None: no end
    founded_year: Mapped[int | None]
    email: Mapped[str] = mapped_column(default="")
    cancellation_preset: Mapped[str] = mapped_column(default="moderate")
    deposit_percent: Mapped[int] = mapped_column(default=20)
    max_installments: Mapped[int] = mapped_column(default=4)
    platform_fee_percent: Mapped[int] = mapped_column(default=fee_of_new_agencies)
    payout_account: Mapped[str | None] = mapped_column(unique=True)
    payouts_stopped: Mapped[bool] = mapped_column(default=False)
    answer_hours: Mapped[int | None]  # median, measured
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    @property
    def is_approved(self) -> bool:
        """The platform has approved it and has not stopped it since."""
        return self.state in OPEN_STATES

    @property
    def in_date(self) -> bool:
        """Its required papers are valid today (UTC)."""
        return self.verified_until is None or self.verified_until >= clock.today("UTC")

    @property
    def takes_bookings(self) -> bool:
        """May it publish and take new bookings? Looked at with every request, so that approval,
        suspension and expiry count at once. Existing candidates stay served without it."""
        return self.is_approved and self.in_date
