"""What a search filters by says the same as the rules themselves."""

import random
from datetime import date

from marketplace.core import reference
from marketplace.listings import hard_rules
from marketplace.listings.eligibility import fit
from marketplace.listings.models import Rotation
from marketplace.listings.queries import offered_facts

TYPES = [row["slug"] for row in reference.rows("rotation_types")]
YEARS = ("preclinical", "clinical", "penultimate", "final")


def a_listing(dice: random.Random) -> Rotation:
    further = {
        "min_student_year": dice.choice((None, "clinical", "final")),
        "max_years_since_graduation": dice.choice((None, 3, 5.5)),
        "graduate_legal_basis": dice.choice((None, "", "State letter, 2024 & more")),
        "vslo_only": dice.choice((True, False)),
    }
    return Rotation(
        type=dice.choice(TYPES),
        level=dice.choice([row["slug"] for row in reference.rows("hands_on_levels")]),
        setting=dice.choice(("inpatient", "outpatient", "mixed", "remote")),
        accepts=dice.choice((["student"], ["graduate"], ["student", "graduate"], [])),
        required_exams=dice.choice(([], ["usmle_step_1"], ["usmle_step_1", "usmle_step_2_ck"])),
        eligibility={key: value for key, value in further.items() if dice.random() < 0.4},
    )


def a_candidate(dice: random.Random) -> dict[str, object]:
    exams = ("not-taken", "passed", "failed", None)
    return {
        "candidate.status": dice.choice(("student", "graduate", None)),
        "candidate.student_year": dice.choice((*YEARS, None)),
        "candidate.years_since_graduation": dice.choice((0, 2, 4, 9, None)),
        "candidate.graduation_date": dice.choice((date(2024, 6, 1), None)),
        "candidate.usmle_step_1": dice.choice(exams),
        "candidate.usmle_step_2_ck": dice.choice(exams),
        "candidate.entry_status": dice.choice(("b-1", "permanent-resident", None)),
        "candidate.needs_visa": dice.choice((True, False, None)),
        "candidate.home_school_vslo": dice.choice(("yes", "no", None)),
        "candidate.age": dice.choice((17, 30, None)),
    }


def test_the_text_decides_as_the_whole_listing_does() -> None:
    dice = random.Random(3)
    kinds = set()
    for _ in range(1_500):
        facts, candidate = offered_facts(a_listing(dice), "NY"), a_candidate(dice)
        text = hard_rules.profile_of(facts)
        whole = fit(candidate, facts).kind
        assert (hard_rules.fitting(candidate, [text]) == ()) == (whole == "does_not_fit"), text
        kinds.add(whole)
    assert kinds == {"fits", "fits_if", "does_not_fit", "ask"}


def test_every_fact_that_decides_is_written_in_the_listing() -> None:
    listing = Rotation(type="elective", level="virtual", setting="remote", eligibility={})
    listing.accepts, listing.required_exams = ["student"], []
    written = set(offered_facts(listing, "NY")) | {
        "rotation.min_student_year",  # the editor and the import put these into `eligibility`
        "rotation.max_years_since_graduation",
        "rotation.graduate_legal_basis",
    }
    assert set(hard_rules.deciding_facts()) <= written


def test_listings_that_no_rule_tells_apart_share_a_text() -> None:
    dice = random.Random(4)
    one = a_listing(dice)
    one.eligibility = {"graduate_legal_basis": "Letter of 2024"}
    text = hard_rules.profile_of(offered_facts(one, "NY"))
    one.eligibility = {"graduate_legal_basis": "Another letter"}
    one.level, one.setting = "virtual", "remote"
    assert hard_rules.profile_of(offered_facts(one, "CA")) == text
    assert hard_rules.profile_of(hard_rules.facts_of(text)) == text
