"""Stripe objects as JSON documents in SQLite: read, written and listed inside one transaction."""

import json
import re
import sqlite3
from typing import Any

from demo.stripe_double.errors import invalid, missing

Json = dict[str, Any]
"""A Stripe object or decoded parameters. Keys that start with `_` never leave the double."""

DEFAULT_PAGE = 10
LARGEST_PAGE = 100
CREATED_OPERATORS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
SEARCH_CLAUSE = re.compile(r"""^(metadata\[["'](?P<key>[^"']+)["']\]|(?P<field>\w+))\s*:\s*"""
                           r"""["'](?P<value>[^"']*)["']$""")  # fmt: skip


def public(value: Any) -> Any:
    """Copy `value` without private keys."""
    if isinstance(value, dict):
        return {key: public(item) for key, item in value.items() if not key.startswith("_")}
    if isinstance(value, list):
        return [public(item) for item in value]
    return value


class Objects:
    """The objects seen by one transaction; an id is always the same dict."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._loaded: dict[str, Json] = {}

    def insert(self, obj: Json, account: str = "") -> Json:
        self._connection.execute(
            "INSERT INTO object (id, kind, account, created, body) VALUES (?, ?, ?, ?, ?)",
            (obj["id"], obj["object"], account, obj["created"], json.dumps(obj)),
        )
        self._loaded[obj["id"]] = obj
        return obj

    def save(self, obj: Json) -> Json:
        self._connection.execute(
            "UPDATE object SET body = ? WHERE id = ?", (json.dumps(obj), obj["id"])
        )
        return obj

    def get(self, object_id: str, kind: str, param: str = "id") -> Json:
        """The object; raises the API's 404 when there is none of that kind."""
        found = self.find(object_id)
        if found is None or found["object"] != kind:
            raise missing(kind, object_id, param)
        return found

    def find(self, object_id: str) -> Json | None:
        if object_id not in self._loaded:
            row = self._connection.execute(
                "SELECT body FROM object WHERE id = ?", (object_id,)
            ).fetchone()
            if row is None:
                return None
            self._loaded[object_id] = json.loads(row[0])
        return self._loaded[object_id]

    def select(self, kind: str, account: str = "", **equal: object) -> list[Json]:
        """All objects of a kind, newest first, whose top-level fields equal the given values."""
        conditions, values = ["kind = ?", "account = ?"], [kind, account]
        for field, value in equal.items():
            conditions.append(f"json_extract(body, '$.{field}') = ?")
            values.append(str(value))
        return self._rows(conditions, values, "ORDER BY seq DESC")

    def page(self, kind: str, account: str, fields: tuple[str, ...], params: Json) -> Json:
        """One page of a Stripe list: equality on `fields`, `created` ranges, cursors and limit."""
        conditions, values = ["kind = ?", "account = ?"], [kind, account]
        for field in fields:
            if field in params:
                conditions.append(f"json_extract(body, '$.{field}') = ?")
                values.append(params[field])
        if "types" in params:
            conditions.append(
                f"json_extract(body, '$.type') IN ({','.join('?' * len(params['types']))})"
            )
            values.extend(params["types"])
        _created(params.get("created"), conditions, values)
        order = self._cursor(params, conditions, values)
        limit = _limit(params)
        found = self._rows(conditions, values, f"{order} LIMIT {limit + 1}")
        data = found[:limit]
        if "ending_before" in params:
            data.reverse()
        return {"object": "list", "has_more": len(found) > limit, "data": data}

    def search(self, kind: str, query: str, params: Json) -> Json:
        """Stripe's search language, as far as `field:'x'` and `metadata['k']:'x'` joined by AND."""
        conditions, values = ["kind = ?"], [kind]
        for clause in re.split(r"\s+AND\s+", query.strip()):
            match = SEARCH_CLAUSE.match(clause)
            if match is None:
                raise invalid(f"We were unable to parse your search query near '{clause}'.")
            path = f'$.metadata."{match["key"]}"' if match["key"] else f"$.{match['field']}"
            conditions.append("json_extract(body, ?) = ?")
            values.extend([path, match["value"]])
        limit = _limit(params)
        found = self._rows(conditions, values, f"ORDER BY seq DESC LIMIT {limit + 1}")
        return {
            "object": "search_result",
            "has_more": len(found) > limit,
            "next_page": None,
            "data": found[:limit],
        }

    def _cursor(self, params: Json, conditions: list[str], values: list[str]) -> str:
        for name, compare, order in (
            ("starting_after", "<", "ORDER BY seq DESC"),
            ("ending_before", ">", "ORDER BY seq ASC"),
        ):
            if name in params:
                conditions.append(f"seq {compare} (SELECT seq FROM object WHERE id = ?)")
                values.append(params[name])
                return order
        return "ORDER BY seq DESC"

    def _rows(self, conditions: list[str], values: list[str], tail: str) -> list[Json]:
        rows = self._connection.execute(
            f"SELECT id, body FROM object WHERE {' AND '.join(conditions)} {tail}", values
        ).fetchall()
        return [self._loaded.setdefault(object_id, json.loads(body)) for object_id, body in rows]


def _created(bound: Json | str | None, conditions: list[str], values: list[str]) -> None:
    if bound is None:
        return
    if not isinstance(bound, dict):
        conditions.append("created = CAST(? AS INTEGER)")
        values.append(bound)
        return
    for name, limit in bound.items():
        if name not in CREATED_OPERATORS:
            raise invalid(f"Invalid created operator: {name}", param="created")
        conditions.append(f"created {CREATED_OPERATORS[name]} CAST(? AS INTEGER)")
        values.append(limit)


def _limit(params: Json) -> int:
    limit = int(params.get("limit", DEFAULT_PAGE))
    if not 1 <= limit <= LARGEST_PAGE:
        raise invalid("This value must be between 1 and 100.", param="limit")
    return limit
