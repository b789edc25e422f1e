"""The pure half of the Meilisearch engine. No server's answer is made up here: what the server
does with these questions is shown by the contract suite with MEILI_URL set."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.search.documents import ALLOWED_FIELDS
from marketplace.search.meili_query import (
    asked_text,
    field_of,
    filters,
    fingerprint,
    plan,
    quoted,
    settings,
    sort_of,
)
from marketplace.search.port import FACETS, Box, Near, Query, Scope, Sort

NEAR = Near(42.36, -71.06, 80_000)


def server_reads(text: str) -> str:
    """The two passes of the server's filter parser (filter-parser/src/value.rs, v1.50)."""
    assert text[0] == text[-1] == '"'
    inner, i = text[1:-1], 0
    while i < len(inner):
        assert inner[i] != '"', "the value ended early"
        i += 2 if inner[i] == "\\" else 1
    assert i == len(inner), "the closing quote was taken into the value"
    unquoted = inner.replace('\\"', '"')
    plain = re.sub(r'\\([\\"])', r"\1", unquoted)
    assert "\\" not in re.sub(r'\\[\\"]', "", unquoted), "an escape the server does not know"
    return plain


@given(st.text(max_size=30) | st.text(alphabet="\\\"'a,]) ", max_size=12))
def test_quoted_values_are_read_back(value: str) -> None:
    assert server_reads(quoted(value)) == value


def test_user_input_cannot_widen_the_scope() -> None:
    query = Query(
        scope=Scope(agency="bluefern"),
        filters={"agency": ('x"] OR deleted = true OR agency IN ["y', "harborlight")},
    )
    asked = filters(query)
    assert asked.always == ("deleted = false", 'agency = "bluefern"')
    assert asked.families["agency"] == (
        'agency IN ["x\\"] OR deleted = true OR agency IN [\\"y", "harborlight"]',
    )
    for question in plan(query, "listings").queries:
        assert question["filter"][:2] == list(asked.always)


def test_every_condition_is_written() -> None:
    query = Query(
        filters={"state": ("CA", "TX"), "included": ("emr-access", "housing-help")},
        weeks=4,
        price_min=100_000,
        price_max=200_000,
        starts=("2027-W01", "2027-W02"),
        rating_min=4.5,
        near=NEAR,
        box=Box(40.0, -75.0, 43.0, -70.0),
    )
    assert filters(query).without() == [
        "deleted = false",
        "_geoRadius(42.36, -71.06, 80000)",
        "_geoBoundingBox([43.0, -70.0], [40.0, -75.0])",
        'state IN ["CA", "TX"]',
        'included = "emr-access"',
        'included = "housing-help"',
        "price_4 EXISTS",
        "price_4 >= 100000",
        "price_4 <= 200000",
        'starts_4 IN ["2027-W01", "2027-W02"]',
        "rating >= 4.5",
    ]
    assert filters(Query(price_max=5)).without()[1:] == ["price_any <= 5"]
    assert filters(Query(starts=())).without()[1:] == ["version < 0"]


def test_each_selected_group_is_counted_without_itself() -> None:
    query = Query(filters={"state": ("CA",), "type": ("elective",), "included": ("x",)})
    planned = plan(query, "listings")
    assert len(planned.queries) == 4
    assert planned.facets["state"] == 1
    assert planned.facets["type"] == 2
    assert planned.facets["included"] == planned.facets["city"] == 0
    main, by_state, by_type, listed = planned.queries
    assert planned.listed == 3 and listed["filter"] == ["deleted = false"] and listed["q"] == ""
    assert 'state IN ["CA"]' in main["filter"]
    assert 'state IN ["CA"]' not in by_state["filter"]
    assert 'type IN ["elective"]' in by_state["filter"]
    assert 'type IN ["elective"]' not in by_type["filter"]
    assert by_state["facets"] == ["state"]
    assert {q["hitsPerPage"] for q in planned.queries[1:]} == {0}


def test_specialty_groups_ignore_the_chosen_specialty() -> None:
    planned = plan(Query(filters={"specialty": ("cardiology",)}), "listings")
    assert planned.facets["specialty"] == planned.facets["specialty_group"] == 1


def test_lengths_are_asked_one_by_one_under_a_price_or_start() -> None:
    assert plan(Query(weeks=4), "listings").lengths == {}
    planned = plan(Query(weeks=4, price_max=100), "listings")
    assert "weeks" not in planned.facets
    eight = planned.queries[planned.lengths[8]]
    assert "price_8 EXISTS" in eight["filter"]
    assert "price_8 <= 100" in eight["filter"]
    assert not any("price_4" in condition for condition in eight["filter"])


def test_price_is_counted_without_its_range() -> None:
    planned = plan(Query(price_min=5, facets=()), "listings")
    assert planned.price == 1
    assert planned.queries[1]["facets"] == ["price_any", "price_bin_any"]
    assert planned.queries[1]["filter"] == ["deleted = false"]
    assert planned.queries[0]["facets"] == ["price_any"]


def test_totals_are_always_asked_by_page() -> None:
    queries = plan(Query(page=3, per_page=50, weeks=4, price_min=1), "listings").queries
    assert all({"page", "hitsPerPage"} <= q.keys() for q in queries)
    assert not any({"limit", "offset"} & q.keys() for q in queries)
    assert (queries[0]["page"], queries[0]["hitsPerPage"]) == (3, 50)


@pytest.mark.parametrize("sort", list(Sort))
def test_orders_use_sortable_fields_and_end_with_the_id(sort: Sort) -> None:
    asked = sort_of(Query(sort=sort, near=NEAR, weeks=4))
    sortable = settings()["sortableAttributes"]
    assert asked == [] if sort is Sort.BEST else asked[-1] == "id:asc"
    for rule in asked:
        name = "_geo" if rule.startswith("_geoPoint(") else rule.partition(":")[0]
        assert name in sortable


def test_settings_name_only_public_fields() -> None:
    made = settings()
    listed = [
        *made["searchableAttributes"],
        *made["sortableAttributes"],
        *(n for group in made["filterableAttributes"][:2] for n in group["attributePatterns"]),
    ]
    assert set(listed) - ALLOWED_FIELDS == {"_geo", "deleted"}
    filterable = {n for g in made["filterableAttributes"][:2] for n in g["attributePatterns"]}
    assert {field_of(facet, Query(weeks=w)) for facet in FACETS for w in (None, 4)} <= filterable
    assert made["rankingRules"][0] == "sort"
    assert made["synonyms"]["im"] == ["internal medicine"]
    assert "im" in made["synonyms"]["internal medicine"]
    assert fingerprint() == fingerprint()


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("", ""),
        ("Ward of the clinic", "ward clinic"),
        ("ward ", "ward "),
        ("ward of", "ward of"),
        ("ward of ", "ward "),
        ("of the ", ""),
        ("letter of recommendation", "letter recommendation"),
        ('"cardiology" -ward', "cardiology ward"),
        ("José", "jose"),
        ("a b c d e f g h i j k l m n", "b c d e f g h j k l "),
    ],
)
def test_text_is_asked_as_the_port_reads_it(text: str, asked: str) -> None:
    assert asked_text(text) == asked
