"""`bin/test` counts what ran, and never takes silence for success."""

import sys

import pytest

from tests.support import lanes


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        ("12 passed in 0.51s", {"passed": 12}),
        (
            "1 failed, 3 passed, 2 skipped in 61.2s (0:01:01)",
            {"failed": 1, "passed": 3, "skipped": 2},
        ),
        ("3 passed, 9 deselected, 2 errors in 1.00s", {"passed": 3, "deselected": 9, "error": 2}),
        ("==== 7 passed in 2.0s ====", {"passed": 7}),
    ],
)
def test_the_closing_line_is_read(line: str, numbers: dict[str, int]) -> None:
    output = f"....\nFAILED tests/x.py - 5 passed in the title of a test\n{line}\n"
    assert lanes.tally(output)[0] == numbers


def test_a_check_that_fails_counts_as_one_failure(capfd: pytest.CaptureFixture[str]) -> None:
    score = lanes.check("lint", [sys.executable, "-c", "print('bad line'); raise SystemExit(2)"])
    assert (score.passed, score.failed) == (0, 1)
    assert "bad line" in capfd.readouterr().out


def test_a_lane_without_tests_fails_unless_some_were_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "run", lambda *_: (5, "no tests ran in 0.01s"))
    assert lanes.tests("browser", "browser", [], {}).failed == 1
    assert lanes.tests("browser", "browser", ["tests/core"], {}).failed == 0


def test_pytest_that_crashes_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "run", lambda *_: (4, "ERROR: usage"))
    assert lanes.tests("sqlite", "not browser", [], {}).failed == 1
    monkeypatch.setattr(lanes, "run", lambda *_: (139, "....\n3 passed in 1s"))
    assert lanes.tests("sqlite", "not browser", [], {}).failed == 1


def test_a_missing_program_fails_its_lane_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tests.support.postgres import NoPostgres

    def missing() -> None:
        raise NoPostgres("PostgreSQL is not installed. Do this.")

    monkeypatch.setattr(lanes, "postgres", missing)
    score = lanes.postgres_lane(lanes.WHOLE, [], full=False)
    assert score.failed == 1
    assert "Do this." in str(score)
