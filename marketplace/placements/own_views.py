"""/attending/capacity, /delegates and /answer-for: what is the attending's own."""

from datetime import date
from typing import Any
from uuid import UUID

from flask import flash, make_response, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts import delegates
from marketplace.accounts.forms import text
from marketplace.core import clock, context, jobs, web
from marketplace.core.db import db, open_session
from marketplace.core.errors import Invalid, NotFound
from marketplace.listings import inviting, place_queries, places, pool
from marketplace.placements import attending_queries as reads

own = web.Room("attending_own", __name__, side="person", url_prefix="/attending")

Answer = str | tuple[str, int] | BaseResponse
WEEKS = 26


def _frame() -> dict[str, Any]:
    waiting = len(reads.requests(db.session(), web.attending_id()))
    return {"agency": None, "counts": {"home": waiting}}


# --- capacity -----------------------------------------------------------------------------------


@own.get("/capacity")
def capacity() -> Answer:
    """One pool for all agencies, by week."""
    return _capacity({})


def _capacity(errors: dict[str, str], status: int = 200) -> Answer:
    session, me = db.session(), web.attending_id()
    found = reads.capacity(session, me, WEEKS)
    return web.render(
        "placements/capacity.html",
        status=status,
        **_frame(),
        agencies=found.agencies,
        weeks=[
            {
                "key": f"w-{week.start}",
                "start": week.start,
                "capacity": week.capacity,
                "taken": week.taken,
                "note": "this week" if number == 0 else "" if week.capacity else "Away",
            }
            for number, week in enumerate(found.weeks)
        ],
        usual=found.usual,
        largest=pool.MOST,
        action="/attending/capacity",
        errors=errors,
    )


@own.post("/capacity")
def set_capacity() -> Answer:
    """Keep the weeks that were sent."""
    try:
        weeks, usual = _sent()
        number = pool.set_capacity(db.session(), web.actor(), weeks, usual)
    except Invalid as error:
        return _capacity(web.undone(error), error.status)
    jobs.wake(web.config().redis_url)
    if number:
        flash("Saved. Starts that no longer fit are closed by themselves.", "good")
    else:
        flash("Nothing changed.", "info")
    return web.go("/attending/capacity")


def _sent() -> tuple[dict[date, int], int]:
    shown = {f"w-{week.start}": week.start for week in _shown_weeks()}
    errors: dict[str, str] = {}
    weeks: dict[date, int] = {}
    for name, monday in shown.items():
        if name in request.form:
            value = _number(request.form[name])
            if value is None:
                errors[name] = "Choose a number from the list."
            else:
                weeks[monday] = value
    usual = _number(request.form.get("usual", ""))
    if usual is None:
        errors["usual"] = "Choose a number from the list."
    if errors or usual is None:
        raise Invalid(errors)
    return weeks, usual


def _shown_weeks() -> tuple[reads.Week, ...]:
    return reads.capacity(db.session(), web.attending_id(), WEEKS).weeks


def _number(value: str) -> int | None:
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 4 else None


# --- delegates ----------------------------------------------------------------------------------


@own.get("/delegates")
def see_delegates() -> Answer:
    """Who may answer in the attending's name."""
    return _delegates({})


def _delegates(errors: dict[str, str], status: int = 200) -> Answer:
    return web.render(
        "placements/delegates.html",
        status=status,
        **_frame(),
        delegates=delegates.active(db.session(), web.attending_id()),
        may_name=web.actor().role != delegates.ROLE,
        f={name: request.form.get(name, "") for name in ("name", "email")},
        today=clock.now().date(),
        errors=errors,
    )


@own.post("/delegates")
def name_delegate() -> Answer:
    """Let somebody answer in the attending's name."""
    try:
        delegates.name_delegate(
            db.session(), web.actor(), text(request.form, "email", 254), text(request.form, "name")
        )
    except Invalid as error:
        return _delegates(web.undone(error), error.status)
    flash("They get an e-mail, and can answer as soon as they sign in.", "good")
    return web.go("/attending/delegates")


@own.post("/delegates/<uuid:key>/end")
def end_delegate(key: UUID) -> Answer:
    """Take the right away."""
    delegates.end_delegate(db.session(), web.actor(), key)
    flash("Removed. It counts with their next click.", "info")
    return web.go("/attending/delegates")


# --- agencies -----------------------------------------------------------------------------------


@own.get("/agencies")
def agencies() -> Answer:
    """The agencies that the attending works with, and those that ask to."""
    with open_session(context.system("agencies of an attending"), readonly=True) as session:
        found = place_queries.works_for(session, web.attending_id())
        asked = inviting.waiting(session, web.attending_id())
    return web.render(
        "placements/agencies.html",
        **_frame(),
        agencies=found,
        asked=asked,
        may_leave=web.actor().role != delegates.ROLE,
    )


@own.post("/agencies/invitations/<uuid:key>/accept")
def accept_invitation(key: UUID) -> Answer:
    """Work with an agency."""
    return _answer(key, "You said yes. It can ask you to sign now.", yes=True)


@own.post("/agencies/invitations/<uuid:key>/decline")
def decline_invitation(key: UUID) -> Answer:
    """Do not."""
    return _answer(key, "You said no. Nothing is listed with you.", yes=False)


def _answer(key: UUID, said: str, *, yes: bool) -> Answer:
    """The agency's list is not the attending's, so this runs in a short session of its own."""
    with open_session(context.system("answer invitation")) as session:
        inviting.answer(session, web.actor(), key, yes=yes)
    jobs.wake(web.config().redis_url)
    flash(said, "good")
    return web.go("/attending/agencies")


@own.post("/agencies/<uuid:key>/leave")
def leave(key: UUID) -> Answer:
    """Work with an agency no more. Its listings are not the attending's rows, so this runs in a
    short session of its own."""
    with open_session(context.system("attending leaves")) as session:
        paused = places.leave(session, web.actor(), key)
    jobs.wake(web.config().redis_url)
    flash(f"You have left. {paused} listings are paused; your trainees keep their places.", "info")
    return web.go("/attending/agencies")


@own.post("/answer-for")
def answer_for() -> Answer:
    """Choose in whose name the next pages are: kept in a cookie that says nothing by itself."""
    viewer = web.require_viewer()
    chosen = request.form.get("attending", "")
    known = {str(key) for key, _ in viewer.attends_for}
    if viewer.is_attending:
        known.add(str(viewer.person_id))
    if chosen not in known:
        raise NotFound
    answer = make_response(web.go("/attending"))
    answer.set_cookie(
        web.ANSWERS_FOR,
        chosen,
        path="/attending",
        httponly=True,
        samesite="Lax",
        secure=web.config().secure_cookies,
    )
    return answer
