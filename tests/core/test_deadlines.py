from datetime import UTC, datetime, timedelta

import pytest

from marketplace.core.deadlines import due

NOW = datetime(2026, 11, 24, 16, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minutes", "words", "tone"),
    [
        (-17 * 60, "17 h overdue", "bad"),
        (-3 * 24 * 60, "3 days overdue", "bad"),
        (-1, "1 min overdue", "bad"),
        (0, "0 min left", "warn"),
        (59, "59 min left", "warn"),
        (24 * 60, "24 h left", "warn"),
        (24 * 60 + 1, "24 h left", "ok"),
        (48 * 60, "2 days left", "ok"),
    ],
)
def test_a_deadline_in_words(minutes: int, words: str, tone: str) -> None:
    found = due(NOW + timedelta(minutes=minutes), NOW, "America/Chicago")
    assert (found.words, found.tone) == (words, tone)


def test_the_exact_time_is_the_zone_s_and_the_machine_s_is_utc() -> None:
    found = due(NOW, NOW, "America/Chicago")
    assert found.exact.replace("\N{NO-BREAK SPACE}", " ") == "Tue, Nov 24, 10:20 AM"
    assert found.iso == "2026-11-24T16:20:00+00:00"


def test_no_deadline() -> None:
    assert due(None, NOW, "America/Chicago").words == "No deadline"
    assert due(None, NOW, "America/Chicago").iso == ""
