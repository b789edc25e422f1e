"""`bin/test` counts what ran, and never takes silence for success."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

import pytest

from tests.support import lanes
from tests.support.lanes import PYTHON, Score


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


# --- which lanes there are ----------------------------------------------------------------------


Lanes = dict[str, tuple[str, list[str]]]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Lanes:
    """What `main` starts: marks and paths of pytest, or a check's command. Nothing runs."""
    seen: Lanes = {}

    def tests(name: str, marks: str, extra: Sequence[str], settings: object) -> Score:
        assert name not in seen
        seen[name] = (marks, list(extra))
        return Score(name, 3, 0, 0, 0.0, "3 passed")

    def check(name: str, command: Sequence[str]) -> Score:
        seen[name] = ("", list(command))
        return Score(name, 1, 0, 0, 0.0, "passed")

    monkeypatch.setattr(lanes, "tests", tests)
    monkeypatch.setattr(lanes, "check", check)
    monkeypatch.setattr(lanes, "install_all", lambda: None)
    monkeypatch.setattr(lanes, "_chromium", lambda: "/usr/bin/chromium")
    monkeypatch.setattr(lanes, "postgres_settings", lambda: nullcontext({}))
    monkeypatch.setenv("TEST_FULL", "")
    monkeypatch.delenv("TEST_POSTGRES_URL", raising=False)
    return seen


CHECKS = {
    "format": [PYTHON, "-m", "ruff", "format", "--check", "."],
    "lint": [PYTHON, "-m", "ruff", "check", "."],
    "types": [PYTHON, "-m", "mypy"],
    "imports": [PYTHON, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
}
CONTRACTS = ["tests/contracts"]
REST = ["tests", "--ignore=tests/contracts"]


def test_every_check_and_every_lane_is_started(started: Lanes) -> None:
    """Format, lint, types and imports; every test on both databases; the journeys in Chromium."""
    assert lanes.main([]) == 0
    assert started == {
        "postgres": ("not browser and not full", REST),
        "postgres-contracts": ("not browser and not full", CONTRACTS),
        "sqlite": ("not postgres and not browser and not full", REST),
        "sqlite-contracts": ("not postgres and not browser and not full", CONTRACTS),
        "browser": ("browser and not full", ["tests", "--ignore=tests/e2e"]),
        "browser-journeys": ("browser and not full", ["tests/e2e"]),
    } | {name: ("", command) for name, command in CHECKS.items()}
    assert os.environ["TEST_FULL"] == "0"


def test_full_leaves_nothing_out(started: Lanes) -> None:
    assert lanes.main(["--full"]) == 0
    assert os.environ["TEST_FULL"] == "1"
    assert {marks for marks, _ in started.values()} == {
        *("not browser", "not postgres and not browser", "browser", "")
    }
    assert len(started) == 6 + len(CHECKS)


def test_a_server_that_is_named_gets_one_lane(
    started: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rights of a role are the whole server's: two lanes would meet there."""
    monkeypatch.setenv("TEST_POSTGRES_URL", "postgresql://postgres@db.example/postgres")
    assert lanes.main([]) == 0
    assert set(started) == {"postgres", "sqlite", "browser", *CHECKS}
    assert [started[name][1] for name in ("postgres", "sqlite", "browser")] == [[], [], []]


def test_arguments_go_to_pytest_in_every_lane(started: Lanes) -> None:
    assert lanes.main(["tests/core", "-k", "money"]) == 0
    told = {name: words for name, (_, words) in started.items() if name not in CHECKS}
    words = ["tests/core", "-k", "money"]
    assert told == {"postgres": words, "sqlite": words, "browser": words}
    assert set(CHECKS) < set(started)


@pytest.mark.parametrize("name", ["lint", "sqlite", "browser"])
def test_one_failure_fails_the_whole(
    started: Lanes,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    name: str,
) -> None:
    kind = "check" if name in CHECKS else "tests"
    usual = getattr(lanes, kind)

    def broken(lane: str, *words: object) -> Score:
        score: Score = usual(lane, *words)
        return Score(lane, 0, 1, 0, 0.0, "1 failed") if lane == name else score

    monkeypatch.setattr(lanes, kind, broken)
    assert lanes.main([]) == 1
    assert capfd.readouterr().out.rstrip().endswith(", 1 failed")


# --- a server that somebody names ---------------------------------------------------------------


@pytest.mark.postgres
def test_a_named_server_is_used_and_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """TEST_POSTGRES_URL: no server is started, and the database of the tests is gone after it."""
    import psycopg

    from tests.support import postgres

    @contextmanager
    def refused() -> Iterator[None]:
        raise AssertionError("a server of our own was started")
        yield

    def databases() -> set[str]:
        with psycopg.connect(postgres.plain(server.admin)) as admin:
            return {row[0] for row in admin.execute("SELECT datname FROM pg_database")}

    with postgres.postgres() as server:
        named = server.admin.render_as_string(hide_password=False)
        monkeypatch.setenv("TEST_POSTGRES_URL", named)
        monkeypatch.setattr(postgres, "_own_server", refused)
        monkeypatch.setattr(lanes.os, "getpid", lambda: 99_999_999)
        before = databases()
        with lanes.postgres_settings() as settings:
            assert settings["TEST_POSTGRES_URL"] == named
            for name, role in (
                ("TEST_DATABASE_URL", postgres.APP),
                ("TEST_OWNER_DATABASE_URL", postgres.OWNER),
            ):
                with psycopg.connect(settings[name].replace("+psycopg", "")) as mine:
                    assert mine.execute("SELECT current_user").fetchone() == (role,)
            assert databases() - before == {"rounds_test_99999999"}
        assert databases() == before
