from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core import reference
from marketplace.listings.eligibility import (
    DUE_BEFORE_DAY_ONE,
    day_one_verdict,
    due,
    fit,
    judge,
    publish_blockers,
    request_verdict,
)
from marketplace.listings.rules import all_rules, decide, known_facts

PAPERS = frozenset({"hipaa-training", "cv", "passport"})
STUDENT_PAPERS = PAPERS | {"school-approval", "letter-of-good-standing", "affiliation-agreement"}
GRADUATE = {
    "candidate.status": "graduate",
    "candidate.graduation_date": date(2023, 6, 1),
    "candidate.years_since_graduation": 4,
    "candidate.usmle_step_1": "passed",
    "candidate.usmle_step_2_ck": "passed",
    "candidate.entry_status": "permanent-resident",
    "candidate.needs_visa": False,
    "candidate.documents_accepted": PAPERS,
    "candidate.passport_expires": date(2030, 1, 1),
    "candidate.insurance_covers": True,
    "candidate.immunizations_complete": True,
    "candidate.read_advisory": True,
    "candidate.age": 27,
    "candidate.payment_screen": "clear",
    "candidate.home_clerkship_weeks_abroad": 0,
}
STUDENT = GRADUATE | {
    "candidate.status": "student",
    "candidate.student_year": "final",
    "candidate.graduation_date": date(2028, 6, 1),
    "candidate.years_since_graduation": 0,
    "candidate.home_school_vslo": "yes",
    "candidate.school_state_approved": {"NY"},
    "candidate.documents_accepted": STUDENT_PAPERS,
}
EXTERNSHIP = {
    "rotation.type": "externship",
    "rotation.level": "hands-on-outpatient",
    "rotation.setting": "outpatient",
    "rotation.state": "OH",
    "rotation.site_kind": "clinic",
    "rotation.accepts": {"student", "graduate"},
    "rotation.required_exams": set(),
    "rotation.required_documents": {"cv", "passport"},
    "rotation.vslo_only": False,
    "rotation.supervisor_npi": "1234567893",
    "rotation.supervisor_verified": True,
    "rotation.scope_cosigned": True,
    "rotation.scope_activities": {"take-history", "present-case", "review-of-systems"},
    "rotation.scope_core_items": 3,
    "rotation.site_letter_valid": False,
    "rotation.trainees_per_attending": 2,
    "rotation.text_lint_clean": True,
}
ELECTIVE = EXTERNSHIP | {"rotation.type": "elective", "rotation.accepts": {"student"}}
BOOKING = {
    "booking.start_date": date(2027, 6, 7),
    "booking.end_date": date(2027, 7, 2),
    "booking.days_to_start": 120,
    "booking.overlaps_other": False,
    "booking.lor_ready_date": date(2027, 7, 30),
    "season.review_opens": date(2027, 9, 22),
    "attending.week_seats_left": 1,
    "agency.state": "verified",
}


def codes(findings):
    return [finding.code for finding in findings]


def asked(candidate, rotation=EXTERNSHIP, booking=BOOKING):
    return request_verdict(candidate | rotation | booking)


def test_a_graduate_may_ask_for_an_externship():
    verdict = asked(GRADUATE)
    assert verdict.allows
    assert verdict == type(verdict)()


def test_a_graduate_may_never_ask_for_an_elective():
    verdict = asked(GRADUATE, ELECTIVE)
    assert not verdict.allows
    assert codes(verdict.blocks) == ["type-student-only", "listing-accepts-status"]
    assert "Externships and observerships" in verdict.blocks[0].message


def test_a_graduate_may_join_a_sub_internship_only_by_a_stated_exception():
    sub_internship = EXTERNSHIP | {"rotation.type": "sub-internship"}
    assert codes(asked(GRADUATE, sub_internship).blocks) == ["type-student-only-sub-internship"]
    exception = sub_internship | {"rotation.graduate_legal_basis": "Permit of the state board"}
    assert asked(GRADUATE, exception).allows


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"candidate.age": 17}, "adult"),
        ({"candidate.payment_screen": "blocked"}, "payment-screening"),
        ({"candidate.read_advisory": False}, "state-advisory-read"),
        ({"booking.overlaps_other": True}, "no-overlap"),
        ({"attending.week_seats_left": 0}, "attending-week-free"),
        ({"agency.state": "suspended"}, "agency-open"),
        ({"rotation.accepts": {"student"}}, "listing-accepts-status"),
        ({"rotation.max_years_since_graduation": 3}, "graduation-recency"),
        (
            {"rotation.required_exams": {"usmle_step_1"}, "candidate.usmle_step_1": "failed"},
            "step-1-required",
        ),
        (
            {
                "rotation.required_exams": {"usmle_step_2_ck"},
                "candidate.usmle_step_2_ck": "not-taken",
            },
            "step-2-ck-required",
        ),
        ({"rotation.vslo_only": True, "candidate.home_school_vslo": "no"}, "vslo-home-school"),
    ],
)
def test_each_hard_rule_refuses_a_request_alone(changed, code):
    facts = GRADUATE | EXTERNSHIP | BOOKING
    assert request_verdict(facts).allows
    verdict = request_verdict(facts | changed)
    assert codes(verdict.blocks) == [code]
    assert not verdict.allows


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"candidate.student_year": "penultimate"}, None),
        ({"candidate.student_year": "clinical"}, "student-final-or-penultimate-year"),
        (
            {"candidate.student_year": "penultimate", "rotation.min_student_year": "final"},
            "listing-min-student-year",
        ),
    ],
)
def test_the_year_of_a_student(changed, code):
    verdict = request_verdict(STUDENT | ELECTIVE | BOOKING | changed)
    assert codes(verdict.blocks) == ([code] if code else [])


def test_missing_papers_do_not_stop_a_request_but_stop_day_one():
    nothing = STUDENT | {
        "candidate.documents_accepted": set(),
        "candidate.immunizations_complete": False,
        "candidate.insurance_covers": False,
        "candidate.passport_expires": date(2027, 7, 1),
    }
    clerkship = ELECTIVE | {"rotation.type": "clerkship"}
    assert asked(nothing, clerkship).allows
    verdict = day_one_verdict(nothing | clerkship | BOOKING)
    assert set(codes(verdict.blocks)) == DUE_BEFORE_DAY_ONE - {"passport-six-months"}
    assert day_one_verdict(STUDENT | clerkship | BOOKING).allows


def test_a_renewed_passport_is_enough_on_the_last_day():
    facts = GRADUATE | EXTERNSHIP | BOOKING | {"candidate.passport_expires": date(2027, 7, 2)}
    assert day_one_verdict(facts).allows


def test_what_the_candidate_has_not_told_is_asked_and_does_not_fail():
    untold = {k: v for k, v in GRADUATE.items() if k != "candidate.years_since_graduation"}
    recent = EXTERNSHIP | {"rotation.max_years_since_graduation": 3}
    verdict = asked(untold, recent)
    assert verdict.blocks == ()
    assert codes(verdict.asks) == ["graduation-recency"]
    assert verdict.asks[0].missing == {"candidate.years_since_graduation"}
    assert not verdict.allows


@pytest.mark.parametrize(
    "name", ["booking.overlaps_other", "attending.week_seats_left", "agency.state"]
)
def test_what_the_platform_does_not_know_keeps_the_door_closed(name):
    verdict = asked(GRADUATE, booking={k: v for k, v in BOOKING.items() if k != name})
    assert verdict.undecided[0].missing == {name}
    assert not verdict.allows


def test_warnings_and_notes_do_not_stop_a_request():
    visitor = GRADUATE | {
        "candidate.entry_status": "b-2",
        "candidate.needs_visa": True,
        "candidate.read_visa_facts": False,
    }
    late = BOOKING | {"booking.days_to_start": 40, "booking.lor_ready_date": date(2027, 9, 20)}
    verdict = asked(visitor, booking=late)
    assert verdict.allows
    assert codes(verdict.warnings) == [
        "graduate-hands-on-visitor-note",
        "visa-time",
        "documents-time-visa",
    ]
    assert codes(verdict.informs) == ["visa-self-check", "letter-in-time"]


def test_severities_can_be_chosen():
    facts = GRADUATE | ELECTIVE | BOOKING | {"candidate.age": 17}
    assert judge(facts, "candidate", ("warn", "inform")).blocks == ()
    assert "adult" in codes(judge(facts, "candidate", ("block",)).blocks)


# Publishing


def test_a_complete_listing_opens():
    graduates_apart = EXTERNSHIP | {"rotation.accepts": {"student"}}
    assert publish_blockers(EXTERNSHIP) == ()
    assert publish_blockers(graduates_apart) == ()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"rotation.scope_cosigned": False}, "hands-on-scope-cosigned"),
        ({"rotation.scope_core_items": 2}, "hands-on-needs-core-scope"),
        (
            {"rotation.scope_activities": {"present-case", "handoff", "write-trainee-note"}},
            "hands-on-needs-core-scope",
        ),
        (
            {"rotation.scope_activities": EXTERNSHIP["rotation.scope_activities"] | {"prescribe"}},
            "forbidden-scope",
        ),
        ({"rotation.supervisor_npi": ""}, "supervisor-named"),
        ({"rotation.supervisor_verified": False}, "supervisor-verified"),
        ({"rotation.level": "hands-on-inpatient"}, "rare-combination-evidence"),
        (
            {"rotation.state": "CA", "rotation.site_kind": "private-office"},
            "private-office-hands-on-california",
        ),
        ({"rotation.text_lint_clean": False}, "text-lint"),
        (
            {"rotation.type": "sub-internship"},
            "graduate-exception-declared",
        ),
        (
            {"rotation.type": "observership", "rotation.level": "observership-outpatient"},
            "observer-no-hands-on",
        ),
        ({"rotation.type": "virtual"}, "virtual-no-hands-on"),
        ({"rotation.type": "research"}, "research-not-usce"),
    ],
)
def test_each_publishing_rule_closes_a_listing_alone(changed, code):
    assert codes(publish_blockers(EXTERNSHIP | changed)) == [code]


@pytest.mark.parametrize(
    "name",
    [
        "rotation.type",
        "rotation.level",
        "rotation.scope_cosigned",
        "rotation.scope_activities",
        "rotation.supervisor_npi",
        "rotation.supervisor_verified",
        "rotation.text_lint_clean",
    ],
)
def test_a_forgotten_fact_never_opens_a_listing(name):
    assert publish_blockers({k: v for k, v in EXTERNSHIP.items() if k != name})


def test_a_crowd_is_only_a_warning():
    crowded = EXTERNSHIP | {"rotation.trainees_per_attending": 4}
    assert publish_blockers(crowded) == ()
    assert codes(judge(crowded, "listing").warnings) == ["crowded-notice"]


# Looking around


def test_fits():
    assert fit(GRADUATE, EXTERNSHIP, BOOKING).kind == "fits"
    assert fit(GRADUATE, EXTERNSHIP).kind == "fits"


def test_looking_around_needs_no_ticks_and_no_screening():
    ticked = ("candidate.read_advisory", "candidate.payment_screen")
    visitor = {k: v for k, v in GRADUATE.items() if k not in ticked}
    assert fit(visitor, EXTERNSHIP).kind == "fits"
    assert fit(visitor | {"candidate.payment_screen": "blocked"}, EXTERNSHIP).kind == "does_not_fit"


def test_fits_if_names_papers_and_warnings():
    found = fit(GRADUATE | {"candidate.documents_accepted": {"cv"}}, EXTERNSHIP)
    assert (found.kind, codes(found.reasons)) == (
        "fits_if",
        ["documents-before-start", "hipaa-training-required"],
    )
    visitor = GRADUATE | {"candidate.entry_status": "b-1", "candidate.read_visa_facts": True}
    found = fit(visitor, EXTERNSHIP)
    assert (found.kind, codes(found.reasons)) == ("fits_if", ["graduate-hands-on-visitor-note"])


def test_does_not_fit_says_why():
    found = fit(GRADUATE, ELECTIVE)
    assert found.kind == "does_not_fit"
    assert found.reasons[0].message.startswith("This rotation is only for students")


def test_ask_names_the_question():
    unsaid = {k: v for k, v in GRADUATE.items() if k != "candidate.status"}
    found = fit(unsaid, ELECTIVE)
    assert found.kind == "ask"
    assert all("candidate.status" in reason.missing for reason in found.reasons)
    vslo = fit(GRADUATE | {"candidate.home_school_vslo": "unknown"}, VSLO_ONLY)
    assert (vslo.kind, codes(vslo.reasons)) == ("ask", ["vslo-home-school"])


VSLO_ONLY = EXTERNSHIP | {"rotation.vslo_only": True}


def test_a_note_about_letters_never_changes_the_kind():
    late = BOOKING | {"booking.lor_ready_date": date(2027, 10, 20)}
    found = fit(GRADUATE, EXTERNSHIP, late)
    assert (found.kind, codes(found.notes)) == ("fits", ["letter-in-time"])


# The rules themselves


def test_the_list_of_papers_names_rules_that_exist_and_no_others_look_at_papers():
    by_code = {rule.code: rule for rule in all_rules()}
    assert by_code.keys() >= DUE_BEFORE_DAY_ONE
    for rule in by_code.values():
        if rule.check.field == "candidate.documents_accepted":
            assert due(rule) == "day-one"
    assert {due(r) for r in by_code.values() if r.subject == "listing"} == {"publish"}


def test_the_rules_named_by_a_type_exist():
    known = {rule.code for rule in all_rules()}
    for kind in reference.rows("rotation_types"):
        assert set(reference.split(kind["eligibility_rules"])) <= known


OPTIONS = {
    "enum": lambda f: st.sampled_from(f["values"].split("|")),
    "slug": lambda f: st.sampled_from(
        [line["slug"] for line in reference.rows(f["values"].removesuffix(".slug"))]
    ),
    "bool": lambda _: st.booleans(),
    "number": lambda _: st.integers(0, 200),
    "date": lambda _: st.dates(date(2026, 1, 1), date(2030, 1, 1)),
    "text": lambda _: st.sampled_from(["", "1234567893"]),
    "set": lambda f: st.frozensets(
        st.sampled_from(
            [line["slug"] for line in reference.rows(f["values"].removesuffix(".slug"))]
            if f["values"].endswith(".slug")
            else f["values"].split("|")
            if "|" in f["values"]
            else ["CA", "NY", "TX"]
        )
    ),
}
FIELDS = {line["field"]: line for line in reference.rows("profile_fields")}
any_facts = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from(["CA", "NY", "OH"])
        if name == "rotation.state"
        else OPTIONS[line["type"]](line)
        for name, line in FIELDS.items()
    },
)


@given(any_facts, st.sets(st.sampled_from(sorted(FIELDS))))
def test_knowing_less_never_turns_an_answer_into_its_opposite(facts, forgotten):
    # Only candidate facts: an empty wish of a listing means "no limit", not "not known".
    less = {k: v for k, v in facts.items() if not (k in forgotten and k.startswith("candidate."))}
    known, known_less = known_facts(facts), known_facts(less)
    for rule in all_rules():
        full, partial = decide(rule, known).passes, decide(rule, known_less).passes
        assert partial is None or partial == full, rule.code


@given(any_facts)
def test_any_facts_get_a_verdict_and_each_rule_is_counted_once(facts):
    verdict = judge(facts, ("candidate", "booking", "listing"))
    everything = codes(
        (
            *verdict.blocks,
            *verdict.warnings,
            *verdict.informs,
            *verdict.asks,
            *verdict.undecided,
        )
    )
    assert len(everything) == len(set(everything))
    known = known_facts(facts)
    for finding in (*verdict.asks, *verdict.undecided):
        assert finding.missing
        assert all(known.get(name) is None for name in finding.missing)


@given(any_facts)
def test_a_graduate_never_gets_into_an_elective_or_a_clerkship(facts):
    for kind in ("elective", "clerkship"):
        verdict = request_verdict(facts | {"candidate.status": "graduate", "rotation.type": kind})
        assert not verdict.allows
