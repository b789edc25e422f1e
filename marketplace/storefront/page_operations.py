"""An agency's own pages: write, put in order, publish, take back."""

import re
import unicodedata
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.permissions import require
from marketplace.core import audit, clock
from marketplace.core.context import Actor
from marketplace.core.errors import Invalid, NotFound
from marketplace.storefront.models import StorefrontPage
from marketplace.storefront.operations import MAY, locked_agency, refuse_blocked_words

TITLE_LENGTH = 60
TEXT_LENGTH = 20_000
SLUG_LENGTH = 48
MOST_PAGES = 12
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_WORD = re.compile(r"[a-z0-9]+")
RESERVED = frozenset({"new", "edit", "preview", "rotations"})


def pages(session: Session, agency_id: UUID) -> list[StorefrontPage]:
    """The pages of an agency in their order: those that the session's scope may see."""
    asked = select(StorefrontPage).where(StorefrontPage.agency_id == agency_id)
    return list(session.scalars(asked.order_by(StorefrontPage.position, StorefrontPage.id)))


def page(session: Session, page_id: UUID) -> StorefrontPage:
    """A page of the session's agency; NotFound for a foreign or missing one."""
    found = session.get(StorefrontPage, page_id)
    if found is None:
        raise NotFound
    return found


def add(session: Session, actor: Actor, *, title: str, slug: str, text: str) -> StorefrontPage:
    """A new page, last in order, that nobody but the team sees.

    Raises Forbidden without `settings.edit`, Invalid (fields `title`, `slug`, `text`).
    """
    require(actor, MAY)
    agency = locked_agency(session, actor)
    others = pages(session, agency.id)
    if len(others) >= MOST_PAGES:
        raise Invalid({"title": f"A site has at most {MOST_PAGES} pages. Remove one first."})
    found = StorefrontPage(
        agency_id=agency.id,
        slug=_free(others, None, title, slug, text),
        position=max((one.position for one in others), default=0) + 1,
        title=title,
        text=text,
    )
    session.add(found)
    session.flush()
    audit.record(session, actor, "storefront.page_add", f"page:{found.id}", address=found.slug)
    return found


def save(
    session: Session, actor: Actor, page_id: UUID, *, title: str, slug: str, text: str
) -> StorefrontPage:
    """Keep what was written. Visitors see it when it is published; a new address holds at once.

    Raises like `add`, and NotFound.
    """
    require(actor, MAY)
    agency = locked_agency(session, actor)
    found = page(session, page_id)
    found.slug = _free(pages(session, agency.id), found, title, slug, text)
    found.title, found.text, found.updated_at = title, text, clock.now()
    session.flush()
    return found


def publish(session: Session, actor: Actor, page_id: UUID) -> StorefrontPage:
    """Show visitors what is written now. Raises Forbidden, NotFound, Invalid (field `text`)."""
    require(actor, MAY)
    found = page(session, page_id)
    if not found.text:
        raise Invalid({"text": "Write something before you publish the page."})
    refuse_blocked_words({"title": found.title, "text": found.text})
    found.live_title, found.live_text = found.title, found.text
    found.is_public, found.published_at = True, clock.now()
    audit.record(session, actor, "storefront.page_publish", f"page:{found.id}", address=found.slug)
    return found


def take_back(session: Session, actor: Actor, page_id: UUID) -> StorefrontPage:
    """Hide a page from visitors; what is written stays. Raises Forbidden, NotFound."""
    require(actor, MAY)
    found = page(session, page_id)
    found.is_public = False
    audit.record(session, actor, "storefront.page_hide", f"page:{found.id}", address=found.slug)
    return found


def remove(session: Session, actor: Actor, page_id: UUID) -> None:
    """Delete a page. Raises Forbidden, NotFound."""
    require(actor, MAY)
    found = page(session, page_id)
    audit.record(session, actor, "storefront.page_remove", f"page:{found.id}", address=found.slug)
    session.delete(found)


def move_up(session: Session, actor: Actor, page_id: UUID) -> None:
    """One place further to the front; the first one stays. Raises Forbidden, NotFound."""
    require(actor, MAY)
    agency = locked_agency(session, actor)
    moved = page(session, page_id)
    order = pages(session, agency.id)
    place = order.index(moved)
    if place:
        order[place - 1], order[place] = moved, order[place - 1]
    for number, one in enumerate(order, start=1):
        one.position = number


def public_page(session: Session, agency_id: UUID, slug: str) -> StorefrontPage:
    """A published page (public scope); NotFound for a draft, a foreign or a missing one."""
    found = session.scalars(
        select(StorefrontPage).where(
            StorefrontPage.agency_id == agency_id,
            StorefrontPage.slug == slug,
            StorefrontPage.is_public,
        )
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def _free(
    others: list[StorefrontPage], own: StorefrontPage | None, title: str, slug: str, text: str
) -> str:
    """The address of a page, checked with the rest; made of the title when none is given."""
    errors: dict[str, str] = {}
    taken = {one.slug for one in others if one is not own} | RESERVED
    wanted = slug.lower() or _made_of(title)
    if not title:
        errors["title"] = "Write a title."
    if not _SLUG.fullmatch(wanted) or len(wanted) > SLUG_LENGTH:
        if title or slug:
            errors["slug"] = (
                "Use small letters a to z, digits and single dashes, like housing-tips."
            )
    elif wanted in taken:
        errors["slug"] = f"“{wanted}” is taken. Choose another address."
    try:
        refuse_blocked_words({"title": title, "text": text})
    except Invalid as error:
        errors = error.errors | errors
    if errors:
        raise Invalid(errors)
    return wanted


def _made_of(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()
    return "-".join(_WORD.findall(plain))[:SLUG_LENGTH].strip("-")
