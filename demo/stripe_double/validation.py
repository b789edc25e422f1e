"""Refuses parameters that the SDK's generated types do not know, as Stripe would.

The types come from Stripe's OpenAPI document, so this is the nearest thing to the real check.
"""

import typing
from functools import cache

import stripe.params
import stripe.params.checkout
from stripe._request_options import RequestOptions

from demo.stripe_double.errors import invalid
from demo.stripe_double.objects import Json

OPTION_NAMES = frozenset(RequestOptions.__annotations__)
UNRESOLVED = {"StripeContext": object, "Mapping": dict}
"""Names the SDK imports only for type checkers."""


def check(type_name: str, params: Json) -> None:
    """Raise for unknown or missing parameters of the SDK's `type_name`."""
    if "payment_method_types" in params:
        raise invalid(
            "payment_method_types is no longer supported. Use dynamic payment methods, "
            "allowed_payment_method_types or excluded_payment_method_types.",
            "payment_method_types_no_longer_supported",
            "payment_method_types",
        )
    shape = _shape(type_name)
    unknown = _unknown(shape, params, "")
    if unknown:
        raise invalid(
            f"Received unknown parameter: {', '.join(unknown)}", "parameter_unknown", unknown[0]
        )
    absent = sorted(name for name in shape.__required_keys__ if not params.get(name))
    if absent:
        raise invalid(f"Missing required param: {absent[0]}.", "parameter_missing", absent[0])


def _shape(type_name: str) -> typing.Any:
    module, _, name = type_name.rpartition(".")
    return getattr(stripe.params.checkout if module else stripe.params, name)


@cache
def _hints(shape: typing.Any) -> dict[str, typing.Any]:
    return typing.get_type_hints(shape, localns=UNRESOLVED)


def _unknown(shape: typing.Any, params: Json, path: str) -> list[str]:
    hints = {name: hint for name, hint in _hints(shape).items() if name not in OPTION_NAMES}
    found: list[str] = []
    for name, value in params.items():
        if name not in hints:
            found.append(path + name)
            continue
        shapes = _shapes_in(hints[name])
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and shapes:
                tries = (_unknown(inner, item, f"{path}{name}.") for inner in shapes)
                found.extend(sorted(tries, key=len)[0])
    return found


def _shapes_in(hint: typing.Any) -> list[typing.Any]:
    if typing.is_typeddict(hint):
        return [hint]
    return [shape for part in typing.get_args(hint) for shape in _shapes_in(part)]
