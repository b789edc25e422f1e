"""The rows of `bench` that write or start processes: on a copy, and with the real web server."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from demo import stack
from demo.bootstrap import ROOT
from demo.seed import market


def run(var: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    place = stack.Place(var, stack.any_free(), stack.any_free(), var / "no-valkey.sock")
    settings = os.environ | stack.settings(place, {}) | {"REDIS_URL": ""}
    return subprocess.run(
        [sys.executable, "-m", "demo.cli", *arguments],
        env=settings,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def bookings(var: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(var / "rounds.db")) as database:
        return database.execute("SELECT * FROM booking ORDER BY id").fetchall()


def test_a_booking_is_measured_on_a_copy_and_the_workers_by_what_they_hold(tmp_path: Path) -> None:
    assert run(tmp_path, "migrate").returncode == 0
    assert run(tmp_path, "seed", "--rotations", str(market.FEWEST)).returncode == 0
    before = bookings(tmp_path)
    done = run(tmp_path, "bench", "--runs", "2", "--json", str(tmp_path / "figures.json"))
    assert done.returncode in (0, 1), done.stderr  # 1: over a budget, which a busy machine may be
    rows = {row["name"]: row for row in json.loads((tmp_path / "figures.json").read_text())}
    asked = rows["booking: dates to request"]
    assert asked["cpu_ms"] > 1 and asked["queries"] > 20
    assert rows["memory: 2 web workers"]["bytes"] > 50_000_000
    assert bookings(tmp_path) == before
