"""The U.S. cities of the market, from GeoNames (CC BY 4.0: pages show the attribution).

Names repeat across states, so a city is known by its slug, `columbus-oh`.
"""

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from marketplace.core import reference
from marketplace.core.reference import derived

ATTRIBUTION = "City data: GeoNames (geonames.org), CC BY 4.0"
EARTH_RADIUS_KM = 6371.0088


@dataclass(frozen=True)
class City:
    """A place. `timezone` is an IANA name; latitude north and longitude east in degrees."""

    slug: str
    geonameid: int
    name: str
    state: str
    state_name: str
    lat: float
    lng: float
    population: int
    timezone: str

    @property
    def label(self) -> str:
        """For people: `Columbus, OH`."""
        return f"{self.name}, {self.state}"


@dataclass(frozen=True)
class Near:
    """A city and its distance in kilometres."""

    city: City
    km: float


@derived
def cities() -> tuple[City, ...]:
    """All cities, largest first."""
    found = (_city(line) for line in reference.rows("us_cities"))
    return tuple(sorted(found, key=lambda city: (-city.population, city.slug)))


@derived
def states() -> Mapping[str, str]:
    """Two letters to the name of the state, by name; DC is one of them."""
    found = {city.state: city.state_name for city in cities()}
    return MappingProxyType(dict(sorted(found.items(), key=lambda item: item[1])))


def city(slug: str) -> City:
    """The city of a slug like `boston-ma`. Raises `KeyError`."""
    try:
        return _by_slug()[slug]
    except KeyError:
        raise KeyError(f"no city with slug {slug!r}") from None


def find_cities(text: str) -> tuple[City, ...]:
    """The cities that people mean by `text`, largest first: name, `name, st`, slug or alias.

    Case, accents, points and Saint or St. do not matter. Aliases are the places of
    `search_synonyms.csv`, so `New York` finds New York City. A whole name only, no prefix.
    """
    return _by_words().get(_plain(text), ())


def nearby(lat: float, lng: float, km: float) -> tuple[Near, ...]:
    """The cities at most `km` kilometres away (great circle), nearest first."""
    found = (Near(city, distance_km(lat, lng, city.lat, city.lng)) for city in cities())
    return tuple(sorted((n for n in found if n.km <= km), key=lambda n: (n.km, n.city.slug)))


def distance_km(lat: float, lng: float, to_lat: float, to_lng: float) -> float:
    """Great-circle distance in kilometres between two points in degrees (haversine)."""
    north, to_north = math.radians(lat), math.radians(to_lat)
    east = math.radians(to_lng - lng)
    half = (
        math.sin((to_north - north) / 2) ** 2
        + math.cos(north) * math.cos(to_north) * math.sin(east / 2) ** 2
    )
    # Rounding may push the half chord of two opposite points just above one.
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(half)))


@derived
def _by_slug() -> Mapping[str, City]:
    return {city.slug: city for city in cities()}


@derived
def _by_words() -> Mapping[str, tuple[City, ...]]:
    names: dict[str, tuple[City, ...]] = {}
    gone = reference.retired("us_cities")
    for found in cities():
        if str(found.geonameid) in gone:
            continue
        for key in (_plain(found.name), _plain(found.label)):
            names[key] = (*names.get(key, ()), found)
    aliases = {
        _plain(line["term"]): names[_plain(line["equals"])]
        for line in reference.rows("search_synonyms")
        if line["kind"] == "place" and _plain(line["equals"]) in names
    }
    return aliases | names


def slug_of(line: reference.Row) -> str:
    """What addresses call the city of a row."""
    return _plain(f"{line['name']} {line['state']}").replace(" ", "-")


def _city(line: reference.Row) -> City:
    return City(
        slug=slug_of(line),
        geonameid=int(line["geonameid"]),
        name=line["name"],
        state=line["state"],
        state_name=line["state_name"],
        lat=float(line["lat"]),
        lng=float(line["lng"]),
        population=int(line["population"]),
        timezone=line["timezone"],
    )


def _plain(text: str) -> str:
    """Lower-case ASCII words with single spaces; `saint` is written `st`."""
    folded = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", folded.replace("'", "").replace(".", ""))
    return " ".join("st" if word == "saint" else word for word in words)
