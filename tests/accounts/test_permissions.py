"""The table of roles, spelled out: a change of it is a change here, too."""

import pytest

from marketplace.accounts.models import ROLES
from marketplace.accounts.permissions import ACTIONS, ALLOWED, WORDS, may, require
from marketplace.core.context import GUEST, SYSTEM, Actor
from marketplace.core.errors import Forbidden

#                    owner  manager coordinator finance read-only
TABLE = {
    "bookings.view": "yes yes yes yes yes",
    "bookings.decide": "yes yes yes no no",
    "bookings.cancel": "yes yes yes no no",
    "placements.run": "yes yes yes no no",
    "messages.write": "yes yes yes no no",
    "notes.write": "yes yes yes yes no",
    "listings.view": "yes yes yes yes yes",
    "listings.edit": "yes yes yes no no",
    "listings.import": "yes yes yes no no",
    "listings.publish": "yes yes no no no",
    "money.view": "yes yes no yes no",
    "money.refund": "yes yes no yes no",
    "money.payouts": "yes no no no no",
    "team.view": "yes yes yes yes yes",
    "team.manage": "yes no no no no",
    "settings.edit": "yes yes no no no",
    "agency.export": "yes no no no no",
}


def test_the_whole_table() -> None:
    assert tuple(ALLOWED) == ROLES
    assert set(TABLE) == ACTIONS
    for action, line in TABLE.items():
        expected = dict(zip(ROLES, line.split(), strict=True))
        found = {role: "yes" if may(role, action) else "no" for role in ROLES}
        assert found == expected, action


def test_the_page_names_every_action_once() -> None:
    named = [action for _, rows in WORDS for action, _ in rows]
    assert sorted(named) == sorted(ACTIONS)


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_nobody_outside_an_agency_may(action: str) -> None:
    for actor in (Actor("candidate"), Actor("attending"), GUEST, Actor("agency", role="guest")):
        with pytest.raises(Forbidden):
            require(actor, action)


def test_platform_and_product_act_for_any_agency() -> None:
    refused = []
    for actor in (Actor("admin"), SYSTEM):
        for action in sorted(ACTIONS):
            try:
                require(actor, action)
            except Forbidden:
                refused.append((actor.kind, action))
    assert refused == []
    with pytest.raises(Forbidden):  # the same calls for somebody who is neither
        require(Actor("candidate"), "money.refund")


def test_a_misspelled_action_is_an_error_for_everyone() -> None:
    for actor in (Actor("admin"), SYSTEM, Actor("agency", role="owner")):
        with pytest.raises(KeyError):
            require(actor, "bookings.decides")
