"""The sitemap: one file while it is small, an index of parts when it is not."""

from collections.abc import Iterable, Sequence
from datetime import date
from xml.sax.saxutils import escape

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core import reference
from marketplace.discovery import figures, places, queries
from marketplace.listings.models import Rotation
from marketplace.tenants.models import Agency

PART = 20_000
"""Addresses in one file; the protocol allows 50,000."""
_FIXED = ("/", "/rotations", "/guides", "/fees", "/privacy", "/accessibility")
_SPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'

Entry = tuple[str, date | None]
"""A path and the day of its last change, None when nothing says so."""


def parts(session: Session) -> int:
    """How many files there are: one of pages and areas, then one for each PART of listings."""
    return 1 + -(-_listed(session) // PART)


def page_entries(session: Session) -> list[Entry]:
    """Pages that exist once, and the page of every area that has listings."""
    market = figures.market(session)
    found = [*_FIXED, *_guides(), places.PLACES[1], places.SPECIALTIES[1]]
    found += [places.specialty(slug).path for slug in sorted(market.specialties)]
    found += [places.state(code).path for code in sorted(market.states)]
    found += [places.city(slug).path for slug in sorted(market.cities)]
    found += [f"/agencies/{slug}" for slug in _agencies(session)]
    found += [f"/attendings/{slug}" for slug in queries.attending_slugs(session)]
    return [(path, None) for path in found]


def listing_entries(session: Session, number: int) -> list[Entry]:
    """Listings of one part, counted from 1."""
    rows = session.execute(
        select(Rotation.slug, Rotation.updated_at)
        .where(Rotation.public, Agency.id == Rotation.agency_id, Agency.is_public)
        .order_by(Rotation.id)
        .offset((number - 1) * PART)
        .limit(PART)
    )
    return [(f"/rotations/{slug}", changed.date()) for slug, changed in rows]


def file(base_url: str, entries: Iterable[Entry]) -> str:
    """One file of addresses."""
    return _document("urlset", (_entry("url", base_url, entry) for entry in entries))


def index(base_url: str, count: int) -> str:
    """The index of all parts, numbered from 0."""
    names = (f"/sitemap-{number}.xml" for number in range(count))
    return _document("sitemapindex", (_entry("sitemap", base_url, (name, None)) for name in names))


def _entry(tag: str, base_url: str, entry: Entry) -> str:
    path, changed = entry
    when = f"<lastmod>{changed.isoformat()}</lastmod>" if changed else ""
    return f"<{tag}><loc>{escape(base_url + path)}</loc>{when}</{tag}>\n"


def _document(tag: str, lines: Iterable[str]) -> str:
    return f'{_HEAD}\n<{tag} xmlns="{_SPACE}">\n{"".join(lines)}</{tag}>\n'


def _listed(session: Session) -> int:
    return session.execute(
        select(func.count(Rotation.id)).where(
            Rotation.public, Agency.id == Rotation.agency_id, Agency.is_public
        )
    ).scalar_one()


def _guides() -> list[str]:
    return [f"/guides/{path.stem}" for path in sorted((reference.DATA / "guides").glob("*.md"))]


def _agencies(session: Session) -> Sequence[str]:
    """Agencies with a published listing."""
    return session.scalars(
        select(Agency.slug)
        .where(Agency.is_public, Rotation.agency_id == Agency.id, Rotation.public)
        .distinct()
        .order_by(Agency.slug)
    ).all()
