"""The demo's commands: clock, accounts, and what they refuse."""

import json
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from demo import accounts
from demo.cli import cli
from demo.commands import Span
from marketplace.core import clock
from tests.support import database


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated: None) -> Path:
    for name, value in database.settings(VAR_DIR=str(tmp_path)).items():
        monkeypatch.setenv(name, value)
    yield tmp_path
    clock.use_file(None)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("30d", timedelta(days=30)),
        ("12h", timedelta(hours=12)),
        ("15m", timedelta(minutes=15)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_span(text: str, length: timedelta) -> None:
    assert Span().convert(text, None, None) == length


@pytest.mark.parametrize("text", ["", "d", "3x", "-1d", "1.5h", "30 d", "99999d"])
def test_not_a_span(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Span().convert(text, None, None)


def test_the_clock_moves_and_comes_back(settings: Path) -> None:
    runner = CliRunner()
    moved = runner.invoke(cli, ["clock", "advance", "30d"])
    assert moved.exit_code == 0, moved.output
    offset = json.loads((settings / "clock").read_text())["offset_seconds"]
    assert offset == timedelta(days=30).total_seconds()
    assert "30 days" in runner.invoke(cli, ["clock", "show"]).output
    assert runner.invoke(cli, ["clock", "reset"]).exit_code == 0
    assert json.loads((settings / "clock").read_text())["offset_seconds"] == 0


@pytest.mark.parametrize("command", [["clock", "show"], ["seed"], ["demo-accounts"]])
def test_only_in_the_demo(
    settings: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("DEMO", "0")
    refused = CliRunner().invoke(cli, command)
    assert refused.exit_code == 1
    assert "Only the demo has this" in refused.output


def test_the_accounts_file(tmp_path: Path) -> None:
    path = accounts.write(tmp_path)
    rows = json.loads(path.read_text())
    assert path.name == "demo-accounts.json"
    assert path.stat().st_mode & 0o077 == 0
    assert all(set(row) == {"role", "email", "password", "agency"} for row in rows)
    assert {row["role"] for row in rows} >= {"candidate", "owner", "attending", "admin"}
