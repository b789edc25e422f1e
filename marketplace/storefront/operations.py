"""What an agency says and shows on its own site. Kept with the agency's settings."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.permissions import require
from marketplace.core import audit
from marketplace.core.context import Actor
from marketplace.core.errors import Invalid, NotFound
from marketplace.listings.lint import lint
from marketplace.storefront import colours
from marketplace.tenants.models import Agency

HEADLINE_LENGTH = 120
ABOUT_LENGTH = 6000
MAY = "settings.edit"
PLATFORM_ACCENT = "#0d6660"


@dataclass(frozen=True)
class Storefront:
    """One line under the name, the agency's text in Markdown, and its colour as `#rrggbb`."""

    headline: str = ""
    about: str = ""
    accent: str = PLATFORM_ACCENT


def storefront(agency: Agency) -> Storefront:
    """What the agency's site says; the agency's tagline where nothing was written yet."""
    kept = agency.settings.get("storefront")
    return Storefront(**kept) if kept else Storefront(headline=agency.tagline)


def save(session: Session, actor: Actor, wanted: Storefront) -> Storefront:
    """Keep what an agency's site says.

    Raises `Forbidden` without `settings.edit`, and `Invalid` beside each field for a colour that
    cannot be read or for words that no listing may use (`lint_phrases.csv`).
    """
    require(actor, MAY)
    agency = locked_agency(session, actor)
    kept = Storefront(wanted.headline, wanted.about, _checked(wanted))
    agency.settings = {**agency.settings, "storefront": asdict(kept)}
    audit.record(session, actor, "storefront.save", f"agency:{agency.id}", accent=kept.accent)
    return kept


def locked_agency(session: Session, actor: Actor) -> Agency:
    """The actor's agency, locked: its site is changed by one person at a time."""
    agency = session.scalars(
        select(Agency).where(Agency.id == actor.agency_id).with_for_update()
    ).one_or_none()
    if agency is None:
        raise NotFound
    return agency


def refuse_blocked_words(texts: Mapping[str, str]) -> None:
    """Raises `Invalid` beside each field with words that no listing may use either
    (`lint_phrases.csv`)."""
    errors: dict[str, str] = {}
    for name, text in texts.items():
        found = [one for one in lint(text, name) if one.action == "block"]
        if found:
            errors[name] = f"Please change “{found[0].matched}”. {found[0].why}"
    if errors:
        raise Invalid(errors)


def _checked(wanted: Storefront) -> str:
    errors: dict[str, str] = {}
    accent = ""
    try:
        refuse_blocked_words({"headline": wanted.headline, "about": wanted.about})
    except Invalid as error:
        errors |= error.errors
    try:
        accent = colours.check(wanted.accent)
    except Invalid as error:
        errors |= error.errors
    if errors:
        raise Invalid(errors)
    return accent
