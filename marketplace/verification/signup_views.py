"""/agencies/new: a new agency, from its name to the checklist, in one form.

A guest's form asks for the account, too: the agency waits in the guest's browser until the link
that they are sent is used there, and opens in the post that uses it. In another browser the link
leads back to the form, with the name filled in.
"""

from dataclasses import asdict
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from flask import flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts import entry
from marketplace.accounts import forms as people
from marketplace.accounts import operations as accounts
from marketplace.accounts.models import Person
from marketplace.accounts.operations import Device
from marketplace.core import context, waiting, web
from marketplace.core.context import Actor
from marketplace.core.db import db, open_session
from marketplace.core.errors import Conflict, Invalid
from marketplace.verification import forms, kinds, signup
from marketplace.verification.signup import NewAgency

door = web.Room("agencies", __name__, side="public")
owner = web.Room("agencies_mine", __name__, side="person")

Answer = str | tuple[str, int] | BaseResponse
_FIELDS = ("person", "name", "email", "founded_year", "kind", "may_act")
WELCOME = "Your agency is here. First your papers: the Rounds team reads them next."


@door.get("/agencies/new")
def new() -> Answer:
    """What an agency needs, and the form. Whoever comes from the link finds the agency open."""
    viewer = web.viewer()
    asked = people.text(request.args, "name", signup.NAME_LENGTH)
    for one in viewer.agencies if viewer else ():
        if asked and one.name.lower() == asked.lower():
            return web.go(_papers(one.slug))
    return _page({"email": viewer.email if viewer else "", "name": asked}, {})


def _page(kept: dict[str, str], errors: dict[str, str]) -> Answer:
    return web.render(
        "verification/new.html",
        status=422 if errors else 200,
        f=kept,
        errors=errors,
        needed=kinds.required(),
        agency_kinds=[(one.slug, one.label) for one in kinds.agency_kinds()],
    )


def _kept() -> dict[str, str]:
    return {key: request.form.get(key, "")[:300] for key in _FIELDS}


def _papers(slug: str) -> str:
    return f"/agency/{slug}/verification/start"


@owner.post("/me/agencies")
def create() -> Answer:
    """Open the agency; the person who asks becomes its owner."""
    try:
        wanted = forms.new_agency(request.form)
        with open_session(context.system("agency sign-up")) as session:
            slug = signup.sign_up(session, web.actor(), wanted).slug
    except Invalid as error:
        return _page(_kept(), error.errors)
    flash(WELCOME, "good")
    return web.go(_papers(slug))


@door.post("/agencies/new")
def apply() -> Answer:
    """A guest names the agency and is sent a link; the same answer whatever the address."""
    try:
        person, wanted = forms.guest_agency(request.form)
    except Invalid as error:
        return _page(_kept(), error.errors)
    device = Device(request.remote_addr or "", "")
    entry.count("sign-up", person.email, device)
    back = f"/agencies/new?{urlencode({'name': wanted.name})}"
    accounts.sign_up(db.session(), web.actor(), person.email, person.name, back)
    waiting.remember("open-agency", urlencode(asdict(wanted)))
    return web.go("/sign-in/sent")


@waiting.action("open-agency")
def _open_waiting(person_id: UUID, value: str) -> None:
    """Open what waited, for who has proven the address that was written into the form."""
    told = dict(parse_qsl(value))
    kind = told.get("kind", kinds.USUAL_AGENCY)
    wanted = NewAgency(told.get("name", ""), told.get("email", ""), kind=kind)
    try:
        with open_session(context.system("agency sign-up")) as session:
            person = session.get_one(Person, person_id)
            if person.email != wanted.email:
                return
            actor = Actor("candidate", person_id, name=person.name)
            signup.sign_up(session, actor, wanted)
    except Conflict as error:
        flash(error.message, "bad")
    except Invalid as error:
        flash(next(iter(error.errors.values())), "bad")
    else:
        flash(WELCOME, "good")
