"""The frame of an agency's own site as plain data: name, logo, colours, pages, addresses."""

import hashlib
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.errors import NotFound
from marketplace.search import finding
from marketplace.search.page import Card, card
from marketplace.search.state import SearchState
from marketplace.storefront import colours, domains, logos
from marketplace.storefront.operations import Storefront, storefront
from marketplace.storefront.page_operations import pages
from marketplace.tenants.models import Agency

CAME_FROM_SITE = "via=site"
"""Said in the links of a storefront: the way back is shown on the platform's pages."""


@dataclass(frozen=True)
class Shown:
    """The logo as a page shows it: at most 80 pixels high, twice as fine in the file."""

    url: str
    width: int
    height: int
    alt: str


@dataclass(frozen=True)
class Shop:
    """What every page of an agency's site has. `base` is '' on the agency's own host; `url` is the
    site's first address, for search engines; `links` are (address, title, slug) of its pages."""

    slug: str
    name: str
    told: Storefront
    base: str
    home: str
    url: str
    theme_url: str
    logo: Shown | None
    links: tuple[tuple[str, str, str], ...]
    own_host: bool


def agency(session: Session, name: str) -> Agency:
    """The agency of this address (public scope); NotFound for one that is not public."""
    found = session.scalars(select(Agency).where(Agency.slug == name)).one_or_none()
    if found is None or not found.is_public:
        raise NotFound
    return found


def shop(session: Session, found: Agency, base_url: str, *, own_host: bool = False) -> Shop:
    """The frame of an agency's site. Its pages: those that the session's scope may see."""
    base = "" if own_host else f"/agencies/{found.slug}"
    told = storefront(found)
    return Shop(
        slug=found.slug,
        name=found.name,
        told=told,
        base=base,
        home=base or "/",
        url=domains.site_url(session, found, base_url),
        theme_url=f"{base}/theme.css?v={short(colours.stylesheet(told.accent))}",
        logo=_logo(found, base),
        links=tuple(
            (f"{base}/pages/{one.slug}", one.live_title, one.slug)
            for one in pages(session, found.id)
            if one.is_public
        ),
        own_host=own_host,
    )


def for_team(session: Session, found: Agency, base_url: str) -> Shop:
    """The same for a preview in the workspace (agency scope), where the site may not be public."""
    made, desk = shop(session, found, base_url), f"/agency/{found.slug}/storefront"
    picture = replace(made.logo, url=f"{desk}/logo.png") if made.logo else None
    links = tuple(
        (f"{desk}/pages/{one.id}/preview", one.title, one.slug) for one in pages(session, found.id)
    )
    return replace(
        made,
        home=f"{desk}/preview",
        theme_url=f"{desk}/theme.css",
        logo=picture,
        links=links,
    )


def _logo(found: Agency, base: str) -> Shown | None:
    kept = logos.logo(found)
    if kept is None:
        return None
    return Shown(f"{base}/{kept.name}", kept.width // 2, kept.height // 2, kept.alt or found.name)


def short(text: str) -> str:
    """A few letters that change with a text."""
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def cards(
    session: Session, name: str, page: int, size: int
) -> tuple[tuple[Card, ...], int, int, int]:
    """Only this agency's listings: cards, how many there are, this page and the number of pages.
    The address decides, nothing that a reader sends."""
    known = finding.known(session)
    asked = SearchState(page=page, per_page=size)
    found = finding.find(session, asked, known, (), only_agency=name)
    shown = tuple(_led(card(row, SearchState(), known)) for row in found.rows)
    return shown, found.result.total, found.state.page, found.result.pages


def _led(one: Card) -> Card:
    return replace(one, query=f"{one.query}{'&' if one.query else '?'}{CAME_FROM_SITE}")
