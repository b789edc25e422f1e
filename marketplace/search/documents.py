"""The public document: the only thing that ever enters a search index.

An allow-list: a field that is not named here cannot leave the database this way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date

from marketplace.core import reference
from marketplace.listings.models import BLOCK_WEEKS
from marketplace.search.weeks import month_of_week, week_of

LENGTHS = BLOCK_WEEKS
"""Every block length in weeks that the index knows."""
RATING_BANDS = (3.0, 3.5, 4.0, 4.5)
PRIOR_RATING, PRIOR_REVIEWS = 4.0, 5
"""An unreviewed listing counts as five reviews of 4.0, so that one review decides nothing."""
BIN_CENTS = 10_000
"""Width of one bar of the price histogram."""


@dataclass(frozen=True, slots=True)
class StartFacts:
    """One future start: its Monday at the site, its free seats, and the block lengths (weeks)
    that still have a seat for it; None means every length of the listing."""

    monday: date
    seats_left: int
    lengths: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class ListingFacts:
    """What the database knows about one published listing. Slugs are those of the reference data.

    `prices` maps weeks to all-in cents. `eligibility`: whom it may take, by the hard rules, as
    `listings.hard_rules.profile_of` writes it. `lat`/`lng`/`city` are None when there is no place.
    `letters_kept_percent`: share of promised letters that were written in time, None if unknown.
    """

    id: str
    version: int
    agency: str
    agency_name: str
    title: str
    specialty: str
    hands_on: str
    type: str
    setting: str
    city: str | None
    city_name: str
    state: str | None
    state_name: str
    lat: float | None
    lng: float | None
    prices: Mapping[int, int]
    starts: tuple[StartFacts, ...]
    included: tuple[str, ...]
    accepts: tuple[str, ...]
    exams: tuple[str, ...]
    rating: float | None
    reviews: int
    attending: str
    site: str
    text: str
    eligibility: str = ""
    letters_kept_percent: int | None = None


@dataclass(frozen=True, slots=True)
class ListingDocument:
    """One flat document per rotation. `prices` and `starts` are flattened to `price_<weeks>` and
    `starts_<weeks>` by `as_dict`; 0 in them stands for "any length"."""

    id: str
    version: int
    agency: str
    agency_name: str
    title: str
    specialty: str
    specialty_label: str
    specialty_group: str
    hands_on: str
    hands_on_label: str
    hands_on_rank: int
    type: str
    type_label: str
    setting: str
    city: str | None
    city_name: str
    state: str | None
    state_name: str
    lat: float | None
    lng: float | None
    prices: Mapping[int, int]
    starts: Mapping[int, tuple[str, ...]]
    included: tuple[str, ...]
    accepts: tuple[str, ...]
    exams: tuple[str, ...]
    eligibility: str
    seats: str
    rating: float | None
    rating_bands: tuple[str, ...]
    reviews: int
    quality: int
    value: int
    attending: str
    site: str
    text: str = field(repr=False)

    def as_dict(self) -> dict[str, object]:
        """The flat public document, plain JSON values, as both engines store it."""
        flat: dict[str, object] = {
            "id": self.id,
            "version": self.version,
            "agency": self.agency,
            "agency_name": self.agency_name,
            "title": self.title,
            "specialty": self.specialty,
            "specialty_label": self.specialty_label,
            "specialty_group": self.specialty_group,
            "hands_on": self.hands_on,
            "hands_on_label": self.hands_on_label,
            "hands_on_rank": self.hands_on_rank,
            "type": self.type,
            "type_label": self.type_label,
            "setting": self.setting,
            "city": self.city,
            "city_name": self.city_name,
            "state": self.state,
            "state_name": self.state_name,
            "lat": self.lat,
            "lng": self.lng,
            "weeks": sorted(length for length in self.prices if length),
            "included": list(self.included),
            "accepts": list(self.accepts),
            "exams": list(self.exams),
            "eligibility": self.eligibility,
            "seats": self.seats,
            "rating": self.rating,
            "rating_bands": list(self.rating_bands),
            "reviews": self.reviews,
            "quality": self.quality,
            "value": self.value,
            "attending": self.attending,
            "site": self.site,
            "text": self.text,
        }
        for length in (0, *LENGTHS):
            suffix = suffix_of(length)
            if length in self.prices:
                flat[f"price_{suffix}"] = self.prices[length]
                flat[f"price_bin_{suffix}"] = self.prices[length] // BIN_CENTS * BIN_CENTS
            weeks = self.starts.get(length, ())
            if weeks:
                flat[f"starts_{suffix}"] = list(weeks)
                flat[f"months_{suffix}"] = sorted({month_of_week(week) for week in weeks})
                flat[f"soonest_{suffix}"] = week_number(weeks[0])
        return flat


def suffix_of(length: int) -> str:
    """The end of a per-length field's name: the weeks, or "any" for 0."""
    return str(length) if length else "any"


def week_number(week: str) -> int:
    """An ISO week as a number that sorts by time: "2027-W03" is 202703."""
    return int(week[:4] + week[6:])


_PER_LENGTH = ("price", "price_bin", "starts", "months", "soonest")
ALLOWED_FIELDS = frozenset(
    {column.name for column in fields(ListingDocument)} - {"prices", "starts"}
    | {"weeks"}
    | {f"{kind}_{suffix_of(length)}" for kind in _PER_LENGTH for length in (0, *LENGTHS)}
)
"""Every key a public document may have."""
TITLE = ("title", "specialty_label")
NAMES = (
    "attending",
    "site",
    "agency_name",
    "city_name",
    "state_name",
    "type_label",
    "hands_on_label",
)
BODY = ("text",)
"""Text that is searched, in the order of its weight."""


def document_from(facts: ListingFacts) -> ListingDocument:
    """The public document of a listing. Pure: same facts, same document.

    Raises `KeyError` when a slug is not in the reference data, `ValueError` when the listing has
    no price.
    """
    if not facts.prices:
        raise ValueError(f"listing {facts.id} has no price")
    specialty = reference.row("specialties", facts.specialty)
    level = reference.row("hands_on_levels", facts.hands_on)
    rank = int(level["rank"])
    return ListingDocument(
        id=facts.id,
        version=facts.version,
        agency=facts.agency,
        agency_name=facts.agency_name,
        title=facts.title,
        specialty=facts.specialty,
        specialty_label=specialty["label"],
        specialty_group=specialty["group"],
        hands_on=facts.hands_on,
        hands_on_label=level["label"],
        hands_on_rank=rank,
        type=facts.type,
        type_label=reference.row("rotation_types", facts.type)["label"],
        setting=facts.setting,
        city=facts.city,
        city_name=facts.city_name,
        state=facts.state,
        state_name=facts.state_name,
        lat=facts.lat,
        lng=facts.lng,
        prices={0: facts.prices[min(facts.prices)], **facts.prices},
        starts=_starts(facts),
        included=facts.included,
        accepts=facts.accepts,
        exams=facts.exams,
        eligibility=facts.eligibility,
        seats=seats_bucket(sum(start.seats_left for start in facts.starts)),
        rating=facts.rating,
        rating_bands=tuple(f"{band:g}" for band in RATING_BANDS if (facts.rating or 0) >= band),
        reviews=facts.reviews,
        quality=quality_points(facts.rating, facts.reviews),
        value=value_points(facts, rank),
        attending=facts.attending,
        site=facts.site,
        text=facts.text,
    )


def _starts(facts: ListingFacts) -> dict[int, tuple[str, ...]]:
    """ISO weeks with a free seat, in order, per block length; 0 collects those of any length."""
    found: dict[int, set[str]] = {}
    for start in facts.starts:
        if start.seats_left <= 0:
            continue
        lengths = facts.prices if start.lengths is None else start.lengths
        for length in lengths:
            if length in facts.prices:
                found.setdefault(length, set()).add(week_of(start.monday))
                found.setdefault(0, set()).add(week_of(start.monday))
    return {length: tuple(sorted(weeks)) for length, weeks in found.items()}


def seats_bucket(seats: int) -> str:
    """Free seats over all starts, as the facet shows them."""
    if seats <= 0:
        return "0"
    if seats == 1:
        return "1"
    return "2-4" if seats <= 4 else "5-plus"


def quality_points(rating: float | None, reviews: int) -> int:
    """Mean rating times 1000, drawn to the prior while reviews are few."""
    stars = 0.0 if rating is None else rating * reviews
    count = 0 if rating is None else reviews
    return round(1000 * (stars + PRIOR_RATING * PRIOR_REVIEWS) / (count + PRIOR_REVIEWS))


def value_points(facts: ListingFacts, hands_on_rank: int) -> int:
    """What one gets per dollar: hands-on strength (60 of 100 points), record of letters (25) and
    reviewed quality (15), divided by the all-in price per week of the shortest block.

    An unknown letter record counts half. Explained on the page, never paid.
    """
    letters = 50 if facts.letters_kept_percent is None else facts.letters_kept_percent
    quality = quality_points(facts.rating, facts.reviews) / 1000
    points = hands_on_rank * 12 + letters * 0.25 + quality * 3
    shortest = min(facts.prices)
    weekly_cents = max(facts.prices[shortest] / shortest, 1)
    return round(points * 1_000_000 / weekly_cents)
