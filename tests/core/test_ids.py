"""Identifiers: in the order of time, and such that they can be read aloud."""

import re
import time

import pytest

from marketplace.core import ids
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict
from marketplace.listings.models import Offering
from tests import factories


def test_a_key_is_a_uuid_of_version_7() -> None:
    before = time.time_ns() // 1_000_000
    made = [ids.uuid7() for _ in range(200)]
    after = time.time_ns() // 1_000_000
    assert {one.version for one in made} == {7}
    assert {one.variant for one in made} == {"specified in RFC 4122"}
    assert all(before <= one.int >> 80 <= after for one in made)
    assert len(set(made)) == len(made)


def test_keys_come_in_the_order_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """As numbers, as text and as bytes: whichever way a database compares them."""
    moments = iter(1_700_000_000_000_000_000 + step * 1_000_000 for step in range(300))
    monkeypatch.setattr(time, "time_ns", lambda: next(moments))
    made = [ids.uuid7() for _ in range(300)]
    assert made == sorted(made)
    assert [str(one) for one in made] == sorted(str(one) for one in made)
    assert [one.bytes for one in made] == sorted(one.bytes for one in made)


def test_keys_of_one_millisecond_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written together is read in the order of writing; also when the clock goes back."""
    now = time.time_ns()
    for nanoseconds in (now, now - 10_000_000):
        monkeypatch.setattr(time, "time_ns", lambda at=nanoseconds: at)
        made = [ids.uuid7() for _ in range(5_000)]
        assert made == sorted(made)
        assert len(set(made)) == len(made)


def test_a_reference_can_be_read_over_the_phone() -> None:
    made = {ids.booking_reference() for _ in range(500)}
    assert all(re.fullmatch(r"RND-[0-9A-Z]{6}", one) for one in made)
    used = {letter for one in made for letter in one.removeprefix("RND-")}
    assert used.isdisjoint("01OILU")  # O and 0, I, L and 1, U and V sound or look alike
    assert len(used) == 30 and len(made) == 500


def test_a_token_cannot_be_guessed() -> None:
    assert len({ids.token() for _ in range(50)}) == 50
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", ids.token()) for _ in range(20))  # 256 bits


@pytest.mark.usefixtures("app")
def test_a_reference_that_somebody_has_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the start stays held: a candidate is not told that a booking is theirs twice."""
    market = factories.market()
    first = factories.booking(market, factories.candidate(), "held")
    drawn = iter([first.reference, first.reference, "RND-222222"])
    monkeypatch.setattr(ids, "booking_reference", lambda: next(drawn))
    second = factories.booking(market, factories.candidate("Ben Adeyemi"), "held")
    assert second.reference == "RND-222222" and second.state == "held"
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.get_one(Offering, market.offerings[0]).taken == 2
    monkeypatch.setattr(ids, "booking_reference", lambda: first.reference)
    with pytest.raises(Conflict, match="try again"):
        factories.booking(market, factories.candidate("Cy Okafor"), "held", offering=1)
