"""The search page: what it shows, where it comes from, and what a browser may keep."""

import gzip
import json
import random
import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from marketplace.core.db import open_session
from marketplace.core.formats import month_day
from marketplace.core.pages import ROOT
from marketplace.listings import cities
from marketplace.listings.models import AttendingWeek, Block, Offering, Rotation
from marketplace.search import finding
from marketplace.search.facets import COUNTED
from marketplace.search.pins import clusters, position
from marketplace.search.state import SearchState
from tests import factories
from tests.search import shop
from tests.search.shop import Get
from tests.support import rooms

PART = {"HX-Request-Type": "partial"}


def words(answer: TestResponse) -> str:
    """The page's words without its tags."""
    return words_of(answer.get_data(as_text=True))


def words_of(html: str) -> str:
    """The same of a piece of it; spaces that do not break stay."""
    return re.sub(r"[ \n]+", " ", unescape(re.sub(r"<[^>]+>", " ", html))).strip()


def titles(answer: TestResponse) -> list[str]:
    """The addresses of the cards, in order."""
    return re.findall(r'class="card__title"><a href="/rotations/([^"?]+)', answer.text)


def test_the_page_lists_rotations_and_says_how_many(get: Get) -> None:
    answer = get("/rotations")
    assert answer.status_code == 200
    assert len(titles(answer)) == 20
    assert re.search(r'role="status" id="count"><strong>24</strong> rotations<', answer.text)
    assert "<h1" in answer.text and answer.text.count("<h1") == 1
    assert "Clinical rotations" in words(answer)
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "private, must-revalidate"
    assert {"HX-Request-Type", "Cookie"} <= set(answer.headers["Vary"].split(", "))


def test_a_card_tells_what_decides(get: Get) -> None:
    card = re.search(r'<li class="card" id="r-listing-5">.*?</li>\s*(?=<li class="card"|</ol>)',
                     get("/rotations?weeks=4&per_page=100").text, re.S)  # fmt: skip
    assert card is not None
    told = " ".join(unescape(re.sub(r"<[^>]+>", " ", card[0])).split())
    for part in (
        "Observing, clinic",
        "Cardiology with Dr. Vera Moss5",
        "Alder Clinic 5",
        "Aurora, IL",
        "$1,250 total, all fees included",
        "4 weeks",
        "4.0 (5 reviews )",
        "Full refund until",
        "3 seats",
    ):
        assert part in told
    assert 'href="/rotations/listing-5?weeks=4"' in card[0]


def test_filters_narrow_and_each_can_be_taken_back(get: Get) -> None:
    answer = get("/rotations?state=IL&specialty=cardiology&price_max=115000&weeks=4")
    assert sorted(titles(answer)) == ["listing-0", "listing-1"]
    assert "Cardiology rotations in Illinois" in words(answer)
    assert "2 of 24 rotations match" in words(answer)
    links = re.findall(r'class="chip" id="chip-\d+" href="([^"]+)"', answer.text)
    assert [unescape(link) for link in links] == [
        "/rotations?state=IL&weeks=4&price_max=115000",
        "/rotations?specialty=cardiology&weeks=4&price_max=115000",
        "/rotations?specialty=cardiology&state=IL&price_max=115000",
        "/rotations?specialty=cardiology&state=IL&weeks=4",
    ]
    assert 'id="chip-clear" href="/rotations"' in answer.text


def test_counts_of_a_facet_ignore_its_own_choice(get: Get) -> None:
    text = get("/rotations?specialty=cardiology").text
    option = r'name="specialty" value="{}"[^>]*>.*?option__n">(\d+)<'
    counts = [re.search(option.format(name), text, re.S) for name in shop.SPECIALTIES]
    assert [found and found[1] for found in counts] == ["8", "8", "8"]


def test_the_fragment_is_the_page_without_its_shell(get: Get) -> None:
    answer = get("/rotations?sort=price&city=&state=TX&view=list&page=1", **PART)
    assert answer.text.startswith("<title>Clinical rotations in Texas")
    assert "<html" not in answer.text and '<div id="search"' in answer.text
    assert answer.headers["HX-Push-Url"] == "/rotations?state=TX&sort=price"


def test_a_value_without_listings_is_greyed_and_stays(get: Get) -> None:
    """It keeps its place and its zero; what is ticked is never greyed; radios as well."""
    text = get("/rotations?specialty=cardiology&weeks=4&state=TX").text
    row = r'<label class="(option[^"]*)"><input[^>]*name="{}" value="{}"[^>]*>.*?option__n">(\d+)<'
    seen = {True: 0, False: 0}
    for name in ("specialty", "hands_on", "type", "setting", "accepts", "seats", "weeks"):
        found = re.findall(row.format(name, '[^"]+'), text)
        assert found, name
        assert all(("option--empty" in kind) == (count == "0") for kind, count in found), name
        for _, count in found:
            seen[count == "0"] += 1
    assert seen[True] > 5 and seen[False] > 5
    nothing = get("/rotations?specialty=psychiatry").text
    assert re.findall(row.format("specialty", "psychiatry"), nothing) == [("option", "0")]


def test_levels_stand_strongest_first_and_say_what_they_mean(get: Get) -> None:
    text = get("/rotations").text
    rows = re.findall(
        r'name="hands_on" value="([^"]+)"[^>]*><span class="option__label">'
        r"([^<]+)<small>([^<]+)</small>",
        text,
    )
    assert [(slug, label) for slug, label, _ in rows] == [
        ("hands-on-inpatient", "Hands-on, hospital"),
        ("hands-on-outpatient", "Hands-on, clinic"),
        ("observership-inpatient", "Observing, hospital"),
        ("observership-outpatient", "Observing, clinic"),
        ("virtual", "Virtual"),
        ("not-usce", "Not clinical experience"),
    ]
    assert "You take part in the care of patients who visit a clinic" in rows[1][2]
    assert "You do not examine or treat patients" in rows[2][2]
    assert all(20 < len(meaning) < 130 for *_, meaning in rows)


def test_the_bars_of_the_price_stand_for_every_listing(get: Get) -> None:
    """The JSON counts each; the page draws the same as heights and lights the chosen range."""
    for asked in ("", "weeks=4", "state=IL&price_max=120000", "specialty=neurology&weeks=2"):
        told = get(f"/api/v1/rotations?{asked}").get_json()["price"]
        counts = {bar["from"]: bar["count"] for bar in told["histogram"]}
        rest = "&".join(part for part in asked.split("&") if "price" not in part)
        everything = get(f"/api/v1/rotations?per_page=100&{rest}").get_json()
        assert sum(counts.values()) == everything["total"] > 0
        prices = [hit["price_cents"] for hit in everything["hits"]]
        assert (told["min"], told["max"]) == (min(prices), max(prices))
        for edge, count in counts.items():
            assert count == sum(edge <= cents < edge + 10_000 for cents in prices)
        drawn = re.search(r'<svg class="hist".*?</svg>', get(f"/rotations?{asked}").text, re.S)
        assert drawn is not None
        bars = re.findall(r'height="(\d+)" rx="2"( class="on")?', drawn[0])
        assert len(bars) == 20
        tall = [height for height, _ in bars if int(height) > 2]
        assert max(map(int, tall)) == 44 and len(tall) <= len(counts)
        assert len([on for _, on in bars if on]) < 20 or "price" not in asked


def test_the_canonical_address_is_named(get: Get) -> None:
    answer = get("/rotations?state=tx&q=&page=1")
    assert '<link rel="canonical" href="http://localhost/rotations?state=TX">' in answer.text


def test_the_plain_form_speaks_dollars_and_lands_on_the_clean_address(get: Get) -> None:
    answer = get("/rotations?q=&start_from=&min=1,000&max=$1100&weeks=4&rating_min=")
    assert answer.status_code == 302
    assert answer.location == "/rotations?weeks=4&price_min=100000&price_max=110000"
    assert 'name="min" id="min"' in get(answer.location).text
    assert 'value="1000"' in get(answer.location).text
    nonsense = get("/rotations?min=-5&max=" + quote("٣"))
    assert (nonsense.status_code, nonsense.location) == (302, "/rotations")


def test_a_sentence_becomes_filters_when_it_is_sent(get: Get) -> None:
    sentence = quote("hands-on cardiology near Chicago in March under 2500")
    answer = get(f"/rotations?q={sentence}&ask=1")
    assert answer.status_code == 302
    landed = dict(parse_qsl(answer.location.partition("?")[2]))
    assert (landed["near"], landed["price_max"]) == ("chicago-il", "250000")
    assert "Cardiology rotations near Chicago" in words(get(answer.location))
    part = get(f"/rotations?q={sentence}&ask=1", **PART)
    assert part.headers["HX-Push-Url"] == answer.location
    assert " data-asked" in part.text and 'data-q=""' in part.text
    typing = get(f"/rotations?q={sentence}", **PART)
    assert "q=hands-on" in typing.headers["HX-Push-Url"]


def test_pages_follow_each_other_and_the_last_is_the_end(get: Get) -> None:
    first = titles(get("/rotations?sort=price&weeks=4&per_page=10"))
    second = titles(get("/rotations?sort=price&weeks=4&per_page=10&page=2"))
    assert first + second == [f"listing-{n}" for n in range(20)]
    beyond = get("/rotations?sort=price&weeks=4&per_page=10&page=99")
    assert titles(beyond) == [f"listing-{n}" for n in range(20, 24)]
    assert 'id="pg-3"' in beyond.text and 'aria-current="page"' in beyond.text


def test_price_and_seats_come_from_the_database(get: Get) -> None:
    with open_session(shop.SYSTEM) as session:
        listed = session.scalars(select(Rotation).where(Rotation.slug == "listing-7")).one()
        session.scalars(
            select(Block).where(Block.rotation_id == listed.id, Block.weeks == 4)
        ).one().price_cents = 123_400
        for offering in session.scalars(select(Offering).where(Offering.rotation_id == listed.id)):
            offering.taken = offering.capacity - 1
    answer = get("/rotations?weeks=4&per_page=100")
    card = answer.text.split('id="r-listing-7"')[1].split('class="card"')[0]
    assert "$1,234" in card and "1 seat left" in card


def test_the_doctors_weeks_bound_the_seats(get: Get) -> None:
    first, second = shop.monday(12), shop.monday(20)
    with open_session(shop.SYSTEM) as session:
        listed = session.scalars(select(Rotation).where(Rotation.slug == "listing-2")).one()
        doctor = listed.attending_id
        for monday, capacity in ((first + timedelta(weeks=3), 0), (second, 9)):
            session.add(AttendingWeek(attending_id=doctor, week=monday, capacity=capacity))
    card = get("/rotations?weeks=4&per_page=100").text.split('id="r-listing-2"')[1]
    told = words_of(card.split("</ul>")[1])
    assert f"{month_day(second)}, 3 seats" in told and month_day(first) not in told


def test_what_is_no_longer_public_is_not_shown(get: Get) -> None:
    with open_session(shop.SYSTEM) as session:
        listed = session.scalars(select(Rotation).where(Rotation.slug == "listing-7")).one()
        listed.state, listed.public = "paused", False
    assert "listing-7" not in titles(get("/rotations?per_page=100"))


def test_a_guest_keeps_the_page_until_something_on_it_changes(get: Get) -> None:
    tag = get("/rotations").headers["ETag"]
    again = get("/rotations", If_None_Match=tag)
    assert again.status_code == 304 and not again.data and again.headers["ETag"] == tag
    assert get("/rotations?state=TX", If_None_Match=tag).status_code == 200
    assert get("/rotations", If_None_Match=tag, **PART).status_code == 200
    assert get("/rotations", If_None_Match=tag, Cookie="theme=dark").status_code == 200
    every = "/rotations?per_page=100"
    tag = get(every).headers["ETag"]
    with open_session(shop.SYSTEM) as session:
        roomy = select(Offering).where(Offering.capacity == 3).limit(1)
        session.scalars(roomy).one().taken = 1
    changed = get(every, If_None_Match=tag)
    assert changed.status_code == 200 and changed.headers["ETag"] != tag


def test_a_signed_in_person_gets_no_validator(shop_app: Flask) -> None:
    browser = rooms.Browser(shop_app, factories.candidate().id)
    assert "ETag" not in browser.get("/rotations").headers


def test_nothing_found_says_what_to_drop(get: Get) -> None:
    answer = get("/rotations?specialty=cardiology&state=TX&price_max=60000")
    assert not titles(answer)
    assert "No rotation fits all 3 filters" in words(answer)
    assert re.search(r"Without Up to \$600 2 rotations", words(answer))
    only = get("/rotations?specialty=cardiology&city=boston-ma&hands_on=virtual&price_max=100")
    assert "Keep the one that matters most" in words(only)
    assert "Only Cardiology 8 rotations" in words(only)


def test_cities_are_found_by_typing_and_all_can_be_listed(get: Get) -> None:
    typed = get("/rotations/cities?find=chi&specialty=cardiology", **PART)
    assert re.findall(r'name="city" value="([^"]+)"', typed.text) == ["chicago-il"]
    assert 'option__n">2<' in typed.text
    every = get("/rotations/cities?cities=all", **PART)
    assert every.text.count('name="city"') == len(cities.cities()) > 200
    page = get("/rotations?cities=all")
    assert page.text.count('name="city"') > 200
    assert get("/rotations/cities?cities=all").location == "/rotations?cities=all"
    assert "No city of that name" in get("/rotations/cities?find=zzzz", **PART).text


def test_a_long_facet_shows_the_rest_when_asked(get: Get) -> None:
    page = get("/rotations?specialty=cardiology").text
    link = re.search(
        r'id="more-state" href="([^"]+)" hx-get="([^"]+)"[^>]*>.*?Show (\d+) more', page
    )
    assert link is not None
    whole, part = (get(unescape(link[1])), get(unescape(link[2]), **PART))
    for answer in (whole, part):
        assert answer.text.count('name="state"') == page.count('name="state"') + int(link[3])
        assert 'name="more" value="state"' in answer.text and 'id="fewer-state"' in answer.text
    assert "<fieldset" not in part.text
    fewer = re.search(r'id="fewer-state" href="([^"]+)" hx-get="([^"]+)"', part.text)
    assert fewer is not None and fewer[1] == "/rotations?specialty=cardiology"
    assert get(unescape(fewer[2]), **PART).text.count('name="state"') == page.count('name="state"')
    assert get("/rotations/values/state?more=state").location == "/rotations?more=state"
    assert get("/rotations/values/nonsense", **PART).status_code == 404


def test_around_a_city(get: Get) -> None:
    assert "/rotations?near=chicago-il" in unescape(get("/rotations?city=chicago-il").text)
    answer = get("/rotations?near=chicago-il&within_km=80&sort=distance&per_page=100")
    assert len(titles(answer)) == 12
    assert "Clinical rotations near Chicago, IL" in words(answer)
    assert "km away" in words(answer) and " 0 km away" not in words(answer)
    assert '<option value="80" selected>80 km' in answer.text


def test_the_map_links_places_to_their_lists(get: Get) -> None:
    answer = get("/rotations?view=map&specialty=cardiology")
    pins = re.findall(r'<a href="([^"]+)"[^>]*class="pin" aria-label="([^"]+)"', answer.text)
    assert {label for _, label in pins} == {
        "Aurora, IL, Chicago, IL: 4 rotations",
        "Houston, TX: 2 rotations",
        "Boston, MA: 2 rotations",
    }
    for link, label in pins:
        assert len(titles(get(unescape(link)))) == int(re.findall(r"(\d+) rot", label)[0])
    assert '<use href="/static/us-map.' in answer.text


def test_places_stand_where_the_map_drew_them() -> None:
    drawn = json.loads((ROOT / "marketplace" / "data" / "us_map.json").read_text())["cities"]
    for name, (x, y) in drawn.items():
        for city in cities.find_cities(name)[:1]:
            assert position(city.slug) == pytest.approx((x, y), abs=1.0)
    counts = {city.slug: 3 for city in cities.cities()}
    pins = clusters(counts, 50)
    assert sum(pin.count for pin in pins) == 3 * len(counts)
    assert sorted(slug for pin in pins for slug in pin.slugs) == sorted(counts)
    assert all(0 < pin.x < 975 and 0 < pin.y < 610 for pin in pins)


def test_without_the_engine_the_database_answers(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        shop.take_away(patch)
        answer = get("/rotations?state=IL&weeks=4&price_max=115000&q=ward&sort=price")
        assert answer.status_code == 200
        assert titles(answer) == ["listing-0", "listing-1"]
        assert "Search runs in a simple mode" in words(answer)
        assert "option__n" not in answer.text
        assert get("/rotations?state=IL&price_max=100").status_code == 200
        assert get("/rotations?view=map").status_code == 200
        assert get("/rotations/cities?find=chi", **PART).status_code == 200
    assert "simple mode" not in words(get("/rotations?state=IL"))


def test_the_database_finds_what_the_engine_finds(
    get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(5)
    for _ in range(60):
        asked = _question(chance)
        state = SearchState.parse(MultiDict(parse_qsl(asked)))
        if state.sort.value in ("best", "value", "hands_on"):
            continue
        found = titles(get(f"/rotations?{asked}&per_page=100"))
        with monkeypatch.context() as patch:
            shop.take_away(patch)
            answer = get(f"/rotations?{asked}&per_page=100")
        assert sorted(titles(answer)) == sorted(found), asked


def _question(chance: random.Random) -> str:
    """Some filters without words."""
    pairs: list[tuple[str, object]] = [
        (name, chance.choice(values))
        for name, values in (
            ("specialty", shop.SPECIALTIES),
            ("state", ("IL", "TX", "MA")),
            ("city", ("chicago-il", "boston-ma")),
            ("included", ("emr-access", "housing-help")),
            ("accepts", ("student", "graduate")),
            ("agency", ("house-1", "house-2")),
            ("hands_on", [level for level, _, _ in shop.LEVELS]),
            ("weeks", (2, 4)),
            ("price_min", (80_000, 120_000)),
            ("price_max", (110_000, 190_000)),
            ("start_from", (shop.monday(11), shop.monday(19))),
            ("start_to", (shop.monday(13), shop.monday(30))),
            ("near", ("chicago-il",)),
            ("rating_min", (3.5, 4)),
        )
        if chance.random() < 0.22
    ]
    return urlencode([*pairs, ("sort", chance.choice(("price", "start", "rating")))])


def test_a_page_costs_four_reads_whatever_it_finds(
    get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reads(path: str) -> int:
        get(path)
        with shop.statements() as seen:
            assert get(path).status_code == 200
        found = [line for line in seen if " FROM " in line.replace("\n", " ")]
        opening = [line for line in seen if line not in found]
        # SQLite begins the transaction; PostgreSQL is told the scope in its first statement.
        assert len(opening) <= 1
        assert all(re.match(r"BEGIN|SELECT set_config\('rounds", line) for line in opening)
        return len(found)

    assert reads("/rotations?per_page=1") == reads("/rotations?per_page=100") <= 4
    assert reads("/rotations?view=map") <= 4
    assert reads("/rotations?specialty=cardiology&state=TX&price_max=60000") <= 4
    assert reads("/api/v1/rotations?per_page=100") <= 4


def test_the_page_is_light(get: Get) -> None:
    assert len(gzip.compress(get("/rotations").data, 6)) < 15_000
    assert len(gzip.compress(get("/rotations", **PART).data, 6)) < 10_000


def test_values_are_escaped(get: Get) -> None:
    nasty = '"><script>alert(1)</script>'
    for name in ("q", "included", "agency", "find", "city"):
        answer = get(f"/rotations?{urlencode({name: nasty})}")
        assert answer.status_code == 200 and "<script>alert" not in answer.text


def test_templates_name_every_facet(get: Get) -> None:
    text = get("/rotations").text
    for name in COUNTED:
        assert f'name="{"rating_min" if name == "rating" else name}"' in text
    assert finding.address(SearchState()) == "/rotations"
    assert Path(ROOT / "templates" / "search" / "_search.html").is_file()
