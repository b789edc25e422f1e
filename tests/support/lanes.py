"""`bin/test`: every check in lanes side by side, and one line that sums them up.

A lane's output is shown whole when it ends, so that lanes never mix; until then, how far it is.

Usage: bin/test [--full] [arguments for pytest]
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from demo.bootstrap import ROOT
from tests.support.browser import NoChromium, chromium_path
from tests.support.postgres import NoPostgres, binaries, postgres

PYTHON = sys.executable
NO_TESTS_COLLECTED = 5
OUTCOME = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed|deselected)\b")
# a test that hangs shows where it hangs and ends its lane, instead of hanging CI
FAR = re.compile(rb"\[ *(\d+)%\]\n")
HANGS = ["-o", "faulthandler_timeout=600", "-o", "faulthandler_exit_on_timeout=true"]

CHECKS = {
    "format": [PYTHON, "-m", "ruff", "format", "--check", "."],
    "lint": [PYTHON, "-m", "ruff", "check", "."],
    "types": [PYTHON, "-m", "mypy"],
    "imports": [PYTHON, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
}


@dataclass(frozen=True)
class Score:
    """What a lane found. A check that is not pytest counts as one."""

    name: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    closing: str

    def __str__(self) -> str:
        """The lane on one line."""
        return f"{self.name:<18} {self.seconds:6.1f} s  {self.closing}"


def say(text: str) -> None:
    """Print one line, also from a lane's thread."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def run(name: str, command: Sequence[str], settings: Mapping[str, str]) -> tuple[int, str]:
    """Run a lane's command and say how far it is. Returns its exit code and its output."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"} | dict(settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
    )
    assert process.stdout is not None
    parts: list[bytes] = []
    told = 0
    with process, process.stdout:
        while part := process.stdout.read(65_536):
            parts.append(part)
            if (far := FAR.search(part)) and int(far[1]) >= told + 20:
                told = int(far[1])
                say(f"   {name}: {told}%")
    return process.returncode, b"".join(parts).decode(errors="replace")


def check(name: str, command: Sequence[str]) -> Score:
    """A lane that passes or fails as one."""
    started = time.monotonic()
    code, output = run(name, command, {})
    seconds = time.monotonic() - started
    closing = "failed" if code else "passed"
    say(f"\n== {name}: {closing} in {seconds:.1f} s\n{output}")
    return Score(name, int(code == 0), int(code != 0), 0, seconds, closing)


def tally(output: str) -> tuple[dict[str, int], str]:
    """The numbers of pytest's closing line, and the line itself (empty when there is none)."""
    for line in reversed(output.splitlines()):
        if " in " in line and (found := OUTCOME.findall(line)):
            numbers: dict[str, int] = {}
            for number, outcome in found:
                numbers[outcome.rstrip("s")] = int(number)
            return numbers, line.strip("= ")
        if "no tests ran" in line:
            return {}, line.strip("= ")
    return {}, ""


@dataclass(frozen=True)
class Part:
    """A part of the tests: two lanes of one database fill two cores better than one long one."""

    name: str
    paths: tuple[str, ...]


WHOLE = Part("", ())
CONTRACTS = Part("-contracts", ("tests/contracts",))
REST = Part("", ("tests", "--ignore=tests/contracts"))
JOURNEYS = Part("-journeys", ("tests/e2e",))
PAGES = Part("", ("tests", "--ignore=tests/e2e"))


def tests(name: str, marks: str, extra: Sequence[str], settings: Mapping[str, str]) -> Score:
    """A lane of pytest."""
    started = time.monotonic()
    command = [PYTHON, "-P", "-m", "pytest", "-m", marks, "-rs", *HANGS, *extra]
    code, output = run(name, command, settings)
    seconds = time.monotonic() - started
    say(f"\n== {name}: pytest -m '{marks}' {' '.join(extra)}\n{output}")
    numbers, closing = tally(output)
    failed = numbers.get("failed", 0) + numbers.get("error", 0) + numbers.get("xpassed", 0)
    nothing_here = code == NO_TESTS_COLLECTED
    if nothing_here:
        # with arguments, a lane may well have nothing to do; without, its tests are missing
        closing, failed = "no tests for this lane", 0 if extra else 1
    elif code and not failed:
        closing, failed = f"pytest ended with code {code} ({closing or 'no closing line'})", 1
    return Score(
        name, numbers.get("passed", 0), failed, numbers.get("skipped", 0), seconds, closing
    )


def unavailable(name: str, why: str) -> Score:
    """A lane that cannot run here counts as a failure, with one line about what to install."""
    say(f"\n== {name}\n{why}")
    return Score(name, 0, 1, 0, 0.0, f"could not run: {why}")


def install(package: str, is_there: Callable[[], object], absent: type[Exception]) -> None:
    """Install a system package when it is missing and this user may."""
    try:
        is_there()
    except absent:
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            return
        say(f"\nInstalling {package} with apt-get")
        settings = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package],
        ):
            subprocess.run(command, env=settings, stdin=subprocess.DEVNULL, check=False)


@contextmanager
def postgres_settings() -> Iterator[dict[str, str]]:
    """A database on a PostgreSQL of our own, as settings for the tests. Raises NoPostgres."""
    name = f"rounds_test_{os.getpid()}"
    with postgres() as server:
        database = server.database(name)
        try:
            yield {
                "TEST_DATABASE": "postgres",
                "TEST_DATABASE_URL": database.app_url,
                "TEST_OWNER_DATABASE_URL": database.owner_url,
                "TEST_POSTGRES_URL": server.admin.render_as_string(hide_password=False),
            }
        finally:
            server.drop(name)


@contextmanager
def sqlite_settings() -> Iterator[dict[str, str]]:
    """A database file in a temporary folder (in memory where possible), as settings."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="rounds-test-", dir=memory) as folder:
        url = f"sqlite:///{Path(folder) / 'rounds.db'}"
        yield {
            "TEST_DATABASE": "sqlite",
            "TEST_DATABASE_URL": url,
            "TEST_OWNER_DATABASE_URL": url,
        }


def install_all() -> None:
    """Install what the lanes need, one after the other: a package manager takes no company."""
    install("postgresql", binaries, NoPostgres)
    install("chromium", _chromium, NoChromium)


def sqlite_lane(part: Part, extra: Sequence[str], full: bool) -> Score:
    """What needs no browser, on SQLite."""
    marks = f"not postgres and not browser{_slow(full)}"
    with sqlite_settings() as settings:
        return tests(f"sqlite{part.name}", marks, [*part.paths, *extra], settings)


def postgres_lane(part: Part, extra: Sequence[str], full: bool) -> Score:
    """What needs no browser, on PostgreSQL."""
    name, marks = f"postgres{part.name}", f"not browser{_slow(full)}"
    try:
        with postgres_settings() as settings:
            return tests(name, marks, [*part.paths, *extra], settings)
    except NoPostgres as missing:
        return unavailable(name, str(missing))


def browser_lane(part: Part, extra: Sequence[str], full: bool) -> Score:
    """What needs Chromium: pages, and the journeys through the real processes."""
    name = f"browser{part.name}"
    try:
        _chromium()
    except NoChromium as missing:
        return unavailable(name, str(missing))
    with sqlite_settings() as settings:
        return tests(name, f"browser{_slow(full)}", [*part.paths, *extra], settings)


def _slow(full: bool) -> str:
    return "" if full else " and not full"


def _chromium() -> str:
    """Chromium's path, Playwright's own download included. Raises NoChromium."""
    ask = (
        "from playwright.sync_api import sync_playwright as s\n"
        "with s() as p: print(p.chromium.executable_path)"
    )
    done = subprocess.run([PYTHON, "-c", ask], capture_output=True, text=True, check=True)
    return chromium_path(done.stdout.strip())


def main(arguments: Sequence[str]) -> int:
    """Run every lane. Returns 0 when nothing failed."""
    full = "--full" in arguments
    extra = [argument for argument in arguments if argument != "--full"]
    os.environ["TEST_FULL"] = "1" if full else "0"
    started = time.monotonic()
    install_all()
    # in the order that ends soonest, quick and full; one more than there are cores, because a
    # browser often waits
    lanes: list[Callable[[], Score]] = [
        partial(lane, extra, full)
        for lane in (
            partial(postgres_lane, CONTRACTS),
            partial(sqlite_lane, REST),
            partial(postgres_lane, REST),
            partial(browser_lane, PAGES),
            partial(sqlite_lane, CONTRACTS),
            partial(browser_lane, JOURNEYS),
        )
    ]
    if extra or "TEST_POSTGRES_URL" in os.environ:
        # a role's rights are the whole server's: two lanes on one server would meet there
        lanes = [
            partial(lane, WHOLE, extra, full) for lane in (postgres_lane, browser_lane, sqlite_lane)
        ]
    lanes += [partial(check, name, command) for name, command in CHECKS.items()]
    with ThreadPoolExecutor((os.cpu_count() or 2) + 1) as pool:
        scores = list(pool.map(lambda lane: lane(), lanes))
    say("")
    for score in scores:
        say(str(score))
    passed, failed = (sum(getattr(s, part) for s in scores) for part in ("passed", "failed"))
    skipped = sum(score.skipped for score in scores)
    if skipped:
        say(f"{skipped} skipped (reasons above)")
    say(f"All lanes took {time.monotonic() - started:.0f} s")
    say(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
