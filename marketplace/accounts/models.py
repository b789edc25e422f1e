"""People, how they prove who they are, and where they work."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core import clock
from marketplace.core.db import SYSTEM_ONLY, Base, Keyed, Owned

ROLES = ("owner", "manager", "coordinator", "finance", "read-only")


class Person(Keyed, Base):
    """A person: candidate, attending, member of agencies, platform admin, or several of these.

    `email` is stored in lower case. Agencies never read this table: what they may know of a
    candidate is frozen into the booking.
    """

    __tablename__ = "person"
    __owned__ = Owned(people=("id",), person_writes=True)

    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str | None]
    email_verified_at: Mapped[datetime | None]
    is_admin: Mapped[bool] = mapped_column(default=False)
    closed_at: Mapped[datetime | None]
    blocked_at: Mapped[datetime | None]  # by the platform: nobody comes in with this account
    blocked_reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class CandidateProfile(Base):
    """What a candidate tells once and every request reuses. Field names are those of
    data/profile_fields.csv without the prefix; None means not told yet."""

    __tablename__ = "candidate_profile"
    __owned__ = Owned(people=("person_id",), person_writes=True)

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    school: Mapped[str] = mapped_column(default="")
    country: Mapped[str] = mapped_column(default="")
    status: Mapped[str | None]  # student, graduate
    student_year: Mapped[str | None]
    graduation_date: Mapped[date | None]
    birth_date: Mapped[date | None]
    usmle_step_1: Mapped[str | None]
    usmle_step_2_ck: Mapped[str | None]
    ecfmg: Mapped[str | None]
    entry_status: Mapped[str | None]
    needs_visa: Mapped[bool | None]
    extra: Mapped[dict[str, Any]] = mapped_column(default=dict)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)


class Membership(Keyed, Base):
    """A person works for an agency in a role."""

    __tablename__ = "membership"
    __owned__ = Owned(agency="agency_id", people=("person_id",))
    __table_args__ = (
        UniqueConstraint("agency_id", "person_id"),
        CheckConstraint(f"role IN {ROLES}", name="role"),
    )

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    role: Mapped[str]
    person_name: Mapped[str] = mapped_column(default="")
    person_email: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    ended_at: Mapped[datetime | None]


_OPEN = text("accepted_at IS NULL AND withdrawn_at IS NULL")


class Invitation(Keyed, Base):
    """Somebody is asked to join an agency in a role. Only the hash of the newest link's token is
    stored, and a new one with each sending. Times run on the wall clock, like other links."""

    __tablename__ = "invitation"
    __owned__ = Owned(agency="agency_id")
    __table_args__ = (
        CheckConstraint(f"role IN {ROLES}", name="role"),
        Index(
            "uq_invitation_open",
            "agency_id",
            "email",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"))
    email: Mapped[str]  # in lower case
    role: Mapped[str]
    invited_by: Mapped[str] = mapped_column(default="")  # the member's name
    invited_by_id: Mapped[UUID | None]
    token_hash: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    sends: Mapped[int] = mapped_column(default=1)
    sent_at: Mapped[datetime] = mapped_column(default=clock.wall)
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.wall)


class Delegate(Keyed, Base):
    """Somebody who answers in an attending's name. `person_id` is set by the worker."""

    __tablename__ = "delegate"
    __owned__ = Owned(people=("attending_id", "person_id"), person_writes=True)

    attending_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"), index=True)
    email: Mapped[str]  # in lower case
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    ended_at: Mapped[datetime | None]


class SignIn(Keyed, Base):
    """A signed-in browser. Only the hash of its cookie is stored; `revoked_at` ends it."""

    __tablename__ = "sign_in"
    __owned__ = Owned(people=("person_id",), person_writes=True)

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.wall)
    seen_at: Mapped[datetime] = mapped_column(default=clock.wall)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    address: Mapped[str] = mapped_column(default="")
    agent: Mapped[str] = mapped_column(default="")


class OneTimeLink(Keyed, Base):
    """A link sent by e-mail: hashed, single use, bound to one purpose and one address."""

    __tablename__ = "one_time_link"
    __owned__ = SYSTEM_ONLY

    purpose: Mapped[str]  # sign-in, reset, verify
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    email: Mapped[str] = mapped_column(index=True)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    next_url: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.wall)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Attempt(Keyed, Base):
    """A counted attempt (sign-in, reset, link), by account and by address."""

    __tablename__ = "attempt"
    __owned__ = SYSTEM_ONLY
    __table_args__ = (Index("ix_attempt_bucket_at", "bucket", "at"),)

    bucket: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=clock.wall)


class ViewAs(Keyed, Base):
    """A platform admin looks at the product as somebody else: one sign-in, reading only, for a
    short while. Kept for the record."""

    __tablename__ = "view_as"
    __owned__ = SYSTEM_ONLY

    admin_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    sign_in_id: Mapped[UUID] = mapped_column(index=True)  # no key: that row is forgotten
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    reason: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(default=clock.wall)
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
