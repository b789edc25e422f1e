"""Own sites of three agencies: logo, colour, text, pages, and a name that waits for its record.

`demo/data/shops/<slug>.md` has the line under the name, the colour, the text, and after `===` each
page's address and title; `<slug>.png` is drawn from the `.svg` beside it.
"""

import hashlib
from dataclasses import asdict
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from demo import accounts
from demo.seed.chance import Ids
from demo.seed.market import Market
from demo.seed.rows import Row, Rows
from demo.seed.sources import DATA
from marketplace.core import storage
from marketplace.core.storage import StoredFile
from marketplace.storefront import pictures
from marketplace.storefront.logos import Logo
from marketplace.storefront.models import AgencyDomain, StorefrontPage
from marketplace.storefront.operations import Storefront
from marketplace.tenants.models import Agency

SHOPS = (accounts.HARBORLIGHT, "bluefern-clinical", "silverbirch-surgical")
DRAFT = ("Winter hours", "winter-hours", "We write this when the sites have told us their dates.")


def build(session: Session, rows: Rows, ids: Ids, market: Market, now: datetime) -> None:
    """Write the sites."""
    for slug in SHOPS:
        agency = market.agencies[slug]
        first, *pages = (DATA / "shops" / f"{slug}.md").read_text("utf-8").split("\n=== ")
        headline, accent, about = first.split("\n", 2)
        told = Storefront(headline, about.strip(), accent)
        logo = _logo(session, ids, slug, agency["id"], now)
        agency["settings"] = agency["settings"] | {"storefront": asdict(told), "logo": asdict(logo)}
        session.execute(
            update(Agency).where(Agency.id == agency["id"]).values(settings=agency["settings"])
        )
        for number, page in enumerate(pages, start=1):
            head, text = page.split("\n", 1)
            address, title = head.split(": ", 1)
            rows.add(
                StorefrontPage,
                _page(ids, agency["id"], number, (title, address, text.strip()), now),
            )
    harborlight = market.agencies[accounts.HARBORLIGHT]["id"]
    rows.add(StorefrontPage, _page(ids, harborlight, 9, DRAFT, now, live=False))
    _waiting_name(rows, ids, harborlight, now)
    rows.write()


def _logo(session: Session, ids: Ids, slug: str, agency_id: UUID, now: datetime) -> Logo:
    picture = pictures.logo((DATA / "shops" / f"{slug}.png").read_bytes())
    key = storage.put(
        session,
        picture.content,
        name="logo.png",
        media_type="image/png",
        agency_id=agency_id,
        key=ids.uuid(),
    )
    session.execute(update(StoredFile).where(StoredFile.id == key).values(created_at=now))
    name = f"logo-{hashlib.sha256(picture.content).hexdigest()[:16]}.png"
    return Logo(str(key), name, picture.width, picture.height, "")


def _page(  # noqa: PLR0917
    ids: Ids,
    agency_id: UUID,
    number: int,
    written: tuple[str, str, str],
    now: datetime,
    live: bool = True,
) -> Row:
    title, slug, text = written
    return {
        "id": ids.uuid(),
        "agency_id": agency_id,
        "slug": slug,
        "position": number,
        "title": title,
        "text": text,
        "is_public": live,
        "live_title": title if live else "",
        "live_text": text if live else "",
        "published_at": now - timedelta(days=60) if live else None,
        "updated_at": now - timedelta(days=60 if live else 2),
    }


def _waiting_name(rows: Rows, ids: Ids, agency_id: UUID, now: datetime) -> None:
    """Nobody's DNS can answer for a made-up name, so it stays the way a new one is."""
    host = f"rotations.{accounts.HARBORLIGHT}.example"
    rows.add(
        AgencyDomain,
        {
            "id": ids.uuid(),
            "agency_id": agency_id,
            "host": host,
            "token": hashlib.sha256(host.encode()).hexdigest()[:32],
            "state": "pending",
            "is_verified": False,
            "found": "",
            "misses": 0,
            "created_at": now,
            "checked_at": None,
            "verified_at": None,
            "next_check_at": now + timedelta(minutes=10),
        },
    )
