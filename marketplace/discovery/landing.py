"""The page of a city, a state or a specialty: text made from what is listed there.

Every number is counted from the database when the page is asked for. What is not known is left
out, never guessed.
"""

from calendar import monthrange
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sqlalchemy.orm import Session

from marketplace.core import clock
from marketplace.core.formats import day
from marketplace.core.money import dollars
from marketplace.discovery import places, queries
from marketplace.discovery.places import Area
from marketplace.discovery.queries import Mix, Prices, Whole
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


@dataclass(frozen=True)
class Line:
    """A row of a list: a name, its address, how many listings, a word beside."""

    label: str
    url: str
    count: int
    said: str = ""


@dataclass(frozen=True)
class Landing:
    """Everything the template needs."""

    area: Area
    whole: Whole
    lead: tuple[str, ...]
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
    """The page of an area: eleven reads at most, whatever is listed there."""
    whole = queries.whole(session, area)
    if not whole.listings:
        return Landing(area, whole, (), near=_near(session, area), related=_related(session, area))
    mix = queries.mix(session, area)
    prices = queries.prices(session, area)
    starts = queries.starts(session, area)
    return Landing(
        area=area,
        whole=whole,
        lead=_lead(area, whole, prices, starts),
        levels=_levels(area, mix),
        prices=prices,
        months=_months(area, starts),
        letter=_letter(starts),
        specialties=_specialties(area, mix),
        states=_states(area, mix),
        cities=_cities(area, mix),
        near=_near(session, area),
        related=_related(session, area),
        route=_route(area),
        advisories=_advisories(area, mix),
        cards=_cards(session, area),
    )


def counted(number: int, one: str) -> str:
    """`1 rotation`, `1,250 rotations`, `2 agencies`."""
    many = one[:-1] + "ies" if one.endswith("cy") else f"{one}s"
    return f"{number:,} {one if number == 1 else many}"


def usual(prices: Sequence[Prices]) -> Prices:
    """The length that most people compare: four weeks if offered, else the most frequent."""
    four = next((one for one in prices if one.weeks == USUAL_WEEKS), None)
    return four or max(prices, key=lambda one: one.count)


def _lead(
    area: Area, whole: Whole, prices: Sequence[Prices], starts: Sequence[tuple[date, int]]
) -> tuple[str, ...]:
    said = [
        f"{counted(whole.listings, 'rotation')} {area.where} with"
        f" {counted(whole.attendings, 'attending')}, arranged by"
        f" {counted(whole.agencies, 'agency')}."
    ]
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
    if starts:
        said.append(f"The next start with a free seat is {day(starts[0][0])}.")
    if whole.answers:
        share = whole.matching * 100 // whole.answers
        said.append(
            f"After their rotation, trainees compared {whole.answers:,} tasks with the listing:"
            f" {share}% were as described."
        )
    return tuple(said)


def _levels(area: Area, mix: Iterable[Mix]) -> tuple[Line, ...]:
    counts = Counter[str]()
    for one in mix:
        counts[one.level] += one.count
    return tuple(
        Line(level.label, area.search(hands_on=level.slug), counts[level.slug], level.meaning)
        for level in catalog.levels()
        if counts[level.slug]
    )


def _months(area: Area, starts: Iterable[tuple[date, int]]) -> tuple[Line, ...]:
    counts = Counter[date]()
    for start, count in starts:
        counts[start.replace(day=1)] += count
    return tuple(
        Line(
            f"{first:%B %Y}",
            area.search(
                start_from=first,
                start_to=first.replace(day=monthrange(first.year, first.month)[1]),
            ),
            counts[first],
        )
        for first in sorted(counts)[:SHOWN_MONTHS]
    )


def _letter(starts: Sequence[tuple[date, int]]) -> str:
    """Until when a usual rotation may start so that its letter comes in time."""
    review = seasons.next_review(clock.now().date())
    if review is None or not starts:
        return ""
    days = seasons.COMFORTABLE_DAYS + seasons.DEFAULT_LETTER_DAYS
    last = review.day - timedelta(days=days + USUAL_WEEKS * 7 - 3)
    sure = "" if review.certain else " (our estimate)"
    if starts[0][0] > last:
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


def _specialties(area: Area, mix: Iterable[Mix]) -> tuple[Line, ...]:
    if area.kind == "specialty":
        return ()
    counts = Counter[str]()
    for one in mix:
        counts[one.specialty] += one.count
    return tuple(
        Line(catalog.specialty(slug).label, area.search(specialty=slug), count)
        for slug, count in _most(counts)
    )


def _states(area: Area, mix: Iterable[Mix]) -> tuple[Line, ...]:
    if area.kind != "specialty":
        return ()
    counts = Counter[str]()
    for one in mix:
        counts[one.state] += one.count
    names = cities.states()
    return tuple(Line(names[code], area.search(state=code), count) for code, count in _most(counts))


def _cities(area: Area, mix: Iterable[Mix]) -> tuple[Line, ...]:
    if area.kind != "state":
        return ()
    counts = Counter[str]()
    for one in mix:
        counts[one.city] += one.count
    return tuple(
        Line(cities.city(slug).name, f"/cities/{slug}", count) for slug, count in _most(counts)
    )


def _most(counts: Counter[str]) -> list[tuple[str, int]]:
    """The most frequent first; equal ones by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _near(session: Session, area: Area) -> tuple[Line, ...]:
    """Cities with listings around a city, nearest first."""
    if area.kind != "city":
        return ()
    here = cities.city(area.key)
    around = [one for one in cities.nearby(here.lat, here.lng, NEAR_KM) if one.city != here]
    counts = queries.by_city(session, [one.city.slug for one in around])
    found = [one for one in around if one.city.slug in counts]
    return tuple(
        Line(
            one.city.label,
            f"/cities/{one.city.slug}",
            counts[one.city.slug],
            f"{round(one.km)} km",
        )
        for one in found[:NEAR_CITIES]
    )


def _related(session: Session, area: Area) -> tuple[Line, ...]:
    """Specialties whose experience counts toward this one, closest first."""
    if area.kind != "specialty":
        return ()
    weights = catalog.specialty(area.key).related
    counts = queries.by_specialty(session)
    closest = sorted((slug for slug in weights if slug in counts), key=lambda s: -weights[s])
    return tuple(
        Line(places.specialty(slug).name, places.specialty(slug).path, counts[slug])
        for slug in closest[:NEAR_CITIES]
    )


def _route(area: Area) -> str:
    return catalog.specialty(area.key).application_route_note if area.kind == "specialty" else ""


def _advisories(area: Area, mix: Iterable[Mix]) -> tuple[Advisory, ...]:
    """What a state says about the types that are listed there, its own notices first."""
    if area.kind == "specialty":
        return ()
    code = area.key if area.kind == "state" else cities.city(area.key).state
    found = {
        notice: None
        for kind in sorted({one.type for one in mix})
        for notice in catalog.advisories(code, kind)
    }
    return tuple(sorted(found, key=lambda notice: notice.state == "*"))


def _cards(session: Session, area: Area) -> tuple[Card, ...]:
    """The first listings of the area's search, as the search page shows them."""
    known = finding.known(session)
    state = replace(area.state(), per_page=SHOWN_CARDS)
    found = finding.find(session, state, known, ())
    return tuple(card(row, SearchState(), known) for row in found.rows)
