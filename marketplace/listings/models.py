"""Sites, attendings, rotations, their blocks and offerings.

`public` on a child follows its rotation's by a composite foreign key with ON UPDATE CASCADE: the
database keeps a child visible exactly as long as its rotation is published.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core import clock
from marketplace.core.db import SYSTEM_ONLY, Base, Cents, Keyed, Owned
from marketplace.tenants.models import Agency

BLOCK_WEEKS = (1, 2, 4, 6, 8, 12)
ROTATION_STATES = ("draft", "published", "paused", "archived")


class Attending(Base):
    """A supervising physician, one person by NPI, who may work with several agencies.

    The key is the person's own id. Public by nature: who teaches is shown before payment.
    `joined_at`: they said yes to an agency for the first time; before, the row is what an agency
    typed, and the person's account is as it was.
    """

    __tablename__ = "attending"
    __owned__ = Owned(people=("id",), public="*", person_writes=True, agency_reads_public=True)

    id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    npi: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str]
    specialty: Mapped[str]
    languages: Mapped[list[str]] = mapped_column(default=list)
    years_in_practice: Mapped[int | None]
    median_letter_days: Mapped[int | None]
    weekly_capacity: Mapped[int] = mapped_column(default=2)
    joined_at: Mapped[datetime | None]
    npi_checked_at: Mapped[datetime | None]
    license_checked_at: Mapped[datetime | None]
    exclusion_checked_at: Mapped[datetime | None]
    verified_until: Mapped[date | None]
    excluded_at: Mapped[datetime | None]  # found on the exclusion list; nothing opens until cleared
    checks: Mapped[dict[str, Any]] = mapped_column(default=dict)  # the look-ups in words


class AttendingWeek(Base):
    """An attending's seats in one week, a pool across agencies. Week = its Monday.

    Set by the attending, taken by `hold_seat` in week order, unreadable by agencies.
    """

    __tablename__ = "attending_week"
    __owned__ = Owned(people=("attending_id",), public="*", person_writes=True)
    __table_args__ = (CheckConstraint("taken >= 0 AND taken <= capacity", name="within_capacity"),)

    attending_id: Mapped[UUID] = mapped_column(ForeignKey("attending.id"), primary_key=True)
    week: Mapped[date] = mapped_column(primary_key=True)
    capacity: Mapped[int]
    taken: Mapped[int] = mapped_column(default=0)


class Affiliation(Keyed, Base):
    """An attending on an agency's list. `accepted_at`: they said yes; before, only somebody new is
    here, with what the agency typed. `ended_at`: they have left; what was booked goes on."""

    __tablename__ = "affiliation"
    __owned__ = Owned(agency="agency_id", people=("attending_id",))
    __table_args__ = (UniqueConstraint("agency_id", "attending_id"),)

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"))
    attending_id: Mapped[UUID] = mapped_column(ForeignKey("attending.id"), index=True)
    preapproves: Mapped[bool] = mapped_column(default=False)
    email: Mapped[str] = mapped_column(default="")
    accepted_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class AttendingInvitation(Keyed, Base):
    """An agency asks an attending to work with it: one row a pair, with what the agency typed.

    `expires_at` None: not sent yet. The link's token is kept as a hash.
    """

    __tablename__ = "attending_invitation"
    __owned__ = Owned(agency="agency_id", people=("attending_id",))
    __table_args__ = (UniqueConstraint("agency_id", "attending_id"),)

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"))
    attending_id: Mapped[UUID] = mapped_column(ForeignKey("attending.id"), index=True)
    npi: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    name: Mapped[str] = mapped_column(default="")
    specialty: Mapped[str] = mapped_column(default="")
    invited_by: Mapped[str] = mapped_column(default="")
    sends: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    declined_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    token_hash: Mapped[bytes | None] = mapped_column(unique=True)


class Site(Keyed, Base):
    """A hospital or clinic. Its time zone decides what "days before the start" means."""

    __tablename__ = "site"
    __owned__ = Owned(agency="agency_id", public="public")
    __table_args__ = (UniqueConstraint("agency_id", "id"), UniqueConstraint("agency_id", "slug"))

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"))
    slug: Mapped[str]
    name: Mapped[str]
    kind: Mapped[str]  # profile_fields.csv rotation.site_kind
    setting: Mapped[str]  # inpatient, outpatient, mixed, remote
    city: Mapped[str] = mapped_column(index=True)  # catalog slug
    state: Mapped[str]
    time_zone: Mapped[str]
    public: Mapped[bool] = mapped_column(default=True)
    affiliation: Mapped[str] = mapped_column(default="")  # of a medical school, as declared
    letter_until: Mapped[date | None]  # the site's letter on file is valid to this day
    papers: Mapped[dict[str, str]] = mapped_column(default=dict)  # other papers: kind to last day


class Rotation(Keyed, Base):
    """A listing: what is taught, by whom, where, and on which terms."""

    __tablename__ = "rotation"
    __owned__ = Owned(agency="agency_id", people=("attending_id",), public="public")
    __table_args__ = (
        UniqueConstraint("agency_id", "id"),
        UniqueConstraint("agency_id", "external_id"),
        UniqueConstraint("id", "public"),
        ForeignKeyConstraint(["agency_id", "site_id"], ["site.agency_id", "site.id"]),
        ForeignKeyConstraint(
            ["agency_id", "attending_id"], ["affiliation.agency_id", "affiliation.attending_id"]
        ),
        CheckConstraint(f"state IN {ROTATION_STATES}", name="state"),
        CheckConstraint("public = (state = 'published')", name="public_is_published"),
        Index("ix_rotation_public_specialty", "public", "specialty"),
    )

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"), index=True)
    site_id: Mapped[UUID]
    attending_id: Mapped[UUID] = mapped_column(index=True)
    slug: Mapped[str] = mapped_column(unique=True)
    external_id: Mapped[str | None]
    state: Mapped[str] = mapped_column(default="draft")
    public: Mapped[bool] = mapped_column(default=False)
    taken_down_at: Mapped[datetime | None]  # by the platform; only the platform takes it back
    taken_down_reason: Mapped[str] = mapped_column(default="")
    withheld: Mapped[bool] = mapped_column(default=False)  # paused by the platform's checks
    version: Mapped[int] = mapped_column(default=1)
    title: Mapped[str]
    summary: Mapped[str] = mapped_column(default="")
    specialty: Mapped[str]
    type: Mapped[str]
    interaction: Mapped[str]  # hands-on, observe, virtual, research
    setting: Mapped[str]
    level: Mapped[str]  # derived, see listings/levels.py
    activities: Mapped[dict[str, str]] = mapped_column(default=dict)  # slug: yes | supervised
    inclusions: Mapped[list[str]] = mapped_column(default=list)
    accepts: Mapped[list[str]] = mapped_column(default=list)  # student, graduate
    required_exams: Mapped[list[str]] = mapped_column(default=list)
    required_documents: Mapped[list[str]] = mapped_column(default=list)
    eligibility: Mapped[dict[str, Any]] = mapped_column(default=dict)  # further rotation.* facts
    hours_per_week: Mapped[int] = mapped_column(default=40)
    week_plan: Mapped[list[Any]] = mapped_column(default=list)
    trainees_per_attending: Mapped[int] = mapped_column(default=1)
    hospital_share: Mapped[int | None]  # percent of the time that is in a hospital
    notice_days: Mapped[int] = mapped_column(default=0)  # a start closes so many days before it
    letter_policy: Mapped[dict[str, Any]] = mapped_column(default=dict)
    cancellation: Mapped[dict[str, Any]] = mapped_column(default=dict)  # preset or custom tiers
    price_parts: Mapped[list[Any]] = mapped_column(default=list)  # label and percent of the price
    deposit_percent: Mapped[int] = mapped_column(default=20)
    max_installments: Mapped[int] = mapped_column(default=4)
    preapproved: Mapped[bool] = mapped_column(default=False)  # the agency's approval is skipped
    signed_version: Mapped[int | None]  # the version whose scope the attending signed
    signed_on: Mapped[date | None]  # the day, at the site, of the signature under what is live
    copied_from: Mapped[UUID | None]  # the listing it was copied from: what was signed there helps
    rating_sum: Mapped[int] = mapped_column(default=0)
    rating_count: Mapped[int] = mapped_column(default=0)
    truth_matching: Mapped[int] = mapped_column(default=0)
    truth_answers: Mapped[int] = mapped_column(default=0)
    published_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)
    index_version: Mapped[int] = mapped_column(default=1)

    agency: Mapped[Agency] = relationship(viewonly=True)
    site: Mapped[Site] = relationship(
        viewonly=True, primaryjoin="Rotation.site_id == foreign(Site.id)", uselist=False
    )
    attending: Mapped[Attending] = relationship(
        viewonly=True, primaryjoin="Rotation.attending_id == foreign(Attending.id)", uselist=False
    )
    blocks: Mapped[list["Block"]] = relationship(
        viewonly=True,
        primaryjoin="and_(Rotation.id == foreign(Block.rotation_id), Block.retired_at.is_(None))",
        order_by="Block.weeks",
    )
    offerings: Mapped[list["Offering"]] = relationship(
        viewonly=True,
        primaryjoin="Rotation.id == foreign(Offering.rotation_id)",
        order_by="Offering.start_on",
    )


def _follows_rotation() -> tuple[ForeignKeyConstraint, ForeignKeyConstraint]:
    return (
        ForeignKeyConstraint(["agency_id", "rotation_id"], ["rotation.agency_id", "rotation.id"]),
        ForeignKeyConstraint(
            ["rotation_id", "public"], ["rotation.id", "rotation.public"], onupdate="CASCADE"
        ),
    )


class Block(Keyed, Base):
    """A length in weeks and its all-in price in cents. `retired_at`: it is not offered any more;
    the row stays for the bookings that hold it."""

    __tablename__ = "block"
    __owned__ = Owned(agency="agency_id", public="public")
    __table_args__ = (
        *_follows_rotation(),
        UniqueConstraint("rotation_id", "weeks"),
        UniqueConstraint("agency_id", "id"),
        CheckConstraint(f"weeks IN {BLOCK_WEEKS}", name="weeks"),
        CheckConstraint("price_cents > 0", name="price"),
    )

    agency_id: Mapped[UUID] = mapped_column(index=True)
    rotation_id: Mapped[UUID]
    public: Mapped[bool] = mapped_column(default=False)
    weeks: Mapped[int]
    price_cents: Mapped[int] = mapped_column(Cents)
    retired_at: Mapped[datetime | None]


class Offering(Keyed, Base):
    """A start (a Monday at the site) with its seats. `taken` changes only through
    listings.operations.hold_seat and release_seat."""

    __tablename__ = "offering"
    __owned__ = Owned(agency="agency_id", people=("attending_id",), public="public")
    __table_args__ = (
        *_follows_rotation(),
        UniqueConstraint("rotation_id", "start_on"),
        UniqueConstraint("agency_id", "id"),
        CheckConstraint("taken >= 0 AND taken <= capacity", name="within_capacity"),
        Index("ix_offering_start", "start_on"),
    )

    agency_id: Mapped[UUID] = mapped_column(index=True)
    rotation_id: Mapped[UUID]
    attending_id: Mapped[UUID] = mapped_column(index=True)
    public: Mapped[bool] = mapped_column(default=False)
    start_on: Mapped[date]
    capacity: Mapped[int]
    taken: Mapped[int] = mapped_column(default=0)
    closed_at: Mapped[datetime | None]
    blackout_id: Mapped[UUID | None]  # what closed it; taking the blackout back opens it again


class ScopeSignature(Keyed, Base):
    """The attending signs what trainees do in one version of a rotation.

    `declared` are the tasks, `facts` what is signed beside them (`versions.SIGNED_BESIDE`).
    `decision`: None while open, then signed or refused. `outdated_at`: the agency has changed
    the version since it asked. `opens_for`: the member who asked that the listing goes live by
    itself once this is signed; empty when nobody did. The link's token is kept as a hash.
    """

    __tablename__ = "scope_signature"
    __owned__ = Owned(agency="agency_id", people=("attending_id",), person_writes=True)
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "rotation_id"], ["rotation.agency_id", "rotation.id"]),
        UniqueConstraint("rotation_id", "version"),
    )

    agency_id: Mapped[UUID]
    rotation_id: Mapped[UUID]
    attending_id: Mapped[UUID] = mapped_column(index=True)
    version: Mapped[int]
    declared: Mapped[dict[str, str]]
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    signed: Mapped[dict[str, str] | None]
    decision: Mapped[str | None]
    comment: Mapped[str] = mapped_column(default="")
    asked_at: Mapped[datetime] = mapped_column(default=clock.now)
    decided_at: Mapped[datetime | None]
    outdated_at: Mapped[datetime | None]
    opens_for: Mapped[str] = mapped_column(default="")
    token_hash: Mapped[bytes | None] = mapped_column(unique=True)


class ListingReport(Keyed, Base):
    """Somebody says that a listing is wrong. Agencies never see who it was, nor the report."""

    __tablename__ = "listing_report"
    __owned__ = Owned(people=("person_id",), append=True)
    __table_args__ = (Index("ix_listing_report_open", "decision", "rotation_id"),)

    rotation_id: Mapped[UUID] = mapped_column(ForeignKey("rotation.id"), index=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    kind: Mapped[str]
    note: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=clock.now)
    decision: Mapped[str | None]  # None while open, then upheld or dismissed
    decided_at: Mapped[datetime | None]


class ListingLook(Base):
    """A platform admin looked at a listing as it was then."""

    __tablename__ = "listing_look"
    __owned__ = SYSTEM_ONLY

    rotation_id: Mapped[UUID] = mapped_column(ForeignKey("rotation.id"), primary_key=True)
    looked_at: Mapped[datetime]
    by_name: Mapped[str] = mapped_column(default="")
