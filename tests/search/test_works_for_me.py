""" "Works for me": the switch, the verdicts and the totals say the same as the rules."""

import re
from collections.abc import Callable, Iterator
from contextvars import Context
from datetime import date, timedelta
from itertools import product
from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from marketplace.core import clock, context
from marketplace.core.db import open_session
from marketplace.listings.eligibility import fit
from marketplace.listings.models import Rotation
from marketplace.listings.queries import offered_facts
from marketplace.listings.views import room as listing_room
from marketplace.search.answers import PASSED, STATUSES, facts_told
from marketplace.search.views import room
from tests import factories
from tests.search import shop
from tests.support import rooms

Get = Callable[..., TestResponse]
LAST_YEAR = str(clock.now().year - 1)
LONG_AGO = str(clock.now().year - 12)


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site([room, listing_room]) as made:
        shop.build()
        yield made


@pytest.fixture
def get(app: Flask) -> Get:
    def ask(path: str, **headers: str) -> TestResponse:
        client = app.test_client(use_cookies=False)
        return Context().run(client.get, path, headers={**headers})

    return ask


def expected(facts: dict[str, object]) -> dict[str, str]:
    """The verdict of every listing by its slug, from the rules alone."""
    with open_session(context.system("test"), readonly=True) as session:
        rows = session.scalars(select(Rotation).where(Rotation.public)).all()
        return {row.slug: fit(facts, offered_facts(row, row.site.state)).kind for row in rows}


def test_page_json_and_rules_agree_on_what_fits(get: Get) -> None:
    seen = set()
    for status, year, passed in product((*STATUSES, ""), ("", LAST_YEAR, LONG_AGO), (*PASSED, "")):
        told = {"status": status, "graduated": year, "passed": passed}
        asked = urlencode([(key, value) for key, value in told.items() if value])
        facts = facts_told(
            status or None, int(year) if year else None, passed or None, clock.now().date()
        )
        kinds = expected(facts)
        fitting = {slug for slug, kind in kinds.items() if kind != "does_not_fit"}
        found = get(f"/api/v1/rotations?fits=1&per_page=100&{asked}").get_json()
        if not asked:
            assert found["total"] == shop.LISTINGS
            continue
        slugs = {hit["url"].rsplit("/", 1)[1] for hit in found["hits"]}
        assert (slugs, found["total"]) == (fitting, len(fitting)), asked
        assert sum(found["facets"]["specialty"].values()) == len(fitting)
        assert "eligibility" not in found["facets"]
        seen.add(len(fitting))
        if (status, year) == ("final", "") or (status, year) == ("graduate", LONG_AGO):
            page = get(f"/rotations?fits=1&{asked}").text
            assert f'id="count"><strong>{len(fitting)}</strong> of {shop.LISTINGS} ' in page
            assert f"{shop.LISTINGS - len(fitting)} do not fit" in page
    assert len(seen) > 3


def test_every_card_says_whether_it_fits_and_why(get: Get) -> None:
    text = get(f"/rotations?status=graduate&graduated={LONG_AGO}&passed=none&per_page=100").text
    kinds = expected(facts_told("graduate", int(LONG_AGO), "none", clock.now().date()))
    assert text.count('class="fit fit--no"') == list(kinds.values()).count("does_not_fit") > 0
    assert "Does not fit because it asks for a passed Step 1" in text
    assert "Does not fit because it asks for a more recent graduation" in text
    assert "Fits you" in text
    assert 'class="fit fit--' not in get("/rotations").text
    card = re.search(r'href="(/rotations/listing-1\?[^"]+)"', text)
    assert card is not None and f"graduated={LONG_AGO}" in card[1]


def test_the_switch_is_a_chip_and_clear_all_keeps_the_answers(get: Get) -> None:
    text = get("/rotations?status=final&passed=none&fits=1&state=IL").text
    assert "Only what works for me<" in text
    assert 'id="chip-clear" href="/rotations?status=final&amp;passed=none"' in text
    assert '<link rel="canonical" href="http://localhost/rotations?state=IL">' in text
    assert "Answer at least one question first" in get("/rotations?fits=1").text


def test_a_guests_answers_stay_out_of_the_api_of_others_and_answers_may_be_kept(get: Get) -> None:
    asked = "/rotations?status=graduate&passed=none"
    first = get(asked)
    assert first.headers["ETag"] != get("/rotations").headers["ETag"]
    assert get(asked, **{"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert "Cookie" in first.headers["Vary"] and "private" in first.headers["Cache-Control"]


def test_the_engine_away_hides_the_same(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = "/api/v1/rotations?fits=1&status=graduate&passed=none&per_page=100"
    before = {hit["id"] for hit in get(asked).get_json()["hits"]}
    shop.take_away(monkeypatch)
    assert {hit["id"] for hit in get(asked).get_json()["hits"]} == before
    assert 0 < len(before) < shop.LISTINGS


def test_a_profile_answers_by_itself_and_is_never_cached(app: Flask) -> None:
    who = factories.candidate(
        status="graduate",
        student_year=None,
        graduation_date=clock.now().date() - timedelta(days=366 * 12),
        usmle_step_1="not-taken",
        usmle_step_2_ck="not-taken",
    )
    client = rooms.Browser(app, who.id)
    answer = client.get("/rotations?fits=1&status=final&passed=step-2-ck&per_page=100")
    kinds = expected(facts_told("graduate", int(LONG_AGO), "none", clock.now().date()))
    wanted = {slug for slug, kind in kinds.items() if kind != "does_not_fit"}
    found = re.findall(r'class="card__title"><a href="/rotations/([^"?]+)', answer.text)
    assert set(found) == wanted
    assert 'href="/me/profile"' in answer.text and 'name="status"' not in answer.text
    assert "ETag" not in answer.headers and "private" in answer.headers["Cache-Control"]
    api = client.get("/api/v1/rotations?fits=1").get_json()
    assert api["total"] == shop.LISTINGS and "fit" not in api["hits"][0]
    page = client.get("/rotations/listing-1").text
    assert "Does not fit because it asks for a passed Step 1" in page


def test_a_card_says_what_it_fits_if(app: Flask) -> None:
    """A visa is needed and the first start is near: the card names the condition, as the rules do,
    and the switch does not hide it. The same on the page of the listing."""
    who = factories.candidate(needs_visa=True)
    client = rooms.Browser(app, who.id)
    near = shop.monday(10)
    assert 0 < (near - clock.now().date()).days < 90
    page = client.get("/rotations?fits=1&per_page=100").text
    cards = page.split('<li class="card" id="r-')[1:]
    said = {card.partition('"')[0]: card for card in cards}
    conditional = said["listing-0"]
    fit_line = re.search(r'<p class="fit fit--if">.*?<span>([^<]+)', conditional, re.S)
    assert fit_line is not None
    assert fit_line[1].strip().startswith("Fits if your visa comes")
    assert "fit--no" not in page
    listing = client.get(f"/rotations/listing-0?start={near}&weeks=4").text
    assert "Fits if your visa comes" in listing
    home = factories.candidate("Ben Adeyemi", needs_visa=False)
    told = rooms.Browser(app, home.id).get("/rotations?per_page=100").text
    assert "your visa comes" not in told and 'class="fit fit--yes"' in told


def test_the_listing_page_asks_and_answers_a_guest(get: Get) -> None:
    page = get("/rotations/listing-1").text
    assert "Answer three questions to be sure; no account needed." in page
    assert 'name="passed"' in page
    page = get("/rotations/listing-1?status=graduate&passed=none").text
    assert "Does not fit because it asks for a passed Step 1" in page
    assert "Request this seat" not in page
    assert re.search(r'href="/rotations/listing-1\?start=[^"]*passed=none[^"]*#dates"', page)
    assert "Fits you" in get("/rotations/listing-0?status=final&passed=none").text


def test_letters_in_time_are_shown_on_each_start(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "marketplace.listings.seasons._all", lambda: (_review(clock.now().date(), 150),)
    )
    page = get("/rotations/listing-0?weeks=4").text
    said = re.findall(r'start__letter--(\w+)">(Letter: [^<]+)<', page)
    # starts in 10 and 20 weeks, four weeks long, four more for the letter
    assert [tone for tone, _ in said] == ["good", "mute"]
    assert "Letters: “in time” means" in page and "(our estimate)" in page
    assert "Letter: likely in time<" in get("/rotations").text


def _review(today: date, days: int) -> object:
    from marketplace.listings.seasons import Milestone

    day = today + timedelta(days=days)
    return Milestone(
        day.year, "programs-review", "Programs read", day, "", "day", "estimated", "all", ""
    )
