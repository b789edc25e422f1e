"""Where places stand on the map of the United States (data/us_map.json, 975 by 610 units).

The projection is the one the map was drawn with: Albers' equal-area cone with Alaska and Hawaii
moved in (d3's `geoAlbersUsa`, scale 1300, centre 487.5 / 305).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import cos, hypot, radians, sin, sqrt

from marketplace.core import reference
from marketplace.core.reference import derived
from marketplace.listings import cities

SCALE = 1300.0
GAP = 70.0
"""Pins nearer than this share one: on a phone a pin is 68 units wide."""
_SINGLE = 14.0


@dataclass(frozen=True, slots=True)
class Pin:
    """Places near each other: their slugs and names, largest first, and their listings. In whole
    units of the map: a fragment of it has to stay small."""

    x: int
    y: int
    r: int
    slugs: tuple[str, ...]
    names: tuple[str, ...]
    count: int

    @property
    def label(self) -> str:
        """The places in words; many are cut to the first three."""
        shown, rest = self.names[:3], len(self.names) - 3
        return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")


def clusters(counts: Mapping[str, int], most_places: int) -> tuple[Pin, ...]:
    """One pin for each cluster of cities with listings, each at its city with most listings.

    A pin holds at most `most_places` cities, because it becomes the values of one filter.
    """
    groups: list[tuple[float, float, list[str]]] = []
    ranked = sorted((slug for slug in counts if counts[slug]), key=lambda s: (-counts[s], s))
    for slug in ranked:
        x, y = position(slug)
        home = next(
            (
                slugs
                for at_x, at_y, slugs in groups
                if abs(x - at_x) < GAP
                and hypot(x - at_x, y - at_y) < GAP
                and len(slugs) < most_places
            ),
            None,
        )
        if home is None:
            groups.append((x, y, [slug]))
        else:
            home.append(slug)
    return tuple(_pin(slugs, counts) for _, _, slugs in groups)


def _pin(slugs: list[str], counts: Mapping[str, int]) -> Pin:
    x, y = position(slugs[0])
    total = sum(counts[slug] for slug in slugs)
    return Pin(
        x=round(x),
        y=round(y),
        r=round(min(26.0, _SINGLE + 0.8 * sqrt(total))),
        slugs=tuple(sorted(slugs)),
        names=tuple(cities.city(slug).label for slug in slugs),
        count=total,
    )


@derived
def position(slug: str) -> tuple[float, float]:
    """A city's place on the map. Raises `KeyError`."""
    found = cities.city(slug)
    return project(found.lat, found.lng, found.state)


def project(lat: float, lng: float, state: str) -> tuple[float, float]:
    """Degrees to map units; `state` says which of the three maps it is on."""
    if state == "AK":
        x, y = _cone(lat, lng, (-154.0, -2.0, 58.5), (55.0, 65.0))
        scale, at = 0.35, (-0.307, 0.201)
    elif state == "HI":
        x, y = _cone(lat, lng, (-157.0, -3.0, 19.9), (8.0, 18.0))
        scale, at = 1.0, (-0.205, 0.212)
    else:
        x, y = _cone(lat, lng, (-96.0, -0.6, 38.7), (29.5, 45.5))
        scale, at = 1.0, (0.0, 0.0)
    return (
        487.5 + SCALE * (at[0] + scale * x),
        305.0 + SCALE * (at[1] - scale * y),
    )


def _cone(
    lat: float, lng: float, centre: tuple[float, float, float], parallels: tuple[float, float]
) -> tuple[float, float]:
    """Albers' conic equal-area projection, relative to its centre."""
    meridian, east, north = centre
    low, high = (sin(radians(p)) for p in parallels)
    n = (low + high) / 2
    c = 1 + low * (2 * n - low)
    first = sqrt(c) / n

    def raw(latitude: float, longitude: float) -> tuple[float, float]:
        radius = sqrt(c - 2 * n * sin(radians(latitude))) / n
        angle = n * radians(longitude)
        return radius * sin(angle), first - radius * cos(angle)

    x, y = raw(lat, lng - meridian)
    x0, y0 = raw(north, east)
    return x - x0, y - y0


@derived
def state_shapes() -> tuple[str, ...]:
    """The codes of the states that the map sprite has a shape for."""
    return tuple(sorted({row["state"] for row in reference.rows("us_cities")}))
