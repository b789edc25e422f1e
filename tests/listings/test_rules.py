from datetime import date, datetime

import pytest

from marketplace.core import reference
from marketplace.listings import rules
from marketplace.listings.rules import Condition, Outcome, Rule, decide, holds, known_facts

FIELDS = {line["field"]: line for line in reference.rows("profile_fields")}


def condition(text):
    field, operator, *value = text.split(" ", 2)
    return Condition(field, operator, value[0] if value else "")


@pytest.mark.parametrize("rule", rules.all_rules(), ids=lambda rule: rule.code)
def test_every_rule_can_be_read(rule):
    for part in (*rule.when, rule.check):
        assert part.field in FIELDS
        assert part.operator in {*rules._OPERATORS, "is_set", "is_empty"}
        if part.refers_to:
            assert part.refers_to[0] in FIELDS
        elif part.value:
            assert part.literal is not None
    assert rule.message


@pytest.mark.parametrize(
    ("facts", "text", "answer"),
    [
        ({"candidate.status": "student"}, "candidate.status eq student", True),
        ({"candidate.status": "graduate"}, "candidate.status eq student", False),
        ({}, "candidate.status eq student", None),
        ({"candidate.status": "graduate"}, "candidate.status ne student", True),
        ({"candidate.student_year": "final"}, "candidate.student_year gte penultimate", True),
        ({"candidate.student_year": "clinical"}, "candidate.student_year gte penultimate", False),
        ({"candidate.student_year": "preclinical"}, "candidate.student_year lt clinical", True),
        ({"candidate.english": "test"}, "candidate.english gt letter", True),
        ({"candidate.age": 18}, "candidate.age gte 18", True),
        ({"candidate.age": 17.9}, "candidate.age gte 18", False),
        ({"candidate.age": 9}, "candidate.age lte 18", True),
        ({"rotation.type": "elective"}, "rotation.type in elective|clerkship", True),
        ({"rotation.type": "research"}, "rotation.type not_in elective|clerkship", True),
        ({"rotation.vslo_only": True}, "rotation.vslo_only eq yes", True),
        ({"rotation.vslo_only": "no"}, "rotation.vslo_only eq yes", False),
        ({"rotation.accepts": ["student"]}, "rotation.accepts contains student", True),
        ({"rotation.accepts": set()}, "rotation.accepts contains student", False),
        (
            {"rotation.scope_activities": {"prescribe"}},
            "rotation.scope_activities excludes place-orders|prescribe",
            False,
        ),
        (
            {"rotation.scope_activities": {"watch-exam"}},
            "rotation.scope_activities excludes place-orders|prescribe",
            True,
        ),
        ({}, "rotation.accepts is_set", False),
        ({"rotation.accepts": []}, "rotation.accepts is_empty", True),
        ({"rotation.accepts": ["student"]}, "rotation.accepts is_set", True),
        ({"rotation.graduate_legal_basis": ""}, "rotation.graduate_legal_basis is_set", False),
        ({"rotation.max_years_since_graduation": 0}, "rotation.accepts is_set", False),
        (
            {"rotation.max_years_since_graduation": 0},
            "rotation.max_years_since_graduation is_set",
            True,
        ),
        (
            {"candidate.status": "student", "rotation.accepts": ["graduate"]},
            "candidate.status in @rotation.accepts",
            False,
        ),
        ({"candidate.status": "student"}, "candidate.status in @rotation.accepts", None),
        (
            {"rotation.required_documents": ["cv"], "candidate.documents_accepted": ["cv", "bls"]},
            "candidate.documents_accepted superset @rotation.required_documents",
            True,
        ),
        (
            {"rotation.required_documents": ["cv"], "candidate.documents_accepted": []},
            "candidate.documents_accepted superset @rotation.required_documents",
            False,
        ),
        (
            {
                "candidate.student_year": "clinical",
                "rotation.min_student_year": "penultimate",
            },
            "candidate.student_year gte @rotation.min_student_year",
            False,
        ),
    ],
)
def test_conditions(facts, text, answer):
    assert holds(condition(text), known_facts(facts)) is answer


@pytest.mark.parametrize(
    ("expires", "answer"),
    [(date(2027, 12, 28), True), (date(2027, 12, 27), False)],
)
def test_days_from_a_field(expires, answer):
    facts = {"candidate.passport_expires": expires, "booking.end_date": date(2027, 7, 1)}
    text = "candidate.passport_expires gte @booking.end_date+180d"
    assert holds(condition(text), known_facts(facts)) is answer


def test_days_before_a_field():
    text = "booking.lor_ready_date lte @season.review_opens-14d"
    facts = {"season.review_opens": date(2027, 9, 22), "booking.lor_ready_date": date(2027, 9, 8)}
    assert holds(condition(text), known_facts(facts))
    late = facts | {"booking.lor_ready_date": date(2027, 9, 9)}
    assert not holds(condition(text), known_facts(late))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("candidate.status", "retired"),
        ("candidate.status", True),
        ("candidate.age", "18"),
        ("candidate.age", True),
        ("candidate.needs_visa", "maybe"),
        ("candidate.needs_visa", 1),
        ("candidate.passport_expires", "2027-01-01"),
        ("candidate.passport_expires", datetime(2027, 1, 1)),
        ("rotation.accepts", "student"),
        ("rotation.accepts", [1]),
    ],
)
def test_values_of_another_type_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        known_facts({name: value})


def test_unknown_fields_are_refused():
    with pytest.raises(KeyError, match="shoe_size"):
        known_facts({"candidate.shoe_size": 42})


def test_not_known_and_unknown_are_the_same():
    facts = known_facts({"candidate.home_school_vslo": "unknown", "candidate.age": None})
    assert set(facts.values()) == {None}


RULE = Rule(
    "x",
    "candidate",
    "block",
    (condition("rotation.vslo_only eq yes"), condition("candidate.status eq student")),
    condition("candidate.age gte 18"),
    "Message",
)


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        ({"rotation.vslo_only": "no"}, Outcome(True)),
        ({"candidate.age": 18}, Outcome(True)),
        (
            {"rotation.vslo_only": "yes", "candidate.status": "student", "candidate.age": 17},
            Outcome(False),
        ),
        (
            {"rotation.vslo_only": "yes", "candidate.age": 17},
            Outcome(None, frozenset({"candidate.status"})),
        ),
        (
            {"rotation.vslo_only": "yes", "candidate.status": "student"},
            Outcome(None, frozenset({"candidate.age"})),
        ),
        (
            {},
            Outcome(None, frozenset({"rotation.vslo_only", "candidate.status", "candidate.age"})),
        ),
    ],
)
def test_a_rule_passes_fails_or_names_what_is_missing(facts, outcome):
    assert decide(RULE, known_facts(facts)) == outcome
