"""Stripe's form encoding, decoded: `card[number]=..&types[0]=..` becomes nested plain data."""

import re
from typing import Any

from werkzeug.datastructures import MultiDict

from demo.stripe_double.errors import invalid
from demo.stripe_double.objects import Json

PART = re.compile(r"[^\[\]]+")
TRUTH = {"true": True, "false": False}


def decode(form: MultiDict[str, str]) -> Json:
    """Nested dicts and lists; `true` and `false` become booleans, all else stays text."""
    root: Json = {}
    for name, value in form.items(multi=True):
        *parents, last = PART.findall(name)
        place = root
        for parent in parents:
            place = place.setdefault(parent, {})
        if name.endswith("[]"):
            place = place.setdefault(last, {})
            last = str(len(place))
        place[last] = value
    return {name: _settle(value) for name, value in root.items()}


def integer(params: Json, name: str, default: int | None = None) -> int:
    """A whole number of cents; raises the API's error on anything else."""
    if name not in params and default is not None:
        return default
    value = str(params.get(name, ""))
    if not re.fullmatch(r"-?\d+", value):
        raise invalid(f"Invalid integer: {value}", "parameter_invalid_integer", name)
    return int(value)


def _settle(value: Any) -> Any:
    if isinstance(value, dict):
        if value and all(key.isdigit() for key in value):
            return [_settle(value[key]) for key in sorted(value, key=int)]
        return {key: _settle(item) for key, item in value.items()}
    return TRUTH.get(value, value)
