"""Canned replies: the agency's own texts."""

from uuid import UUID

from flask import flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts.forms import text
from marketplace.accounts.permissions import may, require
from marketplace.core import web
from marketplace.core.db import db
from marketplace.core.errors import Invalid
from marketplace.core.typed import long_text
from marketplace.desk import replies
from marketplace.desk.frame import frame
from marketplace.desk.replies import Draft

room = web.Room("replies", __name__, side="agency", url_prefix="/agency/<slug>/replies")

Answer = str | tuple[str, int] | BaseResponse


@room.get("")
def index(slug: str) -> Answer:
    """Every canned reply, and the form for a new one."""
    return _page(slug, Draft("", ""), {})


def _page(slug: str, draft: Draft, errors: dict[str, str], key: UUID | None = None) -> Answer:
    session = db.session()
    base = f"/agency/{slug}/replies"
    return web.render(
        "agency/replies.html",
        status=422 if errors else 200,
        **frame(),
        replies=replies.replies(session),
        places=replies.PLACES,
        may_write=may(web.actor().role, "messages.write"),
        draft=draft,
        editing=key,
        action=f"{base}/{key}" if key else base,
        base=base,
        errors=errors,
        title_length=replies.TITLE_LENGTH,
        text_length=replies.TEXT_LENGTH,
    )


def _typed() -> Draft:
    return Draft(
        text(request.form, "title", replies.TITLE_LENGTH),
        long_text(request.form, "text", replies.TEXT_LENGTH),
    )


@room.post("")
def add(slug: str) -> Answer:
    """Keep a new reply."""
    return _write(slug, None)


@room.get("/<uuid:reply_id>")
def see(slug: str, reply_id: UUID) -> Answer:
    """One reply in the form."""
    require(web.actor(), "messages.write")
    found = replies.reply(db.session(), reply_id)
    return _page(slug, Draft(found.title, found.text), {}, reply_id)


@room.post("/<uuid:reply_id>")
def change(slug: str, reply_id: UUID) -> Answer:
    """Change a reply; what was sent with it stays as it is."""
    return _write(slug, reply_id)


def _write(slug: str, reply_id: UUID | None) -> Answer:
    draft = _typed()
    try:
        replies.write(db.session(), web.actor(), draft, reply_id)
    except Invalid as error:
        return _page(slug, draft, error.errors, reply_id)
    flash(f"“{draft.title}” is saved.", "good")
    return web.go(f"/agency/{slug}/replies")


@room.post("/<uuid:reply_id>/delete")
def delete(slug: str, reply_id: UUID) -> Answer:
    """Delete a reply."""
    replies.delete(db.session(), web.actor(), reply_id)
    flash("The reply is deleted. What was sent with it stays.", "info")
    return web.go(f"/agency/{slug}/replies")
