"""Listings like another one: of its specialty, nearest in price, with a start that has a seat."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy.orm import Session

from marketplace.search.engines import engine
from marketplace.search.port import Query, SearchUnavailable, Sort
from marketplace.search.rows import Listing, listings

SHOWN = 3


def to(session: Session, own: UUID, specialty: str, cents: int) -> list[Listing]:
    """At most three, nearest first; none while the search engine is away.

    `cents` is the price of the listing's shortest block. The engine orders the market by price
    anyway; in the database this would read every price of the specialty.
    """
    dearer = Query(
        filters={"specialty": (specialty,)},
        price_min=cents,
        sort=Sort.PRICE,
        per_page=SHOWN + 1,
        facets=(),
        with_fields=False,
    )
    cheaper = replace(dearer, price_min=None, price_max=cents, sort=Sort.PRICE_DESC)
    try:
        hits = [hit for query in (dearer, cheaper) for hit in engine().search(query).hits]
    except SearchUnavailable:
        return []
    ids = {UUID(hit.id): None for hit in hits if hit.id != str(own)}
    open_ones = [row for row in listings(session, list(ids)) if row.starts]
    return sorted(open_ones, key=lambda row: (abs(row.price_cents - cents), row.id))[:SHOWN]
