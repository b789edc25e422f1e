"""Answers made smaller on their way to a stranger.

Only pages that carry no secret are compressed: the length of a compressed page with a form's
token and a visitor's own words in it would tell the token bit by bit.
"""

import gzip

from flask import Response, request

LEAST = 1_400
"""Bytes that fit into one packet anyway."""
LEVEL = 5
"""Half the time of the best level for a twentieth more bytes."""
KINDS = frozenset({"text/html", "text/plain", "application/json", "application/xml"})


def shrunk(response: Response) -> Response:
    """The answer, compressed when the caller takes gzip and it is worth it."""
    if response.mimetype not in KINDS or response.is_streamed or response.direct_passthrough:
        return response
    response.vary.add("Accept-Encoding")
    if response.status_code != 200 or "Content-Encoding" in response.headers:
        return response
    if request.method == "HEAD" or not request.accept_encodings["gzip"] > 0:
        return response
    body = response.get_data()
    if len(body) >= LEAST:
        response.set_data(gzip.compress(body, LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response
