"""Mondays as ISO weeks: how start dates are written in the index.

A start is a Monday at the site, so an ISO week ("2027-W03") names it exactly. A date range becomes
a list of weeks, because two range conditions on an array would match different elements.
"""

from datetime import date
from functools import lru_cache

MAX_WINDOW = 160
"""A window never lists more weeks than this (about three years)."""


def week_of(day: date) -> str:
    """The ISO week of a site-local date, such as "2027-W03"."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


@lru_cache(maxsize=2048)
def monday_of_week(week: str) -> date:
    """The Monday of an ISO week; raises `ValueError` on anything else."""
    year, _, number = week.partition("-W")
    return date.fromisocalendar(int(year), int(number), 1)


@lru_cache(maxsize=2048)
def month_of_week(week: str) -> str:
    """The month ("2027-01") in which the week's Monday lies."""
    return monday_of_week(week).isoformat()[:7]


def window(first: date, last: date) -> tuple[str, ...]:
    """The weeks whose Monday lies in [first, last]; none when last is before first.

    At most `MAX_WINDOW` weeks, counted from the first.
    """
    begin = first.toordinal() + -first.weekday() % 7
    mondays = range(begin, last.toordinal() + 1, 7)[:MAX_WINDOW]
    return tuple(week_of(date.fromordinal(monday)) for monday in mondays)
