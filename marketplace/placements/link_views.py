"""/decide/<token>: the attending answers from an e-mail, without signing in.

Reading never decides anything: mail programs open links. The token finds the booking in a short
system session that returns two ids; everything else happens in the attending's own scope, limited
to that one booking.
"""

from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.bookings import operations, reasons
from marketplace.bookings import workspace_queries as history
from marketplace.bookings.models import Booking
from marketplace.core import clock, context, deadlines, jobs, web
from marketplace.core.context import Actor
from marketplace.core.db import ScopedSession, open_session
from marketplace.core.errors import Conflict, Gone, Invalid, NotFound
from marketplace.core.formats import when
from marketplace.core.words import words
from marketplace.placements import calendar, decision, progress, queries
from marketplace.placements.queries import Asked

link = web.Room("decide", __name__, side="link", url_prefix="/decide")

Answer = str | tuple[str, int] | BaseResponse
UNKNOWN = (
    "This link is not known. It may be cut off in the message, or a newer message has replaced it:"
    " use the newest one, or sign in to answer."
)


@link.get("/<token>")
def show(token: str) -> Answer:
    """The request, or how it ended. Decides nothing."""
    return _page(token, _find(token))


@link.post("/<token>")
def answer(token: str) -> Answer:
    """Accept, or decline with a reason. An answer that comes too late shows how things stand."""
    asked = _asked(token)
    choice = request.form.get("choice", "")
    try:
        with open_session(_scope(asked)) as session:
            actor = _actor(session, asked)
            if choice == "accept":
                operations.accept(session, actor, asked.booking_id)
            elif choice == "decline":
                reason = reasons.chosen(reasons.ATTENDING_DECLINE, request.form.get("reason", ""))
                operations.decline(session, actor, asked.booking_id, reason=reason)
            else:
                raise Invalid({"reason": "Choose Accept or Decline."})
    except Invalid as error:
        return _page(token, asked, errors=error.errors, status=422)
    except (Conflict, Gone) as error:
        return _page(token, asked, status=error.status)
    _wake()
    return web.go(f"/decide/{token}")


@link.post("/<token>/undo")
def undo(token: str) -> Answer:
    """Take an acceptance back within its 15 minutes."""
    asked = _asked(token)
    try:
        with open_session(_scope(asked)) as session:
            operations.undo_accept(session, _actor(session, asked), asked.booking_id)
    except (Conflict, Gone) as error:
        return _page(token, asked, status=error.status)
    _wake()
    return web.go(f"/decide/{token}")


@link.get("/<token>/wrong")
def wrong(token: str) -> Answer:
    """Not the attending? What to do, without the candidate's name."""
    return _wrong_person(_find(token), 200)


@link.get("/<token>/rotation.ics")
def ics(token: str) -> Answer:
    """An accepted rotation for the attending's calendar."""
    asked = _asked(token)
    with open_session(_scope(asked), readonly=True) as session:
        booking = _booking(session, asked)
        if decision.standing_of(booking) != "accepted":
            raise NotFound
        title = f"Trainee: {booking.terms['specialty_label']} ({booking.reference})"
        body = calendar.entry(booking, title=title, now=clock.now())
    headers = {"Content-Disposition": f"attachment; filename={booking.reference}.ics"}
    return Response(body, mimetype="text/calendar", headers=headers)


# --- pages --------------------------------------------------------------------------------------


def _page(
    token: str, asked: Asked, *, errors: dict[str, str] | None = None, status: int = 200
) -> Answer:
    """The page for how the request stands now."""
    if web.is_somebody_else(asked.attending_id):
        return _wrong_person(asked, 403)
    with open_session(_scope(asked), readonly=True) as session:
        booking = _booking(session, asked)
        standing = decision.standing_of(booking)
        if standing == "over":
            raise NotFound(UNKNOWN)
        p = decision.request_of(booking)
        if standing == "open":
            return _open_page(token, booking, p, errors or {}, status)
        if standing == "accepted":
            return _accepted_page(token, booking, p, status)
        by_attending = history.last_actor(session, booking.id) == "attending"
        ended = decision.ended_words(booking, standing, by_attending=by_attending)
    actions = [{"label": "See all my placements", "url": "/attending", "kind": "line"}]
    return _state_page(ended, p, actions, 410 if status == 200 else status)


def _open_page(
    token: str, booking: Booking, p: decision.Request, errors: dict[str, str], status: int
) -> Answer:
    return web.render(
        "placements/decide.html",
        status=status,
        p=p,
        due=deadlines.due(booking.deadline_at, clock.now(), booking.time_zone),
        accept_label=decision.accept_label(booking),
        starts=[],
        reasons=reasons.ATTENDING_DECLINE,
        action=f"/decide/{token}",
        wrong_url=f"/decide/{token}/wrong",
        errors=errors,
    )


def _accepted_page(token: str, booking: Booking, p: decision.Request, status: int) -> Answer:
    until = decision.undo_until(booking)
    at = when(until, booking.time_zone) if until else ""
    return web.render(
        "placements/decide_done.html",
        status=status,
        choice="accept",
        title=f"{p.first_name} will join you",
        message=words("decide.done") if until else f"You accepted. {p.agency} has been told.",
        undo_until=at,
        undo_url=f"/decide/{token}/undo",
        undo_note="Nothing is charged before then.",
        steps=progress.steps_of(booking),
        calendar_url=f"/decide/{token}/rotation.ics",
        home_url="/attending",
        p=p,
    )


def _wrong_person(asked: Asked, status: int) -> Answer:
    with open_session(_scope(asked), readonly=True) as session:
        p = decision.request_of(_booking(session, asked))
    ended = decision.Ended(
        "wrong-person",
        f"This link is for Dr. {p.doctor}",
        "It belongs to one doctor and one request. If it reached you by mistake, you can delete"
        f" the message; {p.agency} sends it again. Nothing was decided.",
    )
    return _state_page(ended, p, [{"label": "Sign in", "url": "/sign-in", "kind": "line"}], status)


def _state_page(
    ended: decision.Ended, p: decision.Request, actions: list[dict[str, Any]], status: int
) -> Answer:
    return web.render(
        "placements/decide_state.html",
        status=status,
        state=ended.state,
        title=ended.title,
        message=ended.message,
        actions=[{"post": False, **action} for action in actions],
        p=p,
    )


# --- the way in ---------------------------------------------------------------------------------


def _find(token: str) -> Asked:
    with open_session(context.system("find decide link"), readonly=True) as session:
        found = queries.asked_by_link(session, token[:200])
    if found is None:
        raise NotFound(UNKNOWN)
    return found


def _asked(token: str) -> Asked:
    """Whom the link asks; somebody who is signed in as another person is refused."""
    asked = _find(token)
    if web.is_somebody_else(asked.attending_id):
        raise NotFound(UNKNOWN)
    return asked


def _scope(asked: Asked) -> context.Scope:
    return context.person(asked.attending_id, asked.booking_id)


def _booking(session: ScopedSession, asked: Asked) -> Booking:
    booking = session.get(Booking, asked.booking_id)
    if booking is None:
        raise NotFound(UNKNOWN)
    return booking


def _actor(session: ScopedSession, asked: Asked) -> Actor:
    name = _booking(session, asked).terms["attending"]
    return Actor("attending", asked.attending_id, name=f"Dr. {name}")


def _wake() -> None:
    """The work written above waits in the outbox; tell the relay at once."""
    jobs.wake(web.config().redis_url)
