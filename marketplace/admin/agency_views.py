"""Agencies: the list, and one of them. Approving and suspending are under verification."""

from flask import request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.admin import agency_queries, forms
from marketplace.admin.agency_queries import STATES
from marketplace.core import web
from marketplace.core.db import db

room = web.Room("admin_agencies", __name__, side="admin", url_prefix="/admin/agencies")

Answer = str | tuple[str, int] | BaseResponse


@room.get("")
def agencies() -> Answer:
    """Every agency with its numbers."""
    text = forms.text(request.args, "q", 100)
    state = forms.choice(request.args, "state", STATES)
    rows = agency_queries.agencies(db.session(), text, state)
    return web.render("admin/agencies.html", rows=rows, q=text, chosen=state, all_states=STATES)


@room.get("/<name>")
def show(name: str) -> Answer:
    """One agency."""
    return web.render("admin/agency.html", p=agency_queries.agency_page(db.session(), name))
