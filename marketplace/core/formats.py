"""Dates, times and names in words, for pages and for messages."""

from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

_NBSP = "\N{NO-BREAK SPACE}"


def day(value: date) -> str:
    """Jan 5, 2027, never broken between month and day."""
    return f"{value:%b}{_NBSP}{value.day}, {value.year}"


def day_short(value: date) -> str:
    """Mon, Jan 5."""
    return f"{value:%a}, {value:%b}{_NBSP}{value.day}"


@lru_cache(maxsize=4096)
def month_day(value: date) -> str:
    """Jan 5."""
    return f"{value:%b}{_NBSP}{value.day}"


def weeks(number: int) -> str:
    """1 week, 4 weeks."""
    return f"{number}{_NBSP}week{'' if number == 1 else 's'}"


def when(value: datetime, zone: str = "UTC") -> str:
    """Tue, Nov 24, 10:20 AM at a place; the page names the place once."""
    local = value.astimezone(ZoneInfo(zone))
    clock = f"{local:%I:%M %p}".lstrip("0")
    return f"{local:%a}, {local:%b}{_NBSP}{local.day}, {clock.replace(' ', _NBSP)}"


def site_in(site: str, place: str) -> str:
    """A site's name where its city follows (`Boston, MA`): a city at the end of the name is left
    out, so that nobody reads it twice."""
    city = place.rpartition(",")[0] or place
    name, comma, last = site.rpartition(",")
    return name if comma and name and last.strip().casefold() == city.casefold() else site


def site_at(site: str, place: str) -> str:
    """Copperlark Family Practice, Boston, MA: a site with its city, which is said once."""
    return f"{site_in(site, place)}, {place}"


def doctor(name: str) -> str:
    """Dr. Isabel Fuentes: an attending's name as people say it, without the degrees after it."""
    return f"Dr. {name.removeprefix('Dr. ').split(',')[0]}"


def doctor_short(name: str) -> str:
    """Dr. Fuentes."""
    return f"Dr. {doctor(name).split()[-1]}"
