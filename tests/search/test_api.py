"""The search as JSON: against the brute-force oracle, against its own description; the feed."""

import json
import random
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

import pytest
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from marketplace.core import clock
from marketplace.core.db import open_session
from marketplace.listings.models import Offering, Rotation
from marketplace.search import api, jobs, rows
from marketplace.search.answers import ANSWER_PARAMS
from marketplace.search.documents import document_from
from marketplace.search.listings import facts_of, public_ids
from marketplace.search.openapi import document
from marketplace.search.port import FACETS
from marketplace.search.state import FACET_PARAMS, SINGLE_PARAMS, SearchState
from tests.search import oracle, shop
from tests.search.shop import Get

NEEDED = {
    "id", "url", "title", "specialty", "hands_on", "type", "setting", "city", "state", "lat",
    "lng", "agency", "weeks", "price_cents", "starts", "included", "accepts", "rating", "reviews",
}  # fmt: skip


def asked(get: Get, path: str) -> dict[str, Any]:
    answer = get(path)
    assert answer.status_code == 200, path
    found: dict[str, Any] = answer.get_json()
    return found


def test_an_answer_has_every_part(get: Get) -> None:
    found = asked(get, "/api/v1/rotations?per_page=5")
    assert (found["total"], found["page"], found["per_page"], found["pages"]) == (24, 1, 5, 5)
    assert set(found["facets"]) == set(FACETS)
    assert found["text_search"] is True and found["notes"] == []
    assert len(found["hits"]) == 5
    hit = found["hits"][0]
    assert set(hit) >= NEEDED
    assert hit["url"] == f"http://localhost/rotations/{hit['url'].rpartition('/')[2]}"
    bars = found["price"]["histogram"]
    assert sum(bar["count"] for bar in bars) == 24
    assert found["price"]["min"] == 65_000 and found["price"]["max"] == 210_000


def test_length_price_starts_and_seats_hold_together(get: Get) -> None:
    shortest = {h["id"]: h for h in asked(get, "/api/v1/rotations?per_page=100")["hits"]}
    four = asked(get, "/api/v1/rotations?per_page=100&weeks=4")["hits"]
    for hit in four:
        number = int(hit["url"].rpartition("-")[2])
        assert hit["price_cents"] == 100_000 + 5_000 * number == hit["prices"]["4"]
        assert hit["starts"] == [str(shop.monday(10 + number % 5)), str(shop.monday(20))]
        assert set(hit["seats_left"]) == set(hit["starts"])
        assert set(hit["seats_left"].values()) == {1 + number % 3}
        other = shortest[hit["id"]]
        assert other["price_weeks"] == min(other["weeks"])
        # without an asked length: all-in for the shortest block, which half of them have for two
        cheaper = 60_000 + 5_000 * number if number % 2 else 100_000 + 5_000 * number
        assert other["price_cents"] == other["prices"][str(other["price_weeks"])] == cheaper
    two = asked(get, "/api/v1/rotations?weeks=2&per_page=100")
    assert two["total"] == 12 and all(2 in hit["weeks"] for hit in two["hits"])


def test_facet_keys_are_the_slugs_of_hits(get: Get) -> None:
    found = asked(get, "/api/v1/rotations?per_page=100")
    for facet in ("specialty", "hands_on", "state", "city", "type", "setting", "agency"):
        told: dict[str, int] = {}
        for hit in found["hits"]:
            told[hit[facet]] = told.get(hit[facet], 0) + 1
        assert found["facets"][facet] == told
    assert found["facets"]["included"]["housing-help"] == 12
    narrowed = asked(get, "/api/v1/rotations?included=housing-help&included=emr-access")
    assert narrowed["total"] == 12
    assert narrowed["facets"]["included"] == {"emr-access": 12, "housing-help": 12}


def test_random_searches_agree_with_the_oracle_and_with_the_page(get: Get) -> None:
    with open_session(shop.SYSTEM, readonly=True) as session:
        facts = facts_of(session, public_ids(session))
    documents = [document_from(one).as_dict() for one in facts]
    chance = random.Random(3)
    for _ in range(80):
        question = _question(chance)
        state = SearchState.parse(MultiDict(parse_qsl(question)))
        expected = oracle.expect(documents, state.to_query(highlight=False))
        found = asked(get, f"/api/v1/rotations?{question}")
        assert found["total"] == expected.total, question
        assert found["facets"] == expected.facets, question
        ids = [hit["id"] for hit in found["hits"]]
        if not state.q or state.sort.value != "best":
            assert ids == expected.ids[: state.per_page], question
        page = get(f"/rotations?{question}").text
        assert f"<strong>{expected.total}</strong>" in page


def _question(chance: random.Random) -> str:
    pairs: list[tuple[str, object]] = []
    for name, values in (
        ("q", ("clinic", "ward", "cardiology chicago", "house 1")),
        ("specialty", shop.SPECIALTIES),
        ("specialty", shop.SPECIALTIES),
        ("state", ("IL", "TX", "MA")),
        ("city", ("chicago-il", "boston-ma")),
        ("included", ("emr-access", "housing-help")),
        ("accepts", ("student", "graduate")),
        ("agency", ("house-1", "house-2")),
        ("type", ("externship", "observership")),
        ("setting", ("inpatient", "mixed")),
        ("weeks", (2, 4)),
        ("price_min", (80_000, 120_000)),
        ("price_max", (110_000, 190_000)),
        ("start_from", (shop.monday(11), shop.monday(19))),
        ("start_to", (shop.monday(13), shop.monday(30))),
        ("near", ("chicago-il",)),
        ("rating_min", (3.5, 4)),
        ("sort", ("price", "start", "hands_on", "rating", "value", "price_desc")),
    ):
        if chance.random() < 0.2:
            pairs.append((name, chance.choice(values)))  # type: ignore[arg-type]
    return urlencode([*pairs, ("per_page", chance.choice((5, 100)))])


def test_what_is_not_understood_is_named(get: Get) -> None:
    found = asked(get, "/api/v1/rotations?specialty=alchemy&weeks=3&sort=distance")
    assert found["total"] == 24
    assert found["notes"] == [
        "specialty: is not known",
        "sort: needs a place",
        "weeks: could not be read",
    ]


def test_nothing_found_is_an_answer(get: Get) -> None:
    found = asked(get, "/api/v1/rotations?specialty=cardiology&city=boston-ma&type=virtual")
    assert (found["total"], found["hits"], found["page"]) == (0, [], 1)
    assert found["price"] == {"min": None, "max": None, "histogram": []}


def test_one_rotation(get: Get) -> None:
    hit = asked(get, "/api/v1/rotations?weeks=4&per_page=1&sort=price")["hits"][0]
    assert asked(get, f"/api/v1/rotations/{hit['id']}?weeks=4") == hit
    assert asked(get, f"/api/v1/rotations/{hit['id']}?weeks=12") == hit  # has no such block


def test_missing_and_hidden_are_the_same_404(get: Get) -> None:
    with open_session(shop.SYSTEM) as session:
        listed = session.scalars(select(Rotation).where(Rotation.slug == "listing-3")).one()
        listed.state, listed.public = "draft", False
        hidden = listed.id
    told = []
    for key in (hidden, UUID(int=7), "nonsense", "%00"):
        answer = get(f"/api/v1/rotations/{key}")
        assert answer.status_code == 404 and answer.mimetype == "application/json"
        told.append(answer.get_json()["error"] | {"request_id": ""})
    assert all(one == told[0] for one in told)
    assert str(hidden) not in get("/feeds/rotations.jsonl").text


def test_anyone_may_keep_an_answer_and_ask_whether_it_holds(get: Get) -> None:
    for path in ("/api/v1/rotations?q=ward", "/api/v1/rotations?state=TX"):
        answer = get(path)
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Cache-Control"] == "public, max-age=0, must-revalidate"
        again = get(path, If_None_Match=answer.headers["ETag"])
        assert again.status_code == 304 and not again.data
    one = f"/api/v1/rotations/{get('/api/v1/rotations').get_json()['hits'][0]['id']}"
    assert get(one, If_None_Match=get(one).headers["ETag"]).status_code == 304


def test_without_the_engine_words_are_not_used(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.take_away(monkeypatch)
    found = asked(get, "/api/v1/rotations?state=TX&q=nothing-like-it&sort=price&weeks=4")
    assert (found["total"], found["text_search"], found["facets"]) == (6, False, {})
    prices = [hit["price_cents"] for hit in found["hits"]]
    assert prices == sorted(prices)


def test_the_feed_has_every_published_rotation(get: Get) -> None:
    answer = get("/feeds/rotations.jsonl")
    assert answer.mimetype == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert {line["id"] for line in lines} == {
        hit["id"] for hit in asked(get, "/api/v1/rotations?per_page=100")["hits"]
    }
    assert all(set(line) >= NEEDED for line in lines)


def test_the_feed_is_sent_again_only_when_it_changed(get: Get) -> None:
    first = get("/feeds/rotations.jsonl")
    held = {"If_None_Match": first.headers["ETag"]}
    dated = {"If_Modified_Since": first.headers["Last-Modified"]}
    assert get("/feeds/rotations.jsonl", **held).status_code == 304
    assert get("/feeds/rotations.jsonl", **dated).status_code == 304
    with open_session(shop.SYSTEM) as session:
        offering = session.scalars(select(Offering).limit(1)).one()
        offering.closed_at, changed = clock.now(), offering.rotation_id
    jobs.reindex(shop.SYSTEM, [changed])
    assert get("/feeds/rotations.jsonl", **held).status_code == 200
    assert get("/feeds/rotations.jsonl", **dated).status_code == 200


def test_a_change_in_the_same_second_gets_a_later_date() -> None:
    first = api.feed_changed_at("a")
    assert api.feed_changed_at("a") == first
    assert api.feed_changed_at("b") > first


def test_past_starts_leave_without_any_change(get: Get) -> None:
    before = get("/feeds/rotations.jsonl")
    clock.advance(shop.monday(14) - clock.now().date())
    after = get("/feeds/rotations.jsonl", If_None_Match=before.headers["ETag"])
    assert after.status_code == 200
    assert {s for x in after.text.splitlines() for s in json.loads(x)["starts"]} == {
        shop.monday(20 - 14).isoformat()
    }


def test_a_listing_without_the_asked_length_is_left_out(get: Get) -> None:
    with open_session(shop.SYSTEM, readonly=True) as session:
        ids = rows.published(session)
        assert len(rows.listings(session, ids, 2)) == 12
        assert rows.listings(session, [], 2) == []
        first = rows.listings(session, ids[:1])[0]
        assert all(isinstance(start.day, date) for start in first.starts)


# --- the description ----------------------------------------------------------------------------


def test_the_description_is_served_and_names_every_parameter(get: Get) -> None:
    served = asked(get, "/api/v1/openapi.json")
    assert served == json.loads(json.dumps(document()))
    assert served["openapi"].startswith("3.1")
    named = {p["name"] for p in served["paths"]["/api/v1/rotations"]["get"]["parameters"]}
    assert named == {
        "q",
        *FACET_PARAMS,
        *SINGLE_PARAMS,
        *ANSWER_PARAMS,
        "fits",
        *("sort", "page", "per_page"),
    }


def test_answers_keep_to_the_description(get: Get) -> None:
    for path in (
        "?per_page=100",
        "?status=final",
        "?weeks=4&state=TX",
        "?type=virtual&city=boston-ma",
    ):
        _check(asked(get, f"/api/v1/rotations{path}"), {"$ref": "#/components/schemas/Answer"})
    _check(get("/api/v1/rotations/x").get_json(), {"$ref": "#/components/schemas/Error"})


_TYPES = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float),
    "boolean": bool, "null": type(None),
}  # fmt: skip


def _check(value: Any, schema: Any) -> None:
    """The part of JSON Schema that the description uses."""
    if "$ref" in schema:
        schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]  # type: ignore[index,call-overload]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    assert any(isinstance(value, _TYPES[kind]) for kind in kinds), (value, schema)
    assert "enum" not in schema or value in schema["enum"]
    if isinstance(value, dict):
        known = schema.get("properties", {})
        assert set(schema.get("required", ())) <= set(value)
        if "required" in schema:
            assert set(value) <= set(known), "a field that is not described"
        for key, part in value.items():
            _check(part, known.get(key) or schema["additionalProperties"])
    elif isinstance(value, list):
        for part in value:
            _check(part, schema["items"])
    elif isinstance(value, int | float) and not isinstance(value, bool):
        assert value >= schema.get("minimum", value)
