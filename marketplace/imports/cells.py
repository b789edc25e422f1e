"""Reading one cell: each function gives the one way to write it, or raises ValueError.

What a value may be is decided by the rules of the pages; here is only how people write it.
"""

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal

from marketplace.core.reference import derived
from marketplace.core.typed import long_text
from marketplace.listings import catalog, cities, editor_forms, policies
from marketplace.listings.models import BLOCK_WEEKS
from marketplace.listings.npi import check_digit

YES = {"yes": "yes", "y": "yes", "true": "yes", "1": "yes"}
NO = {"no": "no", "n": "no", "false": "no", "0": "no"}
DAYS = tuple(day.lower() for day in editor_forms.DAYS)
HALVES = ("morning", "afternoon")

Read = Callable[[str], str]


def text(longest: int, *, lines: bool = False) -> Read:
    """A text of at most `longest` characters."""

    def read(typed: str) -> str:
        typed = typed.replace("\r\n", "\n").replace("\r", "\n")
        allowed = "\n\t" if lines else ""
        if any(unicodedata.category(char) == "Cc" and char not in allowed for char in typed):
            raise ValueError("There is a line break or an invisible character in this cell.")
        if len(typed) > longest:
            raise ValueError(f"At most {longest:,} characters; this has {len(typed):,}.")
        clean = long_text({"cell": typed}, "cell", longest)
        return clean if lines else " ".join(clean.split())

    return read


def one_of(allowed: Iterable[str], labels: Mapping[str, str] | None = None) -> Read:
    """One word of a list, in any case; a blank counts as a hyphen. Labels of pages count too."""
    words = tuple(allowed)
    by_label = {label.casefold(): word for word, label in (labels or {}).items()}

    def read(typed: str) -> str:
        value = by_label.get(typed.casefold(), typed.lower().replace(" ", "-"))
        if value not in words:
            raise ValueError(f"Use one of: {', '.join(words)}.{_meant(value, words)}")
        return value

    return read


def several(allowed: Callable[[], tuple[str, ...]]) -> Read:
    """Words of a list, written a|b, in the list's order."""

    def read(typed: str) -> str:
        words = allowed()
        values = _parts(typed.lower())
        for value in values:
            if value not in words:
                shown = "|".join(words) if len(words) < 8 else "the list of this column"
                raise ValueError(f"{value!r} is not in {shown}.{_meant(value, words)}")
        return "|".join(sorted(set(values), key=words.index))

    return read


def _parts(typed: str) -> list[str]:
    return [item.strip() for item in typed.split("|") if item.strip()]


def _meant(value: str, allowed: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(value, allowed, n=1)
    return f" Did you mean {close[0]}?" if close else ""


def number(typed: str) -> str:
    """A whole number; how large it may be, the pages' rules say."""
    if not re.fullmatch(r"[0-9]{1,6}", typed):
        raise ValueError("Write a whole number, in digits only.")
    return str(int(typed))


def yes_no(typed: str) -> str:
    """Yes or no."""
    found = (YES | NO).get(typed.lower())
    if found is None:
        raise ValueError("Write yes or no.")
    return found


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


def specialty(typed: str) -> str:
    """A specialty by slug, label or a usual other name."""
    names = _specialty_names()
    slug = names.get(" ".join(typed.casefold().split()))
    if slug is not None:
        return slug
    close = difflib.get_close_matches(typed.casefold(), tuple(names), n=1)
    hint = f" Did you mean {catalog.specialty(names[close[0]]).label}?" if close else ""
    raise ValueError(f"This specialty is not in the list.{hint}")


def city(typed: str) -> str:
    """A city by slug, or by a name that only one city has."""
    try:
        return cities.city(typed.lower()).slug
    except KeyError:
        found = cities.find_cities(typed)
    if len(found) == 1:
        return found[0].slug
    if found:
        known = ", ".join(one.slug for one in found[:4])
        raise ValueError(f"There are several: {known}. Use one of these.")
    raise ValueError("This city is not in the list. Write it like columbus-oh.")


def npi(typed: str) -> str:
    """Ten digits with a right check digit; blanks and hyphens do not matter."""
    digits = typed.replace(" ", "").replace("-", "")
    if not re.fullmatch(r"[0-9]{10}", digits):
        raise ValueError("An NPI has ten digits.")
    right = check_digit(digits[:9])
    if digits[9] != right:
        raise ValueError(f"The check digit is wrong. The last digit would be {right}.")
    return digits


# --- prices and days ----------------------------------------------------------------------------


def prices(typed: str) -> str:
    """Weeks and dollars, written weeks:dollars|weeks:dollars, shortest first."""
    found: dict[int, int] = {}
    for item in typed.split("|"):
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
        if not 0 < cents <= editor_forms.MAX_PRICE_CENTS:
            raise ValueError("A price is above $0 and at most $100,000.")
        found[weeks] = cents
    return prices_cell(found)


def prices_cell(cents: Mapping[int, int]) -> str:
    """Weeks to cents as a cell."""
    return "|".join(f"{weeks}:{dollars(cents[weeks])}" for weeks in sorted(cents))


def dollars(cents: int) -> str:
    """1650 or 1650.50."""
    return f"{cents // 100}.{cents % 100:02d}" if cents % 100 else str(cents // 100)


def days(typed: str) -> str:
    """Mondays in order, written 2027-03-01|2027-04-05."""
    found = [monday(item) for item in _parts(typed)]
    if len(set(found)) != len(found):
        raise ValueError("A start is there twice.")
    return "|".join(sorted(found))


def monday(typed: str) -> str:
    """A Monday, as 2027-03-01 or 3/1/2027."""
    iso = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", typed)
    american = re.fullmatch(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", typed)
    try:
        if iso:
            day = date(int(iso[1]), int(iso[2]), int(iso[3]))
        elif american:
            day = date(int(american[3]), int(american[1]), int(american[2]))
        else:
            raise ValueError
    except ValueError:
        raise ValueError(f"Write dates like 2027-03-01; {typed!r} is none.") from None
    if not 2020 <= day.year <= 2060:
        raise ValueError("This year is not possible.")
    if day.weekday():
        back = day - timedelta(days=day.weekday())
        near = back if day.weekday() <= 3 else back + timedelta(weeks=1)
        raise ValueError(f"Starts are Mondays; {typed} is not. Nearest: {near.isoformat()}.")
    return day.isoformat()


# --- what a listing says ------------------------------------------------------------------------


def activities(typed: str) -> str:
    """Tasks with their level, written task:yes|task:supervised, in the list's order."""
    known = tuple(task.slug for task in catalog.scope_activities())
    found: dict[str, str] = {}
    for item in _parts(typed.lower()):
        slug, _, answer = item.partition(":")
        if slug not in known:
            raise ValueError(f"There is no activity {slug!r}.{_meant(slug, known)}")
        if answer not in ("yes", "supervised"):
            raise ValueError(f"Write {slug}:yes or {slug}:supervised; leave out what is not done.")
        found[slug] = answer
    return activities_cell(found)


def activities_cell(levels: Mapping[str, str]) -> str:
    """Tasks and levels as a cell."""
    order = {task.slug: number for number, task in enumerate(catalog.scope_activities())}
    tasks = sorted(levels, key=lambda slug: (order.get(slug, 999), slug))
    return "|".join(f"{slug}:{levels[slug]}" for slug in tasks)


def cancellation(typed: str) -> str:
    """A preset, or own steps written days:percent|days:percent, farthest first."""
    slugs = tuple(terms.slug for terms in policies.presets())
    if typed.lower() in slugs:
        return typed.lower()
    steps = _parts(typed.replace(" ", ""))
    if len(steps) > editor_forms.MAX_TIERS:
        raise ValueError(f"At most {editor_forms.MAX_TIERS} steps.")
    pairs = [re.fullmatch(r"([0-9]{1,3}):([0-9]{1,3})%?", step) for step in steps]
    if not pairs or None in pairs:
        raise ValueError(f"Use one of {', '.join(slugs)}, or your own steps like 60:100|30:50.")
    return "|".join(f"{int(pair[1])}:{int(pair[2])}" for pair in pairs if pair)


def shares(typed: str) -> str:
    """Who is paid out of the price, in percent, written attending:60|site:20."""
    known = tuple(editor_forms.PAYEES)
    found: dict[str, int] = {}
    for item in _parts(typed.lower()):
        payee, _, percent = item.partition(":")
        if payee not in known:
            raise ValueError(f"Use {', '.join(known)}.{_meant(payee, known)}")
        found[payee] = int(number(percent.strip().removesuffix("%")))
    return "|".join(f"{payee}:{found[payee]}" for payee in known if found.get(payee))


def week(typed: str) -> str:
    """Half days, written monday-morning:Clinic|monday-afternoon:Ward round."""
    known = [f"{day}-{half}" for day in DAYS for half in HALVES]
    found: dict[str, str] = {}
    check = text(editor_forms.HALF_DAY_LENGTH)
    for item in _parts(typed):
        half, _, words = item.partition(":")
        half = half.strip().lower()
        if half not in known:
            raise ValueError(f"Use monday-morning and so on, not {half!r}.")
        found[half] = check(words.strip())
    return "|".join(f"{half}:{found[half]}" for half in known if found.get(half))
