"""/invited/<token>: an agency asks an attending to work with it; yes, no, or a list to sign.

Reading answers nothing. The token finds the invitation in a short system session that returns plain
data; a list is signed in the attending's own scope.
"""

from typing import Any
from uuid import UUID

from flask import request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core import context, jobs, web
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict, Gone, Invalid, NotFound
from marketplace.core.formats import day
from marketplace.core.typed import long_text
from marketplace.listings import inviting, operations, signing
from marketplace.listings.inviting import Asked

invited_room = web.Room("invited", __name__, side="link", url_prefix="/invited")

Answer = str | tuple[str, int] | BaseResponse
# state of the invitation: state of the page, title, status
_ENDS = {
    "accepted": ("decided", "You said yes", 200),
    "declined": ("undone", "You said no", 200),
    "withdrawn": ("withdrawn", "The agency took this back", 410),
    "expired": ("expired", "This invitation has ended", 410),
}


@invited_room.get("/<token>")
def show(token: str) -> Answer:
    """Who asks, and what a yes means. Answers nothing."""
    return _page(token, _asked(token))


@invited_room.post("/<token>/accept")
def accept(token: str) -> Answer:
    """Work with the agency."""
    return _answer(token, yes=True)


@invited_room.post("/<token>/decline")
def decline(token: str) -> Answer:
    """Do not."""
    return _answer(token, yes=False)


def _answer(token: str, *, yes: bool) -> Answer:
    asked = _asked(token)
    try:
        with open_session(context.system("answer invitation")) as session:
            inviting.answer(session, _actor(asked), asked.id, yes=yes)
    except (Conflict, Gone) as error:
        return _page(token, _asked(token), status=error.status)
    jobs.wake(web.config().redis_url)
    return web.go(f"/invited/{token}")


@invited_room.post("/<token>/sign")
def sign(token: str) -> Answer:
    """Sign the list that waits, which says yes, too."""
    asked = _open(token)
    name = long_text(request.form, "full_name", 120)
    try:
        with open_session(context.person(asked.attending_id)) as session:
            row = signing.own(session, _list(asked), asked.attending_id)
            operations.sign(
                session,
                Actor("attending", asked.attending_id, name=name),
                row.id,
                answers=signing.answers(session, row, request.form),
                sure=request.form.get("sure") == "1",
                full_name=name,
            )
    except Invalid as error:
        return _page(token, asked, errors=dict(error.errors), status=error.status)
    except (Conflict, Gone) as error:
        return _page(token, _asked(token), status=error.status)
    jobs.wake(web.config().redis_url)
    return _outcome(asked, "decided", "You signed this list", f"{asked.agency} was told.")


@invited_room.post("/<token>/return")
def send_back(token: str) -> Answer:
    """Send the list back with a note; the invitation stays open."""
    asked = _open(token)
    try:
        with open_session(context.person(asked.attending_id)) as session:
            comment = long_text(request.form, "comment", 2000)
            operations.refuse(session, _actor(asked), _list(asked), comment=comment)
    except Invalid as error:
        return _page(token, asked, errors=dict(error.errors), status=error.status)
    except (Conflict, Gone) as error:
        return _page(token, _asked(token), status=error.status)
    jobs.wake(web.config().redis_url)
    return web.go(f"/invited/{token}")


# --- what the pages show ------------------------------------------------------------------------


def _page(
    token: str, asked: Asked, *, errors: dict[str, str] | None = None, status: int = 200
) -> Answer:
    if asked.state in _ENDS:
        state, title, usual = _ENDS[asked.state]
        return _outcome(asked, state, title, _end_words(asked), token, max(status, usual))
    return web.render(
        "listings/invited.html",
        status=status,
        asked=asked,
        until=day(asked.until) if asked.until else "",
        action=f"/invited/{token}/sign",
        return_url=f"/invited/{token}/return",
        answer_url=f"/invited/{token}",
        protect=False,
        **_list_values(asked, errors or {}),
    )


def _list_values(asked: Asked, errors: dict[str, str]) -> dict[str, Any]:
    """The list to sign beside the invitation, if one waits."""
    with open_session(context.system("list beside invitation"), readonly=True) as session:
        key = inviting.list_to_sign(session, asked)
    if key is None:
        return {"listing": None, "errors": errors}
    with open_session(context.person(asked.attending_id), readonly=True) as session:
        row = signing.own(session, key, asked.attending_id)
        values = signing.page_values(session, row, request.form)
        return values | {"errors": signing.told(session, row, errors)}


def _end_words(asked: Asked) -> str:
    on = f" on {day(asked.answered)}" if asked.answered else ""
    return {
        "accepted": f"You work with {asked.agency} since you said yes{on}. It can ask you to sign"
        " what trainees do with you.",
        "declined": f"You said no to {asked.agency}{on}. It lists nothing with you, and does not"
        " write to you again for half a year.",
        "withdrawn": f"{asked.agency} does not ask you any more. Nothing was listed with you.",
        "expired": f"The invitation of {asked.agency} was good for 14 days. Nothing was listed with"
        " you. If you want to work with it, ask for a new message.",
    }[asked.state]


def _outcome(  # noqa: PLR0917
    asked: Asked, state: str, title: str, message: str, token: str = "", status: int = 200
) -> Answer:
    trainees = {"label": "See your trainees", "url": "/attending", "kind": "line", "post": False}
    url = f"/invited/{token}/accept"
    after_all = {"label": "Say yes after all", "url": url, "kind": "line", "post": True}
    undo = asked.state == "declined" and token
    return web.render(
        "placements/decide_state.html",
        status=status,
        state=state,
        title=title,
        message=message,
        actions=[after_all] if undo else [trainees] if state == "decided" else [],
        p={"agency": asked.agency, "agency_phone": "", "reference": f"NPI {asked.npi}"},
    )


def _asked(token: str) -> Asked:
    with open_session(context.system("find invitation"), readonly=True) as session:
        found = inviting.by_link(session, token[:200])
    if found is None or web.is_somebody_else(found.attending_id):
        raise NotFound(signing.UNKNOWN_LINK)
    return found


def _open(token: str) -> Asked:
    """An invitation under which a list can be answered."""
    asked = _asked(token)
    if asked.state != "waiting":
        raise Gone("This invitation is closed: it was answered, taken back, or has ended.")
    return asked


def _list(asked: Asked) -> UUID:
    with open_session(context.system("list beside invitation"), readonly=True) as session:
        key = inviting.list_to_sign(session, asked)
    if key is None:
        raise Gone("This list is closed: it was answered, or the agency has changed it.")
    return key


def _actor(asked: Asked) -> Actor:
    return Actor("attending", asked.attending_id, name=f"Dr. {asked.name}" if asked.name else "")
