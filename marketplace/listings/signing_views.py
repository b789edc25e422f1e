"""/sign/<token>: the attending reads and signs what trainees do, from an e-mail.

Reading never signs. The token finds the signature in a short system session that returns two ids;
the rest happens in the attending's own scope, on that one signature.
"""

from flask import request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core import clock, context, jobs, web
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict, Gone, Invalid, NotFound
from marketplace.core.formats import day
from marketplace.core.typed import long_text
from marketplace.listings import operations, signing
from marketplace.listings.models import ScopeSignature
from marketplace.listings.signing import Signer

signing_room = web.Room("signing", __name__, side="link", url_prefix="/sign")

Answer = str | tuple[str, int] | BaseResponse


@signing_room.get("/<token>")
def show(token: str) -> Answer:
    """The list to sign, or how it was answered. Signs nothing."""
    return _page(token, _signer(token))


@signing_room.post("/<token>")
def sign(token: str) -> Answer:
    """Sign, when every line is so."""
    signer = _signer(token)
    try:
        with open_session(context.person(signer.attending_id)) as session:
            row = signing.own(session, signer.signature_id, signer.attending_id)
            operations.sign(
                session,
                _actor(signer, long_text(request.form, "full_name", 120)),
                row.id,
                answers=signing.answers(session, row, request.form),
                sure=request.form.get("sure") == "1",
                full_name=long_text(request.form, "full_name", 120),
            )
    except Invalid as error:
        return _page(token, signer, errors=dict(error.errors), status=error.status)
    except (Conflict, Gone) as error:
        return _page(token, signer, status=error.status)
    jobs.wake(web.config().redis_url)
    return web.go(f"/sign/{token}")


@signing_room.post("/<token>/return")
def send_back(token: str) -> Answer:
    """Send the list back with a note."""
    signer = _signer(token)
    try:
        with open_session(context.person(signer.attending_id)) as session:
            operations.refuse(
                session,
                _actor(signer, ""),
                signer.signature_id,
                comment=long_text(request.form, "comment", 2000),
            )
    except Invalid as error:
        return _page(token, signer, errors=dict(error.errors), status=error.status)
    except (Conflict, Gone) as error:
        return _page(token, signer, status=error.status)
    jobs.wake(web.config().redis_url)
    return web.go(f"/sign/{token}")


def _page(
    token: str, signer: Signer, *, errors: dict[str, str] | None = None, status: int = 200
) -> Answer:
    with open_session(context.person(signer.attending_id), readonly=True) as session:
        row = signing.own(session, signer.signature_id, signer.attending_id)
        values = signing.page_values(session, row, request.form)
        said = signing.told(session, row, errors or {})
        if row.decision is not None:
            return _state_page(values, row, "decided", status)
        try:
            operations.refuse_stale(session, row)
        except Gone as error:
            return _state_page(values, row, "expired", error.status, error.message)
    return web.render(
        "listings/sign.html",
        status=status,
        **values,
        errors=said,
        protect=False,
        action=f"/sign/{token}",
        return_url=f"/sign/{token}/return",
    )


def _state_page(
    values: dict[str, dict[str, str]],
    row: ScopeSignature,
    state: str,
    status: int,
    message: str = "",
) -> Answer:
    listing = values["listing"]
    title = "This link has ended"
    if state == "decided":
        on = day((row.decided_at or clock.now()).date())
        title = "You signed this list" if row.decision == "signed" else "You sent this list back"
        message = f"{listing['title']}, on {on}. {listing['agency']} was told."
    return web.render(
        "placements/decide_state.html",
        status=status,
        state=state,
        title=title,
        message=message,
        actions=[
            {"label": "See your trainees", "url": "/attending", "kind": "line", "post": False}
        ],
        p={"agency": listing["agency"], "agency_phone": "", "reference": listing["title"]},
    )


def _signer(token: str) -> Signer:
    with open_session(context.system("find sign link"), readonly=True) as session:
        found = signing.signer_by_link(session, token[:200])
    if found is None or web.is_somebody_else(found.attending_id):
        raise NotFound(signing.UNKNOWN_LINK)
    return found


def _actor(signer: Signer, name: str) -> Actor:
    return Actor("attending", signer.attending_id, name=name[:120])
