"""The start page and the page of an attending: real things only."""

import re
from html import unescape
from typing import Any

import pytest
from sqlalchemy import select

from marketplace.core import clock
from marketplace.core.db import open_session
from marketplace.listings import views as listings_views
from marketplace.listings.models import Attending, Rotation
from marketplace.search import similar
from marketplace.search.port import SearchUnavailable
from tests.discovery.conftest import Get
from tests.discovery.test_landing import structured
from tests.search import shop
from tests.support.rooms import words_of


@pytest.fixture(autouse=True)
def _fresh_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings_views, "_home", {})


def test_every_example_is_understood_and_finds_something(get: Get) -> None:
    page = get("/").text
    links = re.findall(r'<li><a href="(/rotations\?q=[^"]+)"', page)
    assert 1 <= len(links) <= 3
    for link in links:
        landed = get(unescape(link))
        assert landed.status_code == 302 and "q=" not in landed.location
        found = re.search(r'id="count"><strong>(\d+)<', get(landed.location).text)
        assert found and int(found[1]) > 0


def checked(slug: str) -> None:
    """The scope is signed and the attending's papers were looked up."""
    with open_session(shop.SYSTEM) as session:
        listed = session.scalars(select(Rotation).where(Rotation.slug == slug)).one()
        listed.signed_version = listed.version
        doctor = session.get_one(Attending, listed.attending_id)
        doctor.npi_checked_at = doctor.license_checked_at = clock.now()
        doctor.exclusion_checked_at = clock.now()


def test_the_rotation_beside_the_search_is_a_real_one(get: Get) -> None:
    checked("listing-7")
    page = get("/").text
    box = re.search(r'<section class="proof".*?</section>', page, re.S)
    assert box
    said = words_of(box[0])
    link = re.search(r'href="(/rotations/[a-z0-9-]+)"', box[0])
    assert link
    listing = words_of(get(link[1]).text)
    price = re.search(r"\$[\d,]+", said)
    assert price and f"{price[0]} all fees included" in listing
    assert "tasks" in said or "activities" in said


def test_home_counts_what_is_listed_and_leads_there(get: Get) -> None:
    said = words_of(get("/").text)
    assert "Counted from 24 open rotations" in said
    assert "Cardiology 8 open" in said
    assert structured(get("/"))["WebSite"]["potentialAction"]["@type"] == "SearchAction"


def test_an_attending_is_shown_with_what_was_checked(get: Get) -> None:
    assert "Nothing is checked yet" in words_of(get("/attendings/vera-moss-5").text)
    checked("listing-5")
    answer = get("/attendings/vera-moss-5")
    said = words_of(answer.text)
    assert "Dr. Vera Moss5" in said and "1 rotation you can book" in said
    assert "/rotations/listing-5" in answer.text
    assert "NPI" in said and "Not on the exclusion list" in said
    assert structured(answer)["ProfilePage"]["mainEntity"]["name"] == "Dr. Vera Moss5"
    assert "example.org" not in answer.text  # no address of a person
    tag = answer.headers["ETag"]
    assert get("/attendings/vera-moss-5", If_None_Match=tag).status_code == 304


def test_an_attending_without_published_listings_has_no_page(get: Get) -> None:
    with open_session(shop.SYSTEM) as session:
        doctor = session.scalars(select(Attending).where(Attending.slug == "vera-moss-5")).one()
        for listed in session.scalars(select(Rotation).where(Rotation.attending_id == doctor.id)):
            listed.state, listed.public = "paused", False
    assert get("/attendings/vera-moss-5").status_code == 404
    assert get("/attendings/nobody").status_code == 404


def test_an_attending_costs_the_same_reads_however_many_listings(get: Get) -> None:
    def reads(path: str) -> int:
        get(path)
        with shop.statements() as seen:
            assert get(path).status_code == 200
        return len([line for line in seen if line.lstrip().upper().startswith("SELECT")])

    one = reads("/attendings/vera-moss-5")
    with open_session(shop.SYSTEM) as session:
        doctor = session.scalars(select(Attending).where(Attending.slug == "vera-moss-5")).one()
        own = session.scalars(select(Rotation).where(Rotation.slug == "listing-5")).one()
        for number in (1, 3, 7):
            other = session.scalars(
                select(Rotation).where(Rotation.slug == f"listing-{number}")
            ).one()
            assert other.agency_id == own.agency_id
            other.attending_id = doctor.id
    assert "4 rotations you can book" in words_of(get("/attendings/vera-moss-5").text)
    assert reads("/attendings/vera-moss-5") == one <= 8


def test_a_listing_tells_search_engines_what_it_shows(get: Get) -> None:
    answer = get("/rotations/listing-5?weeks=4")
    facts: dict[str, Any] = structured(answer)
    course = facts["Course"]
    assert [offer["price"] for offer in course["offers"]] == ["850.00", "1250.00"]
    assert course["aggregateRating"] == {
        "@type": "AggregateRating",
        "ratingValue": "4.0",
        "ratingCount": 5,
        "bestRating": 5,
        "worstRating": 1,
    }
    assert course["hasCourseInstance"][0]["location"]["address"]["addressLocality"] == "Aurora"
    way = [one["name"] for one in facts["BreadcrumbList"]["itemListElement"]]
    assert way == ["Home", "Cardiology", "Aurora, IL", "Dr. Vera Moss5"]
    assert '<link rel="canonical" href="http://localhost/rotations/listing-5">' in answer.text


def test_a_listing_costs_the_same_reads_however_many_reviews_or_starts(get: Get) -> None:
    def reads(path: str) -> int:
        get(path)
        with shop.statements() as seen:
            assert get(path).status_code == 200
        return len([line for line in seen if line.lstrip().upper().startswith("SELECT")])

    assert reads("/rotations/listing-5") == reads("/rotations/listing-6") <= 7
    assert reads("/rotations/listing-2") <= 7


def test_similar_rotations_share_the_specialty(get: Get) -> None:
    page = get("/rotations/listing-5?weeks=4").text
    part = page[page.index('id="sim-h"') :]
    links = re.findall(r'<h3><a href="/rotations/listing-(\d+)', part)
    assert len(links) == 3 and "5" not in links
    assert all(int(number) < 8 for number in links)  # the cardiology listings


def test_the_listing_stands_without_the_search_engine(
    get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise SearchUnavailable("stopped")

    monkeypatch.setattr(similar, "engine", away)
    answer = get("/rotations/listing-5?weeks=4")
    assert answer.status_code == 200
    assert "Similar rotations" not in answer.text
    assert "Request this seat" in answer.text


def test_what_is_not_part_of_a_rotation_is_folded_and_answers_fold_when_all_are_given(
    get: Get,
) -> None:
    page = get("/rotations/listing-5").text
    assert re.search(r"<summary>\d+ tasks that are not part of it</summary>", page)
    assert "Change your answers" not in page and 'id="passed"' in page
    some = get("/rotations/listing-5?status=graduate&passed=step-1").text
    assert "Change your answers" not in some
    every = get("/rotations/listing-5?status=graduate&passed=step-1&graduated=2024").text
    assert "Change your answers" in every and 'id="passed"' in every
