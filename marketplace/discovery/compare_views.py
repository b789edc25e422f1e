"""The page that puts up to four listings side by side."""

from flask import request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core import kept, web
from marketplace.core.db import db
from marketplace.discovery import compare
from marketplace.search import works_for_me
from marketplace.search.state import SearchState

room = web.Room("compare", __name__, "public")


@room.get("/compare")
def show() -> BaseResponse:
    """The comparison that the address names; those that are gone are left out and said."""
    state = SearchState.parse(request.args)
    question = compare.asked(request.args, state)
    viewer = web.viewer()
    who = works_for_me.who(viewer.person_id if viewer else None, question.told)
    found = compare.comparison(db.session(), question, who)
    return kept.answer(
        found,
        lambda: web.render(
            "discovery/compare.html", p=found, canonical_url=web.config().base_url + "/compare"
        ),
    )
