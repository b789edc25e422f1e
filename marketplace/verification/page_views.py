"""What the pages of both sides answer alike: the file of a paper."""

from uuid import UUID

from flask import Response

from marketplace.core import storage
from marketplace.core.db import db
from marketplace.core.errors import NotFound
from marketplace.verification import files, queries


def file_answer(key: UUID) -> Response:
    """A paper's file to look at; whatever it holds, it cannot act on this site."""
    session = db.session()
    _, stored = queries.own_paper(session, key)
    if stored.media_type not in files.ACCEPT.split(","):
        raise NotFound
    answer = Response(storage.read(session, stored.id), mimetype=stored.media_type)
    answer.headers.set("Content-Disposition", "inline", filename=stored.name)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
