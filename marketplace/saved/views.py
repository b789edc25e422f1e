"""/me/saved; the hearts and "Save this search" of the public pages; the end of the e-mails.

The public forms carry no token, like every form there: the origin of the request is what counts
(core.web). A guest's wish waits in the cookie until they have signed in.
"""

from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from flask import flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core import context, waiting, web
from marketplace.core.db import db, open_session
from marketplace.core.errors import Conflict, Invalid, NotFound
from marketplace.core.typed import address_of
from marketplace.saved import operations, page, queries
from marketplace.search import finding
from marketplace.search.state import SearchState

room = web.Room("saving", __name__, side="public")
mine = web.Room("saved", __name__, side="person", url_prefix="/me/saved")

Answer = str | tuple[str, int] | BaseResponse
MINE = "/me/saved"


# --- public pages ---------------------------------------------------------------------------------


@room.post("/rotations/<slug>/save")
def save(slug: str) -> Answer:
    """Save a rotation; a guest signs in first and comes back with it saved."""
    if not page.is_public(slug):
        raise NotFound
    viewer = web.viewer()
    if viewer is None:
        return _sign_in_first("save-rotation", slug)
    with open_session(context.person(viewer.person_id)) as session:
        operations.keep_rotation(session, viewer.person_id, slug)
    return _heart(slug, saved=True)


@room.post("/rotations/<slug>/unsave")
def unsave(slug: str) -> Answer:
    """Take a rotation out of the list."""
    if not page.is_public(slug):
        raise NotFound
    viewer = web.viewer()
    if viewer is None:
        return web.go(f"/sign-in?{urlencode({'next': _back()})}")
    with open_session(context.person(viewer.person_id)) as session:
        operations.drop_rotation(session, viewer.person_id, slug)
    return _heart(slug, saved=False)


def _heart(slug: str, *, saved: bool) -> Answer:
    if web.is_fragment():
        return web.render("saved/_heart.html", slug=slug, saved=saved)
    flash("Saved. You find it under Saved." if saved else "Taken out of your list.", "good")
    return web.go(_back())


@room.post("/rotations/saved-searches")
def save_search() -> Answer:
    """Save the search that a page shows, under a name."""
    query = queries.stored(request.form.get("query", "")[: waiting.LONGEST // 2])
    name = request.form.get("name", "")[:200]
    viewer = web.viewer()
    if viewer is None:
        return _sign_in_first("save-search", urlencode({"query": query, "name": name}))
    _keep_search(viewer.person_id, query, name)
    return web.go(MINE)


def _sign_in_first(action: str, value: str) -> BaseResponse:
    waiting.remember(action, value)
    return web.go(f"/sign-in?{urlencode({'next': _back()})}")


def _back() -> str:
    """The page that the form stood on."""
    found = address_of(request.headers.get("Referer", "")[: waiting.LONGEST])
    here = found.path + (f"?{found.query}" if found.query else "")
    return web.safe_next(here, "/rotations") if found.netloc == request.host else "/rotations"


@waiting.action("save-rotation")
def _save_waiting(person_id: UUID, slug: str) -> None:
    try:
        with open_session(context.person(person_id)) as session:
            operations.keep_rotation(session, person_id, slug)
        flash("Saved. You find it under Saved.", "good")
    except (NotFound, Conflict) as error:
        flash(error.message, "bad")


@waiting.action("save-search")
def _search_waiting(person_id: UUID, value: str) -> None:
    told = dict(parse_qsl(value))
    _keep_search(person_id, queries.stored(told.get("query", "")), told.get("name", ""))


def _keep_search(person_id: UUID, query: str, name: str) -> None:
    try:
        with open_session(context.person(person_id)) as session:
            operations.keep_search(session, person_id, query, name)
        flash("Search saved. We write when something new appears, at most once a day.", "good")
    except Conflict as error:
        flash(error.message, "bad")


# --- the own list ---------------------------------------------------------------------------------


@mine.get("")
def index() -> Answer:
    """Saved rotations and saved searches."""
    return _page({})


def _page(errors: dict[str, str], typed: str = "") -> Answer:
    shown = page.compose(db.session(), web.require_viewer().person_id)
    return web.render(
        "saved/mine.html",
        status=422 if errors else 200,
        shown=shown,
        errors=errors,
        typed=typed,
    )


@mine.post("/rotations/<uuid:rotation_id>/remove")
def remove(rotation_id: UUID) -> Answer:
    """Take a rotation out of the list, published or not."""
    operations.drop_saved(db.session(), web.require_viewer().person_id, rotation_id)
    flash("Taken out of your list.", "good")
    return web.go(MINE)


@mine.post("/searches/<uuid:search_id>/look")
def look(search_id: UUID) -> Answer:
    """Run a search; what was new in it is seen."""
    found = operations.look(db.session(), web.require_viewer().person_id, search_id)
    return web.go(finding.address(SearchState.of_query(found.query)))


@mine.post("/searches/<uuid:search_id>/rename")
def rename(search_id: UUID) -> Answer:
    """Give a search another name."""
    name = request.form.get("name", "")
    try:
        operations.rename(db.session(), web.require_viewer().person_id, search_id, name)
    except Invalid as error:
        return _page({f"name-{search_id}": error.errors["name"]}, name[:200])
    flash("Renamed.", "good")
    return web.go(MINE)


@mine.post("/searches/<uuid:search_id>/delete")
def delete(search_id: UUID) -> Answer:
    """Delete a search."""
    operations.delete_search(db.session(), web.require_viewer().person_id, search_id)
    flash("Search deleted.", "good")
    return web.go(MINE)


@mine.post("/frequency")
def frequency() -> Answer:
    """How often e-mail may come."""
    chosen = request.form.get("frequency", "")[:20]
    try:
        operations.choose_frequency(db.session(), web.require_viewer().person_id, chosen)
    except Invalid as error:
        return _page(error.errors)
    flash("Your choice is saved.", "good")
    return web.go(MINE)


# --- the end of the e-mails -----------------------------------------------------------------------


@room.get("/unsubscribe/<token>")
def see_unsubscribe(token: str) -> Answer:
    """A button, because mail programs open links to look at them."""
    return web.render("saved/unsubscribe.html", done=page.ended(token), token=token)


@room.post("/unsubscribe/<token>")
@web.machine
def unsubscribe(token: str) -> Answer:
    """End the e-mails at once: the button, and what mail programs send (RFC 8058). The token is
    the proof; no session is needed, and again is fine."""
    page.end_mail(token)
    return web.render("saved/unsubscribe.html", done=True, token=token)
