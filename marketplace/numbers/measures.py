"""What is measured: one table. `better` says which way is good; money is for who may see it."""

from dataclasses import dataclass
from typing import Literal

WEEKS = 12


@dataclass(frozen=True)
class Measure:
    """A number of the last twelve weeks, in `unit`: h(ours), d(ays) or percent."""

    slug: str
    label: str
    unit: Literal["h", "d", "%"]
    better: Literal["low", "high"]
    about: str
    money: bool = False


MEASURES: tuple[Measure, ...] = (
    Measure(
        "answer",
        "Time to answer a request",
        "h",
        "low",
        "Half of your answers were faster. From the request to your yes or no.",
    ),
    Measure(
        "confirmed",
        "Requests that become confirmed",
        "%",
        "high",
        "Of the requests of these weeks, those whose deposit was paid.",
    ),
    Measure(
        "filled",
        "Seats filled, next 12 weeks",
        "%",
        "high",
        "Seats taken of all seats in starts that are open.",
    ),
    Measure(
        "cancelled",
        "Cancelled by you or an attending",
        "%",
        "low",
        "For every hundred bookings confirmed in these weeks.",
    ),
    Measure(
        "refunded",
        "Money given back",
        "%",
        "low",
        "Of what candidates paid in these weeks.",
        money=True,
    ),
    Measure(
        "letter",
        "Letter uploaded after the end",
        "d",
        "low",
        "Half of the letters came sooner. From the last day to the upload.",
    ),
)


@dataclass(frozen=True)
class Series:
    """A number week by week. `each`: what the market's median of it is for; `ahead`: the weeks are
    the coming ones, from the day after the measuring."""

    slug: str
    label: str
    kind: Literal["bars", "line"]
    none: str
    unit: str = ""
    each: str = ""
    ahead: bool = False
    money: bool = False


SERIES: tuple[Series, ...] = (
    Series("views", "Listing views last week", "line", "No views", each=" a week"),
    Series("requests", "Requests last week", "bars", "No requests", each=" a week"),
    Series("answer", "Hours to answer last week", "line", "No answers", " h"),
    Series("filled", "Seats filled, next 7 days", "bars", "No starts", "%", ahead=True),
    Series("refunded", "Given back last week", "bars", "Nothing paid", "%", money=True),
    Series("letter", "Days to a letter last week", "line", "No letters", " d"),
)
