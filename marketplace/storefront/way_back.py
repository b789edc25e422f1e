"""From the platform's pages back to the agency's own site, for who came from there.

Nobody sends an address: a link says only that somebody came from a site (`via=site`), a booking
remembers it, and where that is follows from the agency of the rotation or of the booking.
"""

import re
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from sqlalchemy import ColumnElement, select

from marketplace.core import context, web
from marketplace.core.db import open_session
from marketplace.listings.models import Rotation
from marketplace.storefront import domains
from marketplace.tenants.models import Agency

SITE = "site"
_SHOP = re.compile(r"/agencies/([a-z0-9-]{1,80})(?:/|$)")
_REQUEST = re.compile(r"/(?:me/request|rotations)/([a-z0-9-]{1,200})")


def came_from_site(asked: Mapping[str, str]) -> bool:
    """Does this query or form say that somebody came from an agency's own site?"""
    return asked.get("via") == SITE


def of_agency(agency_id: UUID) -> None:
    """Show the way back to this agency's site on the page of this request; nothing for an agency
    that is not public."""
    _lead(Agency.id == agency_id)


def of_next(target: str) -> None:
    """The same on the page for signing in, from where people want to go after it."""
    parts = urlsplit(target)
    if found := _SHOP.match(parts.path):
        _lead(Agency.slug == found[1])
    elif (found := _REQUEST.match(parts.path)) and parse_qs(parts.query).get("via") == [SITE]:
        _lead(Agency.id.in_(select(Rotation.agency_id).where(Rotation.slug == found[1])))


def _lead(condition: ColumnElement[bool]) -> None:
    with open_session(context.public(), readonly=True) as session:
        asked = select(Agency).where(Agency.is_public, condition)
        agency = session.scalars(asked).one_or_none()
        if agency is not None:
            web.lead_back(agency.name, domains.site_url(session, agency, web.config().base_url))
