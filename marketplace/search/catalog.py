"""What the search page knows by name: facet values with their labels, cities with their place."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from marketplace.core import reference
from marketplace.core.reference import derived
from marketplace.listings import cities
from marketplace.listings.catalog import ENTRY_STATUSES

SETTINGS = {
    "inpatient": "Hospital",
    "outpatient": "Clinic",
    "mixed": "Hospital and clinic",
    "remote": "Remote",
}
ACCEPTS = {
    "graduate": "Graduates",
    "student": "Students, most in the final year",
    "no-exam": "No exam required",
    **ENTRY_STATUSES,
}
"""Training stages, and what a site says about exams and entry statuses (search.accepts)."""
SEATS = {"1": "Last seat", "2-4": "2 to 4 seats", "5-plus": "5 seats or more", "0": "Full"}
INCLUDED = {
    "letterhead-letter": "Letter on letterhead, when earned",
    "confirmation-letter": "Confirmation letter for a visa",
    "emr-access": "EMR access",
    "housing-help": "Housing help",
    "liability-insurance": "Liability insurance",
    "research-add-on": "Research add-on",
}
OPEN_FACETS = frozenset({"included", "accepts", "agency"})
"""Facets whose values agencies add to: an unknown value is kept and finds nothing."""
_OPEN_VALUE = re.compile(r"[^\x00-\x1f\x7f]{1,120}")


@dataclass(frozen=True, slots=True)
class Place:
    """A city of the catalog."""

    slug: str
    label: str
    lat: float
    lng: float


@dataclass(frozen=True, slots=True)
class Catalog:
    """Labels by facet and slug, in the order of a page, and the cities one can be near to."""

    labels: Mapping[str, Mapping[str, str]]
    places: Mapping[str, Place]
    specialty_groups: Mapping[str, str]
    """Specialty slug to group slug."""

    def with_labels(self, facet: str, labels: Mapping[str, str]) -> "Catalog":
        """The catalog with a facet's labels replaced, such as the agencies of the database."""
        return replace(self, labels={**self.labels, facet: labels})

    def value(self, facet: str, text: str) -> str | None:
        """The facet's own spelling of a value, None when there is no such value."""
        known = _spellings(tuple(self.labels.get(facet, ()))).get(text.strip().casefold())
        if known is not None or facet not in OPEN_FACETS:
            return known
        return text.strip() if _OPEN_VALUE.fullmatch(text.strip()) else None

    def label(self, facet: str, value: str) -> str:
        """The value for people; a value without a label reads as it is."""
        return self.labels.get(facet, {}).get(value) or value.replace("-", " ").capitalize()


@cache
def _spellings(values: tuple[str, ...]) -> Mapping[str, str]:
    return {value.casefold(): value for value in values}


def _labels(name: str) -> Mapping[str, str]:
    return {row["slug"]: row["label"] for row in reference.rows(name)}


@derived
def reference_catalog() -> Catalog:
    """The catalog of the reference data. Agencies are added by whoever knows the database."""
    places = {
        city.slug: Place(city.slug, city.label, city.lat, city.lng) for city in cities.cities()
    }
    return Catalog(
        labels={
            "specialty": _labels("specialties"),
            "specialty_group": _labels("specialty_groups"),
            "hands_on": _labels("hands_on_levels"),
            "state": dict(cities.states()),
            "city": {place.slug: place.label for place in places.values()},
            "type": _labels("rotation_types"),
            "setting": SETTINGS,
            "included": INCLUDED,
            "accepts": ACCEPTS,
            "seats": SEATS,
            "agency": {},
        },
        places=places,
        specialty_groups={row["slug"]: row["group"] for row in reference.rows("specialties")},
    )
