"""The logo of an agency's own site: stored like every file, named by its content."""

import hashlib
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from marketplace.accounts.permissions import require
from marketplace.core import audit, storage
from marketplace.core.context import Actor
from marketplace.storefront import pictures
from marketplace.storefront.operations import MAY, locked_agency, refuse_blocked_words
from marketplace.tenants.models import Agency

ALT_LENGTH = 120


@dataclass(frozen=True)
class Logo:
    """A stored logo. `name` changes with its content; `alt` is what is read out instead."""

    file_id: str
    name: str
    width: int
    height: int
    alt: str


def logo(agency: Agency) -> Logo | None:
    """The logo of an agency's site, if it has one."""
    kept = agency.settings.get("logo")
    return Logo(**kept) if kept else None


def save(session: Session, actor: Actor, content: bytes, alt: str) -> Logo:
    """Keep a logo in the place of the one before; without `content`, only its description.

    Raises Forbidden without `settings.edit`, Invalid (fields `logo`, `alt`).
    """
    require(actor, MAY)
    refuse_blocked_words({"alt": alt})
    agency = locked_agency(session, actor)
    before = logo(agency)
    if not content and before is not None:
        kept = Logo(**(asdict(before) | {"alt": alt}))
    else:
        kept = _stored(session, agency, content, alt)
        _forget(session, before)
    agency.settings = {**agency.settings, "logo": asdict(kept)}
    audit.record(session, actor, "storefront.logo", f"agency:{agency.id}", picture=kept.name)
    return kept


def remove(session: Session, actor: Actor) -> None:
    """Show the name in words again. Raises Forbidden without `settings.edit`."""
    require(actor, MAY)
    agency = locked_agency(session, actor)
    _forget(session, logo(agency))
    agency.settings = {key: value for key, value in agency.settings.items() if key != "logo"}
    audit.record(session, actor, "storefront.logo_removed", f"agency:{agency.id}")


def _stored(session: Session, agency: Agency, content: bytes, alt: str) -> Logo:
    picture = pictures.logo(content)
    key = storage.put(
        session,
        picture.content,
        name="logo.png",
        media_type="image/png",
        agency_id=agency.id,
    )
    name = f"logo-{hashlib.sha256(picture.content).hexdigest()[:16]}.png"
    return Logo(str(key), name, picture.width, picture.height, alt)


def _forget(session: Session, before: Logo | None) -> None:
    if before is not None:
        storage.forget(session, UUID(before.file_id))
