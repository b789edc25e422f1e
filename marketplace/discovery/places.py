"""The areas that have a page of their own: a city, a state, a specialty. Names, addresses, search.

Pure. Whether an area has listings is asked in `queries`.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from marketplace.core.reference import derived
from marketplace.listings import catalog, cities
from marketplace.search.finding import address
from marketplace.search.state import SearchState

Kind = Literal["city", "state", "specialty"]
HOME, PLACES, SPECIALTIES = ("Home", "/"), ("Places", "/places"), ("Specialties", "/specialties")
Crumb = tuple[str, str]


@dataclass(frozen=True)
class Area:
    """One area. `key` is the value of the search's facet of the same name as `kind`."""

    kind: Kind
    key: str
    name: str
    """As it stands in a heading: `Chicago, IL`, `Illinois`, `Cardiology`."""
    path: str

    @property
    def heading(self) -> str:
        """The page's heading."""
        if self.kind == "specialty":
            return f"{self.name} rotations in the United States"
        return f"Clinical rotations in {self.name}"

    @property
    def where(self) -> str:
        """After a count of rotations: `in Chicago, IL`, `in cardiology`."""
        return f"in {inside_sentence(self.name) if self.kind == 'specialty' else self.name}"

    def search(self, **more: object) -> str:
        """The address of the search for this area, narrowed by more of its state."""
        return address(self.state(**more))

    def state(self, **more: object) -> SearchState:
        """The search for this area. Facets are given as one value each."""
        facets: list[tuple[str, str]] = [(self.kind, self.key)]
        facets += [(name, str(more.pop(name))) for name in _FACETS if name in more]
        made = SearchState(**more)  # type: ignore[arg-type]  # each the field's own type
        for name, value in facets:
            made = made.toggle(name, value)
        return made

    @property
    def crumbs(self) -> tuple[Crumb, ...]:
        """The way from the home page to here."""
        if self.kind == "specialty":
            return (HOME, SPECIALTIES, (self.name, self.path))
        if self.kind == "state":
            return (HOME, PLACES, (self.name, self.path))
        above = state(cities.city(self.key).state)
        return (HOME, PLACES, (above.name, above.path), (self.name, self.path))


def of_search(asked: SearchState) -> tuple[Area, ...]:
    """The pages that tell more about a search: its specialty's, its city's or else its state's,
    where it names exactly one."""
    found = []
    for kinds in (("specialty",), ("city", "state")):
        for kind in kinds:
            values = asked.values(kind)
            if len(values) == 1:
                with suppress(KeyError):
                    found.append(_AREA_OF[kind](values[0]))
                break
    return tuple(found)


_FACETS = ("specialty", "hands_on", "state", "city", "type", "agency")


def city(slug: str) -> Area:
    """The area of a city. Raises `KeyError`."""
    found = cities.city(slug)
    return Area("city", slug, found.label, f"/cities/{slug}")


def state(code: str) -> Area:
    """The area of a state by its two letters. Raises `KeyError`."""
    name = cities.states()[code]
    return Area("state", code, name, f"/states/{_slug(name)}")


def specialty(slug: str) -> Area:
    """The area of a specialty. Raises `KeyError`."""
    return Area("specialty", slug, catalog.specialty(slug).label, f"/specialties/{slug}")


def state_of_slug(slug: str) -> Area:
    """The area of a state by the name in its address, `new-york`. Raises `KeyError`."""
    return state(_codes()[slug])


def inside_sentence(label: str) -> str:
    """A label inside a sentence: small at its start unless it is an abbreviation or a name."""
    head = label[:2]
    return label if head.isupper() else label[:1].lower() + label[1:]


@derived
def _codes() -> Mapping[str, str]:
    return {_slug(name): code for code, name in cities.states().items()}


def _slug(name: str) -> str:
    return re.sub(r"[^a-z]+", "-", name.lower()).strip("-")


_AREA_OF: Mapping[str, Callable[[str], Area]] = {
    "city": city,
    "state": state,
    "specialty": specialty,
}
