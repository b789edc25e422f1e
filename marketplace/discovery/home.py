"""The start page: real counts, one real rotation, and sentences that really find something."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.bookings import order
from marketplace.core import clock
from marketplace.core.formats import day
from marketplace.discovery import figures, places
from marketplace.listings import catalog, cities
from marketplace.listings.models import Attending, Rotation
from marketplace.listings.page_views import Row, chosen, row, scope
from marketplace.search import engines, free_text, pins
from marketplace.search.catalog import reference_catalog
from marketplace.search.page import ICONS
from marketplace.search.port import SearchUnavailable
from marketplace.search.state import SearchState

TILES = 8
STATES = 8
DOTS = 40
EXAMPLES = 3
TIME_TO_DECIDE = timedelta(days=75)
TRIED = 4
"""Rotations tried for the box beside the search, best reviewed first."""


def home(session: Session) -> dict[str, Any]:
    """Everything the template needs."""
    market, names = figures.market(session), cities.states()
    by_state = market.states
    first, named = _most(by_state)[:STATES], _most(market.specialties)
    tiles = named[:TILES]
    cheapest = figures.least_prices("specialty", (slug for slug, _ in tiles))
    least = figures.least_prices("state", (code for code, _ in first))
    return {
        "examples": examples([slug for slug, _ in named], [code for code, _ in first]),
        "proof": _proof(session),
        "specialties": [_tile(slug, count, cheapest.get(slug, 0)) for slug, count in tiles],
        "specialty_count": len(named),
        "places": [
            row(
                name=names[code],
                url=places.state(code).search(),
                count=count,
                from_cents=least.get(code, 0),
            )
            for code, count in first
        ],
        "more_places": max(0, len(by_state) - len(first)),
        "map": row(states=sorted(names), open=sorted(by_state), dots=_dots(market.cities)),
        "counted": f"Counted from {market.total:,} open rotations on {day(clock.now().date())}.",
        "truth": _truth(session),
    }


def examples(specialties: Sequence[str], states: Sequence[str]) -> list[str]:
    """Sentences that the search understands in full and that find something now."""
    today = clock.now().date()
    return [said for said in _sentences(specialties, states, today) if _finds(said, today)][
        :EXAMPLES
    ]


def _sentences(specialties: Sequence[str], states: Sequence[str], today: date) -> Iterable[str]:
    names = [places.inside_sentence(catalog.specialty(slug).label) for slug in specialties[:6]]
    where = [cities.states()[code] for code in states[:4]]
    month = f"{date(today.year + (today.month > 9), (today.month + 2) % 12 + 1, 1):%B}"
    for at, name in enumerate(names):
        place = where[at % len(where)] if where else ""
        if at % 3 == 0 and place:
            yield f"hands-on {name} in {place} under $3,000"
        elif at % 3 == 1:
            yield f"{name} for graduates, starting in {month}"
        elif place:
            yield f"{name} in {place} with a visa letter"
    yield from names


def _finds(said: str, today: date) -> bool:
    """Nothing is left as mere words, and at least one listing answers."""
    read = free_text.read(SearchState(q=said), today)
    if read.q or not read.facets:
        return False
    question = replace(read.to_query(reference_catalog()), per_page=0, facets=(), highlight=False)
    try:
        return engines.engine().search(question).total > 0
    except SearchUnavailable:
        return True


def _proof(session: Session) -> Row | None:
    """One real rotation with a free seat: hands-on, signed, best reviewed."""
    tried = session.scalars(
        select(Rotation)
        .where(
            Rotation.public,
            Rotation.level.like("hands-on-%"),
            Rotation.signed_version == Rotation.version,
            Rotation.rating_count > 0,
            Attending.id == Rotation.attending_id,
            Attending.license_checked_at.is_not(None),
        )
        .order_by(Rotation.rating_count.desc(), Rotation.rating_sum.desc(), Rotation.id)
        .limit(TRIED)
    ).all()
    for rotation in tried:
        choice, _ = chosen(session, rotation, None, None)
        if choice and rotation.agency:
            later, _ = chosen(session, rotation, _with_time(choice), None)
            return _proved(rotation, later or choice)
    return None


def _with_time(choice: Row) -> date:
    """The first free start that leaves time to change one's mind, else the next one."""
    free: list[date] = [one.date for _, month in choice.months for one in month if one.left]
    enough = clock.now().date() + TIME_TO_DECIDE
    return next((day_ for day_ in free if day_ >= enough), free[0])


def _proved(rotation: Rotation, choice: Row) -> Row:
    doctor = rotation.attending.display_name.split(",")[0]
    declared = scope(rotation)
    checked = rotation.attending.license_checked_at
    return row(
        url=f"/rotations/{rotation.slug}",
        specialty=catalog.specialty(rotation.specialty).label,
        doctor=doctor,
        doctor_short=f"Dr. {doctor.split()[-1]}",
        tint=order.tint(rotation.specialty),
        site=rotation.site.name.removesuffix(f", {cities.city(rotation.site.city).name}"),
        place=cities.city(rotation.site.city).label,
        checked_on=checked.date() if checked else None,
        yours=sum(one.kind != "no" for one in declared),
        activities=len(declared),
        weeks=choice.weeks,
        price=choice.price,
        refund=choice.refund,
    )


def _truth(session: Session) -> Row | None:
    matching, answers = session.execute(
        select(func.sum(Rotation.truth_matching), func.sum(Rotation.truth_answers)).where(
            Rotation.public
        )
    ).one()
    if not answers:
        return None
    return row(percent=matching * 100 // answers, matching=matching, total=answers)


def _tile(slug: str, count: int, cents: int) -> Row:
    shade = order.tint(slug)
    return row(
        label=catalog.specialty(slug).label,
        url=places.specialty(slug).search(),
        icon=ICONS.get(shade, "stethoscope"),
        tint=shade,
        count=count,
        from_cents=cents,
    )


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _dots(by_city: Mapping[str, int]) -> list[tuple[float, float]]:
    """The largest places, where they stand on the map."""
    found = (cities.city(slug) for slug, _ in _most(by_city)[:DOTS])
    return [pins.project(city.lat, city.lng, city.state) for city in found]
