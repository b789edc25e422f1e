import csv
from pathlib import Path

import pytest

from marketplace.core import reference
from marketplace.listings.lint import is_clean, lint, lint_fields, plain

# One sentence for each phrase; a new row without one fails the last test of this table.
SENTENCES = {
    "guaranteed-letter": "You get a guaranteed strong letter.",
    "guaranteed-match": "We guarantee your residency.",
    "guaranteed-any": "100% success with us.",
    "guaranteed-visa": "Visa approval included.",
    "escrow": "Your money is in escrow.",
    "full-responsibility": "You see your own patients.",
    "prescribe-orders": "You will place orders daily.",
    "perform-surgery": "You perform surgery.",
    "contact-outside": "Ask on WhatsApp.",
    "contact-outside-maybe": "Ask on Signal.",
    "email-phone": "Write to office@example.org.",
    "brand-hospital-claim": "A Harvard affiliated clinic.",
    "hospital-letterhead": "Letters on hospital letterhead.",
    "pre-written-letter": "Draft your own letter.",
    "ecfmg-requires-usce": "ECFMG requires four weeks.",
    "step-2-cs": "Step 2 CS passed.",
    "urgency": "Only 2 seats left!",
    "hidden-fee": "There is a registration fee.",
    "no-refund": "The deposit is non-refundable.",
    "doctor-hidden": "The preceptor is disclosed after payment.",
    "crowd": "Groups of 6 students per doctor.",
    "img-friendly": "An IMG-friendly program.",
    "scope-hands-on-word": "A hands-on month.",
    "patient-identifier": "Bring the MRN.",
    "best-ever": "The best clinic in town.",
}


@pytest.mark.parametrize("line", reference.rows("lint_phrases"), ids=lambda line: line["code"])
def test_every_phrase_is_found_with_its_advice(line):
    found = {f.code: f for f in lint(SENTENCES[line["code"]])}
    finding = found[line["code"]]
    assert finding.action == line["action"]
    assert (finding.why, finding.say_instead) == (line["why"], line["say_instead"])
    assert finding.matched


def test_the_matched_words_are_reported_under_every_code():
    found = {f.code: f.matched for f in lint("Our LETTERS are always guaranteed.")}
    assert found == {
        "guaranteed-letter": "LETTERS are always guarantee",
        "guaranteed-any": "guaranteed",
    }


def test_every_place_is_reported():
    assert [f.matched for f in lint("Escrow here, escrow there.")] == ["Escrow", "escrow"]


@pytest.mark.parametrize(
    "text", ["guaran\u00adteed", "ＧＵＡＲＡＮＴＥＥＤ", "guaran\u200bteed", "no\n  refunds"]
)
def test_hidden_letters_and_line_breaks_do_not_hide_a_phrase(text):
    assert lint(text)


def test_plain():
    assert plain(" a\u00a0b\n c\u200d ") == "a b c"


def test_fields_are_named_and_only_blocks_make_a_text_unclean():
    texts = {"title": "Cardiology", "day": "The best team, hands-on, IMG-friendly."}
    assert {f.field for f in lint_fields(texts)} == {"day"}
    assert is_clean(texts)
    assert not is_clean(texts | {"expect": "No refunds."})


def test_honest_texts_pass():
    fragments = Path(__file__).parents[2] / "demo" / "data" / "seed_fragments.csv"
    with fragments.open(encoding="utf-8", newline="") as file:
        texts = {line["slug"]: line["text"] for line in csv.DictReader(file)}
    assert len(texts) == 60
    assert [f for f in lint_fields(texts) if f.action in ("block", "review")] == []


def test_an_empty_text_has_no_findings():
    assert lint("") == ()
