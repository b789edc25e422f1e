"""Pages and addresses of an agency's own site. Texts and colours are settings of the agency."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core import clock
from marketplace.core.db import Base, Keyed, Owned

DOMAIN_STATES = ("pending", "verified", "failed")
POINTS = ("", "here", "partly", "elsewhere", "nowhere", "unknown")  # "": not asked


class StorefrontPage(Keyed, Base):
    """A page of an agency's own site. `title` and `text` are what the team writes; what visitors
    read is the copy of them that was published last."""

    __tablename__ = "storefront_page"
    __owned__ = Owned(agency="agency_id", public="is_public")
    __table_args__ = (UniqueConstraint("agency_id", "slug"),)

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"))
    slug: Mapped[str]
    position: Mapped[int]
    title: Mapped[str]
    text: Mapped[str]
    is_public: Mapped[bool] = mapped_column(default=False)
    live_title: Mapped[str] = mapped_column(default="")
    live_text: Mapped[str] = mapped_column(default="")
    published_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)

    @property
    def is_changed(self) -> bool:
        """Is something written that visitors do not see yet?"""
        return (self.title, self.text) != (self.live_title, self.live_text)


class AgencyDomain(Keyed, Base):
    """A host name that an agency wants its site on. Several agencies may ask for the same one;
    only one can have it verified, whoever can write its DNS.

    `found` says in words what the last look-up found. `misses`: look-ups in a row that did not
    find the record of a verified domain. `points`: does a verified domain lead to us
    (`POINTS`), with where it leads (of "partly": the wrong ones) and where it should.
    """

    __tablename__ = "agency_domain"
    __owned__ = Owned(agency="agency_id", public="is_verified")
    __table_args__ = (
        UniqueConstraint("agency_id", "host"),
        CheckConstraint(f"state IN {DOMAIN_STATES}", name="state"),
        CheckConstraint("is_verified = (state = 'verified')", name="verified"),
        CheckConstraint(f"points IN {POINTS}", name="points"),
        Index(
            "uq_agency_domain_verified",
            "host",
            unique=True,
            sqlite_where=text("is_verified"),
            postgresql_where=text("is_verified"),
        ),
        Index("ix_agency_domain_due", "next_check_at"),
    )

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"))
    host: Mapped[str]
    token: Mapped[str]
    state: Mapped[str] = mapped_column(default="pending")
    is_verified: Mapped[bool] = mapped_column(default=False)
    found: Mapped[str] = mapped_column(default="")
    misses: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    checked_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    next_check_at: Mapped[datetime | None] = mapped_column(default=clock.now)
    points: Mapped[str] = mapped_column(default="")
    leads_to: Mapped[list[str]] = mapped_column(default=list)
    expected: Mapped[list[str]] = mapped_column(default=list)
