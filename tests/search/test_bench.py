"""The command that measures the budgets: what it asks, and when it says no."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from demo.cli import cli
from marketplace import bench
from marketplace.bench import Figure
from marketplace.search import jobs
from tests.search import shop
from tests.support import database, rooms

GOOD = Figure("page", 12, 10_240, 8.0, 8.0, 9.0, 9.5, 6.0, 9_000)


def test_over_a_budget_of_time_or_of_bytes() -> None:
    assert not GOOD.over
    assert replace(GOOD, cpu_ms=12.1).over and replace(GOOD, bytes=10_241).over
    assert not replace(GOOD, cpu_ms=99.0, budget_ms=None).over
    assert replace(GOOD, cpu_ms=12.1).line().endswith("OVER")


def test_growth_names_the_rows_of_both(tmp_path: Path) -> None:
    small = tmp_path / "small.json"
    bench.write([GOOD, replace(GOOD, name="gone")], small)
    large = [replace(GOOD, cpu_ms=25.6), replace(GOOD, name="new")]
    assert bench.growth(large, small) == [("page", 3.2)]


def test_every_new_text_is_another() -> None:
    texts = bench.new_texts(200)
    assert len({text.split()[-1] for text in texts}) > 150
    assert texts == bench.new_texts(200)


def test_the_command_measures_and_compares(
    migrated: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = database.settings(VAR_DIR=str(tmp_path))
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with rooms.site([], VAR_DIR=str(tmp_path)):
        shop.build()
        jobs.rebuild(shop.SYSTEM)
    figures = tmp_path / "figures.json"
    first = CliRunner().invoke(cli, ["bench", "search", "--runs", "3", "--json", str(figures)])
    assert "24 published listings" in first.output, first.output
    rows = json.loads(figures.read_text())
    assert {row["name"] for row in rows} >= {"page: browse", "fragment: text and facets"}
    assert all(row["wall_p50_ms"] <= row["wall_p95_ms"] <= row["wall_p99_ms"] for row in rows)
    quick = [row | {"cpu_ms": 0.001} for row in rows]
    figures.write_text(json.dumps(quick))
    again = CliRunner().invoke(cli, ["bench", "search", "--runs", "3", "--against", str(figures)])
    assert again.exit_code == 1 and "times  OVER" in again.output
