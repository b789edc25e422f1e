"""One request, in this order: identify, scope, load, authorise, act, commit, then effects.

The transaction is committed here and nowhere else, and only for an answer below 400. Whether a
request gets the whole page or its fragment is decided by `render`.
"""

import logging
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar
from urllib.parse import quote, urlsplit
from uuid import UUID

from flask import Blueprint, Flask, Request, Response, current_app, g, redirect, request
from flask import render_template as _render_template
from flask_wtf.csrf import CSRFProtect
from htmx_flask import Htmx
from sqlalchemy.exc import DataError, InterfaceError, OperationalError, TimeoutError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core import announcements, compression, context, freshness, jobs
from marketplace.core.config import Config
from marketplace.core.context import Actor, Scope
from marketplace.core.db import db
from marketplace.core.errors import (
    DomainError,
    Forbidden,
    Invalid,
    NotFound,
    TooMany,
    Unauthenticated,
)
from marketplace.core.page_address import page_address
from marketplace.core.typed import address_of

log = logging.getLogger("rounds.web")
csrf = CSRFProtect()
htmx = Htmx()

Side = Literal["public", "person", "agency", "admin", "link"]
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_BODY = 12 * 1024 * 1024


@dataclass(frozen=True)
class Membership:
    """Where a signed-in person works."""

    agency_id: UUID
    slug: str
    name: str
    role: str


@dataclass(frozen=True)
class Watch:
    """A platform admin looks as the viewer: who, and until when (wall clock)."""

    view_as_id: UUID
    admin_id: UUID
    admin_name: str
    until: datetime


@dataclass(frozen=True)
class Viewer:
    """Who is signed in: plain data loaded by its own system session."""

    person_id: UUID
    sign_in_id: UUID
    name: str
    email: str
    is_admin: bool = False
    is_attending: bool = False
    agencies: tuple[Membership, ...] = field(default=())
    attends_for: tuple[tuple[UUID, str], ...] = field(default=())  # attendings, as a delegate
    watched_by: Watch | None = None
    looked_as: tuple[UUID, str] | None = None  # an admin whose view-as has run out of time

    # flask-login's protocol
    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """The sign-in's id, for flask-login."""
        return str(self.sign_in_id)

    @property
    def is_candidate(self) -> bool:
        """Everyone who is nothing else books rotations."""
        return not (self.is_admin or self.is_attending or self.agencies or self.attends_for)


class Room(Blueprint):
    """A blueprint that knows on which side of the house it stands.

    `side` decides the scope of every request: public, person (/me, /attending), agency
    (/agency/<slug>), admin (/admin), link (an e-mail link; the view opens the person's scope).
    """

    def __init__(self, name: str, import_name: str, side: Side, url_prefix: str = "") -> None:
        super().__init__(name, import_name, url_prefix=url_prefix or None)
        self.side: Side = side


def viewer() -> Viewer | None:
    """Who is signed in, or None. Set once a request by the accounts package."""
    found: Viewer | None = g.get("viewer")
    return found


def require_viewer() -> Viewer:
    """Who is signed in; Unauthenticated otherwise."""
    found = viewer()
    if found is None:
        raise Unauthenticated("Please sign in to go on.")
    return found


def is_somebody_else(person_id: UUID) -> bool:
    """Whether a link that was sent to this person is open where another one is signed in: then it
    shows nothing of what it is about. Nobody signed in is fine, the link itself is the key."""
    found = viewer()
    return found is not None and found.person_id != person_id


def actor() -> Actor:
    """The acting person on this side of the house."""
    found: Actor = g.actor
    return found


def membership() -> Membership:
    """The agency membership of this request (agency side only)."""
    found: Membership = g.membership
    return found


def config() -> Config:
    """The settings of this process."""
    found: Config = current_app.extensions["rounds.config"]
    return found


def is_fragment() -> bool:
    """htmx asks for a part of a page; on Back and reload it asks for the full one."""
    return request.headers.get("HX-Request-Type") == "partial"


def render(
    page: str, fragment: str | None = None, status: int = 200, **values: Any
) -> tuple[str, int] | str:
    """The page, or the fragment it includes when htmx asks for a part."""
    name = fragment if fragment and is_fragment() else page
    return _render_template(name, **values), status


def lead_back(name: str, url: str) -> None:
    """This page shows the way back to an agency's own site."""
    g.site_back = (name, url)


def site_back() -> tuple[str, str] | None:
    """The name and the address of the site that this page leads back to."""
    found: tuple[str, str] | None = g.get("site_back")
    return found


def go(url: str) -> BaseResponse:
    """Post/redirect/get: 303, or the htmx way of it."""
    if is_fragment():
        return Response(status=204, headers={"HX-Redirect": url})
    return redirect(url, 303)


def undone(error: Invalid) -> dict[str, str]:
    """Take back what this request has written, and give the messages for the form's fields: for
    a form that is shown again as it was typed."""
    db.session.rollback()
    return dict(error.errors)


def safe_next(target: str | None, default: str) -> str:
    """A same-site path from user input; anything else becomes `default`."""
    if not target or not target.startswith("/") or re.match(r"^/[/\\]", target):
        return default
    if any(ord(char) < 33 or char == "\\" for char in target):
        return default
    parts = urlsplit(target)
    return default if parts.scheme or parts.netloc else target


# --- wiring -------------------------------------------------------------------------------------


def init_app(app: Flask, identify: Callable[[Request], Viewer | None]) -> None:
    """Register the request's order, its guards and its error pages."""
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False  # _guard_origin decides where a token is needed
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    # the redirect that merges slashes is an absolute one, made of the Host header and of http
    app.url_map.merge_slashes = False
    csrf.init_app(app)
    htmx.init_app(app)

    @app.before_request
    def _open() -> BaseResponse | None:
        g.began = time.perf_counter()
        context.request_id.set(_request_id())
        context.reading.set(request.method in SAFE)
        context.watching.set(False)
        context.set_scope(None)
        g.csp_extra = {}
        if request.endpoint == "assets.static":
            return None
        freshness.refresh()
        g.viewer = identify(request)
        if request.endpoint is None:
            return None
        request.max_content_length = getattr(_view(), "max_body", MAX_BODY)
        _guard_view_as()
        scope, g.actor = _scope_and_actor()
        context.set_scope(scope)
        _guard_origin()
        return None

    # run from the last to the first
    app.after_request(_tell)
    app.after_request(_shrink)
    app.after_request(_finish)
    app.after_request(_secure)
    app.after_request(_only_pages)

    @app.teardown_request
    def _close(error: BaseException | None) -> None:
        context.set_scope(None)
        context.reading.set(False)
        context.watching.set(False)

    app.register_error_handler(DomainError, _domain_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(DataError, _unstorable)
    for kind in (OperationalError, InterfaceError, TimeoutError):
        app.register_error_handler(kind, _no_database)
    app.register_error_handler(Exception, _crash)


def _request_id() -> str:
    given = request.headers.get("X-Request-Id", "")
    return given if re.fullmatch(r"[A-Za-z0-9-]{8,64}", given) else secrets.token_hex(8)


def side() -> Side:
    """The side of the house this request is on."""
    room = current_app.blueprints.get(request.blueprint or "")
    return room.side if isinstance(room, Room) else "public"


def _scope_and_actor() -> tuple[Scope, Actor]:
    """The URL chooses the scope; the membership decides whether it opens."""
    found = viewer()
    where = side()
    if where in ("public", "link"):
        return context.public(), _as_actor(found, "candidate") if found else context.GUEST
    if found is None:
        raise Unauthenticated("Please sign in to go on.")
    if where == "person":
        if request.path.startswith("/attending"):
            return _as_attending(found)
        return context.person(found.person_id), _as_actor(found, "candidate")
    if where == "admin":
        if not found.is_admin:
            raise NotFound
        return context.system(f"admin {found.email}"), _as_actor(found, "admin")
    slug = (request.view_args or {}).get("slug")
    for member in found.agencies:
        if member.slug == slug:
            g.membership = member
            acting = Actor("agency", found.person_id, member.agency_id, found.name, member.role)
            return context.agency(member.agency_id), acting
    raise NotFound


ANSWERS_FOR = "answers_for"
"""The cookie in which a delegate of several attendings keeps the chosen one."""


def _as_attending(found: Viewer) -> tuple[Scope, Actor]:
    """The attending, or a delegate in the attending's scope; every step then says who it was."""
    chosen = request.cookies.get(ANSWERS_FOR, "")
    wanted = [one for one in found.attends_for if str(one[0]) == chosen]
    if found.is_attending and not wanted:
        g.attending_id = found.person_id
        return context.person(found.person_id), _as_actor(found, "attending")
    if not found.attends_for:
        raise NotFound
    key, name = (wanted or found.attends_for)[0]
    g.attending_id, g.answers_for = key, name
    acting = f"{found.name} for {name}"
    return context.person(key), Actor(
        "attending", key, name=acting, role="delegate", by=found.person_id
    )


def answers_for() -> str:
    """The attending in whose name a delegate looks at this page, or ''."""
    found: str = g.get("answers_for", "")
    return found


def attending_id() -> UUID:
    """Whose trainees these are: the attending who is signed in, or who is answered for."""
    found: UUID = g.attending_id
    return found


def news() -> tuple[announcements.News, ...]:
    """The platform's announcements for the side of this request. Costs no query."""
    where: str = side()
    if where == "person":
        where = "attending" if request.path.startswith("/attending") else "candidate"
    if where == "link":
        where = "attending"
    return announcements.showing(where, request.cookies.get(announcements.COOKIE, "")[:400])


def _as_actor(found: Viewer, kind: Literal["candidate", "attending", "admin"]) -> Actor:
    return Actor(kind, found.person_id, name=found.name)


def _guard_origin() -> None:
    """Unsafe requests come from our own pages: Sec-Fetch-Site or Origin says so, and a page that
    belongs to a signed-in person carries a token besides."""
    if request.method in SAFE or getattr(_view(), "machine", False):
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None and site != "same-origin":
        raise Forbidden("This form was sent from another site, so we did not use it.")
    if site is None and origin is None:
        raise Forbidden("Your browser did not say where this form came from.")
    if origin is not None and address_of(origin).netloc != request.host:
        raise Forbidden("This form was sent from another site, so we did not use it.")
    if side() in ("person", "agency", "admin"):
        csrf.protect()


# --- view-as: a platform admin looks as somebody else -------------------------------------------


def _guard_view_as() -> None:
    """THE guard of view-as. Nothing is sent, no link of an e-mail is opened, no page that is for
    the person's own eyes is shown, and every session of the request only reads."""
    found = viewer()
    if found is None or found.watched_by is None or getattr(_view(), "ends_view_as", False):
        return
    context.watching.set(True)
    if request.method not in SAFE:
        raise Forbidden(f"You look as {found.name}. Nothing can be sent or changed meanwhile.")
    if side() == "link" or getattr(_view(), "own_eyes", False):
        raise Forbidden(f"This page is for {found.name} only. View-as does not open it.")


def _only_pages(response: Response) -> Response:
    """In view-as only pages leave the house: no document, no export, no calendar file."""
    if not context.watching.get() or response.status_code >= 400 or side() == "public":
        return response
    if response.mimetype == "text/html":
        return response
    return error_answer(403, "View-as shows pages only. Files stay with the person they belong to.")


def _view() -> object:
    return current_app.view_functions.get(request.endpoint or "")


F = TypeVar("F", bound=Callable[..., Any])


def machine(view: F) -> F:
    """Mark a view that machines post to (webhooks): it proves the sender itself."""
    view.machine = True  # type: ignore[attr-defined]
    return view


def takes(most: int) -> Callable[[F], F]:
    """Mark a view whose form may be larger than `MAX_BODY`: `most` bytes in all."""

    def mark(view: F) -> F:
        view.max_body = most  # type: ignore[attr-defined]
        return view

    return mark


def own_eyes(view: F) -> F:
    """Mark a page that view-as never shows: it holds a secret, or opening it does something."""
    view.own_eyes = True  # type: ignore[attr-defined]
    return view


def ends_view_as(view: F) -> F:
    """Mark the one form that works in view-as: the button that ends it."""
    view.ends_view_as = True  # type: ignore[attr-defined]
    return view


def _finish(response: Response) -> Response:
    """Commit below 400, else roll back; then wake the relay."""
    if not _session_is_open():
        return response
    if response.status_code >= 400:
        db.session.rollback()
        return response
    wake = bool(db.session().info.get("wake"))
    db.session.commit()
    if wake:
        jobs.wake(config().redis_url)
    return response


def _session_is_open() -> bool:
    return bool(db.session.registry.has())


def _shrink(response: Response) -> Response:
    """What a stranger reads on a public page holds no token, so it may be compressed."""
    if viewer() is not None or side() != "public" or request.method not in SAFE:
        return response
    return compression.shrunk(response)


def _tell(response: Response) -> Response:
    """One line in the log: what was asked, how it ended and how long it took (ms)."""
    if request.endpoint not in _UNTOLD:
        took = round((time.perf_counter() - g.began) * 1000, 1)
        asked = {"method": request.method, "path": _path_for_logs()}
        log.info("request", extra=asked | {"status": response.status_code, "ms": took})
    return response


_UNTOLD = frozenset({"assets.static", "health.healthz", "health.readyz"})


def _secure(response: Response) -> Response:
    """Security headers; only a page that asks for it may reach the card provider."""
    headers = response.headers
    headers["X-Request-Id"] = context.request_id.get()
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "strict-origin-when-cross-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    headers.setdefault("Content-Security-Policy", _csp(g.get("csp_extra", {})))
    if config().secure_cookies:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if response.mimetype == "text/html" or side() != "public":
        headers.setdefault("Cache-Control", _cache_rule())
    if response.mimetype == "text/html":
        response.vary.update(["HX-Request-Type", "Cookie"])
    return response


def _cache_rule() -> str:
    return "private, must-revalidate" if side() == "public" else "private, no-store"


_CSP = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "manifest-src": "'self'",
}


def _csp(extra: dict[str, str]) -> str:
    usual = {
        name: "" if name in extra and rule == "'none'" else rule for name, rule in _CSP.items()
    }
    rules = {name: f"{usual.get(name, '')} {extra.get(name, '')}".strip() for name in _CSP | extra}
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def allow_framing() -> None:
    """This page may stand in a frame of any site: only a widget, which no one can act in."""
    g.csp_extra = {"frame-ancestors": "*"}


def allow_card_origins() -> None:
    """This page may load the payment provider's script, frame and API, and nothing else may."""
    origins = {urlsplit(config().stripe_js_url)}
    if config().stripe_api_base:
        origins.add(urlsplit(config().stripe_api_base))
        names = " ".join(sorted({f"{part.scheme}://{part.netloc}" for part in origins}))
        g.csp_extra = dict.fromkeys(("script-src", "frame-src", "connect-src"), names)
        return
    g.csp_extra = {
        "script-src": "https://js.stripe.com",
        "frame-src": "https://js.stripe.com https://hooks.stripe.com",
        "connect-src": "https://api.stripe.com",
    }


# --- errors -------------------------------------------------------------------------------------

_TITLES = {
    400: "We could not read that request",
    401: "Please sign in",
    403: "You cannot do this",
    404: "We could not find this page",
    405: "This address does not take that action",
    409: "This has changed meanwhile",
    410: "This link has ended",
    413: "This file is too large",
    415: "We cannot read this kind of file",
    422: "Please check the form",
    429: "Too many tries",
    500: "Something went wrong on our side",
    503: "A part of Rounds is not answering",
}

_WORTH_ANOTHER_LOOK = frozenset({400, 403, 409, 413, 422, 429, 503})
"""After these the page that the form stood on says what holds now."""


def error_answer(
    status: int,
    message: str,
    *,
    title: str = "",
    action_url: str = "",
    action_label: str = "",
) -> Response:
    """The error as a page, or as a fragment when htmx asks for a part (it swaps 4xx and 5xx).
    Its one link leads back to the page whose form was refused, or home."""
    if _wants_json():
        return _json_error(status, message)
    back = "" if action_url or status not in _WORTH_ANOTHER_LOOK else _page_of_the_form()
    name = "errors/_fragment.html" if is_fragment() else "errors/page.html"
    body = _render_template(
        name,
        status=status,
        title=title or _TITLES.get(status, _TITLES[400 if status < 500 else 500]),
        message=message,
        action_url=action_url or back or "/",
        action_label=action_label or ("Back to the page" if back else "Go to the home page"),
        request_id=context.request_id.get(),
    )
    return Response(body, status)


def _page_of_the_form() -> str:
    """Where the refused form stood, by the Referer: a page of this site that opens by a link.
    Empty when nothing was sent, or when that is not known."""
    came = address_of(request.referrer or "")
    if request.method in SAFE or came.netloc != request.host:
        return ""
    try:
        current_app.create_url_adapter(request).match(came.path, method="GET")  # type: ignore[union-attr]
    except HTTPException:
        # a form that came back stands at an address that takes forms only
        return page_address() if page_address() != "/" else ""
    return safe_next(f"{came.path}?{came.query}".rstrip("?"), "")


def _wants_json() -> bool:
    return request.path.startswith("/api/") or request.path.startswith("/webhooks/")


def _json_error(status: int, message: str) -> Response:
    error = {"status": status, "message": message, "request_id": context.request_id.get()}
    body = current_app.json.dumps({"error": error})
    return Response(body, status, mimetype="application/json")


def _domain_error(error: DomainError) -> BaseResponse:
    if isinstance(error, Unauthenticated) and not _wants_json():
        target = request.full_path.rstrip("?") if request.method in SAFE else "/"
        return go(f"/sign-in?next={quote(target)}")
    found = viewer()
    theirs = isinstance(error, NotFound) and side() in ("agency", "person")
    if theirs and found is not None and found.looked_as:
        return _view_as_over(*found.looked_as)
    answer = error_answer(error.status, error.message)
    if isinstance(error, TooMany):
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def _view_as_over(person_id: UUID, name: str) -> Response:
    """To an admin who goes on in pages of somebody whom they do not look as any more."""
    return error_answer(
        410,
        f"You looked as {name} for half an hour, and that is over. You are yourself again."
        " To look on, start again with a reason.",
        title="View-as has ended",
        action_url=f"/admin/people/{person_id}",
        action_label=f"Back to {name}",
    )


def _path_for_logs() -> str:
    """The route instead of the path, which may hold the token of somebody's link."""
    return str(request.url_rule or "no such address")


def _unstorable(error: DataError) -> BaseResponse:
    """A value that no row can hold (PostgreSQL takes no NUL in a text): the sender's, not ours."""
    log.warning(
        "a value that cannot be stored", extra={"path": _path_for_logs(), "error": str(error)}
    )
    return error_answer(400, "A value has characters that cannot be used. Go back and try again.")


def _no_database(error: Exception) -> BaseResponse:
    """The database is away or gives no connection: each request asks it anew, so it heals."""
    log.exception("the database did not answer", extra={"path": _path_for_logs()})
    answer = error_answer(
        503, "Try again in a minute. If you sent a form, look first whether it arrived."
    )
    answer.headers["Retry-After"] = "60"
    return answer


_MESSAGES = {
    400: "Part of the request was missing or damaged. Go back and try again.",
    404: "The address may be mistyped, or the page is no longer there.",
    405: "Go back and use the buttons on the page.",
    413: "Files may be up to 10 MB.",
}


def _http_error(error: HTTPException) -> BaseResponse:
    if error.code is None or error.code < 400:
        return error.get_response()
    message = _MESSAGES.get(error.code, "Go back and try again.")
    if type(error).__name__ == "CSRFError":
        message = "This form was open for a long time. Go back, reload the page and send it again."
    if error.code == 405:
        there = page_address()
        return error_answer(405, message, action_url=there, action_label="Open the page")
    return error_answer(error.code, message)


def _crash(error: Exception) -> BaseResponse:
    log.exception("request failed", extra={"path": _path_for_logs()})
    if current_app.testing:
        raise error
    return error_answer(
        500, "Nothing you did was lost without a message. We have been told; please try again."
    )
