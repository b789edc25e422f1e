"""The public page of an attending: who teaches, what was checked when, what can be booked."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.bookings.order import tint
from marketplace.core import clock
from marketplace.core.errors import NotFound
from marketplace.discovery import places
from marketplace.discovery.structured import Thing, crumbs, graph
from marketplace.listings import catalog
from marketplace.listings.checked import Check, checked
from marketplace.listings.models import Attending, Rotation
from marketplace.search import finding, rows
from marketplace.search.page import Card, card
from marketplace.search.state import SearchState

_LANGUAGES = {
    "ar": "Arabic", "en": "English", "es": "Spanish", "fa": "Persian", "fr": "French",
    "hi": "Hindi", "pt": "Portuguese", "sv": "Swedish", "sw": "Swahili", "tl": "Tagalog",
    "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "yo": "Yoruba", "zh": "Chinese",
    "de": "German", "it": "Italian", "ja": "Japanese", "ko": "Korean", "pl": "Polish",
    "ru": "Russian", "vi": "Vietnamese", "bn": "Bengali", "ta": "Tamil", "te": "Telugu",
}  # fmt: skip
"""ISO 639-1 codes in words; another code is shown as it is."""
MOST = 50
"""Listings shown; nobody teaches more at once."""


@dataclass(frozen=True)
class Profile:
    """Everything the template needs. `truth` and `rating` are over all shown listings."""

    slug: str
    name: str
    specialty: str
    specialty_url: str
    tint: str
    places: tuple[str, ...]
    languages: tuple[str, ...]
    years: int | None
    letter_days: int | None
    checks: tuple[Check, ...]
    verified: bool
    truth: tuple[int, int]
    rating: str
    reviews: int
    cards: tuple[Card, ...]

    @property
    def path(self) -> str:
        """The page's own address."""
        return f"/attendings/{self.slug}"

    @property
    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """The way from the home page to here."""
        name = f"Dr. {self.name}"
        return (places.HOME, (self.specialty, self.specialty_url), (name, self.path))


def profile(session: Session, slug: str) -> Profile:
    """An attending with at least one published listing: seven reads. NotFound for any other."""
    doctor = session.scalars(select(Attending).where(Attending.slug == slug)).one_or_none()
    if doctor is None:
        raise NotFound
    listed = session.execute(
        select(
            Rotation.id,
            Rotation.rating_sum,
            Rotation.rating_count,
            Rotation.truth_matching,
            Rotation.truth_answers,
        )
        .where(Rotation.attending_id == doctor.id, Rotation.public)
        .order_by(Rotation.id)
        .limit(MOST)
    ).all()
    found = rows.listings(session, [one.id for one in listed])
    if not found:
        raise NotFound
    known, shown = finding.known(session), {row.id for row in found}
    counted = [one for one in listed if one.id in shown]
    reviews = sum(one.rating_count for one in counted)
    return Profile(
        slug=slug,
        name=doctor.display_name.split(",")[0],
        specialty=catalog.specialty(doctor.specialty).label,
        specialty_url=places.specialty(doctor.specialty).path,
        tint=tint(doctor.specialty),
        places=tuple(dict.fromkeys(row.city.label for row in found)),
        languages=tuple(_LANGUAGES.get(code, code) for code in doctor.languages),
        years=doctor.years_in_practice,
        letter_days=doctor.median_letter_days,
        checks=checked(doctor),
        verified=doctor.verified_until is not None and doctor.verified_until >= clock.now().date(),
        truth=(
            sum(one.truth_matching for one in counted),
            sum(one.truth_answers for one in counted),
        ),
        rating=f"{sum(one.rating_sum for one in counted) / reviews:.1f}" if reviews else "",
        reviews=reviews,
        cards=tuple(card(row, SearchState(), known) for row in found),
    )


def facts(base_url: str, found: Profile) -> Thing:
    """The page in the words of schema.org."""
    person = {
        "@type": "Person",
        "name": f"Dr. {found.name}",
        "jobTitle": "Attending physician",
        "knowsAbout": found.specialty,
        "url": base_url + found.path,
    }
    page = {"@type": "ProfilePage", "url": base_url + found.path, "mainEntity": person}
    return graph(page, crumbs(base_url, found.crumbs))
