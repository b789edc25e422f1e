"""The year that really holds: the type's rule, and a later choice of the listing."""

from collections.abc import Iterator

import pytest
from flask import Flask

from marketplace.core import context
from marketplace.core.db import open_session
from marketplace.listings import catalog, differences, drafts, editor_views, student_years
from marketplace.listings.eligibility import fit
from tests import factories
from tests.factories import Market
from tests.support import rooms
from tests.support.rooms import Browser, words_of


def test_what_each_type_asks_for() -> None:
    """Taken from the rules; a new type has to be thought about here."""
    assert {one.slug: student_years.of_type(one.slug) for one in catalog.rotation_types()} == {
        "sub-internship": "final",
        "elective": "penultimate",
        "clerkship": "clinical",
        "externship": "preclinical",
        "observership": "preclinical",
        "virtual": "preclinical",
        "research": "preclinical",
    }


@pytest.mark.parametrize("kind", [one.slug for one in catalog.rotation_types()])
def test_the_words_are_what_the_rules_decide(kind: str) -> None:
    """For every choice of a listing and every year of a student."""
    order = list(student_years.YEARS)
    for chosen in ("", *order):
        listing = {"rotation.type": kind} | (
            {"rotation.min_student_year": chosen} if chosen else {}
        )
        taken = []
        for year in order:
            who = {"candidate.status": "student", "candidate.student_year": year}
            codes = {reason.code for reason in fit(who, listing).reasons}
            if not any(code.startswith(("student-", "listing-min-")) for code in codes):
                taken.append(year)
        assert taken[0] == student_years.least(kind, chosen)


def test_an_earlier_year_than_the_type_is_not_in_the_words() -> None:
    facts = {"type": "sub-internship", "eligibility": {"min_student_year": "preclinical"}}
    [line] = [
        one
        for one in differences.differences({}, facts, {})
        if one.what == "Least year of students"
    ]
    assert line.after == "Final year"


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site([editor_views.editor]) as site:
        yield site


@pytest.fixture
def market(app: Flask) -> Market:
    return factories.market()


def test_the_editor_offers_only_later_years(app: Flask, market: Market) -> None:
    with open_session(context.agency(market.agency_id)) as session:
        values = {"type": "elective", "eligibility": {"min_student_year": "preclinical"}}
        drafts.save(session, market.staff_actor, market.rotation_id, values)
    home = f"/agency/{market.agency_slug}/listings/{market.slug}"
    desk = Browser(app, market.staff["manager"])
    page = desk.get(f"{home}/edit/people").text
    choice = page.split('id="min_student_year"')[1].split("</select>")[0]
    assert words_of(f"<p {choice}") == "What the type asks for: year before last Final year"
    assert 'value="" selected' in choice and "Any year" not in page
    seen = words_of(desk.get(f"{home}/preview").text)
    assert "Medical students: year before last" in seen
