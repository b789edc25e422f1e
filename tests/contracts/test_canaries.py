"""The canaries are really there: in every column, and read by those they are for."""

import pytest

from tests.contracts import canaries, walk
from tests.contracts.callers import ANONYMOUS, BY_KEY
from tests.contracts.conftest import Stage
from tests.contracts.routes import ROWS

NO_ROWS = frozenset(
    {
        *("booking.consent", "candidate_profile.extra", "payment_plan.mandate", "review.reply"),
        *("rotation.letter_policy", "rotation.week_plan", "scope_signature.facts"),
    }
)
"""Columns in which nobody of the world has written a sentence."""


def held(stage: Stage, house: str) -> set[str]:
    """The planted columns that hold their canary somewhere in a house."""
    found = set()
    for table, column in canaries.planted():
        marks = [canaries.mark(house, table, column, public=public) for public in (True, False)]
        rows = stage.base.get(table, {}).values()
        if any(mark in str(row[column]) for row in rows for mark in marks):
            found.add(f"{table}.{column}")
    return found


def test_every_column_of_a_house_carries_a_canary(stage: Stage) -> None:
    owned = {
        table
        for table, rows in stage.base.items()
        for row in rows.values()
        if canaries.house_of(stage.world.owners, table, row)
    }
    wanted = {f"{table}.{column}" for table, column in canaries.planted() if table in owned}
    assert held(stage, "alpha") == held(stage, "beta")
    assert sorted(wanted - held(stage, "beta")) == sorted(NO_ROWS)


@pytest.mark.parametrize(
    ("endpoint", "key", "column"),
    [
        ("workspace.show", "owner-alpha", "booking_note.text"),
        ("queue.bookings_csv", "read-only-alpha", "booking.candidate"),
        ("account.profile", "candidate-alpha", "candidate_profile.school"),
        ("replies.see", "manager-alpha", "canned_reply.text"),
        ("attending.show", "attending-alpha", "booking.candidate"),
    ],
)
def test_a_house_reads_its_own_canaries(stage: Stage, endpoint: str, key: str, column: str) -> None:
    """And somebody who read them in another house would be found out."""
    row = next(row for row in ROWS if row.endpoint == endpoint)
    path = row.path.format(**stage.world.alpha.names)
    answer = stage.call.send(BY_KEY.get(key, ANONYMOUS), "GET", path)
    assert column in " ".join(stage.canaries.found("alpha", answer.text))
    stranger = walk.Cell(row, BY_KEY["owner-beta"], "none")
    assert walk.check_canaries(stage, stranger, answer) != []


def test_ids_and_tokens_are_known_by_themselves(stage: Stage) -> None:
    for name in ("decide", "requested", "paper", "file", "membership"):
        said = f'<a href="/x/{stage.world.beta.names[name]}">'
        if name == "decide":  # a token is never stored: only its digest is
            assert stage.canaries.found("beta", said) == []
        else:
            assert stage.canaries.found("beta", said) != []
            assert stage.canaries.found("alpha", said) == []
