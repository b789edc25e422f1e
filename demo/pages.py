"""Pages that only the demo has: the accounts, the clock, and the mailbox of everybody."""

from datetime import timedelta
from uuid import UUID

from flask import Response, g, request
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from demo.accounts import ACCOUNTS
from marketplace.core import clock, web
from marketplace.core.context import system
from marketplace.core.db import open_session
from marketplace.core.errors import Invalid, NotFound
from marketplace.core.mail import MailMessage

room = web.Room("demo", __name__, "public", "/demo")

STEPS = {
    "1h": ("1 hour", timedelta(hours=1)),
    "1d": ("1 day", timedelta(days=1)),
    "7d": ("7 days", timedelta(days=7)),
    "30d": ("30 days", timedelta(days=30)),
}
PAGE = 50
# A message is somebody else's HTML: no script, no form, no request, and its links leave the frame.
MESSAGE_POLICY = (
    "sandbox allow-popups allow-top-navigation-by-user-activation; default-src 'none';"
    " style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)
LINKS_LEAVE_THE_FRAME = '<base target="_top">'


@room.get("")
def home() -> tuple[str, int] | str:
    """Who is who, and the clock."""
    return web.render(
        "demo/home.html",
        accounts=ACCOUNTS,
        steps=[(key, label) for key, (label, _) in STEPS.items()],
        now=clock.now(),
        ahead=clock.offset(),
    )


@room.post("/clock")
def move_clock() -> BaseResponse:
    """Move every process of the demo forward; what is due then happens by itself."""
    step = STEPS.get(request.form.get("by", ""))
    if step is None:
        raise Invalid({"by": "Choose one of the steps on the page."})
    clock.advance(step[1])
    return web.go("/demo")


@room.get("/mailbox")
def mailbox() -> tuple[str, int] | str:
    """Every message, newest first, of one address or of all."""
    to = request.args.get("to", "").strip().lower()
    query = select(MailMessage).order_by(MailMessage.created_at.desc(), MailMessage.id.desc())
    if to:
        query = query.where(MailMessage.to_address == to)
    with open_session(system("demo mailbox"), readonly=True) as session:
        rows = session.scalars(query.limit(PAGE)).all()
        return web.render("demo/mailbox.html", rows=rows, to=to, page_size=PAGE)


@room.get("/mailbox/<uuid:message_id>")
def message(message_id: UUID) -> tuple[str, int] | str:
    """One message: its HTML in a frame of its own, and its text."""
    found = _message(message_id)
    g.csp_extra = {"frame-src": "'self'"}
    return web.render("demo/message.html", message=found)


@room.get("/mailbox/<uuid:message_id>/html")
def message_html(message_id: UUID) -> Response:
    """The HTML of a message as a mail program would show it, locked in a sandbox."""
    body = _message(message_id).html.replace("<head>", f"<head>{LINKS_LEAVE_THE_FRAME}", 1)
    answer = Response(body, mimetype="text/html")
    answer.headers["Content-Security-Policy"] = MESSAGE_POLICY
    return answer


def _message(message_id: UUID) -> MailMessage:
    with open_session(system("demo mailbox"), readonly=True) as session:
        found = session.get(MailMessage, message_id)
        if found is None:
            raise NotFound
        session.expunge(found)
        return found
