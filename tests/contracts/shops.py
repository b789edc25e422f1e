"""The own site of a house: a logo, a published page, a draft, an address that waits."""

from io import BytesIO

from PIL import Image

from marketplace.archive import jobs as archive_jobs
from marketplace.archive import operations as exports
from marketplace.core import context, storage
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.storefront import domains, logos, page_operations
from tests import factories

BASE = "http://localhost"


def picture(
    width: int = 120, height: int = 40, colour: str = "#1f5f8f", kind: str = "PNG"
) -> bytes:
    """A small picture as a file."""
    out = BytesIO()
    Image.new("RGB", (width, height), colour).save(out, kind)
    return out.getvalue()


def open_shop(market: factories.Market, key: str) -> dict[str, str]:
    """Fill the site; answers the names that addresses need."""
    owner = Actor("agency", market.staff["owner"], market.agency_id, "Maya", "owner")
    with open_session(context.agency(market.agency_id)) as session:
        logo = logos.save(session, owner, picture(), "A wave")
        live, draft = (
            page_operations.add(session, owner, title=title, slug=slug, text=text)
            for title, slug, text in (
                ("Housing", f"housing-{key}", "Rooms **near** the site."),
                (f"Zqagency{key} plans", "", f"Zqagency{key} writes this later."),
            )
        )
        page_operations.publish(session, owner, live.id)
        waits = domains.add(session, owner, f"zqagency{key}.clinic-site.com", BASE)
        kept = storage.put(
            session,
            f"Zqagency{key}".encode(),
            name=f"zqagency{key}.csv",
            media_type="text/csv",
            agency_id=market.agency_id,
            person_id=owner.person_id,
        )
        return {
            "file": str(kept),
            "logo": logo.name.removeprefix("logo-").removesuffix(".png"),
            "site_page": live.slug,
            "own_page": str(live.id),
            "own_draft": str(draft.id),
            "domain": str(waits.id),
        }


MISSING = {"logo": "0" * 16, "site_page": "no-such-page"}


def keep_archive(market: factories.Market) -> str:
    """An archive that is ready."""
    owner = Actor("agency", market.staff["owner"], market.agency_id, "Maya", "owner")
    with open_session(context.agency(market.agency_id)) as session:
        key = exports.ask(session, owner, "A test of the contract.").id
    archive_jobs.write(context.system("test"), str(key))
    return str(key)


MISSING_KEYS = ("export", "own_page", "own_draft", "domain")
