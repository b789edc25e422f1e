"""What the database knows of the published listings as a whole.

Tables are named and tied by conditions instead of `join()`, as in `search.rows`.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.listings.models import Attending, Block, Rotation, Site
from marketplace.tenants.models import Agency

_SHOWN = (
    Rotation.public,
    Agency.is_public,
    Agency.id == Rotation.agency_id,
    Site.id == Rotation.site_id,
)


def block_prices(session: Session, ids: Mapping[int, str]) -> dict[int, int]:
    """The price in cents of one listing for each length in weeks: one read."""
    rows = session.execute(
        select(Block.rotation_id, Block.weeks, Block.price_cents).where(
            Block.rotation_id.in_({UUID(one) for one in ids.values()}), Block.retired_at.is_(None)
        )
    )
    return {weeks: cents for key, weeks, cents in rows if ids.get(weeks) == str(key)}


def by_city(session: Session) -> dict[str, int]:
    """Listings by city; cities without any are left out."""
    wanted = select(Site.city, func.count()).where(*_SHOWN).group_by(Site.city)
    return _pairs(session.execute(wanted).all())


def by_specialty(session: Session) -> dict[str, int]:
    """Listings by specialty; those without any are left out."""
    rows = session.execute(
        select(Rotation.specialty, func.count()).where(*_SHOWN).group_by(Rotation.specialty)
    )
    return _pairs(rows.all())


def attending_slugs(session: Session) -> list[str]:
    """The addresses of attendings who teach a published rotation."""
    rows = session.scalars(
        select(Attending.slug)
        .where(*_SHOWN, Attending.id == Rotation.attending_id)
        .distinct()
        .order_by(Attending.slug)
    )
    return list(rows)


def _pairs(rows: Iterable[Any]) -> dict[str, int]:
    return {str(key): int(number) for key, number in rows}
