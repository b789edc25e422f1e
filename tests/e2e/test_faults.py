"""kill -9 of each real process, and an emptied queue, in the middle of one candidate's journey."""

import json
import sqlite3
import urllib.request
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from tests.e2e.conftest import House, until
from tests.e2e.test_journey import (
    accept_by_link,
    approve,
    choose,
    heading,
    paid,
    pay_the_rest,
    request_it,
)
from tests.support.browser import DESK

pytestmark = pytest.mark.browser


def succeeded(house: House) -> list[dict[str, Any]]:
    """Every charge that the provider made."""
    with urllib.request.urlopen(f"{house.stack.double_url}/_test/charges", timeout=10) as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]
    return found


def crash(house: House, *names: str) -> None:
    """Kill, then start again."""
    for name in names:
        house.stack.kill9(name)
    for name in names:
        house.stack.restart(name)


def test_nothing_is_lost_and_nothing_is_charged_twice(house: House) -> None:
    candidate, owner = house.somebody("candidate", DESK), house.somebody("owner", DESK)
    after = house.now().date() + timedelta(days=75)
    choose(candidate, "cardiology", after, named=False)
    reference = request_it(candidate)
    mine = f"/me/bookings/{reference}"
    crash(house, "web")
    assert "request is sent" in heading(candidate, mine)

    house.stack.kill9("worker")
    approve(owner, reference)
    house.stack.flush_valkey()
    house.stack.restart("worker")
    accept_by_link(house, DESK, "Amara")  # its e-mail was waiting in a queue that was emptied

    crash(house, "clockwork", "valkey", "worker")
    house.later(minutes=20)
    until(lambda: "Your seat is confirmed" in heading(candidate, mine), "confirmed")

    house.stack.kill9("worker")
    house.later(days=31)
    house.stack.restart("worker")
    house.stack.flush_valkey()
    crash(house, "double")
    pay_the_rest(house, candidate, mine)
    house.check()
    per_installment = Counter(
        charge["metadata"].get("installment_id") for charge in succeeded(house)
    )
    ours = _installments(house, reference)
    assert ours
    assert {per_installment[one] for one in ours} == {1}
    done, whole = paid(candidate, mine)
    assert done == whole


def _installments(house: House, reference: str) -> list[str]:
    """The ids of a booking's paid installments, as the provider knows them."""
    with sqlite3.connect(house.stack.var / "rounds.db") as database:
        rows = database.execute(
            "SELECT i.id FROM installment i JOIN booking b ON b.plan_id = i.plan_id"
            " WHERE b.reference = ? AND i.state = 'paid'",
            [reference],
        ).fetchall()
    found = [str(row[0]) for row in rows]
    return [
        f"{o[:8]}-{o[8:12]}-{o[12:16]}-{o[16:20]}-{o[20:]}" if "-" not in o else o for o in found
    ]
