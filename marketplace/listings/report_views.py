"""A reader reports a listing: what is wrong, in their words."""

from flask import flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts import throttle
from marketplace.core import web
from marketplace.core.db import db
from marketplace.core.errors import Invalid, NotFound
from marketplace.listings import moderation
from marketplace.listings.models import Rotation
from marketplace.listings.queries import rotation_by_slug

reports = web.Room("reports", __name__, side="person")

Answer = str | tuple[str, int] | BaseResponse


@reports.get("/me/report/<slug>")
def form(slug: str) -> Answer:
    """The form."""
    return _page(_rotation(slug), {})


def _rotation(slug: str) -> Rotation:
    found = rotation_by_slug(db.session(), slug)
    if found is None or not found.public:
        raise NotFound
    return found


def _page(rotation: Rotation, errors: dict[str, str]) -> Answer:
    return web.render(
        "listings/report.html",
        status=422 if errors else 200,
        rotation=rotation,
        kinds=list(moderation.KINDS.items()),
        kind=request.form.get("kind", ""),
        note=_note(),
        errors=errors,
    )


def _note() -> str:
    typed = request.form.get("note", "").replace("\r\n", "\n")[:4000]
    return "".join(c for c in typed if c == "\n" or c.isprintable()).strip()


@reports.post("/me/report/<slug>")
def send(slug: str) -> Answer:
    """Take the report. Counted before anything is read: many reports of one person wait."""
    me = web.require_viewer()
    throttle.count("report", me.email, request.remote_addr or "")
    rotation = _rotation(slug)
    try:
        moderation.report(
            db.session(),
            web.actor(),
            rotation.id,
            kind=request.form.get("kind", ""),
            note=_note(),
        )
    except Invalid as error:
        return _page(rotation, error.errors)
    flash("Thank you. A person of our team looks at it.", "good")
    return web.go(f"/rotations/{slug}")
