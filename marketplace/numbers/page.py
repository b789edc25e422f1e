"""An agency's numbers beside the market's middle, as the pages show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from marketplace.core.formats import month_day
from marketplace.numbers import queries
from marketplace.numbers.measures import MEASURES, SERIES, WEEKS, Measure, Series
from marketplace.numbers.models import AgencyNumbers

Middle = Mapping[str, Mapping[str, float]]
_UNITS = {"h": "h", "d": "days", "%": "points"}
_COMPARED = {"h": ("faster", "slower"), "d": ("sooner", "later"), "%": ("lower", "higher")}


@dataclass(frozen=True)
class Chart:
    """Twelve weeks of one number; `median` is the market's, if there is one."""

    label: str
    value: str
    compare: str
    kind: str
    values: tuple[float | None, ...]
    median: float | None
    weeks: tuple[str, ...]
    ahead: bool = False  # the first week is the next one, not the last one the latest


@dataclass(frozen=True)
class Standing:
    """One measure beside the market; the market's fields are None with too few agencies."""

    label: str
    about: str
    unit: str
    me: str
    median: str
    strip: tuple[float, float, float, float, float, float] | None  # me, median, p25, p75, lo, hi
    tone: str
    words: str


@dataclass(frozen=True)
class Numbers:
    """The page."""

    charts: tuple[Chart, ...]
    standings: tuple[Standing, ...]
    agencies: int  # behind the market's middle; 0 when it is not shown
    at: datetime


def numbers(session: Session, *, money: bool) -> Numbers | None:
    """The numbers as a role may see them; None before the first measuring."""
    own = queries.own(session)
    if own is None:
        return None
    middle = queries.market(session)
    shown = [one for one in MEASURES if money or not one.money]
    return Numbers(
        charts=tuple(_chart(one, own, middle) for one in SERIES if money or not one.money),
        standings=tuple(_standing(one, own.measured.get(one.slug), middle) for one in shown),
        agencies=int(max((part["n"] for part in middle.values()), default=0)),
        at=own.at,
    )


def _chart(one: Series, own: AgencyNumbers, middle: Middle) -> Chart:
    values = tuple(own.weekly.get(one.slug) or [None] * WEEKS)
    now, part = values[0 if one.ahead else -1], middle.get(one.slug)
    first = own.last_week - timedelta(weeks=WEEKS - 1)
    if one.ahead:
        first = own.at.date() + timedelta(days=1)
    return Chart(
        label=one.label,
        value=one.none if now is None else f"{plain(now)}{one.unit}",
        compare=_compare(part, one),
        kind=one.kind,
        values=values,
        median=part["median"] if part else None,
        weeks=tuple(month_day(first + timedelta(weeks=n)) for n in range(WEEKS)),
        ahead=one.ahead,
    )


def _compare(part: Mapping[str, float] | None, one: Series) -> str:
    if part is None:
        return "No market median yet"
    return f"Market median {plain(part['median'])}{one.unit}{one.each}"


def _standing(measure: Measure, me: float | None, middle: Middle) -> Standing:
    part = middle.get(measure.slug)
    tone, words = "ok", "Too few agencies to compare"
    strip = None
    if me is None:
        words = "Nothing to measure yet"
    elif part is not None:
        tone, words = compared(measure, me, part["median"])
        strip = (me, part["median"], part["p25"], part["p75"], *_scale(me, part))
    unit = measure.unit if measure.unit == "%" else f" {measure.unit}"
    return Standing(
        label=measure.label,
        about=measure.about,
        unit=measure.unit,
        me="–" if me is None else f"{plain(me)}{unit}",
        median=f"{plain(part['median'])}{unit}" if part else "–",
        strip=strip,
        tone=tone,
        words=words,
    )


def compared(measure: Measure, me: float, median: float) -> tuple[str, str]:
    """How a number stands: a tone, and words that say it without the colour."""
    apart = round(abs(me - median)) if abs(me - median) >= 1 else round(abs(me - median), 1)
    if apart < max(0.5, 0.05 * median):
        return "ok", "About the same"
    lower = me < median
    tone = "good" if lower == (measure.better == "low") else "bad"
    return tone, f"{plain(apart)} {_UNITS[measure.unit]} {_COMPARED[measure.unit][not lower]}"


def _scale(me: float, part: Mapping[str, float]) -> tuple[float, float]:
    """The ends of the strip: from the middle half and the own number, never from another's."""
    span = max(part["p75"] - part["p25"], 0.1 * part["median"], 1)
    return max(0.0, min(me, part["p25"] - span)), max(me, part["p75"] + span)


def plain(value: float) -> str:
    """12, or 2.4: one decimal below ten, none above."""
    shown: Sequence[str] = f"{value:,.1f}".rsplit(".", 1)
    return str(f"{value:,.0f}") if value >= 10 or shown[1] == "0" else f"{value:.1f}"
