"""What a member of an agency may do: one table, role by role.

Everyone on the team sees the bookings, listings and the team; money and deciding are for the
roles that answer for them. A test spells out the whole table.
"""

from marketplace.core.context import Actor
from marketplace.core.errors import Forbidden

_LOOK = frozenset({"bookings.view", "listings.view", "team.view"})
_BOOKINGS = frozenset({"bookings.decide", "bookings.cancel", "messages.write", "placements.run"})
_LISTINGS = frozenset({"listings.edit", "listings.import"})
_PUBLISH = frozenset({"listings.publish"})
_SEE_MONEY = frozenset({"money.view"})
_MOVE_MONEY = frozenset({"money.refund"})
_RUN_AGENCY = frozenset({"team.manage", "settings.edit", "money.payouts"})

MANAGER = _LOOK | _BOOKINGS | _LISTINGS | _PUBLISH | _SEE_MONEY | _MOVE_MONEY

ALLOWED: dict[str, frozenset[str]] = {
    "owner": MANAGER | _RUN_AGENCY,
    "manager": MANAGER | {"settings.edit"},
    "coordinator": _LOOK | _BOOKINGS | _LISTINGS,
    "finance": _LOOK | _SEE_MONEY | _MOVE_MONEY,
    "read-only": _LOOK,
}
ACTIONS = frozenset[str]().union(*ALLOWED.values())


def may(role: str, action: str) -> bool:
    """May this role of an agency do this? KeyError for an action that no role has."""
    if action not in ACTIONS:
        raise KeyError(f"no such action: {action}")
    return action in ALLOWED.get(role, frozenset())


def require(actor: Actor, action: str) -> None:
    """Forbidden unless the actor may. An agency's member by role; a platform admin and the
    product itself act for any agency; candidates, attendings and guests never do."""
    if actor.kind in ("admin", "system"):
        if action not in ACTIONS:
            raise KeyError(f"no such action: {action}")
        return
    if actor.kind == "agency" and may(actor.role, action):
        return
    raise Forbidden("Your role does not allow this. Ask an owner of your agency.", action)
