"""The address at which the present page can be opened again."""

import re

from flask import current_app, has_request_context, request
from werkzeug.exceptions import HTTPException

_PLACE = re.compile(r"<[^<>]*>")


def page_address() -> str:
    """Path and query of the present page.

    The answer to a form may stand at an address that only takes forms: then it is the nearest one
    above that opens, so that a button which comes back here finds a page.
    """
    if not has_request_context():
        return "/"
    path, query = request.path, request.full_path.rstrip("?").partition("?")[2]
    if request.method != "GET" or request.url_rule is None:
        path = _opens(path)
    return f"{path}?{query}" if query else path


def _opens(path: str) -> str:
    """The longest beginning of the path that has a page. Routes are compared, not addresses:
    `/bookings/views` is no booking of the name "views"."""
    rules = current_app.url_map.iter_rules()
    pages = {_shape(rule.rule) for rule in rules if "GET" in (rule.methods or ())}
    parts, shape = path.split("/"), _form_at(path).split("/")
    for length in range(len(shape), 1, -1):
        if "/".join(shape[:length]) in pages:
            return "/".join(parts[:length])
    return "/"


def _form_at(path: str) -> str:
    """The shape of the route that takes the form of this address; '' when none does."""
    try:
        rule = (
            request.url_rule
            or current_app.url_map.bind("").match(path, method="POST", return_rule=True)[0]
        )
    except HTTPException:
        return ""
    return _shape(rule.rule)


def _shape(rule: str) -> str:
    return _PLACE.sub("<>", rule)
