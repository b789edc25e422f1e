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
_NOTES = frozenset({"notes.write"})
_RUN_AGENCY = frozenset({"team.manage", "settings.edit", "money.payouts", "agency.export"})

MANAGER = _LOOK | _NOTES | _BOOKINGS | _LISTINGS | _PUBLISH | _SEE_MONEY | _MOVE_MONEY

ALLOWED: dict[str, frozenset[str]] = {
    "owner": MANAGER | _RUN_AGENCY,
    "manager": MANAGER | {"settings.edit"},
    "coordinator": _LOOK | _NOTES | _BOOKINGS | _LISTINGS,
    "finance": _LOOK | _NOTES | _SEE_MONEY | _MOVE_MONEY,
    "read-only": _LOOK,
}
ACTIONS = frozenset[str]().union(*ALLOWED.values())

ABOUT = {
    "owner": "Everything, the team and the payouts included",
    "manager": "Bookings, listings, money and settings, not the team",
    "coordinator": "Bookings, messages and listing drafts",
    "finance": "Money and refunds",
    "read-only": "Looks at bookings and listings, changes nothing",
}

# What the table says to people, in the order of the page.
WORDS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Bookings",
        (
            ("bookings.view", "See bookings, calendar and numbers"),
            ("bookings.decide", "Approve and decline requests"),
            ("placements.run", "Check in and complete"),
            ("bookings.cancel", "Cancel for the provider"),
            ("messages.write", "Write to candidates, keep canned replies"),
            ("notes.write", "Write internal notes"),
        ),
    ),
    (
        "Listings",
        (
            ("listings.view", "See listings"),
            ("listings.edit", "Edit drafts, ask for signatures"),
            ("listings.import", "Import from a file"),
            ("listings.publish", "Publish and pause"),
        ),
    ),
    (
        "Money",
        (
            ("money.view", "See payments, refunds and payouts"),
            ("money.refund", "Give money back"),
            ("money.payouts", "Change where payouts go"),
        ),
    ),
    (
        "Agency",
        (
            ("team.view", "See the team"),
            ("settings.edit", "Change the agency's settings"),
            ("team.manage", "Invite, change roles, remove"),
            ("agency.export", "Export everything"),
        ),
    ),
)


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
