import pytest

from marketplace.core import reference
from marketplace.listings import catalog

GROUPS = {group.slug for group in catalog.specialty_groups()}


def test_sizes():
    assert len(catalog.specialties()) == 86
    assert len(catalog.specialty_groups()) == 6
    assert len(catalog.rotation_types()) == 7
    assert len(catalog.levels()) == 6
    assert len(catalog.scope_groups()) == 9
    assert len(catalog.scope_activities()) == 43
    assert len(catalog.document_kinds()) == 37


@pytest.mark.parametrize("specialty", catalog.specialties(), ids=lambda s: s.slug)
def test_specialties_point_to_what_exists(specialty):
    assert specialty.group in GROUPS
    assert specialty.label
    for slug, weight in specialty.related.items():
        assert catalog.specialty(slug).slug == slug
        assert 0 < weight <= 1


def test_a_specialty_knows_its_other_names():
    assert "IM" in catalog.specialty("internal-medicine").aliases
    assert catalog.specialty("internal-medicine").related["cardiology"] == 0.7


def test_types_in_page_order():
    assert next(t.slug for t in catalog.rotation_types()) == "sub-internship"
    clerkship = catalog.rotation_type("clerkship")
    assert (clerkship.students, clerkship.graduates) == (True, "no")
    assert (clerkship.weeks_min, clerkship.weeks_max) == (4, 12)
    assert catalog.rotation_type("sub-internship").graduates == "exception"


def test_levels_strongest_first():
    assert [level.rank for level in catalog.levels()] == [5, 4, 3, 2, 1, 0]
    assert catalog.level("hands-on-inpatient").needs_cosigned_scope


def test_every_task_has_a_group_and_a_usual_level_for_each_type():
    groups = {group.slug for group in catalog.scope_groups()}
    types = {kind.slug for kind in catalog.rotation_types()}
    for activity in catalog.scope_activities():
        assert activity.group in groups
        assert activity.usual.keys() == types
        assert set(activity.usual.values()) <= {"yes", "supervised", "no"}
    assert {a.group for a in catalog.scope_activities("emr")} == {"emr"}


def test_document_kinds_are_typed():
    screen = catalog.document_kind("drug-screen")
    assert (screen.max_age_days, screen.measured_at, screen.sensitive) == (
        60,
        "rotation-start",
        True,
    )
    passport = catalog.document_kind("passport")
    assert (passport.max_age_days, passport.advisory_days_after_end) == (None, 180)


def topics(*question):
    return [(a.state, a.topic) for a in catalog.advisories(*question)]


def test_advisories_by_state_type_and_status():
    assert topics("CA", "externship", "graduate") == [
        ("CA", "private-office"),
        ("CA", "letters"),
        ("CA", "unlicensed-practice"),
        ("*", "scope-of-practice"),
    ]
    assert topics("CA", "clerkship", "student")[0] == ("CA", "students")
    assert topics("OH", "externship", "graduate") == [("*", "scope-of-practice"), ("*", "letters")]


def test_advisories_without_a_status_are_those_of_both():
    both = set(topics("FL", "sub-internship"))
    assert both == set(topics("FL", "sub-internship", "student")) | set(
        topics("FL", "sub-internship", "graduate")
    )
    assert ("FL", "unlicensed-practice") in both


def test_every_advisory_is_shown_to_somebody():
    seen = set()
    for kind in catalog.rotation_types():
        for line in reference.rows("state_advisories"):
            seen |= set(topics(line["state"], kind.slug))
    assert {(line["state"], line["topic"]) for line in reference.rows("state_advisories")} <= seen


@pytest.mark.parametrize(
    "lookup",
    [
        catalog.specialty,
        catalog.rotation_type,
        catalog.level,
        catalog.scope_activity,
        catalog.document_kind,
    ],
)
def test_unknown_slugs_are_errors(lookup):
    with pytest.raises(KeyError, match="nothing-such"):
        lookup("nothing-such")
