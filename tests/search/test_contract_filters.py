"""Cases 19-49 of the search contract: every engine against the brute-force oracle."""

import random
from dataclasses import replace

import pytest

from marketplace.search.port import (
    FACETS,
    UNTOLD_FACETS,
    Box,
    Engine,
    Near,
    Query,
    Scope,
    Sort,
)
from tests.search import oracle
from tests.search.market import BASE, BOSTON, ODD

LONG = tuple(f"2027-W{week:02d}" for week in range(9, 14))
BOSTON_10KM = Near(*BOSTON, 10_000)
TAKES = (BASE.eligibility, ODD, "accepts=student&required_exams=&type=elective")
WIDE = Near(*BOSTON, 400_000)

QUERIES = {
    "everything": Query(),
    "one value": Query(filters={"specialty": ("cardiology",)}),
    "or inside a facet": Query(filters={"specialty": ("cardiology", "neurology")}),
    "and across facets": Query(filters={"state": ("CA",), "setting": ("inpatient",)}),
    "included is and": Query(filters={"included": ("emr-access", "housing-help")}),
    "accepts is or": Query(filters={"accepts": ("student", "graduate")}),
    "exams": Query(filters={"exams": ("usmle_step_1",)}),
    "price closed range": Query(price_min=100_000, price_max=200_000),
    "price from": Query(price_min=200_001),
    "price up to, with length": Query(price_max=160_000, weeks=4),
    "length": Query(weeks=12),
    "start any of": Query(starts=LONG),
    "start and length": Query(starts=LONG, weeks=2),
    "length, start and price": Query(starts=LONG, weeks=4, price_max=200_000),
    "no weeks in the window": Query(starts=()),
    "strange value": Query(filters={"included": ('it\'s "odd", a\\b',)}),
    "unknown value": Query(filters={"city": ("atlantis-xx",)}),
    "unknown beside known": Query(filters={"city": ("atlantis-xx", "chicago-il")}),
    "unknown included": Query(filters={"included": ("emr-access", "a pony")}),
    "other case": Query(filters={"state": ("ca", "Tx"), "specialty": ("CARDIOLOGY",)}),
    "rating at least": Query(rating_min=4.5),
    "eligibility is or": Query(filters={"eligibility": TAKES[:2]}),
    "eligibility and facets": Query(
        filters={"eligibility": TAKES, "state": ("CA", "TX"), "included": ("emr-access",)},
        weeks=4,
    ),
    "no such eligibility": Query(filters={"eligibility": ("type=none",)}),
    "seats": Query(filters={"seats": ("1", "2-4")}),
    "scope": Query(scope=Scope(agency="bluefern")),
    "scope and another agency": Query(
        scope=Scope(agency="bluefern"), filters={"agency": ("harborlight",)}
    ),
    "three groups": Query(
        filters={
            "state": ("CA", "TX", "NY"),
            "type": ("observership", "externship", "elective", "sub-internship"),
            "hands_on": ("hands-on-inpatient", "hands-on-outpatient"),
        }
    ),
    "groups, text, range and place": Query(
        text="clinic",
        filters={"type": ("sub-internship", "externship"), "setting": ("inpatient",)},
        price_max=400_000,
        near=WIDE,
    ),
    "everything at once": Query(
        text="rounds",
        filters={"specialty": ("cardiology", "nephrology"), "included": ("emr-access",)},
        weeks=4,
        price_min=50_000,
        price_max=300_000,
        starts=("2027-W01", *LONG),
        rating_min=3.5,
        near=WIDE,
    ),
    "near": Query(near=BOSTON_10KM),
    "box": Query(box=Box(41.0, -75.0, 43.0, -70.0)),
    "nothing": Query(text="zzzyx", price_min=1),
}


def agree(engine: Engine, flat: list[dict[str, object]], query: Query) -> None:
    """Total, every count and the price figures are the oracle's; pages hold exactly its ids."""
    query = replace(query, facets=(*FACETS, *UNTOLD_FACETS))
    expected = oracle.expect(flat, query)
    result = engine.search(replace(query, per_page=100))
    assert result.total == expected.total
    for facet in query.facets:
        assert dict(result.facets[facet]) == expected.facets[facet], facet
    price = result.price
    assert (price and (price.min_cents, price.max_cents, dict(price.bins))) == expected.price
    assert result.price_range == expected.price_range
    assert result.listed == len([d for d in flat if query.scope.agency in (None, d["agency"])])
    ids = [hit.id for hit in result.hits]
    for page in range(2, result.pages + 1 if result.total <= 300 else 1):
        ids += [hit.id for hit in engine.search(replace(query, per_page=100, page=page)).hits]
    if result.total <= 300:
        assert sorted(ids) == sorted(expected.ids)
    if query.sort is Sort.DISTANCE:
        by_id = {str(d["id"]): d for d in flat}
        near_first = [
            [oracle.metres(by_id[key], query) for key in keys] for keys in (ids, expected.ids)
        ]
        for told, true in zip(*near_first, strict=False):
            assert abs(told - true) < 1  # less than a metre apart, either may come first
    elif query.sort is not Sort.BEST or not query.text:
        assert ids == expected.ids[: len(ids)]


@pytest.mark.parametrize("name", QUERIES)
def test_answer_is_exact(engine: Engine, flat: list[dict[str, object]], name: str) -> None:
    agree(engine, flat, QUERIES[name])


@pytest.mark.parametrize("sort", [sort for sort in Sort if sort is not Sort.DISTANCE])
@pytest.mark.parametrize("weeks", [None, 4])
def test_order_missing_last_ties_by_id(
    engine: Engine, flat: list[dict[str, object]], sort: Sort, weeks: int | None
) -> None:
    query = Query(sort=sort, weeks=weeks, per_page=100, facets=())
    expected = oracle.expect(flat, query).ids
    ids: list[str] = []
    for page in range(1, -(-len(expected) // 100) + 1):
        ids += [hit.id for hit in engine.search(replace(query, page=page)).hits]
    assert ids == expected


def test_order_beats_relevance(engine: Engine, flat: list[dict[str, object]]) -> None:
    agree(engine, flat, Query(text="cardiology", sort=Sort.PRICE))


def test_distance_order_and_metres(engine: Engine, flat: list[dict[str, object]]) -> None:
    query = Query(near=WIDE, sort=Sort.DISTANCE, per_page=100, facets=())
    by_id = {str(d["id"]): d for d in flat}
    hits = engine.search(query).hits
    metres = [oracle.metres(by_id[hit.id], query) for hit in hits]
    assert len(hits) > 20
    for hit, true in zip(hits, metres, strict=True):
        assert hit.distance_m == pytest.approx(true, rel=0.005, abs=1)
    assert metres == pytest.approx(sorted(metres), abs=1)


def test_radius_is_sharp_at_ten_metres(engine: Engine) -> None:
    near = Near(*BOSTON, 10_000)
    found = engine.search(Query(text="ten metres ", near=near, facets=()))
    assert [hit.fields["title"] for hit in found.hits] == ["Ten metres inside"]


def test_box_over_the_antimeridian_is_refused() -> None:
    with pytest.raises(ValueError, match="box"):
        Box(10, 170, 20, -170)


def test_pages_join_to_the_whole(engine: Engine) -> None:
    query = Query(sort=Sort.VALUE, per_page=37, facets=())
    total = engine.search(query).total
    ids: list[str] = []
    for page in range(1, total // 37 + 2):
        result = engine.search(replace(query, page=page))
        assert result.total == total
        ids += [hit.id for hit in result.hits]
    assert len(ids) == len(set(ids)) == total > 1_000
    past = engine.search(replace(query, page=total // 37 + 2))
    assert (past.total, past.hits) == (total, ())


def test_stored_fields_come_only_when_wanted(engine: Engine) -> None:
    query = Query(text="clinic", near=WIDE)
    full, bare = engine.search(query), engine.search(replace(query, with_fields=False))
    assert [replace(hit, fields={}) for hit in full.hits] == list(bare.hits)
    assert full.hits[0].fields["title"]


def test_counts_do_not_depend_on_the_page(engine: Engine) -> None:
    first = engine.search(Query(text="clinic"))
    for query in (Query(text="clinic", page=3), Query(text="clinic", per_page=0)):
        other = engine.search(query)
        assert (other.facets, other.price, other.total) == (first.facets, first.price, first.total)


def test_every_city_is_counted_in_order(engine: Engine) -> None:
    cities = engine.search(Query(facets=("city",))).facets["city"]
    assert len(cities) > 200
    assert list(cities.items()) == sorted(cities.items(), key=lambda item: (-item[1], item[0]))


def test_choosing_a_length_gives_its_count(engine: Engine) -> None:
    query = Query(starts=LONG, price_max=250_000)
    for weeks, number in engine.search(query).facets["weeks"].items():
        assert engine.search(replace(query, weeks=int(weeks))).total == number


def test_random_states_agree(engine: Engine, flat: list[dict[str, object]]) -> None:
    dice = random.Random(7)
    for _ in range(40):
        agree(engine, flat, random_query(dice, flat))


@pytest.mark.full
def test_many_random_states_agree(engine: Engine, flat: list[dict[str, object]]) -> None:
    dice = random.Random(8)
    for _ in range(500):
        agree(engine, flat, random_query(dice, flat))


def random_query(dice: random.Random, flat: list[dict[str, object]]) -> Query:
    """A state whose values are taken from the listings, so that most of them match something."""
    filters: dict[str, tuple[str, ...]] = {}
    for facet in (
        *("specialty", "hands_on", "state", "type", "setting", "agency", "included"),
        "eligibility",
    ):
        if dice.random() < 0.25:
            size = 1 if facet == "included" else 3
            values = [
                v for d in dice.sample(flat, size) for v in oracle.values_of(d, facet, Query())
            ]
            filters[facet] = tuple(dict.fromkeys(values))
    low = dice.choice((None, None, dice.randrange(20_000, 300_000)))
    start = dice.randrange(1, 40)
    text = dice.choice(("", "", "clinic", "ward ", "cardiolgy", "in medicine", "peds", "san"))
    near = Near(*BOSTON, dice.choice((50_000, 500_000))) if dice.random() < 0.2 else None
    return Query(
        text=text,
        filters=filters,
        weeks=dice.choice((None, None, 1, 2, 4, 8)),
        price_min=low,
        price_max=None if dice.random() < 0.6 else (low or 0) + dice.randrange(50_000, 400_000),
        starts=tuple(f"2027-W{week:02d}" for week in range(start, start + 9))
        if dice.random() < 0.3
        else None,
        rating_min=dice.choice((None, None, None, 4.0)),
        near=near,
        sort=dice.choice([s for s in Sort if near or s is not Sort.DISTANCE]),
    )


def test_facet_search(engine: Engine) -> None:
    query = Query(filters={"city": ("chicago-il",), "setting": ("inpatient",)})
    open_query = Query(filters={"setting": ("inpatient",)})
    cities = engine.search(open_query).facets["city"]
    for text in ("san", "diego", "dieg", "san d"):
        found = engine.facet_search("city", text, query)
        assert "san-diego-ca" in [hit.value for hit in found]
        assert all(hit.count == cities[hit.value] for hit in found)
    assert "chicago-il" in [hit.value for hit in engine.facet_search("city", "chicgo", query)]
    assert not engine.facet_search("city", "xyzzy", query)
    top = engine.facet_search("city", "", open_query, limit=5)
    assert [(hit.value, hit.count) for hit in top] == list(cities.items())[:5]
    labels = {"chicago-il": "Windy City"}
    assert engine.facet_search("city", "windy", query, labels=labels)[0].value == "chicago-il"
