"""The seed files of `demo/data` as typed rows. Everything in them is made up."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from marketplace.core.reference import split

UNFIT = frozenset({"kofi-lawanbola", "dieter-delacombre"})
"""On the exclusion list, and with a lapsed license, in `demo/data/verify_sources`."""
DATA = Path(__file__).resolve().parent.parent / "data"


@dataclass(frozen=True)
class AgencySource:
    """One made-up agency and its character."""

    slug: str
    name: str
    tagline: str
    preset: str
    band: str
    honesty: str
    state: str
    founded_year: int
    region: str
    types: tuple[str, ...]
    installments: bool
    answer_hours: int
    letter_days: int
    listings_at_least: int
    payouts_stopped: bool


@dataclass(frozen=True)
class Doctor:
    """One made-up attending. `trainees` is how many at once."""

    slug: str
    given_name: str
    family_name: str
    display_name: str
    languages: tuple[str, ...]
    specialty: str
    years: int
    letter_days: int
    trainees: int
    npi: str


@dataclass(frozen=True)
class SiteSource:
    """One made-up site name with `{city}`."""

    slug: str
    pattern: str
    kind: str
    setting: str
    detail: str
    groups: frozenset[str]
    min_population: int


@dataclass(frozen=True)
class ReviewText:
    """One made-up review text for a dimension and a rating."""

    dimension: str
    rating: int
    author: str
    text: str
    fits: str


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@cache
def agencies() -> tuple[AgencySource, ...]:
    """The 14 agencies in file order."""
    return tuple(
        AgencySource(
            slug=line["slug"],
            name=line["name"],
            tagline=line["tagline"],
            preset=line["cancellation_preset"],
            band=line["price_band"],
            honesty=line["honesty"],
            state=line["state"],
            founded_year=int(line["founded_year"]),
            region=line["region"],
            types=split(line["rotation_types"]),
            installments=line["installments"] == "yes",
            answer_hours=int(line["median_answer_hours"]),
            letter_days=int(line["median_letter_days"]),
            listings_at_least=int(line["listing_count_demo_start"]),
            payouts_stopped=line["payouts_stopped"] == "yes",
        )
        for line in _rows("seed_agencies")
    )


@cache
def doctors() -> tuple[Doctor, ...]:
    """The 400 attendings in file order."""
    return tuple(
        Doctor(
            slug=line["slug"],
            given_name=line["given_name"],
            family_name=line["family_name"],
            display_name=line["display_name"],
            languages=split(line["languages"]),
            specialty=line["specialty"],
            years=int(line["years_in_practice"]),
            letter_days=int(line["median_letter_days"]),
            trainees=int(line["max_trainees_at_once"]),
            npi=line["npi"],
        )
        for line in _rows("seed_names")
    )


@cache
def sites() -> tuple[SiteSource, ...]:
    """The 80 site names in file order."""
    return tuple(
        SiteSource(
            slug=line["slug"],
            pattern=line["name_pattern"],
            kind=line["site_kind"],
            setting=line["setting"],
            detail=line["kind"],
            groups=frozenset(split(line["specialty_groups"])),
            min_population=int(line["min_city_population"]),
        )
        for line in _rows("seed_sites")
    )


@cache
def regions() -> dict[str, frozenset[str]]:
    """Region to its states; `*` is every state."""
    return {line["slug"]: frozenset(split(line["states"])) for line in _rows("seed_regions")}


@cache
def fragments() -> dict[tuple[str, str, str], dict[str, str]]:
    """(specialty group, kind, level) to slug and text; level is any, hands-on or observe."""
    found: dict[tuple[str, str, str], dict[str, str]] = {}
    for line in _rows("seed_fragments"):
        key = (line["specialty_group"], line["kind"], line["level"])
        found.setdefault(key, {})[line["slug"]] = line["text"]
    return found


@cache
def reviews() -> tuple[ReviewText, ...]:
    """The 120 review texts."""
    return tuple(
        ReviewText(
            dimension=line["dimension"],
            rating=int(line["rating"]),
            author=line["author"],
            text=line["text"],
            fits=line["fits_agency_honesty"],
        )
        for line in _rows("seed_reviews")
    )


@cache
def replies() -> tuple[tuple[str, str], ...]:
    """Agency answers: (honesty it fits or `any`, text)."""
    return tuple(
        (line["fits_agency_honesty"], line["text"]) for line in _rows("seed_review_replies")
    )
