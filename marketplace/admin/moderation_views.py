"""Moderation: the queue, one listing, and what is decided about it."""

from collections.abc import Callable
from uuid import UUID

from flask import flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.admin import forms, moderation_queries
from marketplace.admin.moderation_queries import TABS
from marketplace.core import web
from marketplace.core.db import db
from marketplace.core.errors import Invalid
from marketplace.listings import moderation

room = web.Room("admin_moderation", __name__, side="admin", url_prefix="/admin/moderation")

Answer = str | tuple[str, int] | BaseResponse


@room.get("")
def queue() -> Answer:
    """What waits, by kind."""
    tab = forms.choice(request.args, "tab", TABS) or TABS[0]
    session = db.session()
    return web.render(
        "admin/moderation.html",
        chosen=tab,
        all_tabs=TABS,
        waiting=moderation_queries.counts(session),
        rows=moderation_queries.queue(session, tab),
    )


@room.get("/<uuid:rotation_id>")
def show(rotation_id: UUID) -> Answer:
    """One listing."""
    return _page(rotation_id)


def _page(rotation_id: UUID, act: str = "", error: str = "") -> Answer:
    return web.render(
        "admin/moderated.html",
        status=422 if error else 200,
        p=moderation_queries.listing_page(db.session(), rotation_id),
        kinds=moderation.KINDS,
        act=act,
        error=error,
        typed=forms.text(request.form, "reason", 2000) if error else "",
    )


def _act(rotation_id: UUID, act: str, done: str, do: Callable[..., None]) -> Answer:
    try:
        do(db.session(), web.actor(), rotation_id, forms.reason(request.form))
    except Invalid as error:
        return _page(rotation_id, act, error.errors["reason"])
    flash(done, "good")
    return web.go(f"/admin/moderation/{rotation_id}")


@room.post("/<uuid:rotation_id>/take-down")
def take_down(rotation_id: UUID) -> Answer:
    """Close a listing; the agency is told why."""
    done = "The listing is down. The agency is told why."
    return _act(rotation_id, "take-down", done, moderation.take_down)


@room.post("/<uuid:rotation_id>/restore")
def restore(rotation_id: UUID) -> Answer:
    """Give a listing back."""
    done = "The listing is given back. It is open if nothing else is missing."
    return _act(rotation_id, "restore", done, moderation.restore)


@room.post("/<uuid:rotation_id>/fine")
def fine(rotation_id: UUID) -> Answer:
    """Nothing is wrong; open reports are dismissed."""
    done = "Noted: nothing is wrong with this listing as it is now."
    return _act(rotation_id, "fine", done, moderation.looks_fine)
