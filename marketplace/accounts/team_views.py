"""An agency's team: members, invitations, the table of roles; and joining by an invitation."""

from typing import Any
from uuid import UUID

from flask import flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts import (
    forms,
    identity,
    invitations,
    operations,
    passwords,
    permissions,
    queries,
    throttle,
)
from marketplace.accounts import team as members
from marketplace.accounts.invitations import OpenInvitation
from marketplace.accounts.models import ROLES
from marketplace.accounts.operations import Device
from marketplace.core import clock, context, web
from marketplace.core.db import db, open_session
from marketplace.core.errors import Conflict, Invalid
from marketplace.desk.frame import frame

team = web.Room("team", __name__, side="agency", url_prefix="/agency/<slug>/team")
joining = web.Room("joining", __name__, side="public")

Answer = str | tuple[str, int] | BaseResponse


# --- the team -----------------------------------------------------------------------------------


@team.get("")
def team_list(slug: str) -> Answer:
    """Who works here, in which role; who is invited; what each role may do."""
    return _team_page({})


def _team_page(
    errors: dict[str, str], kept: dict[str, str] | None = None, status: int = 422
) -> Answer:
    return web.render(
        "accounts/team.html",
        status=status if errors else 200,
        errors=errors,
        kept=kept or {"email": "", "role": "coordinator"},
        **frame(),
        me=web.require_viewer().person_id,
        members=queries.team(db.session()),
        invitations=_invitations(),
        roles=ROLES,
        role_options=[(role, f"{role.capitalize()}: {permissions.ABOUT[role]}") for role in ROLES],
        rights=[
            (
                title,
                [
                    (label, [permissions.may(role, action) for role in ROLES])
                    for action, label in rows
                ],
            )
            for title, rows in permissions.WORDS
        ],
        may_manage=permissions.may(web.membership().role, "team.manage"),
    )


def _invitations() -> list[dict[str, Any]]:
    now = clock.wall()
    return [
        {
            "id": row.id,
            "email": row.email,
            "role": row.role,
            "by": row.invited_by,
            "sent_at": row.sent_at,
            "over": row.expires_at <= now,
            "until": row.expires_at,
        }
        for row in invitations.open_ones(db.session())
    ]


@team.post("/<uuid:membership_id>/role")
def change_role(slug: str, membership_id: UUID) -> Answer:
    """Give a member another role."""
    try:
        members.change_role(db.session(), web.actor(), membership_id, request.form.get("role", ""))
    except Invalid as error:
        return _team_page({f"role-{membership_id}": error.errors["role"]})
    except Conflict as error:
        return _team_page({f"role-{membership_id}": error.message}, status=409)
    flash("The role is changed. It counts with that person's next click.", "good")
    return web.go(f"/agency/{slug}/team")


@team.post("/<uuid:membership_id>/remove")
def remove_member(slug: str, membership_id: UUID) -> Answer:
    """End a membership."""
    members.remove_member(db.session(), web.actor(), membership_id)
    flash("The member is removed and sees nothing of the agency any more.", "good")
    return web.go(f"/agency/{slug}/team")


@team.post("/leave")
def leave(slug: str) -> Answer:
    """End the own membership. The last owner reads beside the own role why not."""
    try:
        members.leave(db.session(), web.actor())
    except Conflict as error:
        me = web.require_viewer().person_id
        mine = [one.id for one in queries.team(db.session()) if one.person_id == me]
        return _team_page({f"role-{key}": error.message for key in mine}, status=409)
    flash(f"You have left {web.membership().name}.", "info")
    return web.go("/me/account")


@team.post("/invitations")
def invite(slug: str) -> Answer:
    """Ask somebody to join."""
    permissions.require(web.actor(), "team.manage")
    role = request.form.get("role", "")[:20]
    try:
        if role not in ROLES:
            raise Invalid({"role": "Choose a role from the list."})
        address = forms.email(request.form)
        invitations.invite(db.session(), web.actor(), address, role)
    except Invalid as error:
        errors = {f"invite-{name}": text for name, text in error.errors.items()}
        return _team_page(errors, {"email": request.form.get("email", "")[:300], "role": role})
    flash(f"Invitation sent to {address}. The link works for seven days.", "good")
    return web.go(f"/agency/{slug}/team")


@team.post("/invitations/<uuid:invitation_id>/again")
def send_again(slug: str, invitation_id: UUID) -> Answer:
    """Send an invitation again, with a new link."""
    row = invitations.send_again(db.session(), web.actor(), invitation_id)
    flash(f"Sent again to {row.email}. The older link has ended.", "good")
    return web.go(f"/agency/{slug}/team")


@team.post("/invitations/<uuid:invitation_id>/withdraw")
def withdraw(slug: str, invitation_id: UUID) -> Answer:
    """Take an invitation back."""
    row = invitations.withdraw(db.session(), web.actor(), invitation_id)
    flash(f"The invitation to {row.email} is taken back. Its link has ended.", "info")
    return web.go(f"/agency/{slug}/team")


# --- joining ------------------------------------------------------------------------------------


@joining.get("/join/<token>")
def see(token: str) -> Answer:
    """What the invitation is for. Opening it changes nothing."""
    return _join_page(token, {})


def _join_page(token: str, errors: dict[str, str]) -> Answer:
    found, viewer = _seen(token), web.viewer()
    wrong = viewer is not None and viewer.email != found.email
    return web.render(
        "accounts/join.html",
        status=403 if wrong else 422 if errors else 200,
        invitation=found,
        about=permissions.ABOUT[found.role],
        wrong=wrong,
        token=token,
        errors=errors,
        kept={"name": request.form.get("name", "")[:500]},
    )


def _seen(token: str) -> OpenInvitation:
    with open_session(context.system("see invitation"), readonly=True) as session:
        return invitations.seen(session, token)


@joining.post("/join/<token>")
def join(token: str) -> Answer:
    """Join: signed in by one click, otherwise with a new account."""
    found, viewer = _seen(token), web.viewer()
    if viewer is None:
        return _join_as_new(token, found)
    if viewer.email != found.email:
        return _join_page(token, {})
    with open_session(context.system("join team")) as session:
        slug = invitations.join(session, token, viewer.person_id)
    flash(f"Welcome to {found.agency}.", "good")
    return web.go(f"/agency/{slug}")


def _join_as_new(token: str, found: OpenInvitation) -> Answer:
    if found.has_account:
        return web.go(f"/sign-in?next=/join/{token}")
    device = Device(request.remote_addr or "", request.user_agent.string[:200])
    counted = throttle.count("use-link", token, device.address)
    try:
        told = forms.new_member(request.form, found.email)
    except Invalid as error:
        return _join_page(token, error.errors)
    password_hash = passwords.hashed(told.password)
    with open_session(context.system("join team")) as session:
        person_id, slug = invitations.join_as_new(session, token, told.name, password_hash)
        cookie = operations.start_sign_in(session, person_id, device)
    throttle.forgive(counted)
    identity.enter(cookie)
    flash(f"Welcome to {found.agency}.", "good")
    return web.go(f"/agency/{slug}")
