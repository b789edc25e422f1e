"""Pages of places and specialties: counted from the database, found by search engines."""

import json
import re
from html import unescape
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from marketplace.core.db import open_session
from marketplace.discovery import places, queries, sitemap
from marketplace.listings import cities
from marketplace.listings.models import AttendingWeek, Offering, Rotation
from tests.discovery.conftest import Get
from tests.search import shop
from tests.support.rooms import words_of

AREAS = ("/cities/chicago-il", "/states/illinois", "/specialties/cardiology")
INDEXES = ("/places", "/specialties")


def structured(answer: TestResponse) -> dict[str, Any]:
    """The page's facts for search engines, by their type."""
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', answer.text, re.S)
    assert found
    return {thing["@type"]: thing for thing in json.loads(found[1])["@graph"]}


def test_a_city_is_described_by_what_is_listed_there(get: Get) -> None:
    answer = get("/cities/chicago-il")
    said = words_of(answer.text)
    # listings 0, 4, 8, ..., 20 stand in Chicago, with four weeks from $1,000 in steps of $200
    assert "6 rotations in Chicago, IL with 6 attendings, arranged by 1 agency." in said
    assert "4 weeks cost $1,000 to $2,000, every fee included; half of them cost $1,400" in said
    assert "The next start with a free seat is" in said
    assert "Aurora, IL" in said and "km" in said
    assert "See all 6 rotations" in said
    assert len(re.findall(r'class="card__title"', answer.text)) == 6
    assert '<link rel="canonical" href="http://localhost/cities/chicago-il">' in answer.text


def test_its_numbers_lead_to_the_same_numbers_in_search(get: Get) -> None:
    for path in AREAS:
        page = get(path).text
        links = re.findall(
            r'<a href="(/rotations\?[^"]+)">[^<]+</a>(?:<span class="land__by">[^<]*</span>)?'
            r'<span class="num">(?:<span class="sr-only">: </span>)?(\d+)<',
            page,
        )
        assert len(links) > 4
        for link, count in links:
            if "start_from" not in link:
                found = re.search(r'id="count"><strong>(\d+)<', get(unescape(link)).text)
                assert found and found[1] == count, (path, link)


def test_a_full_start_is_not_counted(get: Get) -> None:
    area = places.city("chicago-il")
    with open_session(shop.SYSTEM) as session:
        first, before = queries.starts(session, area)[0]
        offered = session.scalars(
            select(Offering)
            .join(Rotation, Rotation.id == Offering.rotation_id)
            .where(Offering.start_on == first, Rotation.slug.in_(["listing-0", "listing-20"]))
        ).all()
        offered[0].taken = offered[0].capacity
        session.add(
            AttendingWeek(attending_id=offered[1].attending_id, week=first, capacity=1, taken=1)
        )
        session.flush()
        left = dict(queries.starts(session, area)).get(first, 0)
        assert left == before - 2


def test_places_without_listings_say_so_and_are_not_indexed(get: Get) -> None:
    answer = get("/cities/houston-tx")
    assert 'name="robots"' not in answer.text
    empty = get("/cities/seattle-wa")
    assert empty.status_code == 200
    assert "No rotation is open here right now" in words_of(empty.text)
    assert '<meta name="robots" content="noindex">' in empty.text
    for path in ("/cities/nowhere", "/states/nowhere", "/specialties/nowhere", "/cities/chicago"):
        assert get(path).status_code == 404
    assert get("/cities/Chicago-IL").location == "/cities/chicago-il"


def test_drafts_are_not_counted(get: Get) -> None:
    with open_session(shop.SYSTEM) as session:
        listed = session.scalars(select(Rotation).where(Rotation.slug == "listing-0")).one()
        listed.state, listed.public = "paused", False
    assert "5 rotations in Chicago, IL" in words_of(get("/cities/chicago-il").text)


def test_a_page_costs_the_same_reads_whatever_is_listed(get: Get) -> None:
    def reads(path: str) -> int:
        get(path)
        with shop.statements() as seen:
            assert get(path).status_code == 200
        return len([line for line in seen if line.lstrip().upper().startswith("SELECT")])

    assert reads("/states/illinois") == reads("/states/massachusetts") <= 12
    assert reads("/cities/chicago-il") == reads("/cities/boston-ma") <= 12
    assert reads("/specialties/cardiology") == reads("/specialties/neurology") <= 12
    assert reads("/places") <= 1 and reads("/specialties") <= 2
    assert reads("/sitemap.xml") <= 8


@pytest.mark.parametrize("path", [*AREAS, *INDEXES])
def test_search_engines_get_what_they_need(get: Get, path: str) -> None:
    answer = get(path)
    assert '<html lang="en"' in answer.text
    title = re.search(r"<title>(.+?)</title>", answer.text)
    told = re.search(r'<meta name="description" content="(.+?)">', answer.text)
    assert title and told and 20 < len(unescape(told[1])) < 320
    assert f'<meta property="og:url" content="http://localhost{path}">' in answer.text
    facts = structured(answer)
    way = facts["BreadcrumbList"]["itemListElement"]
    assert way[-1]["item"] == f"http://localhost{path}"
    for link in re.findall(r'<nav aria-label="Breadcrumb">.*?</nav>', answer.text, re.S):
        assert "/places" in link or "/specialties" in link or path in INDEXES
    listed = facts["CollectionPage"]["mainEntity"]["itemListElement"]
    assert listed and all(one["url"].startswith("http://localhost/") for one in listed)


@pytest.mark.parametrize("path", [*AREAS, *INDEXES])
def test_a_guest_keeps_the_page_until_something_on_it_changes(get: Get, path: str) -> None:
    tag = get(path).headers["ETag"]
    again = get(path, If_None_Match=tag)
    assert again.status_code == 304 and not again.data
    assert {"Cookie", "HX-Request-Type"} <= set(again.headers["Vary"].split(", "))
    assert get(path, If_None_Match=tag, Cookie="theme=dark").status_code == 200
    with open_session(shop.SYSTEM) as session:
        for listed in session.scalars(select(Rotation).where(Rotation.slug == "listing-0")):
            listed.state, listed.public = "paused", False
    assert get(path, If_None_Match=tag).status_code == 200


def test_the_sitemap_names_every_page_that_exists(get: Get) -> None:
    text = get("/sitemap.xml").text
    paths = re.findall(r"<loc>http://localhost([^<]+)</loc>", text)
    assert len(paths) == len(set(paths))
    for path in (*AREAS, *INDEXES, "/", "/rotations", "/guides/letters", "/rotations/listing-3"):
        assert path in paths
    assert "/cities/seattle-wa" not in paths
    for path in paths:
        if not path.startswith(("/agencies/", "/attendings/")):
            assert get(path).status_code == 200, path
    assert "Sitemap: http://localhost/sitemap.xml" in get("/robots.txt").text
    tag = get("/sitemap.xml").headers["ETag"]
    assert get("/sitemap.xml", If_None_Match=tag).status_code == 304


def test_a_big_sitemap_is_an_index_of_parts(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    one = set(re.findall(r"<loc>([^<]+)", get("/sitemap.xml").text))
    monkeypatch.setattr(sitemap, "PART", 10)
    index = get("/sitemap.xml").text
    parts = re.findall(r"<loc>http://localhost(/sitemap-\d\.xml)</loc>", index)
    assert "<sitemapindex" in index and len(parts) == 4
    found = [loc for part in parts for loc in re.findall(r"<loc>([^<]+)", get(part).text)]
    assert set(found) == one and len(found) == len(one)
    assert get("/sitemap-4.xml").status_code == 404


def test_every_state_has_an_address_of_its_own() -> None:
    for code in cities.states():
        area = places.state(code)
        assert places.state_of_slug(area.path.removeprefix("/states/")) == area


def test_the_median_is_a_price_that_somebody_asks() -> None:
    assert queries.median([(100, 1)]) == 100
    assert queries.median([(100, 1), (200, 1)]) == 100
    assert queries.median([(100, 1), (200, 1), (900, 1)]) == 200
    assert queries.median([(100, 5), (200, 1), (900, 3)]) == 100
    with pytest.raises(ValueError, match="no prices"):
        queries.median([])
