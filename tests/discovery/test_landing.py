"""Pages of places and specialties: the numbers of the search that they lead to."""

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from marketplace.core import context
from marketplace.core.db import open_session
from marketplace.core.pages import ROOT
from marketplace.discovery import figures, places, sitemap
from marketplace.listings import cities
from marketplace.listings.models import AttendingWeek, Block, Offering, Rotation, Site
from marketplace.search import jobs
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
    assert "6 rotations in Chicago, IL, in 3 specialties, arranged by 1 agency." in said
    assert "4 weeks cost $1,000 to $2,000, every fee included; half of them cost $1,400" in said
    assert f"The next starts with a free seat are in {shop.monday(10):%B %Y}." in said
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
        assert len(links) > 4 and any("start_from" in link for link, _ in links)
        for link, count in links:
            found = re.search(r'id="count"><strong>(\d+)<', get(unescape(link)).text)
            assert found and found[1] == count, (path, link)


def months(page: str) -> dict[str, int]:
    """Rotations by month, as the page tells."""
    found = re.findall(
        r'start_from=[^"]+">(\w+ \d{4})</a><span class="num"><span class="sr-only">: </span>(\d+)<',
        page,
    )
    return {month: int(count) for month, count in found}


def test_a_start_counts_while_its_seat_and_every_week_of_the_attending_are_free(get: Get) -> None:
    # listings 0 and 20 start in the tenth week and for four weeks only
    before, month = months(get("/cities/chicago-il").text), f"{shop.monday(10):%B %Y}"
    with open_session(shop.SYSTEM) as session:
        full, busy = session.scalars(
            select(Offering)
            .join(Rotation, Rotation.id == Offering.rotation_id)
            .where(
                Offering.start_on == shop.monday(10),
                Rotation.slug.in_(["listing-0", "listing-20"]),
            )
        ).all()
        full.taken = full.capacity
        last = busy.start_on + timedelta(weeks=3)
        session.add(AttendingWeek(attending_id=busy.attending_id, week=last, capacity=1, taken=1))
    jobs.rebuild(shop.SYSTEM)
    assert months(get("/cities/chicago-il").text).get(month, 0) == before[month] - 2


def test_without_the_engine_the_page_shows_listings_and_says_that_it_does_not_count(
    get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.take_away(monkeypatch)
    monkeypatch.setattr(figures, "engine", shop.Away)
    for path in AREAS:
        answer = get(path)
        assert answer.status_code == 200 and "Counts and prices are away" in answer.text
        assert re.findall(r'class="card__title"', answer.text)
        assert 'name="robots"' not in answer.text
    for path in (*INDEXES, "/sitemap.xml"):
        assert "cardiology" in get(path).text or "Chicago" in get(path).text


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
    jobs.rebuild(shop.SYSTEM)
    assert "5 rotations in Chicago, IL" in words_of(get("/cities/chicago-il").text)


def test_a_page_costs_the_same_reads_whatever_is_listed(get: Get) -> None:
    def reads(path: str) -> int:
        get(path)
        with shop.statements() as seen:
            assert get(path).status_code == 200
        return len([line for line in seen if line.lstrip().upper().startswith("SELECT")])

    assert reads("/states/illinois") == reads("/states/massachusetts") <= 8
    assert reads("/cities/chicago-il") == reads("/cities/boston-ma") <= 8
    assert reads("/specialties/cardiology") == reads("/specialties/neurology") <= 8
    assert reads("/places") == reads("/specialties") == 0
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
    jobs.rebuild(shop.SYSTEM)
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


def test_prices_are_those_of_the_market_and_the_median_one_that_somebody_asks(get: Get) -> None:
    with open_session(context.public(), readonly=True) as session:
        for area in (places.city("boston-ma"), places.state("IL"), places.specialty("cardiology")):
            asked: dict[int, list[int]] = {}
            rows = session.execute(
                select(Block.weeks, Block.price_cents, Rotation.specialty, Site.city, Site.state)
                .where(Rotation.id == Block.rotation_id, Site.id == Rotation.site_id)
                .order_by(Block.price_cents)
            )
            for weeks, cents, *where in rows:
                if area.key in where:
                    asked.setdefault(weeks, []).append(cents)
            counts = {str(weeks): len(found) for weeks, found in asked.items()}
            assert figures.prices(session, area, counts) == tuple(
                figures.Prices(weeks, len(found), found[0], found[(len(found) - 1) // 2], found[-1])
                for weeks, found in sorted(asked.items())
            )


def test_a_search_leads_to_the_pages_of_what_it_names(get: Get) -> None:
    def named(query: str) -> list[str]:
        page = get(f"/rotations?{query}").text
        part = re.search(r'<p class="about">(.*?)</p>', page)
        return re.findall(r'href="([^"]+)"', part[1]) if part else []

    assert named("specialty=cardiology&state=IL") == ["/specialties/cardiology", "/states/illinois"]
    assert named("city=chicago-il&state=IL") == ["/cities/chicago-il"]
    assert named("specialty=cardiology&specialty=neurology") == named("") == []
    assert named("specialty=nonsense") == []


def test_a_shared_link_has_a_picture(get: Get) -> None:
    for path in ("/", "/rotations", "/rotations/listing-5", *AREAS):
        found = re.search(r'property="og:image" content="http://localhost([^"]+)"', get(path).text)
        assert found, path
    picture = get(found[1])
    assert picture.mimetype == "image/png" and len(picture.data) < 20_000


@pytest.mark.parametrize(
    "path",
    [
        "/cities/chicago-il",
        "/states/illinois",
        "/specialties/cardiology",
        "/places",
        "/rotations?view=map",
    ],
)
def test_pages_made_of_the_city_data_say_whose_it_is(get: Get, path: str) -> None:
    """As its licence asks: the name, a link to the licence, and that it is not the whole."""
    text = get(path).text
    assert re.search(
        r'City data: <a href="https://www\.geonames\.org/">GeoNames</a>,'
        r' <a href="https://creativecommons\.org/licenses/by/4\.0/" rel="license">CC BY 4\.0</a>,'
        r" a selection of it\.",
        text,
    )
    assert text.count("GeoNames") == 1


def test_the_readme_says_whose_the_city_data_is() -> None:
    """The market is seeded from it."""
    readme = (ROOT / "README.md").read_text()
    assert "Cities: [GeoNames](https://www.geonames.org/), [CC BY 4.0](" in readme
    header = (ROOT / "marketplace/data/us_cities.csv").read_text().partition("\n")[0]
    assert header.startswith("geonameid,")
