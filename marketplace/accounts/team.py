"""Who works for an agency, in which role (agency sessions).

Every change first locks the memberships of the agency in one order, so that two people who change
the team at the same time do so one after the other, each on what the other one left.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts import permissions
from marketplace.accounts.models import ROLES, Membership
from marketplace.core import audit, clock
from marketplace.core.context import Actor
from marketplace.core.errors import Conflict, Forbidden, Invalid, NotFound

LAST_OWNER = "An agency needs an owner. Make somebody else an owner first."


def change_role(session: Session, actor: Actor, membership_id: UUID, role: str) -> None:
    """Give a member another role. Forbidden without `team.manage`; Conflict for the last owner."""
    permissions.require(actor, "team.manage")
    members = _locked_with(session, membership_id)
    member = _member(members, membership_id)
    still_manages(members, actor)
    if role not in ROLES:
        raise Invalid({"role": "Choose a role from the list."})
    if member.role == role:
        return
    _keep_an_owner(members, member)
    before, member.role = member.role, role
    audit.record(
        session, actor, "role.changed", f"membership:{member.id}", before=before, after=role
    )


def remove_member(session: Session, actor: Actor, membership_id: UUID) -> None:
    """End a membership; the next request of that person knows. Refusals as in `change_role`."""
    permissions.require(actor, "team.manage")
    members = _locked_with(session, membership_id)
    member = _member(members, membership_id)
    still_manages(members, actor)
    _end(members, member)
    audit.record(session, actor, "member.removed", f"membership:{member.id}", role=member.role)


def leave(session: Session, actor: Actor) -> None:
    """End the own membership. Conflict for the last owner; NotFound when it has ended already."""
    assert actor.agency_id is not None
    members = locked(session, actor.agency_id)
    member = next((one for one in members if one.person_id == actor.person_id), None)
    if member is None:
        raise NotFound
    _end(members, member)
    audit.record(session, actor, "member.left", f"membership:{member.id}", role=member.role)


def locked(session: Session, agency_id: UUID) -> Sequence[Membership]:
    """The present members of an agency, locked until the transaction ends and freshly read."""
    return session.scalars(
        select(Membership)
        .where(Membership.agency_id == agency_id, Membership.ended_at.is_(None))
        .order_by(Membership.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def _locked_with(session: Session, membership_id: UUID) -> Sequence[Membership]:
    """The members of the agency that this membership belongs to."""
    agency_id = session.scalar(select(Membership.agency_id).where(Membership.id == membership_id))
    if agency_id is None:
        raise NotFound
    return locked(session, agency_id)


def _member(members: Sequence[Membership], membership_id: UUID) -> Membership:
    found = next((one for one in members if one.id == membership_id), None)
    if found is None:
        raise NotFound
    return found


def still_manages(members: Sequence[Membership], actor: Actor) -> None:
    """Forbidden unless the locked members say that the actor may manage the team: the
    role of the request was read before the lock."""
    if actor.kind != "agency":
        return
    if not any(
        one.person_id == actor.person_id and permissions.may(one.role, "team.manage")
        for one in members
    ):
        raise Forbidden("Your role has changed meanwhile. Ask an owner of your agency.")


def _end(members: Sequence[Membership], member: Membership) -> None:
    _keep_an_owner(members, member)
    member.ended_at = clock.now()


def _keep_an_owner(members: Sequence[Membership], leaving: Membership) -> None:
    """Conflict when nobody else owns the agency."""
    if leaving.role != "owner":
        return
    if not any(one.role == "owner" and one.id != leaving.id for one in members):
        raise Conflict(LAST_OWNER)
