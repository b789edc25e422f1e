import json

import pytest

from marketplace.core.errors import Invalid
from marketplace.listings.policies import (
    Terms,
    Tier,
    custom_terms,
    floor_problems,
    preset,
    presets,
    terms_from,
)


def test_the_three_presets():
    assert [p.slug for p in presets()] == ["flexible", "moderate", "firm"]
    assert preset("firm").tiers == (Tier(90, 100), Tier(45, 50), Tier(30, 25))


@pytest.mark.parametrize("terms", presets(), ids=lambda t: t.slug)
def test_presets_keep_the_floor(terms):
    assert floor_problems(terms) == {}


@pytest.mark.parametrize("terms", presets(), ids=lambda t: t.slug)
def test_terms_survive_freezing(terms):
    assert terms_from(json.loads(json.dumps(terms.as_json()))) == terms


@pytest.mark.parametrize("frozen", [{}, {"slug": "x"}, preset("firm").as_json() | {"tiers": 3}])
def test_other_data_is_not_terms(frozen):
    with pytest.raises(ValueError, match="frozen"):
        terms_from(frozen)


def test_the_boundary_day_belongs_to_the_better_tier():
    terms = preset("flexible")
    assert [terms.percent_at(d) for d in (31, 30, 29, 14, 13, 0, -1)] == [100, 100, 50, 50, 0, 0, 0]


def test_custom_tiers_are_kept_and_said_in_words():
    terms = custom_terms("120:100 | 7:10", cooling_off_hours=72)
    assert terms.tiers == (Tier(120, 100), Tier(7, 10))
    assert terms.plain_text == (
        "Cancel 120 days or more before the start: 100% back. "
        "Cancel 7 days or more before the start: 10% back. Later: nothing for a change of mind."
    )


@pytest.mark.parametrize(
    ("tiers", "words"),
    [
        ("", "Write days"),
        ("30", "Write days"),
        ("30:100:5", "Write days"),
        ("x:100", "Write days"),
        ("30:100|30:50", "never rises"),
        ("14:100|30:50", "never rises"),
        ("60:50|30:100", "never rises"),
        ("30:101", "0 to 100"),
        ("30:100|-1:50", "0 to 100"),
        ("30:49", "something back"),
        ("30:0", "something back"),
        ("30:99", "100 percent"),
        ("121:100", "120 days"),
    ],
)
def test_tiers_below_the_floor_are_refused(tiers, words):
    with pytest.raises(Invalid) as refusal:
        custom_terms(tiers)
    assert words in refusal.value.errors["tiers"]


@pytest.mark.parametrize(("hours", "days"), [(47, 14), (48, 15)])
def test_cooling_off_cannot_be_shortened(hours, days):
    with pytest.raises(Invalid) as refusal:
        custom_terms("30:100", hours, days)
    assert "48 hours" in refusal.value.errors["cooling_off_hours"]


def test_no_tiers_at_all_are_refused():
    assert "tiers" in floor_problems(Terms("x", "X", (), 48, 14, ""))
