from itertools import product
from typing import get_args

import pytest

from marketplace.core import reference
from marketplace.listings.levels import (
    Interaction,
    Level,
    Setting,
    core_items,
    derive_level,
    rank,
    scope_supports_hands_on,
)

TYPES = [line["slug"] for line in reference.rows("rotation_types")]
EVERYTHING = list(product(TYPES, get_args(Interaction), get_args(Setting), (True, False)))


def level(rotation_type, interaction, setting, signed=True):
    return derive_level(rotation_type, interaction, setting, scope_cosigned=signed)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("sub-internship", "hands-on", "inpatient"), "hands-on-inpatient"),
        (("externship", "hands-on", "outpatient"), "hands-on-outpatient"),
        (("externship", "hands-on", "mixed"), "hands-on-outpatient"),
        (("externship", "mixed", "inpatient"), "observership-inpatient"),
        (("externship", "mixed", "mixed"), "observership-outpatient"),
        (("externship", "observe", "inpatient"), "observership-inpatient"),
        (("externship", "hands-on", "inpatient", False), "observership-inpatient"),
        (("externship", "hands-on", "outpatient", False), "observership-outpatient"),
        (("observership", "hands-on", "inpatient"), "observership-inpatient"),
        (("observership", "observe", "outpatient"), "observership-outpatient"),
        (("virtual", "hands-on", "inpatient"), "virtual"),
        (("externship", "hands-on", "remote"), "virtual"),
        (("elective", "virtual", "inpatient"), "virtual"),
        (("research", "hands-on", "inpatient"), "not-usce"),
        (("research", "virtual", "remote"), "not-usce"),
    ],
)
def test_levels(given, expected):
    assert level(*given) == expected


def test_the_levels_are_those_of_the_table_in_its_order():
    table = [line["slug"] for line in reference.rows("hands_on_levels")]
    assert list(get_args(Level)) == table
    assert [rank(slug) for slug in table] == [5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize("row", EVERYTHING, ids=str)
def test_a_weaker_declaration_never_gives_a_stronger_level(row):
    rotation_type, interaction, setting, signed = row
    strength = rank(level(*row))
    assert rank(level(rotation_type, interaction, setting, False)) <= strength or not signed
    assert rank(level(rotation_type, "mixed", setting, signed)) <= rank(
        level(rotation_type, "hands-on", setting, signed)
    )
    assert rank(level(rotation_type, interaction, "mixed", signed)) <= rank(
        level(rotation_type, interaction, "inpatient", signed)
    )


@pytest.mark.parametrize("row", EVERYTHING, ids=str)
def test_hands_on_always_has_a_signed_scope_and_a_type_that_allows_it(row):
    rotation_type, interaction, _, signed = row
    if level(*row).startswith("hands-on"):
        assert signed
        assert interaction == "hands-on"
        assert rotation_type not in ("observership", "virtual", "research")


def test_an_unknown_type_is_an_error():
    with pytest.raises(KeyError, match="holiday"):
        level("holiday", "hands-on", "inpatient")


def test_core_items_count_each_core_task_once():
    assert core_items(["take-history", "take-history", "physical-exam", "watch-exam"]) == 2
    with pytest.raises(KeyError, match="fly"):
        core_items(["fly"])


def test_hands_on_scope_needs_three_core_tasks_with_one_at_the_patient():
    assert scope_supports_hands_on(["take-history", "present-case", "handoff"])
    assert not scope_supports_hands_on(["take-history", "present-case", "watch-exam"])
    assert not scope_supports_hands_on(["present-on-rounds", "present-case", "handoff"])
