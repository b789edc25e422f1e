"""What the index was last brought up to date for."""

from datetime import date

from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.db import SYSTEM_ONLY, Base


class IndexState(Base):
    """One row: up to which first bookable day past starts were taken out of the index."""

    __tablename__ = "search_index_state"
    __owned__ = SYSTEM_ONLY

    name: Mapped[str] = mapped_column(primary_key=True)
    starts_from: Mapped[date]
