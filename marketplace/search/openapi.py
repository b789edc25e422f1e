"""The OpenAPI 3.1 description of the search, made from the same names that the code reads."""

from functools import cache

from marketplace.listings.models import BLOCK_WEEKS
from marketplace.search.answers import PASSED, STATUSES, YEARS
from marketplace.search.api import FIT_KINDS
from marketplace.search.catalog import OPEN_FACETS, reference_catalog
from marketplace.search.port import FACETS, MAX_PER_PAGE, Sort
from marketplace.search.state import FACET_PARAMS, PER_PAGE, WITHIN_KM

Json = dict[str, object]

_SINGLE: tuple[tuple[str, str, Json], ...] = (
    ("weeks", "Block length; price, starts and seats are then those of it.",
     {"type": "integer", "enum": list(BLOCK_WEEKS)}),
    ("price_min", "Least all-in price in cents.", {"type": "integer", "minimum": 0}),
    ("price_max", "Greatest all-in price in cents.", {"type": "integer", "minimum": 0}),
    ("start_from", "A start with a seat on or after this day.",
     {"type": "string", "format": "date"}),
    ("start_to", "A start with a seat on or before this day.",
     {"type": "string", "format": "date"}),
    ("near", "Slug of a city; only listings around it.", {"type": "string"}),
    ("within_km", "How far around `near`, in kilometres.",
     {"type": "integer", "minimum": 1, "maximum": 5000, "default": WITHIN_KM}),
    ("rating_min", "Least mean rating.", {"type": "number", "exclusiveMinimum": 0, "maximum": 5}),
    ("status", "For `fit`: a graduate, or a student by the year.",
     {"type": "string", "enum": list(STATUSES)}),
    ("graduated", "For `fit`: year of graduation.",
     {"type": "integer", "minimum": YEARS[0], "maximum": YEARS[-1]}),
    ("passed", "For `fit`: USMLE steps passed.", {"type": "string", "enum": list(PASSED)}),
    ("fits", "Leave out what does not fit who `status`, `graduated` and `passed` describe.",
     {"type": "string", "enum": ["1"]}),
    ("sort", "The order. None of them can be paid for. `distance` needs `near`.",
     {"type": "string", "enum": [sort.value for sort in Sort], "default": Sort.BEST.value}),
    ("page", "Counts from 1; past the last it is the last.",
     {"type": "integer", "minimum": 1, "default": 1}),
    ("per_page", "Hits on a page.",
     {"type": "integer", "minimum": 1, "maximum": MAX_PER_PAGE, "default": PER_PAGE}),
)  # fmt: skip
_FACET_WORDS = {
    "specialty": "Specialty.",
    "hands_on": "Hands-on level, derived from the declared scope of activities.",
    "state": "State, two letters.",
    "city": "City by its slug, such as `chicago-il`.",
    "type": "Rotation type.",
    "setting": "Where the work is done.",
    "included": "What is included; several values must all be there.",
    "accepts": "Training stages; `no-exam`; entry statuses that the site names, no visa advice.",
    "agency": "Agency by its slug.",
    "seats": "Free seats over all coming starts.",
}


@cache
def document() -> Json:
    """The description, as plain JSON values. The server is the one that answers it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rounds: open rotations",
            "version": "1",
            "summary": "Search of published U.S. clinical rotations.",
            "description": "Reads only, no key. The same parameters as the search page. Values "
            "inside a facet are joined by OR (`included` by AND), facets by AND. What cannot be "
            "read is left out and named in `notes`.",
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/api/v1/rotations": {"get": _search()},
            "/api/v1/rotations/{id}": {"get": _one()},
            "/feeds/rotations.jsonl": {"get": _feed()},
        },
        "components": {"schemas": _schemas()},
    }


def _search() -> Json:
    return {
        "operationId": "searchRotations",
        "summary": "Search rotations, with counts of every facet",
        "parameters": [
            _parameter("q", "Words; every one must match.", {"type": "string", "maxLength": 200}),
            *(_facet(name) for name in FACET_PARAMS),
            *(_parameter(*single) for single in _SINGLE),
        ],
        "responses": {
            "200": _response("The hits of a page and the counts", "Answer"),
            "304": {"description": "Unchanged since the given ETag"},
        },
    }


def _one() -> Json:
    return {
        "operationId": "getRotation",
        "summary": "One published rotation",
        "parameters": [
            {
                "name": "id",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "format": "uuid"},
            },
            _parameter(*_SINGLE[0]),
        ],
        "responses": {
            "200": _response("The rotation", "Rotation"),
            "304": {"description": "Unchanged since the given ETag"},
            "404": _response("No such published rotation", "Error"),
        },
    }


def _feed() -> Json:
    return {
        "operationId": "feedRotations",
        "summary": "Every published rotation, one JSON object a line",
        "responses": {
            "200": {
                "description": "Lines of `Rotation`, with ETag and Last-Modified",
                "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
            },
            "304": {"description": "Unchanged"},
        },
    }


def _parameter(name: str, words: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": words, "schema": schema}


def _facet(name: str) -> Json:
    item: Json = {"type": "string"}
    if name not in OPEN_FACETS:
        item["enum"] = list(reference_catalog().labels[name])
    schema: Json = {"type": "array", "items": item}
    return {**_parameter(name, _FACET_WORDS[name], schema), "style": "form", "explode": True}


def _response(words: str, schema: str) -> Json:
    return {
        "description": words,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


def _schemas() -> Json:
    return {"Answer": _answer(), "Rotation": _rotation(), "Error": _error()}


def _object(properties: Json) -> Json:
    return {"type": "object", "required": list(properties), "properties": properties}


def _answer() -> Json:
    count: Json = {"type": "integer", "minimum": 0}
    counts: Json = {"type": "object", "additionalProperties": count}
    bar = _object({"from": count, "to": count, "count": count})
    return _object(
        {
            "total": count,
            "page": {"type": "integer", "minimum": 1},
            "per_page": {"type": "integer", "minimum": 1},
            "pages": {"type": "integer", "minimum": 1},
            "facets": {
                "type": "object",
                "description": "Facet to value to count. A facet's counts ignore its own choice "
                "(`included` applies it). Empty while `text_search` is false.",
                "properties": dict.fromkeys(FACETS, counts),
                "additionalProperties": counts,
            },
            "price": _object(
                {
                    "min": {"type": ["integer", "null"]},
                    "max": {"type": ["integer", "null"]},
                    "histogram": {"type": "array", "items": bar},
                }
            ),
            "hits": {"type": "array", "items": {"$ref": "#/components/schemas/Rotation"}},
            "text_search": {
                "type": "boolean",
                "description": "False while the engine is away: `q` is not used.",
            },
            "notes": {"type": "array", "items": {"type": "string"}},
        }
    )


def _rotation() -> Json:
    text: Json = {"type": "string"}
    texts: Json = {"type": "array", "items": text}
    cents: Json = {"type": "integer", "minimum": 1}
    day: Json = {"type": "string", "format": "date"}
    seats: Json = {"type": "integer", "minimum": 1}
    fit = _object({"kind": {"type": "string", "enum": list(FIT_KINDS.values())}, "text": text})
    found = _object(
        {
            "id": {"type": "string", "format": "uuid"},
            "url": {"type": "string", "format": "uri"},
            "title": text,
            "specialty": text,
            "hands_on": text,
            "type": text,
            "setting": text,
            "city": text,
            "state": text,
            "lat": {"type": "number"},
            "lng": {"type": "number"},
            "agency": text,
            "agency_name": text,
            "attending": text,
            "site": text,
            "weeks": {"type": "array", "items": {"type": "integer", "enum": list(BLOCK_WEEKS)}},
            "price_cents": cents | {"description": "All fees, for `price_weeks` weeks."},
            "price_weeks": {"type": "integer", "enum": list(BLOCK_WEEKS)},
            "prices": {"type": "object", "additionalProperties": cents},
            "starts": {"type": "array", "items": day},
            "seats_left": {"type": "object", "additionalProperties": seats},
            "included": texts,
            "accepts": texts,
            "rating": {"type": ["number", "null"], "minimum": 1, "maximum": 5},
            "reviews": {"type": "integer", "minimum": 0},
        }
    )
    found["properties"] |= {  # type: ignore[operator]
        "fit": fit | {"description": "Only when the question tells about the candidate."}
    }
    return found


def _error() -> Json:
    return _object(
        {
            "error": _object(
                {
                    "status": {"type": "integer"},
                    "message": {"type": "string"},
                    "request_id": {"type": "string"},
                }
            )
        }
    )
