"""The table of states: every pair of state and event, for every kind of actor."""

import itertools

import pytest

from marketplace.bookings import states
from marketplace.core.errors import Conflict

NAMES = sorted({m.source for m in states.MOVES} | {m.target for m in states.MOVES})
EVENTS = sorted({m.event for m in states.MOVES})
ACTORS = ("guest", "candidate", "attending", "agency", "admin", "system")
LISTED = {(m.source, m.event, actor): m.target for m in states.MOVES for actor in m.actors}


@pytest.mark.parametrize("state", NAMES)
def test_only_listed_moves_are_possible(state) -> None:
    for event, actor in itertools.product(EVENTS, ACTORS):
        target = LISTED.get((state, event, actor))
        if target is None:
            with pytest.raises(Conflict):
                states.next_state(state, event, actor)
        else:
            assert states.next_state(state, event, actor).target == target


def test_a_pair_of_state_and_event_leads_to_one_place() -> None:
    pairs = [(m.source, m.event) for m in states.MOVES]
    assert len(pairs) == len(set(pairs))


def test_every_state_but_the_final_ones_can_be_left() -> None:
    left = {m.source for m in states.MOVES}
    assert set(NAMES) - left == states.FINAL


def test_every_deadline_has_its_expiry() -> None:
    expiring = {m.source for m in states.MOVES if m.event == "expire"}
    assert set(states.DEADLINE) == expiring


def test_nobody_pays_before_the_attending_accepts() -> None:
    before = {"held", "requested", "approved"}
    assert not {m.event for m in states.MOVES if m.source in before} & {"deposit_paid"}


def test_a_seat_is_given_back_exactly_when_a_booking_ends_early() -> None:
    free = set(NAMES) - states.SEAT
    assert free == states.FINAL - {"closed", "no_show"}
