"""Stripe's `expand[]`: puts the object where its id was."""

from demo.stripe_double.objects import Json, Objects


def expand(objects: Objects, body: Json, paths: list[str]) -> Json:
    """Replace the ids at `paths`, such as `latest_charge.balance_transaction`, in a copy."""
    for path in paths:
        body = _expand(objects, body, path)
    return body


def _expand(objects: Objects, body: Json, path: str) -> Json:
    head, _, rest = path.partition(".")
    value = body.get(head)
    if isinstance(value, list):
        return {**body, head: [_expand(objects, item, rest) for item in value]}
    if isinstance(value, str):
        value = objects.find(value)
    if not isinstance(value, dict):
        return body
    return {**body, head: _expand(objects, value, rest) if rest else value}
