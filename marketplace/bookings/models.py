"""Bookings and their history."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.bookings.states import LIVE
from marketplace.core import clock
from marketplace.core.db import Base, Cents, Keyed, Owned

_LIVE_SQL = text("state IN (" + ", ".join(f"'{state}'" for state in sorted(LIVE)) + ")")


class Booking(Keyed, Base):
    """One candidate, one offering, one block, on terms frozen at the request.

    `terms` holds what the candidate accepted: title, site, attending, scope, price parts, refund
    tiers, letter policy. `candidate` holds what agency and attending may know of the candidate.
    """

    __tablename__ = "booking"
    __owned__ = Owned(
        agency="agency_id",
        people=("candidate_id", "attending_id"),
        link="id",
        person_writes=True,
    )
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "rotation_id"], ["rotation.agency_id", "rotation.id"]),
        ForeignKeyConstraint(["agency_id", "offering_id"], ["offering.agency_id", "offering.id"]),
        ForeignKeyConstraint(["agency_id", "block_id"], ["block.agency_id", "block.id"]),
        ForeignKeyConstraint(
            ["agency_id", "plan_id"], ["payment_plan.agency_id", "payment_plan.id"]
        ),
        UniqueConstraint("agency_id", "id"),
        UniqueConstraint("candidate_id", "form_key"),
        CheckConstraint("price_cents > 0", name="price"),
        Index(
            "uq_booking_one_live",
            "candidate_id",
            "offering_id",
            unique=True,
            sqlite_where=_LIVE_SQL,
            postgresql_where=_LIVE_SQL,
        ),
        Index("ix_booking_deadline", "state", "deadline_at"),
        Index("ix_booking_agency_state", "agency_id", "state", "deadline_at"),
    )

    reference: Mapped[str] = mapped_column(unique=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"))
    candidate_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    attending_id: Mapped[UUID] = mapped_column(ForeignKey("attending.id"), index=True)
    rotation_id: Mapped[UUID]
    offering_id: Mapped[UUID] = mapped_column(index=True)
    block_id: Mapped[UUID]
    plan_id: Mapped[UUID | None] = mapped_column(index=True)
    form_key: Mapped[str]
    state: Mapped[str]
    state_since: Mapped[datetime] = mapped_column(default=clock.now)
    deadline_at: Mapped[datetime | None]
    steps: Mapped[int] = mapped_column(default=0)
    weeks: Mapped[int]
    start_on: Mapped[date]
    end_on: Mapped[date]
    time_zone: Mapped[str]
    price_cents: Mapped[int] = mapped_column(Cents)
    currency: Mapped[str] = mapped_column(default="usd")
    from_site: Mapped[bool] = mapped_column(default=False)  # came from the agency's own site
    hold_extended: Mapped[bool] = mapped_column(default=False)
    terms: Mapped[dict[str, Any]]
    candidate: Mapped[dict[str, Any]] = mapped_column(default=dict)
    consent: Mapped[dict[str, Any]] = mapped_column(default=dict)
    reason: Mapped[str | None]
    reason_note: Mapped[str | None]
    refund_cents: Mapped[int | None] = mapped_column(Cents)
    deposit_due_at: Mapped[datetime | None]  # end of the undo time after acceptance
    first_paid_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    decide_token_hash: Mapped[bytes | None] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class BookingTransition(Keyed, Base):
    """One step of a booking's history, written with the step."""

    __tablename__ = "booking_transition"
    __owned__ = Owned(
        agency="agency_id",
        people=("candidate_id", "attending_id"),
        link="booking_id",
        agency_writes=False,
        append=True,
    )
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "booking_id"], ["booking.agency_id", "booking.id"]),
        UniqueConstraint("booking_id", "seq"),
    )

    agency_id: Mapped[UUID]
    candidate_id: Mapped[UUID]
    attending_id: Mapped[UUID]
    booking_id: Mapped[UUID]
    seq: Mapped[int]
    source: Mapped[str]
    event: Mapped[str]
    target: Mapped[str]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(default=clock.now)
