"""Start services in order, keep them running, stop them in reverse order, and leave nothing behind.

Each service stands behind `child.py`: it ends, with all it started, when its leash is let go. The
leash is a pipe held by this process alone, so even `kill -9` of the supervisor stops everything.
"""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Self

CHILD = Path(__file__).with_name("child.py")
GRACE = 10.0  # seconds between SIGTERM and SIGKILL
BACK_OFF = (0.5, 1.0, 2.0, 4.0)  # seconds before each restart; one failure more and all stops
CALM = 60.0  # seconds a service must run before its failures are forgotten
POLL = 0.1
LOG_LIMIT = 5_000_000  # bytes; a longer log is set aside when its service starts
ALARMS = ("ERROR", "CRITICAL", "Traceback (most", '"level": "error"', '"level":"error"')


class Failed(Exception):
    """A service or a step ended in a way that the run cannot go on from."""


class Stopped(Exception):
    """The person asked to stop while something was being started."""


@dataclass(frozen=True)
class Service:
    """A process to keep running. `ready` says when the next step may rely on it."""

    name: str
    command: Sequence[str]
    ready: Callable[[], bool] | None = None
    patience: float = 30.0


@dataclass
class Child:
    """One running service or step: its wrapper process, its leash and when it started."""

    name: str
    process: subprocess.Popen[bytes]
    leash: int
    log: Path
    started: float = field(default_factory=time.monotonic)

    def let_go(self) -> None:
        """Close the leash: the command gets SIGTERM, then after its grace SIGKILL."""
        if self.leash >= 0:
            os.close(self.leash)
            self.leash = -1

    def finish(self, within: float) -> int:
        """Let go and wait for the end. Returns the exit code."""
        self.let_go()
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            return self.process.wait()


def launch(
    name: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    log: Path,
    grace: float = GRACE,
    keep_open: Sequence[int] = (),
) -> Child:
    """Start a command behind its wrapper, in a session of its own, writing to `log`."""
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".old.log"))
    held, leash = os.pipe()
    try:
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(CHILD), str(grace), *command],
                stdin=held,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,
                pass_fds=tuple(keep_open),
            )
    finally:
        os.close(held)
    return Child(name, process, leash, log)


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log, for a message about what went wrong."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        return "".join(f"    {line.rstrip()}\n" for line in deque(lines, count))


class Supervisor:
    """Runs services under one roof. Use as a context manager: leaving it stops everything.

    `lock` is an open file that every wrapper keeps open too, so that a lock on it lasts until the
    last process of this run is gone.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        logs: Path,
        *,
        say: Callable[[str], None],
        lock: int | None = None,
        grace: float = GRACE,
        back_off: Sequence[float] = BACK_OFF,
    ) -> None:
        self.environment = environment
        self.logs = logs
        self.grace = grace
        self._say = say
        self._keep_open = () if lock is None else (lock,)
        self._back_off = back_off
        self._services: dict[str, Service] = {}
        self._children: dict[str, Child] = {}
        self._failures: dict[str, int] = {}
        self._due: dict[str, float] = {}
        self._read_up_to: dict[Path, int] = {}
        self._asked_to_stop = False
        logs.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        """Nothing to prepare: services start one by one."""
        return self

    def __exit__(self, *_reason: object) -> None:
        """Stop everything, whatever happened."""
        self.stop()

    def stop_on_signals(self) -> None:
        """Take Ctrl-C, a closed terminal and `kill` as the request to stop in order."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop = True

    def pid(self, name: str) -> int:
        """The process id of a service's wrapper."""
        return self._children[name].process.pid

    def run(self, name: str, command: Sequence[str]) -> None:
        """Run one step to its end. Raises Failed with the end of its log."""
        child = self._launch(name, command)
        self._children[name] = child
        while child.process.poll() is None:
            self._refuse_when_asked_to_stop()
            time.sleep(POLL / 2)
        del self._children[name]
        child.let_go()
        if child.process.returncode:
            raise Failed(self._obituary(child))

    def start(self, service: Service) -> None:
        """Start a service without waiting for it."""
        self._services[service.name] = service
        self._children[service.name] = self._launch(service.name, service.command)

    def wait_until_ready(self, *names: str) -> None:
        """Wait until each named service is ready. Raises Failed when one ends or takes too long."""
        for name in names:
            service, child = self._services[name], self._children[name]
            while not (service.ready is None or service.ready()):
                self._refuse_when_asked_to_stop()
                if child.process.poll() is not None:
                    raise Failed(self._obituary(child))
                if time.monotonic() - child.started > service.patience:
                    raise Failed(
                        f"{name} was not ready after {service.patience:.0f} s. The end of "
                        f"{child.log}:\n{last_lines(child.log)}"
                    )
                time.sleep(POLL / 2)

    def watch(self) -> None:
        """Keep everything running until asked to stop. Raises Failed when a service keeps dying."""
        while not self._asked_to_stop:
            self.look()
            time.sleep(POLL)

    def look(self) -> None:
        """One round of `watch`: echo errors, notice deaths, start again what is due."""
        now = time.monotonic()
        for name, child in list(self._children.items()):
            self._echo_alarms(child)
            if child.process.poll() is not None:
                self._bury(child, now)
            elif now - child.started > CALM:
                self._failures.pop(name, None)
        for name, due in list(self._due.items()):
            if now >= due:
                del self._due[name]
                self._say(f"Starting {name} again")
                self.start(self._services[name])

    def stop_one(self, name: str) -> int:
        """Stop one service and all it started. Returns its exit code."""
        return self._children.pop(name).finish(self.grace + 5)

    def stop(self) -> None:
        """Stop everything, last started first."""
        self._due.clear()
        for name in reversed(list(self._children)):
            self.stop_one(name)

    def _launch(self, name: str, command: Sequence[str]) -> Child:
        log = self.logs / f"{name}.log"
        child = launch(
            name,
            command,
            environment=dict(self.environment) | {"PROCESS_ROLE": name},
            log=log,
            grace=self.grace,
            keep_open=self._keep_open,
        )
        self._read_up_to[log] = log.stat().st_size
        return child

    def _refuse_when_asked_to_stop(self) -> None:
        if self._asked_to_stop:
            raise Stopped

    def _obituary(self, child: Child) -> str:
        return (
            f"{child.name} ended with code {child.process.returncode}. The end of {child.log}:\n"
            f"{last_lines(child.log)}"
        )

    def _bury(self, child: Child, now: float) -> None:
        """A service died: plan its restart, or give up."""
        del self._children[child.name]
        child.let_go()
        failures = self._failures.get(child.name, 0)
        self._say(self._obituary(child).rstrip())
        if failures >= len(self._back_off):
            raise Failed(f"{child.name} ended {failures + 1} times. Stopping everything.")
        self._failures[child.name] = failures + 1
        self._due[child.name] = now + self._back_off[failures]

    def _echo_alarms(self, child: Child) -> None:
        """Repeat the error lines that a service wrote to its log since the last look."""
        with child.log.open("rb") as log:
            log.seek(self._read_up_to[child.log])
            fresh = log.read()
        whole, newline, _rest = fresh.rpartition(b"\n")
        self._read_up_to[child.log] += len(whole + newline)
        for line in whole.decode(errors="replace").splitlines():
            if any(alarm in line for alarm in ALARMS):
                self._say(f"{child.name}: {line}")
