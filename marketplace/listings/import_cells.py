"""Reading one cell of the import file. Every function raises ValueError with the reason."""

import difflib
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal

from marketplace.core.errors import Invalid
from marketplace.core.reference import derived
from marketplace.core.spreadsheets import is_formula
from marketplace.listings import catalog, cities, policies
from marketplace.listings.models import BLOCK_WEEKS
from marketplace.listings.npi import check_digit

INTERACTIONS = ("hands-on", "observe", "virtual", "research")
SETTINGS = ("inpatient", "outpatient", "mixed", "remote")
SITE_KINDS = (
    "hospital",
    "teaching-hospital",
    "clinic",
    "private-office",
    "community-health-center",
    "remote",
)
EXAMS = ("usmle_step_1", "usmle_step_2_ck", "usmle_step_3")
STUDENT_YEARS = ("preclinical", "clinical", "penultimate", "final")
MAX_PRICE_CENTS = 10_000_000


def plain_text(longest: int, *, lines: bool = False) -> Callable[[str], str]:
    """Text of at most `longest` characters that no spreadsheet runs."""

    def parse(text: str) -> str:
        if is_formula(text):
            raise ValueError(f"A cell may not start with {text[0]!r}: spreadsheets would run it.")
        allowed = "\n\t" if lines else ""
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if any(unicodedata.category(char) == "Cc" and char not in allowed for char in text):
            raise ValueError("There is a line break or an invisible character in this cell.")
        if len(text) > longest:
            raise ValueError(f"At most {longest:,} characters; this has {len(text):,}.")
        return text

    return parse


def one_of(allowed: tuple[str, ...]) -> Callable[[str], str]:
    """One word of a list, in any case; a blank counts as a hyphen."""

    def parse(text: str) -> str:
        value = text.lower().replace(" ", "-")
        if value not in allowed:
            raise ValueError(f"Use one of: {', '.join(allowed)}.{_meant(value, allowed)}")
        return value

    return parse


def several(allowed: tuple[str, ...]) -> Callable[[str], list[str]]:
    """Words of a list, written a|b, in the list's order."""

    def parse(text: str) -> list[str]:
        values = [item.strip().lower() for item in text.split("|") if item.strip()]
        for value in values:
            if value not in allowed:
                shown = "|".join(allowed) if len(allowed) < 8 else "the list in the guide"
                raise ValueError(f"{value!r} is not in {shown}.{_meant(value, allowed)}")
        return sorted(set(values), key=allowed.index)

    return parse


def _meant(value: str, allowed: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(value, allowed, n=1)
    return f" Did you mean {close[0]}?" if close else ""


def number(least: int, most: int) -> Callable[[str], int]:
    """A whole number in a range."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,6}", text) or not least <= int(text) <= most:
            raise ValueError(f"Write a whole number from {least} to {most}.")
        return int(text)

    return parse


def words(text: str) -> list[str]:
    """Short texts, written a|b."""
    check = plain_text(120)
    return [check(item.strip()) for item in text.split("|") if item.strip()]


@derived
def document_slugs() -> tuple[str, ...]:
    """The kinds of document that may be asked for."""
    return tuple(kind.slug for kind in catalog.document_kinds())


@derived
def _specialty_names() -> Mapping[str, str]:
    names: dict[str, str] = {}
    for found in catalog.specialties():
        for name in (*found.aliases, found.label, found.slug):
            names[name.casefold()] = found.slug
    return names


def specialty(text: str) -> str:
    """A specialty by slug, label or a usual other name."""
    names = _specialty_names()
    slug = names.get(" ".join(text.casefold().split()))
    if slug is not None:
        return slug
    close = difflib.get_close_matches(text.casefold(), tuple(names), n=1)
    hint = f" Did you mean {catalog.specialty(names[close[0]]).label}?" if close else ""
    raise ValueError(f"This specialty is not in the list.{hint}")


def city(text: str) -> str:
    """A city by slug, or by a name that only one city has."""
    try:
        return cities.city(text.lower()).slug
    except KeyError:
        pass
    found = cities.find_cities(text)
    if len(found) == 1:
        return found[0].slug
    if found:
        several = ", ".join(city.slug for city in found[:4])
        raise ValueError(f"There are several: {several}. Use one of these.")
    raise ValueError("This city is not in the list. Write it like columbus-oh.")


def npi(text: str) -> str:
    """Ten digits with a right check digit."""
    if not re.fullmatch(r"[0-9]{10}", text):
        raise ValueError("An NPI has ten digits.")
    right = check_digit(text[:9])
    if text[9] != right:
        raise ValueError(f"The check digit is wrong. The last digit would be {right}.")
    return text


def prices(text: str) -> dict[int, int]:
    """Weeks to cents, written weeks:dollars|weeks:dollars."""
    found: dict[int, int] = {}
    for item in text.split("|"):
        match = re.fullmatch(r"\s*([0-9]{1,2})\s*:\s*([0-9]{1,6}(?:\.[0-9]{1,2})?)\s*", item)
        if match is None:
            raise ValueError(
                "Write weeks:dollars like 2:1100|4:1650.50, with a point and no thousands mark."
            )
        weeks, cents = int(match[1]), int(Decimal(match[2]) * 100)
        if weeks not in BLOCK_WEEKS:
            raise ValueError(f"Weeks are {', '.join(map(str, BLOCK_WEEKS))}; not {weeks}.")
        if weeks in found:
            raise ValueError(f"{weeks} weeks is there twice.")
        if not 0 < cents <= MAX_PRICE_CENTS:
            raise ValueError("A price is above $0 and at most $100,000.")
        found[weeks] = cents
    return found


def starts(text: str) -> tuple[date, ...]:
    """Mondays in order, written 2027-03-01|2027-04-05."""
    days = [_monday(item.strip()) for item in text.split("|") if item.strip()]
    if len(set(days)) != len(days):
        raise ValueError("A start is there twice.")
    return tuple(sorted(days))


def _monday(text: str) -> date:
    iso = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", text)
    american = re.fullmatch(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", text)
    try:
        if iso:
            day = date(int(iso[1]), int(iso[2]), int(iso[3]))
        elif american:
            day = date(int(american[3]), int(american[1]), int(american[2]))
        else:
            raise ValueError
    except ValueError:
        raise ValueError(f"Write dates like 2027-03-01; {text!r} is none.") from None
    if day.weekday():
        back = day - timedelta(days=day.weekday())
        near = back if day.weekday() <= 3 else back + timedelta(weeks=1)
        raise ValueError(f"Starts are Mondays; {text} is not. Nearest: {near.isoformat()}.")
    return day


def activities(text: str) -> dict[str, str]:
    """Activity to yes or supervised, written slug:yes|slug:supervised."""
    known = tuple(task.slug for task in catalog.scope_activities())
    found: dict[str, str] = {}
    for item in (part.strip().lower() for part in text.split("|")):
        slug, _, answer = item.partition(":")
        if slug not in known:
            raise ValueError(f"There is no activity {slug!r}.{_meant(slug, known)}")
        if answer not in ("yes", "supervised"):
            raise ValueError(f"Write {slug}:yes or {slug}:supervised; leave out what is not done.")
        found[slug] = answer
    return found


def cancellation(text: str) -> dict[str, object]:
    """Frozen terms: a preset, or tiers written days:percent|days:percent."""
    slugs = tuple(terms.slug for terms in policies.presets())
    if text.lower() in slugs:
        return policies.preset(text.lower()).as_json()
    try:
        return policies.custom_terms(text).as_json()
    except Invalid as error:
        reason = next(iter(error.errors.values()))
        raise ValueError(f"Use one of {', '.join(slugs)}, or your own tiers. {reason}") from None


def student_year(text: str) -> str | None:
    """The least year of study."""
    return one_of(STUDENT_YEARS)(text)


def years(text: str) -> int | None:
    """The most years since graduation."""
    return number(0, 60)(text)
