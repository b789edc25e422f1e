"""What was checked, at which source and when, on each page that shows an attending."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from marketplace.core import clock
from marketplace.core.db import open_session
from marketplace.core.formats import day
from marketplace.discovery import views as discovery
from marketplace.listings import place_views
from marketplace.listings import views as listings
from marketplace.listings.models import Attending
from marketplace.verification import attendings, sources
from tests import factories
from tests.support import rooms
from tests.support.rooms import Browser, words_of
from tests.verification import support

SILENT = "It has not answered since; we try again every day"


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site([listings.room, discovery.room, place_views.places_room]) as site:
        yield site
    sources.configure("")


def look(market: factories.Market) -> None:
    with open_session(factories.a_system()) as session:
        attendings.watch(session, market.attending_id, npi_of(market))
        attendings.check_again(session, support.ADMIN, market.attending_id)
    support.work(attendings.TOPIC)


def npi_of(market: factories.Market) -> str:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.get_one(Attending, market.attending_id).npi


def lines_of(page: str, name: str) -> list[str]:
    (found,) = re.findall(rf'<ul class="{name}">(.*?)</ul>', page, re.S)
    return [words_of(line) for line in re.findall(r"<li>(.*?)</li>", found, re.S)]


def test_source_and_day_stand_beside_each_fact(app: Flask, tmp_path: Path) -> None:
    market = factories.market()
    desk, guest = Browser(app, market.staff["read-only"]), Browser(app)
    shown = {
        "listing": f"/rotations/{market.slug}",
        "attending": f"/attendings/{market.attending_slug}",
    }
    table = f"/agency/{market.agency_slug}/attendings"
    assert lines_of(desk.get(table).text, "checks-s") == [
        f"{label}: not looked up yet" for label in ("NPI registry", "License", "Exclusion list")
    ]
    support.lists(tmp_path, npi_of(market))
    look(market)
    first = words_of(day(clock.today("UTC")))
    clock.advance(timedelta(days=5))
    (tmp_path / "registry.csv").unlink()
    look(market)
    then = words_of(day(clock.today("UTC")))
    assert first != then
    expected = [
        f"NPI {npi_of(market)} National provider registry. {SILENT} {first}",
        f"License in good standing State board look-up {then}",
        f"Not on the exclusion list Federal exclusion list {then}",
    ]
    for name, path in shown.items():
        assert lines_of(guest.get(path).text, "checked") == expected, name
    assert lines_of(desk.get(table).text, "checks-s") == [
        f"NPI registry: in order, {first} (National provider registry)",
        f"License: in order, {then} (State board look-up)",
        f"Exclusion list: in order, {then} (Federal exclusion list)",
    ]


def test_a_finding_is_dated_for_the_agency_and_shown_to_nobody_as_checked(
    app: Flask, tmp_path: Path
) -> None:
    market = factories.market()
    support.lists(tmp_path, npi_of(market), status="lapsed")
    look(market)
    page = Browser(app, market.staff["owner"]).get(f"/agency/{market.agency_slug}/attendings").text
    on = words_of(day(clock.today("UTC")))
    found = f"License: a problem was found, {on} (State board look-up)"
    assert lines_of(page, "checks-s")[1] == found
    shown = Browser(app).get(f"/rotations/{market.slug}")
    assert "License in good standing" not in shown.text
