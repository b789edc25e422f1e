"""Pages that a guest's browser may keep: a validator made of what the page tells, before rendering.

Who is signed in gets no validator: that page is theirs alone and may carry a form's token.
"""

import hashlib
from collections.abc import Callable
from functools import cache

from flask import Response, current_app, make_response, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core import reference, web
from marketplace.core.pages import ROOT


def answer(told: object, render: Callable[[], tuple[str, int] | str]) -> BaseResponse:
    """The page, or 304 without rendering when a guest's browser holds this very answer.

    `told` is everything the page says, as plain values whose `repr` is the same for the same
    answer. The theme, the form of the answer, the release, the platform's lists and its
    announcements are added here.
    """
    if web.viewer() is not None:
        return make_response(render())
    tag = _tag(told)
    if request.if_none_match.contains_weak(tag):
        found = Response(status=304)
    else:
        found = make_response(render())
    if found.status_code in (200, 304):
        found.set_etag(tag, weak=True)
    return found


def _tag(told: object) -> str:
    platform = (reference.number(), tuple(one.short for one in web.news()))
    form = (
        web.is_fragment(),
        web.site_back(),
        request.path,
        request.cookies.get("theme", ""),
        _release(),
        platform,
    )
    return hashlib.blake2b(repr((form, told)).encode(), digest_size=16).hexdigest()


def _release() -> str:
    """Changes with the style sheets, the scripts and the templates."""
    assets: str = current_app.extensions["rounds.assets"]
    return assets + _templates()


@cache
def _templates() -> str:
    made = hashlib.sha256()
    for path in sorted((ROOT / "templates").rglob("*.html")):
        made.update(path.read_bytes())
    return made.hexdigest()[:16]
