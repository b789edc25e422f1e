"""What a candidate keeps: rotations, searches, and what is new in each search."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core import clock
from marketplace.core.db import Base, Cents, Keyed, Owned

FREQUENCIES = ("daily", "weekly", "off")
NEWS = ("", "new", "price", "seat")
_MINE = Owned(people=("person_id",), person_writes=True)


class SavedRotation(Base):
    """A rotation that a person keeps."""

    __tablename__ = "saved_rotation"
    __owned__ = _MINE

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    rotation_id: Mapped[UUID] = mapped_column(ForeignKey("rotation.id"), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class SavedSearch(Keyed, Base):
    """A search under a name. `query` is its canonical query string, without page and view.

    Until `primed_at` is set, what matches was there before and is no news. `seen_at`: when the
    person last looked.
    """

    __tablename__ = "saved_search"
    __owned__ = _MINE
    __table_args__ = (
        UniqueConstraint("person_id", "id"),
        UniqueConstraint("person_id", "query"),
        Index("ix_saved_search_due", "check_at"),
    )

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    name: Mapped[str]
    query: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    seen_at: Mapped[datetime] = mapped_column(default=clock.now)
    primed_at: Mapped[datetime | None]
    check_at: Mapped[datetime] = mapped_column(default=clock.now)


class SavedMatch(Base):
    """A rotation as a saved search last found it, and the last thing that became new about it.

    `price_cents` is that of the search's length. `open`: the search found it with a free seat.
    `mailed_at` is None while the news has not been in a digest.
    """

    __tablename__ = "saved_match"
    __owned__ = _MINE
    __table_args__ = (
        ForeignKeyConstraint(
            ["person_id", "search_id"],
            ["saved_search.person_id", "saved_search.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint(f"news IN {NEWS}", name="news"),
        Index("ix_saved_match_news", "person_id", "mailed_at"),
    )

    search_id: Mapped[UUID] = mapped_column(primary_key=True)
    rotation_id: Mapped[UUID] = mapped_column(ForeignKey("rotation.id"), primary_key=True)
    person_id: Mapped[UUID]
    price_cents: Mapped[int] = mapped_column(Cents)
    open: Mapped[bool]
    news: Mapped[str] = mapped_column(default="")
    old_price_cents: Mapped[int | None] = mapped_column(Cents)
    news_at: Mapped[datetime | None]
    mailed_at: Mapped[datetime | None]


class SearchMail(Base):
    """How often a person wants e-mail about their searches, and when it went out last.

    `token` is in every such e-mail and can do one thing: end them.
    """

    __tablename__ = "search_mail"
    __owned__ = _MINE
    __table_args__ = (CheckConstraint(f"frequency IN {FREQUENCIES}", name="frequency"),)

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    frequency: Mapped[str] = mapped_column(default="daily")
    token: Mapped[str] = mapped_column(unique=True)
    sent_on: Mapped[date | None]
