"""The search as JSON: the answer of `GET /api/v1/rotations`, a hit, a line of the feed.

A hit and a line of the feed are the same object. Everything in it is read from the database.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core import clock
from marketplace.listings.models import Rotation
from marketplace.search.answers import Facts
from marketplace.search.documents import BIN_CENTS
from marketplace.search.finding import Found
from marketplace.search.listings import first_bookable_day
from marketplace.search.offers import accepted
from marketplace.search.port import UNTOLD_FACETS, PriceFacet
from marketplace.search.rows import Listing, agency_labels, in_batches, published
from marketplace.search.works_for_me import verdict_of

FIT_KINDS = {"yes": "fits", "if": "fits_if", "no": "does_not_fit", "ask": "not_known"}
NDJSON = "application/x-ndjson"

Json = dict[str, object]


def answer(found: Found, base_url: str) -> Json:
    """The whole answer. `notes` says what of the question was not understood and left out;
    `text_search` is false while words cannot be searched and nothing can be counted."""
    result = found.result
    return {
        "total": result.total,
        "page": found.state.page,
        "per_page": found.state.per_page,
        "pages": result.pages,
        "facets": {
            facet: dict(counts)
            for facet, counts in result.facets.items()
            if facet not in UNTOLD_FACETS
        },
        "price": price(result.price),
        "hits": [_judged(row, base_url, found.candidate) for row in found.rows],
        "text_search": not found.words_off,
        "notes": list(found.state.notes),
    }


def _judged(row: Listing, base_url: str, candidate: Facts | None) -> Json:
    """A hit, with its verdict when the question tells about the candidate."""
    if candidate is None:
        return hit(row, base_url)
    said = verdict_of(row, candidate, row.starts[0].day if row.starts else None)
    return hit(row, base_url) | {"fit": {"kind": FIT_KINDS[said.kind], "text": said.title}}


def hit(row: Listing, base_url: str) -> Json:
    """One rotation. `price_cents`, `starts` and `seats_left` are those of one length: the asked
    one, else the shortest."""
    return {
        "id": str(row.id),
        "url": f"{base_url}/rotations/{row.slug}",
        "title": row.title,
        "specialty": row.specialty,
        "hands_on": row.level,
        "type": row.type,
        "setting": row.setting,
        "city": row.city.slug,
        "state": row.city.state,
        "lat": row.city.lat,
        "lng": row.city.lng,
        "agency": row.agency,
        "agency_name": row.agency_name,
        "attending": row.doctor,
        "site": row.site,
        "weeks": sorted(row.prices),
        "price_cents": row.price_cents,
        "price_weeks": row.weeks,
        "prices": {str(weeks): cents for weeks, cents in row.prices.items()},
        "starts": [start.day.isoformat() for start in row.starts],
        "seats_left": {start.day.isoformat(): start.seats for start in row.starts},
        "included": list(row.included),
        "accepts": list(accepted(row)),
        "rating": row.rating,
        "reviews": row.reviews,
    }


def price(found: PriceFacet | None) -> Json:
    """Least, greatest and the bars of the prices, in cents, under all filters but the price."""
    if found is None:
        return {"min": None, "max": None, "histogram": []}
    return {
        "min": found.min_cents,
        "max": found.max_cents,
        "histogram": [
            {"from": edge, "to": edge + BIN_CENTS, "count": count}
            for edge, count in sorted(found.bins.items())
        ],
    }


def line(value: Mapping[str, object]) -> str:
    """One line of JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def feed(session: Session, base_url: str) -> Iterator[str]:
    """Every published rotation, one a line, a batch of lines at a time."""
    for batch in in_batches(session, published(session)):
        yield "".join(line(hit(row, base_url)) for row in batch)


def feed_stamp(session: Session) -> str:
    """Changes with the feed: what is published, its versions, the first day that is offered.

    Every change of a price, a start or a seat raises a version within seconds (search.jobs).
    """
    row = session.execute(
        select(func.count(), func.sum(Rotation.index_version), func.max(Rotation.updated_at)).where(
            Rotation.public
        )
    ).one()
    agencies = len(agency_labels(session))
    return "-".join(str(part) for part in (*row, agencies, first_bookable_day()))


@dataclass
class _Seen:
    """When this process first saw the present stamp; never earlier than the change."""

    stamp: str = ""
    at: datetime = datetime(1970, 1, 1, tzinfo=UTC)


_seen = _Seen()
_lock = Lock()


def feed_changed_at(stamp: str) -> datetime:
    """A Last-Modified for the feed, whole seconds, later for each new stamp.

    No row says when a seat was taken, so it is the moment this process noticed: a client may get
    the same feed once more, and never keeps an old one.
    """
    with _lock:
        if _seen.stamp != stamp:
            now = clock.wall().replace(microsecond=0)
            _seen.at = max(now, _seen.at + timedelta(seconds=1))
            _seen.stamp = stamp
        return _seen.at
