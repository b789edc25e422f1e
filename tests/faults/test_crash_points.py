"""kill -9 between any two steps of request, deposit and installments, then a restart.

A point is just before or just after a commit or a call to the payment provider. The process that
reaches it is killed; another one goes on. Afterwards everything that was acknowledged is there,
the provider has exactly one payment for each installment, and no invariant is violated.
"""

import os
import random
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path

import pytest
from sqlalchemy import event

from marketplace.core import jobs
from marketplace.core.config import Config
from marketplace.core.db import ScopedSession, db, open_session
from marketplace.invariants import violations
from marketplace.payments import gateways
from marketplace.payments.stripe_gateway import StripeGateway
from tests import factories
from tests.faults.journey import Journey, walk
from tests.payments.double import PUBLISHABLE_KEY, SECRET_KEY, StripeDouble
from tests.support import database
from tests.support.counts import count, full

CALLS = ("ensure_customer", "start_setup", "fetch_setup", "charge_off_session", "find_payment")


class Fuse:
    """Counts the points that a process passes; at `limit` it kills itself."""

    def __init__(self, limit: int) -> None:
        self.limit, self.passed = limit, 0

    def point(self) -> None:
        self.passed += 1
        if self.passed == self.limit:
            os.kill(os.getpid(), signal.SIGKILL)


def lay(fuse: Fuse) -> None:
    """Put the fuse around every commit and every call (in a child process only)."""
    event.listen(ScopedSession, "before_commit", lambda _: fuse.point())
    event.listen(ScopedSession, "after_commit", lambda _: fuse.point())
    for name in CALLS:
        setattr(StripeGateway, name, _around(fuse, getattr(StripeGateway, name)))


def _around(fuse: Fuse, call: Callable) -> Callable:
    @wraps(call)
    def fused(*args, **options):
        fuse.point()
        answer = call(*args, **options)
        fuse.point()
        return answer

    return fused


def in_child(work: Callable[[], None]) -> int:
    """Run in a forked copy of this warm process; returns its exit status as wait() gives it."""
    db.engine.dispose()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:  # noqa: BLE001  (the child must end here whatever happened)
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    return os.waitpid(child, 0)[1]


@pytest.fixture
def double(app, tmp_path) -> Iterator[StripeDouble]:
    with StripeDouble(tmp_path) as running:
        settings = database.settings(
            STRIPE_API_BASE=running.url,
            STRIPE_SECRET_KEY=SECRET_KEY,
            STRIPE_PUBLISHABLE_KEY=PUBLISHABLE_KEY,
        )
        gateways.configure(Config.from_env(settings))
        yield running


def journey(double: StripeDouble, folder: Path, name: str) -> Journey:
    return Journey(factories.market(), factories.candidate(), double, folder / name)


def total_points(double: StripeDouble, folder: Path) -> int:
    """How many points an undisturbed journey passes."""
    trip, tally = journey(double, folder, "undisturbed"), folder / "points"

    def whole() -> None:
        fuse = Fuse(limit=0)
        lay(fuse)
        walk(trip)
        tally.write_text(str(fuse.passed))

    assert in_child(whole) == 0
    assert_whole(trip)
    return int(tally.read_text())


def assert_whole(trip: Journey) -> None:
    """Everything acknowledged is there, and every installment was charged exactly once."""
    row = trip.booking()
    assert row is not None and row.state == "confirmed"
    parts = trip.installments()
    assert parts and {part.state for part in parts} == {"paid"}
    for part in parts:
        assert len(trip.double.charges(installment_id=str(part.id))) == 1, part.seq
    known = {"held", "terms", "requested", "approved", "accepted"}
    assert {step for step in trip.acknowledged() if not step.startswith("paid-")} <= known


def crash_and_restart(double: StripeDouble, folder: Path, points: tuple[int, ...]) -> None:
    """Kill at each of the points in turn (the later ones after a restart), then let it finish."""
    trip = journey(double, folder, f"points-{points}")
    acknowledged: list[str] = []
    for point in points:

        def until_killed(point: int = point) -> None:
            lay(Fuse(point))
            walk(trip)

        status = in_child(until_killed)
        assert status == 0 or os.WTERMSIG(status) == signal.SIGKILL
        assert trip.acknowledged()[: len(acknowledged)] == acknowledged
        acknowledged = trip.acknowledged()
    assert in_child(lambda: walk(trip)) == 0
    assert_whole(trip)
    assert trip.acknowledged()[: len(acknowledged)] == acknowledged


def choose(total: int, wanted: int) -> list[tuple[int, ...]]:
    """Points spread over the whole way; beyond one for each, two crashes in a row."""
    singles = min(wanted, total)
    chosen: list[tuple[int, ...]] = [(1 + number * total // singles,) for number in range(singles)]
    dice = random.Random(20261122)
    while len(chosen) < wanted:
        chosen.append((dice.randint(1, total), dice.randint(1, total)))
    return chosen


BATCHES = 5 if full() else 1  # so that no test comes near the time after which it counts as hung


@pytest.mark.parametrize("batch", range(BATCHES))
def test_killed_at_any_point(double, tmp_path, batch: int) -> None:
    total = total_points(double, tmp_path)
    assert total >= 40, "the fuse must see the commits and calls"
    wanted = count(12 if database.IS_POSTGRES else 40, 200)
    points = choose(total, wanted)[batch::BATCHES]
    for kills in points:
        crash_and_restart(double, tmp_path, kills)
    jobs.run_tick("search.refresh_due")  # each journey moved the clock past other starts
    with open_session(factories.a_system(), readonly=True) as session:
        assert violations(session) == []
    print(f"{len(points)} of {total} points")
