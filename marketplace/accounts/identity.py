"""Who is asking: the cookie's token, looked up in a session of its own.

The cookie is Flask's signed one; it carries an unguessable token (Flask-Login's user id) whose
hash is a row that can be ended. Rights are read with each request, so a role that was taken away
is gone with the next one. A visitor without a cookie costs no query and gets no cookie.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

import flask_login
from flask import Flask, Request, current_app, session

from marketplace.accounts import delegates, entrants, operations, view_as
from marketplace.core import clock, context
from marketplace.core.db import open_session
from marketplace.core.web import Membership, Viewer, Watch

NOTE_SEEN_AFTER = timedelta(minutes=10)
_TOKEN_KEY = "_user_id"  # noqa: S105  (the name of the place where Flask-Login keeps it)


class Ticket(flask_login.UserMixin):  # type: ignore[misc]
    """What Flask-Login writes into the cookie."""

    def __init__(self, token: str) -> None:
        self.id = token


def init_app(app: Flask) -> None:
    """Set up Flask-Login and the life of its cookie."""
    app.config["PERMANENT_SESSION_LIFETIME"] = operations.LONGEST
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    manager = flask_login.LoginManager()
    manager.session_protection = None  # phones change address; revoking is what protects
    manager.user_loader(load)
    manager.init_app(app, add_context_processor=False)


def identify(request: Request) -> Viewer | None:
    """The signed-in person as plain data, or None. A dead cookie is taken away."""
    if not _has_cookie(request):
        return None
    user: Any = flask_login.current_user
    if user.is_authenticated:
        viewer: Viewer = user._get_current_object()
        return viewer
    if _TOKEN_KEY in session:
        session.clear()
    return None


def _has_cookie(request: Request) -> bool:
    from_settings: str = current_app.config["SESSION_COOKIE_NAME"]
    return from_settings in request.cookies


def load(token: str) -> Viewer | None:
    """The person behind a token: one query in a read-only system session (two for somebody who
    answers for an attending, more while an admin looks as somebody else)."""
    moment = clock.wall()
    with open_session(context.system("identify"), readonly=True) as reading:
        found = entrants.signed_in(reading, token, moment - operations.IDLE)
        if found is None:
            return None
        watched = view_as.of(reading, found.sign_in_id) if found.is_admin else None
        over = view_as.over(reading, found.sign_in_id) if found.is_admin and not watched else None
        who = watched.person_id if watched else found.person_id
        work = entrants.work_of(reading, who) if watched else found.work
        may_answer = watched.is_delegate if watched else found.is_delegate
        answers = delegates.attends_for(reading, who) if may_answer else ()
    if found.seen_at < moment - NOTE_SEEN_AFTER:
        _note_seen(found.sign_in_id)
    agencies = tuple(Membership(w.agency_id, w.slug, w.name, w.role) for w in work)
    attends_for = tuple((one.attending_id, one.name) for one in answers)
    if watched:
        return _as_somebody(found, watched, agencies, attends_for)
    return Viewer(
        person_id=found.person_id,
        sign_in_id=found.sign_in_id,
        name=found.name,
        email=found.email,
        is_admin=found.is_admin,
        is_attending=found.is_attending,
        agencies=agencies,
        attends_for=attends_for,
        looked_as=over,
    )


def _as_somebody(
    admin: entrants.SignedIn,
    watched: view_as.Watched,
    agencies: tuple[Membership, ...],
    attends_for: tuple[tuple[UUID, str], ...],
) -> Viewer:
    """The person whom an admin looks as; never with an admin's rights."""
    return Viewer(
        person_id=watched.person_id,
        sign_in_id=admin.sign_in_id,
        name=watched.name,
        email=watched.email,
        is_attending=watched.is_attending,
        agencies=agencies,
        attends_for=attends_for,
        watched_by=Watch(watched.view_as_id, admin.person_id, admin.name, watched.ends_at),
    )


def _note_seen(sign_in_id: UUID) -> None:
    """The one write that a GET may cause, at most every ten minutes."""
    token = context.reading.set(False)
    try:
        with open_session(context.system("note seen")) as writing:
            operations.note_seen(writing, sign_in_id)
    finally:
        context.reading.reset(token)


def enter(token: str) -> Viewer | None:
    """Put a new sign-in into the cookie; what the cookie held before is dropped."""
    session.clear()
    session.permanent = True
    flask_login.login_user(Ticket(token))
    return load(token)


def leave() -> None:
    """Take the cookie away; the caller has ended the sign-in."""
    flask_login.logout_user()
    session.clear()


def home_of(viewer: Viewer) -> str:
    """Where a person starts: the platform, the first agency, the trainees, or the bookings."""
    if viewer.is_admin:
        return "/admin"
    if viewer.agencies:
        return f"/agency/{viewer.agencies[0].slug}"
    return "/attending" if viewer.is_attending or viewer.attends_for else "/me"
