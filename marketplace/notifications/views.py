"""/me/notifications and /agency/<slug>/notifications: what was told, and what is still unread."""

from uuid import UUID

from flask import request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core import web
from marketplace.core.db import db
from marketplace.desk.frame import frame
from marketplace.notifications import operations, queries
from marketplace.notifications.queries import Inbox

mine = web.Room("notifications", __name__, side="person", url_prefix="/me/notifications")
desk = web.Room(
    "notifications_desk", __name__, side="agency", url_prefix="/agency/<slug>/notifications"
)

Answer = str | tuple[str, int] | BaseResponse
MINE = "/me/notifications"


def _own() -> Inbox:
    return Inbox(person_id=web.require_viewer().person_id)


def _team() -> Inbox:
    member = web.membership()
    return Inbox(agency_id=member.agency_id, role=member.role)


@mine.get("")
def index() -> Answer:
    """The person's inbox."""
    page = queries.page_of(db.session(), _own(), _page())
    return web.render("notifications/mine.html", "notifications/_inbox.html", inbox=page, base=MINE)


@mine.post("/read")
def read() -> Answer:
    """Mark one line or the lines shown as read."""
    operations.mark_read(db.session(), _own(), line=_key("line"), until=_key("until"))
    return web.go(MINE)


@desk.get("")
def team(slug: str) -> Answer:
    """The agency's inbox, as far as the member's role goes."""
    session = db.session()
    page = queries.page_of(session, _team(), _page())
    return web.render(
        "notifications/agency.html",
        "notifications/_inbox.html",
        **frame(notifications=page.unread),
        inbox=page,
        base=f"/agency/{slug}/notifications",
    )


@desk.post("/read")
def team_read(slug: str) -> Answer:
    """Mark lines of the agency as read, for the whole team."""
    operations.mark_read(db.session(), _team(), line=_key("line"), until=_key("until"))
    return web.go(f"/agency/{slug}/notifications")


def _page() -> int:
    asked = request.args.get("page", "1")
    return int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 6 else 1


def _key(name: str) -> UUID | None:
    """A key from the form; anything else is nothing."""
    try:
        return UUID(request.form.get(name, ""))
    except ValueError:
        return None
