"""Listings of an agency that look like the same thing twice. A warning before publishing: whoever
really offers both, opens both."""

from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from marketplace.listings.models import Rotation

STOCK_TEXT = 80  # letters: a shorter description is the same by chance
SHOWN = 5


@dataclass(frozen=True)
class Twin:
    """A live listing, and why it looks the same."""

    slug: str
    title: str
    why: str


def live_twins(session: Session, rotation: Rotation) -> tuple[Twin, ...]:
    """Other live listings of the agency with the same site, attending, specialty and type, or with
    the same description word for word; those first that are the same thing, five at most.

    `rotation` is the row itself or the agency's `drafts.working` view of it.
    """
    same = and_(
        Rotation.site_id == rotation.site_id,
        Rotation.attending_id == rotation.attending_id,
        Rotation.specialty == rotation.specialty,
        Rotation.type == rotation.type,
    )
    text = and_(Rotation.summary == rotation.summary, func.length(Rotation.summary) >= STOCK_TEXT)
    rows = session.execute(
        select(Rotation.slug, Rotation.title, same.label("same"))
        .where(
            Rotation.agency_id == rotation.agency_id,
            Rotation.id != rotation.id,
            Rotation.state == "published",
            or_(same, text),
        )
        .order_by(same.desc(), Rotation.id)
        .limit(SHOWN)
    )
    return tuple(
        Twin(
            slug,
            title,
            "the same site, attending, specialty and type"
            if is_same
            else "the same description, word for word",
        )
        for slug, title, is_same in rows
    )
