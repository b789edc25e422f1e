from datetime import date
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from marketplace.search.catalog import reference_catalog
from marketplace.search.port import Near, Query, Sort
from marketplace.search.state import FACET_PARAMS, SINGLE_PARAMS, SearchState
from marketplace.search.weeks import window

TODAY = date(2027, 1, 1)


def parse(text: str) -> SearchState:
    return SearchState.parse(MultiDict(parse_qsl(text, keep_blank_values=True)))


def test_every_parameter_is_read() -> None:
    state = parse(
        "q=ward&specialty=cardiology&specialty=neurology&hands_on=hands-on-inpatient&state=il"
        "&city=chicago-il&type=externship&setting=inpatient&included=emr-access&accepts=graduate"
        "&agency=harborlight&weeks=4&price_min=100000&price_max=250000&start_from=2027-03-01"
        "&start_to=2027-03-31&near=chicago-il&within_km=50&rating_min=4.5&sort=distance&page=2"
        "&per_page=10&view=map"
    )
    assert state.notes == ()
    query = state.to_query(today=TODAY)
    chicago = reference_catalog().places["chicago-il"]
    assert query == Query(
        text="ward",
        filters={
            "specialty": ("cardiology", "neurology"),
            "hands_on": ("hands-on-inpatient",),
            "state": ("IL",),
            "city": ("chicago-il",),
            "type": ("externship",),
            "setting": ("inpatient",),
            "included": ("emr-access",),
            "accepts": ("graduate",),
            "agency": ("harborlight",),
        },
        weeks=4,
        price_min=100_000,
        price_max=250_000,
        starts=("2027-W09", "2027-W10", "2027-W11", "2027-W12", "2027-W13"),
        rating_min=4.5,
        near=Near(chicago.lat, chicago.lng, 50_000),
        sort=Sort.DISTANCE,
        page=2,
        per_page=10,
        highlight=True,
    )
    assert parse(state.canonical()) == state
    assert state.view == "map"


def test_canonical_has_one_spelling() -> None:
    tangled = parse("page=1&state=TX&state=ca&state=&q=&sort=best&weeks=&state=tx&within_km=12")
    assert tangled.canonical() == "state=CA&state=TX"
    assert parse("").canonical() == ""
    assert parse("q=+car++diology+").canonical() == "q=car+diology+"
    assert parse("q=++").canonical() == ""


@pytest.mark.parametrize(
    "bad",
    [
        "specialty=alchemy",
        "weeks=3",
        "weeks=four",
        "price_min=-1",
        "price_max=1e9",
        "price_min=١٢٣",
        "start_from=2027-02-30",
        "start_from=20270301",
        "near=atlantis",
        "rating_min=6",
        "rating_min=nan",
        "sort=paid",
        "sort=distance",
        "page=0",
        "page=99999999999999999999",
        "per_page=101",
        "view=globe",
        "state=ZZ",
    ],
)
def test_nonsense_is_dropped_and_noted(bad: str) -> None:
    state = parse(bad)
    assert state == SearchState()
    assert state.canonical() == ""
    assert len(state.notes) == 1
    assert state.notes[0].startswith(bad.partition("=")[0])


def test_ranges_in_the_wrong_order_are_exchanged() -> None:
    state = parse("price_min=300000&price_max=100000&start_from=2027-05-01&start_to=2027-04-01")
    assert (state.price_min, state.price_max) == (100_000, 300_000)
    assert (state.start_from, state.start_to) == (date(2027, 4, 1), date(2027, 5, 1))
    assert len(state.notes) == 2


def test_open_windows() -> None:
    from_march = parse("start_from=2027-03-02").starts(TODAY)
    assert from_march is not None
    assert from_march[0] == "2027-W10"
    assert len(from_march) > 100
    assert parse("start_to=2027-01-11").starts(TODAY) == ("2027-W01", "2027-W02")
    assert parse("start_to=2020-01-01").starts(TODAY) == ()
    assert parse("start_from=9999-12-31").starts(TODAY) == ()
    assert parse("").starts(TODAY) is None
    assert window(date(2026, 12, 28), date(2027, 1, 4)) == ("2026-W53", "2027-W01")


def test_toggle_without_and_clear() -> None:
    state = parse("q=ward&state=TX&near=chicago-il&sort=distance&page=3")
    more = state.toggle("state", "CA")
    assert more.values("state") == ("CA", "TX")
    assert more.page == 1
    assert more.toggle("state", "CA") == state.on_page(1)
    assert state.without("state", "TX").values("state") == ()
    assert state.without("near").sort is Sort.BEST
    assert state.narrowed
    assert not state.cleared().narrowed
    assert state.cleared().canonical() == ""
    for wrong in (lambda: state.toggle("price_min", "1"), lambda: state.without("scope")):
        with pytest.raises(KeyError):
            wrong()


def test_chips_name_everything_and_lead_away_from_it() -> None:
    state = parse(
        "q=ward&state=TX&weeks=4&price_min=100000&price_max=165050&start_from=2027-03-01"
        "&start_to=2027-04-01&near=chicago-il&rating_min=4.5&included=a%20pony"
    )
    chips = state.chips()
    assert [chip.label for chip in chips] == [
        "“ward”",
        "Texas",
        "A pony",
        "4 weeks",
        "From $1,000",
        "Up to $1,650.50",
        "Starts on or after Mar 1, 2027",
        "Starts by Apr 1, 2027",
        "Within 80 km of Chicago, IL",
        "Rated 4.5 or more",
    ]
    for chip in chips:
        state = state.without(chip.param, chip.value or None)
    assert not state.narrowed
    assert all(chip.without.narrowed for chip in chips)


def test_the_server_alone_sets_the_scope() -> None:
    query = parse("scope=other&scope.agency=other&agency=other").to_query(today=TODAY)
    assert query.scope.agency is None


NAMES = ("q", *FACET_PARAMS, *SINGLE_PARAMS, "sort", "page", "per_page", "view", "x")
CATALOG = reference_catalog()
GOOD = [
    *list(CATALOG.labels["specialty"])[:5],
    *list(CATALOG.labels["city"])[:5],
    *("CA", "tx", "4", "12", "100000", "2027-03-01", "9999-12-31", "0001-01-01", "4.5"),
    *("price", "distance", "map", "50", "2", " ", "a b ", "\x00", "\ud800", "%", "&=", "'\"\\"),
]
STRINGS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(GOOD) | st.text(max_size=30)))


def fuzz(pairs: list[tuple[str, str]]) -> None:
    state = SearchState.parse(MultiDict(pairs))
    text = state.canonical()
    again = parse(text)
    assert again == state
    assert again.canonical() == text
    assert again.notes == ()
    text.encode("ascii")
    state.to_query(today=TODAY)
    for chip in state.chips():
        assert parse(chip.without.canonical()) == chip.without
    assert "=&" not in f"{text}&"


@given(STRINGS)
@settings(max_examples=300, deadline=None)
def test_any_query_string_is_read(pairs: list[tuple[str, str]]) -> None:
    fuzz(pairs)


@pytest.mark.full
@given(STRINGS)
@settings(max_examples=10_000, deadline=None)
def test_ten_thousand_query_strings_are_read(pairs: list[tuple[str, str]]) -> None:
    fuzz(pairs)
