"""`bin/run` as a person uses it: from nothing to signed out, with the real processes."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.bootstrap import ROOT
from demo.child import descendants
from tests.ops.test_supervisor import runs, wait_until

pytestmark = pytest.mark.browser

SERVICES = 5
UP = "Ctrl-C stops."


@contextmanager
def started(var: Path, **settings: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`bin/run` until it says that it is up; its output so far. Killed at the end, if need be."""
    program = subprocess.Popen(
        [str(ROOT / "bin" / "run")],
        env=os.environ | {"VAR_DIR": str(var)} | settings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert program.stdout is not None
    output = ""
    with program, program.stdout:
        try:
            for line in program.stdout:
                output += line
                if UP in line:
                    break
            yield program, output
        finally:
            program.kill()


def address(output: str) -> str:
    line = next(line for line in output.splitlines() if line.startswith("Rounds is ready: "))
    return line.split()[3]


def status(url: str) -> int:
    with urllib.request.urlopen(url, timeout=10) as answer:
        code: int = answer.status
        return code


@pytest.mark.full
def test_from_nothing_to_stopped_and_again_with_the_same_data(tmp_path: Path) -> None:
    var = tmp_path / "var"

    with started(var) as (program, output):
        assert UP in output, output
        assert status(f"{address(output)}/readyz") == 200
        assert status(f"{address(output)}/rotations") == 200
        accounts = json.loads((var / "demo-accounts.json").read_text())
        roles = {account["role"] for account in accounts}
        assert {"candidate", "attending", "owner", "admin"} <= roles
        assert all(account["email"] in output for account in accounts)
        assert "Seeding" in output
        below = descendants(program.pid)
        assert len(below) >= 2 * SERVICES
        program.kill()
        wait_until(lambda: not any(map(runs, below)), 20)

    secrets = (var / "secrets.json").read_text()
    began = time.monotonic()
    with started(var) as (program, output):
        assert UP in output, output
        assert "Seeding" not in output
        assert (var / "secrets.json").read_text() == secrets
        assert json.loads((var / "demo-accounts.json").read_text()) == accounts
        assert time.monotonic() - began < 30  # 8 on a quiet machine
        below = descendants(program.pid)
        program.send_signal(signal.SIGINT)
        assert program.stdout is not None
        assert "Stopped. The data is kept." in program.stdout.read()
        assert program.wait(20) == 0
        assert not any(map(runs, below))


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "run.lock"
    holder = subprocess.Popen(
        ["flock", str(lock), "sleep", "60"], start_new_session=True, stdin=subprocess.DEVNULL
    )
    with holder:
        wait_until(lambda: lock.exists() and bool(descendants(holder.pid)))
        lock.write_text(str(holder.pid))
        try:
            with started(tmp_path) as (program, output):
                assert program.wait(20) == 1
                assert f"already running in {tmp_path} (process {holder.pid})" in output
        finally:
            os.killpg(holder.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("port", "why"), [("ninety", "must be a number"), ("70000", "must be a number")]
)
def test_a_wrong_port_is_refused_in_one_line(tmp_path: Path, port: str, why: str) -> None:
    with started(tmp_path, PORT=port) as (program, output):
        assert program.wait(20) == 1
        assert why in output
        assert output.count("\n") == 1
