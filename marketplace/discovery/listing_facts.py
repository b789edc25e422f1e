"""A listing in the words of schema.org: a course with its starts, its prices and its provider."""

from datetime import date
from typing import Any

from marketplace.core.formats import day
from marketplace.discovery import places, structured
from marketplace.discovery.places import Crumb
from marketplace.discovery.structured import Thing
from marketplace.listings import catalog, cities
from marketplace.listings.models import Rotation
from marketplace.listings.queries import last_day

SHOWN_STARTS = 12


def crumbs(rotation: Rotation) -> tuple[Crumb, ...]:
    """The way from the home page to a listing: its specialty, its city."""
    doctor = rotation.attending.display_name.split(",")[0]
    city, specialty = places.city(rotation.site.city), places.specialty(rotation.specialty)
    here = (f"Dr. {doctor}", f"/rotations/{rotation.slug}")
    return (places.HOME, (specialty.name, specialty.path), (city.name, city.path), here)


def facts(
    base_url: str, rotation: Rotation, starts: tuple[date, ...], weeks: int | None, seat: bool
) -> Thing:
    """Everything that search engines may know of the page: `starts` of blocks of `weeks`, and
    whether a seat is free."""
    return structured.graph(
        _course(base_url, rotation, starts, weeks, seat),
        structured.crumbs(base_url, crumbs(rotation)),
    )


def _course(
    base_url: str, rotation: Rotation, starts: tuple[date, ...], weeks: int | None, seat: bool
) -> Thing:
    url = f"{base_url}/rotations/{rotation.slug}"
    specialty = catalog.specialty(rotation.specialty).label
    doctor = rotation.attending.display_name
    level, city = catalog.level(rotation.level), cities.city(rotation.site.city)
    course: dict[str, Any] = {
        "@type": "Course",
        "@id": url,
        "url": url,
        "name": f"{specialty} rotation with Dr. {doctor.split(',')[0]}, {city.label}",
        "description": f"{level.label}. {level.meaning}",
        "inLanguage": "en",
        "about": specialty,
        "provider": {
            "@type": "Organization",
            "name": rotation.agency.name,
            "url": f"{base_url}/agencies/{rotation.agency.slug}",
        },
        "offers": [
            structured.offer(f"{url}?weeks={block.weeks}", block.price_cents, open_=seat)
            for block in rotation.blocks
        ],
    }
    if rotation.rating_count:
        course["aggregateRating"] = {
            "@type": "AggregateRating",
            "ratingValue": f"{rotation.rating_sum / rotation.rating_count:.1f}",
            "ratingCount": rotation.rating_count,
            "bestRating": 5,
            "worstRating": 1,
        }
    if weeks and starts:
        course["hasCourseInstance"] = [
            _instance(rotation, start, weeks) for start in starts[:SHOWN_STARTS]
        ]
    return course


def _instance(rotation: Rotation, start: date, weeks: int) -> Thing:
    city = cities.city(rotation.site.city)
    remote = rotation.setting == "remote"
    return {
        "@type": "CourseInstance",
        "name": f"Starts {day(start)}",
        "courseMode": "Online" if remote else "Onsite",
        "startDate": start.isoformat(),
        "endDate": last_day(start, weeks).isoformat(),
        "courseWorkload": f"PT{rotation.hours_per_week}H",
        "instructor": {"@type": "Person", "name": f"Dr. {rotation.attending.display_name}"},
        "location": {
            "@type": "Place",
            "name": rotation.site.name,
            "address": {
                "@type": "PostalAddress",
                "addressLocality": city.name,
                "addressRegion": city.state,
                "addressCountry": "US",
            },
        },
    }
