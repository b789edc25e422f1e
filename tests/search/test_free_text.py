"""A sentence becomes filters, and what is not certain stays a word."""

from datetime import date
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from marketplace.core import reference
from marketplace.search.free_text import read
from marketplace.search.state import SearchState

TODAY = date(2026, 11, 23)


def said(text: str, today: date = TODAY) -> str:
    return read(SearchState(q=text), today).canonical()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (
            "hands-on cardiology near Chicago in March under 2500",
            "specialty=cardiology&hands_on=hands-on-inpatient&hands_on=hands-on-outpatient"
            "&price_max=250000&start_from=2027-03-01&start_to=2027-03-31&near=chicago-il",
        ),
        ("internal medicine in Texas", "specialty=internal-medicine&state=TX"),
        ("IM rotation in TX, 4 weeks", "specialty=internal-medicine&state=TX&weeks=4"),
        ("peds in Houston", "specialty=pediatrics&city=houston-tx"),
        ("with housing", "included=housing-help"),
        ("neurology within 30 miles of Boston", "specialty=neurology&near=boston-ma&within_km=48"),
        ("between $1,000 and 1.5k", "price_min=100000&price_max=150000"),
        ("over 800 usd", "price_min=80000"),
        ("cheap psychiatry", "specialty=psychiatry&sort=price"),
        ("observership for graduates", "type=observership&accepts=graduate"),
        ("not observership", "type=clerkship&type=elective&type=externship&type=research"
         "&type=sub-internship&type=virtual"),
        ("virtual", "type=virtual"),
        ("visa letter", "included=confirmation-letter"),
        ("in december", "start_from=2026-12-01&start_to=2026-12-31"),
        ("november", "start_from=2026-11-01&start_to=2026-11-30"),
        ("june 2028", "start_from=2028-06-01&start_to=2028-06-30"),
        ("summer", "start_from=2027-06-01&start_to=2027-08-31"),
        ("winter", "start_from=2026-12-01&start_to=2027-02-28"),
        ("next month", "start_from=2026-12-01&start_to=2026-12-31"),
        ("may", "start_from=2027-05-01&start_to=2027-05-31"),
        ("asap", "start_from=2026-11-23&start_to=2026-12-07"),
        ("cardiology in Columbus", "specialty=cardiology&city=columbus-ga&city=columbus-oh"),
        ("cardiology in Columbus, OH", "specialty=cardiology&city=columbus-oh"),
        ("rotations", ""),
    ],
)  # fmt: skip
def test_what_is_said_is_understood(text: str, address: str) -> None:
    assert said(text) == address


@pytest.mark.parametrize(
    "text",
    ["Vera Moss", "fellowship", "new york", "washington", "guaranteed", "b1", "instant book",
     "you may come", "13 weeks", "no step", "la", "or me hi", "under", "near", "free clinic"],
)  # fmt: skip
def test_what_is_not_certain_stays(text: str) -> None:
    state = SearchState(q=text)
    assert read(state, TODAY) == state


def test_the_rest_stays_as_words() -> None:
    state = read(SearchState(q="Dr. Moss hands-on in Boston"), TODAY)
    assert state.q == "Dr Moss"
    assert state.values("city") == ("boston-ma",)


def test_codes_are_read_in_capitals_only() -> None:
    assert said("neurology in OR") == "specialty=neurology&state=OR"
    assert said("neurology OH") == "specialty=neurology&state=OH"
    assert "state" not in said("neurology or cardiology")
    assert "state" not in said("NEUROLOGY OR CARDIOLOGY FOR ME OK HI")


def test_chips_already_there_stay() -> None:
    state = SearchState.parse(MultiDict({"q": "neurology under 900", "state": "TX", "page": "3"}))
    assert read(state, TODAY).canonical() == "specialty=neurology&state=TX&price_max=90000"


def test_a_range_the_wrong_way_round_is_turned() -> None:
    assert said("over 2000 under 1000") == "price_min=100000&price_max=200000"


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(max_size=12),
            st.sampled_from(
                [w for row in reference.rows("query_words") for w in row["words"].split("|")]
            ),
            st.sampled_from(["Chicago", "$1,5", "99999999999999", "2027", "0", "TX", "near", "in"]),
        ),
        max_size=8,
    ),
    st.dates(date(2026, 1, 1), date(2030, 12, 31)),
)
def test_any_sentence_gives_a_state_that_is_read_back(words: list[str], today: date) -> None:
    text = SearchState.parse(MultiDict({"q": " ".join(words)}))
    made = read(text, today)
    again = SearchState.parse(MultiDict(parse_qsl(made.canonical())))
    assert again.canonical() == made.canonical()
    assert again.notes == ()
