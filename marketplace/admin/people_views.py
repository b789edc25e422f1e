"""People: find, look at one, sign out everywhere, block, look as them."""

from uuid import UUID

from flask import flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts import people as accounts
from marketplace.accounts import view_as
from marketplace.admin import forms, people_queries
from marketplace.admin.people_queries import KINDS, PAGE, PersonFilter
from marketplace.core import clock, web
from marketplace.core.db import db
from marketplace.core.errors import Invalid

room = web.Room("admin_people", __name__, side="admin", url_prefix="/admin/people")

Answer = str | tuple[str, int] | BaseResponse


@room.get("")
def people() -> Answer:
    """Everybody, the newest first, by name, address or kind."""
    wanted = PersonFilter(
        forms.text(request.args, "q", 100),
        forms.choice(request.args, "kind", KINDS),
        forms.key(request.args, "before"),
    )
    found = people_queries.people(db.session(), wanted)
    return web.render(
        "admin/people.html",
        rows=found[:PAGE],
        has_more=len(found) > PAGE,
        wanted=wanted,
        kinds=KINDS,
    )


@room.get("/<uuid:person_id>")
def show(person_id: UUID) -> Answer:
    """One person."""
    return _page(person_id)


def _page(person_id: UUID, act: str = "", error: str = "") -> Answer:
    """The page; after a refused form with its message and what was typed."""
    return web.render(
        "admin/person.html",
        status=422 if error else 200,
        p=people_queries.person_page(db.session(), person_id),
        act=act,
        error=error,
        typed=request.form.get("reason", "")[:2000] if error else "",
        now=clock.wall(),
    )


def _reason() -> str:
    return forms.reason(request.form)


@room.post("/<uuid:person_id>/sign-out")
def sign_out(person_id: UUID) -> Answer:
    """End every sign-in of a person."""
    try:
        number = accounts.end_sign_ins(db.session(), web.actor(), person_id, _reason())
    except Invalid as error:
        return _page(person_id, "sign-out", error.errors["reason"])
    flash(f"Signed out of {number} {'browser' if number == 1 else 'browsers'}.", "good")
    return web.go(f"/admin/people/{person_id}")


@room.post("/<uuid:person_id>/block")
def block(person_id: UUID) -> Answer:
    """Stop an account."""
    try:
        accounts.block(db.session(), web.actor(), person_id, _reason())
    except Invalid as error:
        return _page(person_id, "block", error.errors["reason"])
    flash("The account is blocked. It is signed out everywhere.", "good")
    return web.go(f"/admin/people/{person_id}")


@room.post("/<uuid:person_id>/unblock")
def unblock(person_id: UUID) -> Answer:
    """Open an account again."""
    try:
        accounts.unblock(db.session(), web.actor(), person_id, _reason())
    except Invalid as error:
        return _page(person_id, "unblock", error.errors["reason"])
    flash("The account is open again.", "good")
    return web.go(f"/admin/people/{person_id}")


@room.post("/<uuid:person_id>/view-as")
def look(person_id: UUID) -> Answer:
    """Look as this person for half an hour, reading only."""
    me = web.require_viewer()
    try:
        view_as.start(
            db.session(),
            web.actor(),
            sign_in_id=me.sign_in_id,
            person_id=person_id,
            reason=_reason(),
        )
    except Invalid as error:
        return _page(person_id, "view-as", error.errors["reason"])
    found = people_queries.person_page(db.session(), person_id)
    live = [work for work in found.work if work.ended_at is None]
    if live:
        return web.go(f"/agency/{live[0].slug}")
    return web.go("/attending" if "Attending" in found.roles else "/me")
