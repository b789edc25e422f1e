"""Answers made smaller on their way to a stranger.

Only pages that carry no secret are compressed: the length of a compressed page with a form's
token and a visitor's own words in it would tell the token bit by bit.
"""

import gzip

import brotli  # type: ignore[import-untyped]
from flask import Response, request

LEAST = 1_400
"""Bytes that fit into one packet anyway."""
LEVEL = 5
"""Of both: under a millisecond for the largest page."""
KINDS = frozenset({"text/html", "text/plain", "application/json", "application/xml"})


def shrunk(response: Response) -> Response:
    """The answer, compressed when the caller takes it and it is worth it."""
    if response.mimetype not in KINDS or response.is_streamed or response.direct_passthrough:
        return response
    response.vary.add("Accept-Encoding")
    if response.status_code != 200 or "Content-Encoding" in response.headers:
        return response
    if request.method == "HEAD" or len(response.get_data()) < LEAST:
        return response
    if request.accept_encodings["br"] > 0:
        response.set_data(brotli.compress(response.get_data(), quality=LEVEL))
        response.headers["Content-Encoding"] = "br"
    elif request.accept_encodings["gzip"] > 0:
        response.set_data(gzip.compress(response.get_data(), LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response
