"""Announcements: write one, see who reads it when, take one down."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from flask import flash, request
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from marketplace.admin import forms
from marketplace.core import announcements, clock, web
from marketplace.core.announcements import SIDES, Announcement
from marketplace.core.db import db
from marketplace.core.errors import Invalid

room = web.Room("admin_news", __name__, side="admin", url_prefix="/admin/announcements")

Answer = str | tuple[str, int] | BaseResponse
LONGEST = timedelta(days=366)
TEXT_MOST = 300


@room.get("")
def index() -> Answer:
    """All announcements, and the form for a new one."""
    return _page({})


def _page(errors: dict[str, str]) -> Answer:
    rows = db.session().scalars(select(Announcement).order_by(Announcement.id.desc()).limit(50))
    now = clock.now()
    return web.render(
        "admin/announcements.html",
        status=422 if errors else 200,
        rows=[(row, _state(row, now)) for row in rows],
        all_sides=SIDES,
        errors=errors,
        typed=_typed(now),
    )


def _state(row: Announcement, now: datetime) -> str:
    if row.ended_at is not None:
        return "ended"
    if row.until_at <= now:
        return "over"
    return "shown" if row.from_at <= now else "planned"


def _typed(now: datetime) -> dict[str, Any]:
    if request.method != "POST":
        start = now.replace(second=0, microsecond=0)
        return {
            "text": "",
            "sides": [],
            "from": start.strftime("%Y-%m-%dT%H:%M"),
            "until": (start + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M"),
            "dismissible": True,
            "reason": "",
        }
    return {
        "text": forms.text(request.form, "text", 1000),
        "sides": request.form.getlist("sides"),
        "from": forms.text(request.form, "from", 30),
        "until": forms.text(request.form, "until", 30),
        "dismissible": "dismissible" in request.form,
        "reason": forms.text(request.form, "reason", 1000),
    }


@room.post("")
def write() -> Answer:
    """Publish an announcement."""
    try:
        announcements.write(db.session(), web.actor(), **_checked())
    except Invalid as error:
        return _page(error.errors)
    flash("The announcement is set.", "good")
    return web.go("/admin/announcements")


def _checked() -> dict[str, Any]:
    """What was typed, or Invalid with a message for each field."""
    errors: dict[str, str] = {}
    text = forms.text(request.form, "text", 1000)
    if not 10 <= len(text) <= TEXT_MOST:
        errors["text"] = f"Between 10 and {TEXT_MOST} letters."
    sides = tuple(side for side in SIDES if side in request.form.getlist("sides"))
    if not sides:
        errors["sides"] = "Say who reads it."
    start, end = _instant("from"), _instant("until")
    if start is None:
        errors["from"] = "Write a day and an hour."
    if end is None:
        errors["until"] = "Write a day and an hour."
    elif start is not None and not start < end <= start + LONGEST:
        errors["until"] = "After its start, and at most a year later."
    elif end <= clock.now():
        errors["until"] = "This is over already."
    reason = ""
    try:
        reason = forms.reason(request.form)
    except Invalid as error:
        errors |= error.errors
    if errors:
        raise Invalid(errors)
    return {
        "text": text,
        "sides": sides,
        "from_at": start,
        "until_at": end,
        "dismissible": "dismissible" in request.form,
        "reason": reason,
    }


def _instant(name: str) -> datetime | None:
    """An instant in UTC, as the browser's own field sends it."""
    try:
        found = datetime.strptime(request.form.get(name, "")[:16], "%Y-%m-%dT%H:%M")
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if 2020 <= found.year <= 2100 else None


@room.post("/<uuid:announcement_id>/end")
def end(announcement_id: UUID) -> Answer:
    """Take one down before its time."""
    reason = "Taken down from the list of announcements."
    announcements.end(db.session(), web.actor(), announcement_id, reason)
    flash("The announcement is taken down.", "good")
    return web.go("/admin/announcements")
