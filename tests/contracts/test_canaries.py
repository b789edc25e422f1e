"""The canaries are really there: in every column, and read by those they are for."""

import pytest

from tests.contracts import canaries, walk
from tests.contracts.callers import ANONYMOUS, BY_KEY
from tests.contracts.conftest import Stage
from tests.contracts.routes import ROWS


def bare(stage: Stage) -> set[str]:
    """Columns in which a house has a text without its canary."""
    found = set()
    for table, column in canaries.planted():
        for row in stage.base.get(table, {}).values():
            house = canaries.house_of(stage.world.owners, table, row)
            if house is None or not canaries.takes(row[column], column):
                continue
            marks = [canaries.mark(house, table, column, public=one) for one in (True, False)]
            if not any(mark in str(row[column]) for mark in marks):
                found.add(f"{table}.{column}")
    return found


def test_every_text_of_a_house_carries_a_canary(stage: Stage) -> None:
    assert bare(stage) == set()
    assert len(canaries.planted()) > 80


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
    for name in ("decide", "requested", "paper", "membership"):
        said = f'<a href="/x/{stage.world.beta.names[name]}">'
        if name == "decide":  # a token is never stored: only its digest is
            assert stage.canaries.found("beta", said) == []
        else:
            assert stage.canaries.found("beta", said) != []
            assert stage.canaries.found("alpha", said) == []
