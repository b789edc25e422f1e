"""The inbox: what a person or an agency was told, beside the e-mail."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core import clock
from marketplace.core.db import Base, Keyed, Owned


class Notification(Keyed, Base):
    """One line of news with one link."""

    __tablename__ = "notification"
    __owned__ = Owned(agency="agency_id", people=("person_id",), person_writes=True, append=True)

    agency_id: Mapped[UUID | None] = mapped_column(ForeignKey("agency.id"), index=True)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"), index=True)
    slug: Mapped[str]
    title: Mapped[str]
    url: Mapped[str]
    dedupe_key: Mapped[str] = mapped_column(unique=True)
    at: Mapped[datetime] = mapped_column(default=clock.now)
    read_at: Mapped[datetime | None]
