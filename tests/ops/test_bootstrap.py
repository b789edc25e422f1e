"""What happens before any package is there."""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from demo import bootstrap

SCRIPTS = ("bin/run", "bin/test", "bin/marketplace", ".ci/run", "demo/start.sh")


def test_the_installer_is_pinned_with_its_hashes() -> None:
    lines = bootstrap.locked("uv").splitlines()
    assert lines[0].startswith("uv==")
    assert len(lines) > 1
    assert all(line.strip().startswith("--hash=sha256:") for line in lines[1:])


def test_a_package_that_is_not_locked_is_refused() -> None:
    with pytest.raises(SystemExit, match="does not name no-such-package"):
        bootstrap.locked("no-such-package")


def test_the_lock_names_no_registry() -> None:
    assert "://" not in bootstrap.LOCK.read_text()


def test_every_dependency_has_its_reason() -> None:
    """docs/decisions/0002 names each package that the project asks for."""
    asked = tomllib.loads((bootstrap.ROOT / "pyproject.toml").read_text())
    wanted = [*asked["project"]["dependencies"], *asked["dependency-groups"]["dev"]]
    names = [re.split(r"[=\[<>~]", one)[0] for one in wanted]
    told = (bootstrap.ROOT / "docs/decisions/0002-dependencies.md").read_text().lower()
    assert len(names) > 30
    assert [one for one in names if not re.search(rf"\b{re.escape(one)}\b", told)] == []


def test_another_lock_or_another_python_makes_the_environment_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, stamp = tmp_path / "requirements.lock", tmp_path / "stamp"
    lock.write_text("a==1\n")
    monkeypatch.setattr(bootstrap, "LOCK", lock)
    monkeypatch.setattr(bootstrap, "STAMP", stamp)
    assert not bootstrap.is_current()
    stamp.write_text(bootstrap.wanted_stamp())
    assert bootstrap.is_current()
    monkeypatch.setattr(bootstrap, "VERSION", "3.99.0")
    assert not bootstrap.is_current()
    monkeypatch.undo()
    monkeypatch.setattr(bootstrap, "LOCK", lock)
    monkeypatch.setattr(bootstrap, "STAMP", stamp)
    lock.write_text("a==2\n")
    assert not bootstrap.is_current()


def test_a_python_without_venv_is_told_the_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "PYTHON", tmp_path / "python")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r"sudo apt-get install python3\.\d+-venv$"):
        bootstrap.make_venv()


def test_a_failing_install_shows_every_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "PYTHON", tmp_path / "python")
    with pytest.raises(SystemExit, match="could not be installed"):
        bootstrap.install()


def test_an_old_python_is_told_so(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    for tool in ("sh", "dirname"):
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
    done = subprocess.run(
        [str(bootstrap.ROOT / "bin/run")],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Rounds needs Python 3.11 or newer" in done.stderr


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_can_be_run_and_are_correct_shell(script: str) -> None:
    path = bootstrap.ROOT / script
    assert os.access(path, os.X_OK)
    subprocess.run(["sh", "-n", str(path)], check=True)


def test_ci_runs_bin_test_and_nothing_else(tmp_path: Path) -> None:
    """With its arguments and its exit code; every line but that one is how to come there."""
    script = bootstrap.ROOT / ".ci/run"
    lines = [line for line in script.read_text().splitlines() if line and line[0] != "#"]
    assert lines == [
        "set -euo pipefail",
        'cd "$(dirname "${BASH_SOURCE[0]}")/.."',
        'exec bin/test "$@"',
    ]
    for folder in (".ci", "bin"):
        (tmp_path / folder).mkdir()
    copy, called = tmp_path / ".ci/run", tmp_path / "bin/test"
    copy.write_bytes(script.read_bytes())
    called.write_text('#!/bin/sh\necho "$PWD:$*"\nexit 7\n')
    for path in (copy, called):
        path.chmod(0o755)
    done = subprocess.run(
        [str(copy), "--full", "a b"], cwd="/", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (7, f"{tmp_path}:--full a b\n")


def test_the_two_commands_hand_on_all_that_they_are_told() -> None:
    """`bin/test` is the lanes, `bin/run` the supervised product: nothing else stands in them."""
    for name, module in (("test", "tests.support.lanes"), ("run", "demo.run")):
        script = (bootstrap.ROOT / "bin" / name).read_text()
        lines = [line for line in script.splitlines() if line and line[0] != "#"]
        assert len(lines) == 1 and lines[0].endswith(f'start.sh" {module} "$@"')


def test_what_runs_before_the_packages_needs_no_package() -> None:
    for name in ("bootstrap.py", "child.py"):
        program = f"import runpy; runpy.run_path({str(bootstrap.ROOT / 'demo' / name)!r})"
        subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True)
