"""Who works for an agency, in which role (agency sessions)."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts import permissions
from marketplace.accounts.models import ROLES, Membership
from marketplace.core import audit, clock
from marketplace.core.context import Actor
from marketplace.core.errors import Conflict, Invalid, NotFound


def change_role(session: Session, actor: Actor, membership_id: UUID, role: str) -> None:
    """Give a member another role. Forbidden without `team.manage`; Conflict for the last owner."""
    permissions.require(actor, "team.manage")
    member = _member(session, membership_id)
    if role not in ROLES:
        raise Invalid({"role": "Choose a role from the list."})
    if member.role == role:
        return
    if member.role == "owner":
        _keep_an_owner(session, member)
    before, member.role = member.role, role
    audit.record(
        session, actor, "role.changed", f"membership:{member.id}", before=before, after=role
    )


def remove_member(session: Session, actor: Actor, membership_id: UUID) -> None:
    """End a membership; the next request of that person knows. Refusals as in `change_role`."""
    permissions.require(actor, "team.manage")
    member = _member(session, membership_id)
    if member.role == "owner":
        _keep_an_owner(session, member)
    member.ended_at = clock.now()
    audit.record(session, actor, "member.removed", f"membership:{member.id}", role=member.role)


def _member(session: Session, membership_id: UUID) -> Membership:
    found = session.get(Membership, membership_id)
    if found is None or found.ended_at:
        raise NotFound
    return found


def _keep_an_owner(session: Session, leaving: Membership) -> None:
    """Conflict when nobody else owns the agency. Locks the owners: two who leave at the same time
    would both see the other one stay."""
    owners = session.scalars(
        select(Membership)
        .where(
            Membership.agency_id == leaving.agency_id,
            Membership.role == "owner",
            Membership.ended_at.is_(None),
        )
        .order_by(Membership.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    if all(owner.id == leaving.id for owner in owners):
        raise Conflict("An agency needs an owner. Make somebody else an owner first.")
