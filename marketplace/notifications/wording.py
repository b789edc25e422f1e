"""How messages write days, times and amounts, and where their words come from.

A message stands alone and is read later, in other time zones: days carry weekday and year, times
name the place whose clock they follow, amounts always show cents.
"""

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache

from marketplace.core import formats, reference
from marketplace.core.words import words

MAX_NAME = 80


def weekday(value: date) -> str:
    """Mon, Feb 8, 2027."""
    return f"{value:%a}, {value:%b} {value.day}, {value.year}"


def span(first: date, last: date) -> str:
    """Mon, Feb 8 to Fri, Mar 5, 2027; both years when they differ."""
    start = weekday(first)
    if first.year == last.year:
        start = start.removesuffix(f", {first.year}")
    return f"{start} to {weekday(last)}"


def short_span(first: date, last: date) -> str:
    """Feb 8 to Mar 5, for subject lines."""
    return plain(f"{formats.month_day(first)} to {formats.month_day(last)}")


def instant(value: datetime, zone: str, city: str) -> str:
    """Fri, Nov 27, 8:15 AM Chicago time."""
    return plain(f"{formats.when(value, zone)} {city} time")


def exact(cents: int) -> str:
    """$1,650.00: cents always, so that a receipt leaves nothing to guess."""
    return f"${cents // 100:,}.{cents % 100:02d}"


def plain(text: str) -> str:
    """One line with plain spaces: nothing a person typed can start a header or a line."""
    return " ".join(text.split())


def name(text: str) -> str:
    """A person's name as messages print it."""
    return plain(text)[:MAX_NAME]


@cache
def _keys() -> frozenset[str]:
    return frozenset(row["key"] for row in reference.rows("microcopy"))


def says(slug: str, part: str, variant: str, slots: Mapping[str, object]) -> str:
    """The words of one part of a message: of the first of its variants (separated by spaces) that
    has words of its own, else the usual ones, "" when there are none at all. Raises `KeyError` when
    a slot has no value."""
    parts = [f"{part}-{one}" for one in variant.split()]
    for key in (*(f"email.{slug}.{one}" for one in parts), f"email.{slug}.{part}"):
        if key in _keys():
            return words(key, **slots)
    return ""
