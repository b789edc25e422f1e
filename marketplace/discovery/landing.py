"""The page of a city, a state or a specialty: text made from what is listed there.

Every number is counted when the page is asked for, by the same engine and for the same question as
the search that it leads to. What is not known is left out, never guessed.
"""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sqlalchemy.orm import Session

from marketplace.core import clock
from marketplace.core.formats import day
from marketplace.core.money import dollars
from marketplace.discovery import figures, places
from marketplace.discovery.figures import Prices
from marketplace.discovery.places import Area
from marketplace.listings import catalog, cities, seasons
from marketplace.listings.catalog import Advisory
from marketplace.search import finding
from marketplace.search.page import Card, card
from marketplace.search.state import SearchState

USUAL_WEEKS = 4
SHOWN_CARDS = 6
SHOWN_MONTHS = 8
SHOWN_ROWS = 12
NEAR_KM = 250
NEAR_CITIES = 8
COUNTED = (
    "specialty",
    "hands_on",
    "state",
    "city",
    "type",
    "agency",
    "weeks",
    "rating",
    "start",
)
WELL = "4.5"
"""The band of the rating facet that the page tells."""

Counts = Mapping[str, Mapping[str, int]]
"""Facet to value to listings."""


@dataclass(frozen=True)
class Line:
    """A row of a list: a name, its address, how many listings, a word beside."""

    label: str
    url: str
    count: int
    said: str = ""


@dataclass(frozen=True)
class Landing:
    """Everything the template needs. `counted_off`: the engine is away, so only listings are
    shown and nothing is counted."""

    area: Area
    total: int
    lead: tuple[str, ...] = ()
    counted_off: bool = False
    levels: tuple[Line, ...] = ()
    prices: tuple[Prices, ...] = ()
    months: tuple[Line, ...] = ()
    letter: str = ""
    specialties: tuple[Line, ...] = ()
    states: tuple[Line, ...] = ()
    cities: tuple[Line, ...] = ()
    near: tuple[Line, ...] = ()
    related: tuple[Line, ...] = ()
    route: str = ""
    advisories: tuple[Advisory, ...] = ()
    cards: tuple[Card, ...] = ()

    @property
    def description(self) -> str:
        """One or two sentences for search engines."""
        return " ".join(self.lead[:2])


def landing(session: Session, area: Area) -> Landing:
    """The page of an area: six reads at most, whatever is listed there."""
    known = finding.known(session)
    asked = replace(area.state(), per_page=SHOWN_CARDS)
    found = finding.find(session, asked, known, COUNTED)
    counts: Counts = found.result.facets
    if not found.result.total:
        return Landing(area, 0, near=_near(area, counts), related=_related(area, counts))
    prices = figures.prices(session, area, counts.get("weeks", {}))
    months = tuple(date.fromisoformat(f"{month}-01") for month in sorted(counts.get("start", {})))
    return Landing(
        area=area,
        total=found.result.total,
        lead=_lead(area, found.result.total, counts, prices, months),
        counted_off=found.words_off,
        levels=_levels(area, counts),
        prices=prices,
        months=_months(area, counts, months),
        letter=_letter(months),
        specialties=_specialties(area, counts),
        states=_states(area, counts),
        cities=_cities(area, counts),
        near=_near(area, counts),
        related=_related(area, counts),
        route=_route(area),
        advisories=_advisories(area, counts),
        cards=tuple(card(row, SearchState(), known) for row in found.rows),
    )


def counted(number: int, one: str) -> str:
    """`1 rotation`, `1,250 rotations`, `2 agencies`."""
    many = one[:-1] + "ies" if one.endswith("y") else f"{one}s"
    return f"{number:,} {one if number == 1 else many}"


def usual(prices: Sequence[Prices]) -> Prices:
    """The length that most people compare: four weeks if offered, else the most frequent."""
    four = next((one for one in prices if one.weeks == USUAL_WEEKS), None)
    return four or max(prices, key=lambda one: one.count)


def _lead(
    area: Area, total: int, counts: Counts, prices: Sequence[Prices], months: Sequence[date]
) -> tuple[str, ...]:
    said = [_whole(area, total, counts)]
    if prices:
        shown = usual(prices)
        length = "1 week" if shown.weeks == 1 else f"{shown.weeks} weeks"
        if shown.low == shown.high:
            said.append(f"{length} cost {dollars(shown.low)}, every fee included.")
        else:
            said.append(
                f"{length} cost {dollars(shown.low)} to {dollars(shown.high)}, every fee"
                f" included; half of them cost {dollars(shown.middle)} or less."
            )
    if months:
        said.append(f"The next starts with a free seat are in {months[0]:%B %Y}.")
    well = counts.get("rating", {}).get(WELL, 0)
    if well:
        said.append(
            f"{counted(well, 'rotation')} {'is' if well == 1 else 'are'} rated {WELL} or more of 5"
            " by people who finished."
        )
    return tuple(said)


def _whole(area: Area, total: int, counts: Counts) -> str:
    """How many there are, and of how many kinds."""
    kind, one = ("state", "state") if area.kind == "specialty" else ("specialty", "specialty")
    spread = [counted(len(counts[kind]), one)] if len(counts.get(kind, {})) > 1 else []
    if area.kind == "state" and len(counts.get("city", {})) > 1:
        spread = [counted(len(counts["city"]), "city"), *spread]
    said = f"{counted(total, 'rotation')} {area.where}"
    said += f", in {' and '.join(spread)}" if spread else ""
    agencies = len(counts.get("agency", {}))
    return said + (f", arranged by {counted(agencies, 'agency')}." if agencies else ".")


def _levels(area: Area, counts: Counts) -> tuple[Line, ...]:
    found = counts.get("hands_on", {})
    return tuple(
        Line(level.label, area.search(hands_on=level.slug), found[level.slug], level.meaning)
        for level in catalog.levels()
        if found.get(level.slug)
    )


def _months(area: Area, counts: Counts, months: Sequence[date]) -> tuple[Line, ...]:
    """Listings that start in each month with a free seat for one of their lengths."""
    return tuple(
        Line(
            f"{first:%B %Y}",
            area.search(
                start_from=first,
                start_to=first.replace(day=monthrange(first.year, first.month)[1]),
            ),
            counts["start"][f"{first:%Y-%m}"],
        )
        for first in months[:SHOWN_MONTHS]
    )


def _letter(months: Sequence[date]) -> str:
    """Until when a usual rotation may start so that its letter comes in time."""
    review = seasons.next_review(clock.now().date())
    if review is None or not months:
        return ""
    days = seasons.COMFORTABLE_DAYS + seasons.DEFAULT_LETTER_DAYS
    last = review.day - timedelta(days=days + USUAL_WEEKS * 7 - 3)
    sure = "" if review.certain else " (our estimate)"
    if months[0] > last:
        return (
            f"Residency programs start to review applications on {review.shown}{sure}."
            " A letter from a rotation that starts now may come after that day."
        )
    weeks = seasons.DEFAULT_LETTER_DAYS // 7
    return (
        f"Residency programs start to review applications on {review.shown}{sure}."
        f" A four-week rotation that starts by {day(last)} leaves time for a letter,"
        f" if the letter takes {weeks} weeks."
    )


def _specialties(area: Area, counts: Counts) -> tuple[Line, ...]:
    if area.kind == "specialty":
        return ()
    return tuple(
        Line(catalog.specialty(slug).label, area.search(specialty=slug), count)
        for slug, count in _most(counts, "specialty")
    )


def _states(area: Area, counts: Counts) -> tuple[Line, ...]:
    if area.kind != "specialty":
        return ()
    names = cities.states()
    return tuple(
        Line(names[code], area.search(state=code), count) for code, count in _most(counts, "state")
    )


def _cities(area: Area, counts: Counts) -> tuple[Line, ...]:
    if area.kind != "state":
        return ()
    return tuple(
        Line(cities.city(slug).name, f"/cities/{slug}", count)
        for slug, count in _most(counts, "city")
    )


def _most(counts: Counts, facet: str) -> list[tuple[str, int]]:
    """The most frequent first; equal ones by name."""
    held = ((slug, count) for slug, count in counts.get(facet, {}).items() if count)
    return sorted(held, key=lambda item: (-item[1], item[0]))


def _near(area: Area, counts: Counts) -> tuple[Line, ...]:
    """Cities with listings around a city, nearest first. A facet ignores what is chosen in it, so
    the counts of cities are those of the whole market."""
    if area.kind != "city":
        return ()
    here, held = cities.city(area.key), counts.get("city", {})
    around = [one for one in cities.nearby(here.lat, here.lng, NEAR_KM) if one.city != here]
    return tuple(
        Line(
            one.city.label,
            f"/cities/{one.city.slug}",
            held[one.city.slug],
            f"{round(one.km)} km",
        )
        for one in [one for one in around if held.get(one.city.slug)][:NEAR_CITIES]
    )


def _related(area: Area, counts: Counts) -> tuple[Line, ...]:
    """Specialties whose experience counts toward this one, closest first."""
    if area.kind != "specialty":
        return ()
    weights, held = catalog.specialty(area.key).related, counts.get("specialty", {})
    closest = sorted((slug for slug in weights if held.get(slug)), key=lambda s: -weights[s])
    return tuple(
        Line(places.specialty(slug).name, places.specialty(slug).path, held[slug])
        for slug in closest[:NEAR_CITIES]
    )


def _route(area: Area) -> str:
    return catalog.specialty(area.key).application_route_note if area.kind == "specialty" else ""


def _advisories(area: Area, counts: Counts) -> tuple[Advisory, ...]:
    """What a state says about the types that are listed there, its own notices first."""
    if area.kind == "specialty":
        return ()
    code = area.key if area.kind == "state" else cities.city(area.key).state
    found = {
        notice: None
        for kind in sorted(counts.get("type", {}))
        for notice in catalog.advisories(code, kind)
    }
    return tuple(sorted(found, key=lambda notice: notice.state == "*"))
