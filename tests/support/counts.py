"""How much a costly test does: little in `bin/test`, all of it in `bin/test --full`."""

import os
from collections.abc import Sequence
from typing import TypeVar

import pytest

from tests.support.database import IS_POSTGRES

Case = TypeVar("Case")


def full() -> bool:
    """Whether this is `bin/test --full`."""
    return os.environ.get("TEST_FULL") == "1"


def count(quick: int, all_of_it: int) -> int:
    """The number of random histories or crash points to run now."""
    return all_of_it if full() else quick


def halves(cases: Sequence[Case]) -> Sequence[Case]:
    """For what costs much for each case: in a quick run each database takes every second one,
    with --full each takes all."""
    return cases if full() else cases[int(IS_POSTGRES) :: 2]


def takes_its_turn(at: int, look: int, looks: int) -> bool:
    """Whether page number `at` is looked at in this one of the ways (a width, a theme) now: in a
    quick run pages take turns, with --full each is looked at in all ways."""
    return full() or at % looks == look


on_one_database = pytest.mark.skipif(
    IS_POSTGRES and not full(), reason="the same on either database; --full runs it on both"
)
"""For what does not depend on the database and takes a while."""
