"""The lists of all places and of all specialties that have listings."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from marketplace.core.money import dollars
from marketplace.discovery import figures, places
from marketplace.discovery.landing import Line
from marketplace.listings import catalog, cities


@dataclass(frozen=True)
class Block:
    """A heading, perhaps with a page of its own, and what stands under it."""

    label: str
    url: str
    count: int
    lines: tuple[Line, ...]


def all_places(session: Session) -> tuple[Block, ...]:
    """States by name, each with its cities by name."""
    counts = figures.market(session).cities
    found = []
    for code, name in cities.states().items():
        inside = sorted(
            (one for one in map(cities.city, counts) if one.state == code), key=lambda c: c.name
        )
        lines = tuple(Line(one.name, f"/cities/{one.slug}", counts[one.slug]) for one in inside)
        if lines:
            total = sum(line.count for line in lines)
            found.append(Block(name, places.state(code).path, total, lines))
    return tuple(found)


def all_specialties(session: Session) -> tuple[Block, ...]:
    """Groups in page order, each with its specialties."""
    counts = figures.market(session).specialties
    least = figures.least_prices("specialty", counts)
    found = []
    for group in catalog.specialty_groups():
        inside = [one for one in catalog.specialties() if one.group == group.slug]
        lines = tuple(
            Line(
                one.label,
                places.specialty(one.slug).path,
                counts[one.slug],
                f"from {dollars(least[one.slug])}" if one.slug in least else "",
            )
            for one in inside
            if one.slug in counts
        )
        if lines:
            found.append(Block(group.label, "", sum(line.count for line in lines), lines))
    return tuple(found)
