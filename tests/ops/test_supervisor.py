"""The supervisor with small stand-in services: order, restarts, and nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.child import descendants
from demo.supervisor import Failed, Service, Supervisor

SLEEP = [sys.executable, "-c", "import time; time.sleep(300)"]
# ignores SIGTERM, and hides a grandchild in a session of its own, which ignores it too
STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
print(os.getpid(), file=open(sys.argv[1], "a"), flush=True)
time.sleep(300)
"""
# a program that supervises, to be killed from outside
PROGRAM = """
import sys
from pathlib import Path
from demo.supervisor import Service, Supervisor
logs, pids, script = map(Path, sys.argv[1:])
with Supervisor({}, logs, say=print, grace=0.5) as supervisor:
    supervisor.stop_on_signals()
    supervisor.start(Service("plain", [sys.executable, "-c", "import time; time.sleep(300)"]))
    supervisor.start(Service("stubborn", [sys.executable, str(script), str(pids)]))
    while not pids.exists() or len(pids.read_text().split()) < 2:
        pass
    print("up", flush=True)
    supervisor.watch()
"""


def wait_until(holds: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def runs(pid: int) -> bool:
    """Whether a process exists and is not a zombie waiting for its parent."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    with Supervisor(
        {"GREETING": "hello"}, tmp_path / "log", say=said.append, grace=0.5, back_off=(0.0, 0.0)
    ) as running:
        yield running


def test_a_service_gets_the_environment_and_writes_to_its_log(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    show = "import os; print(os.environ['GREETING'], os.environ['PROCESS_ROLE'])"
    supervisor.run("greeter", [sys.executable, "-c", show])
    assert (tmp_path / "log" / "greeter.log").read_text() == "hello greeter\n"


def test_a_step_that_fails_shows_the_end_of_its_log(supervisor: Supervisor) -> None:
    with pytest.raises(Failed, match=r"migrate ended with code 3(.|\n)*no such table"):
        supervisor.run(
            "migrate", [sys.executable, "-c", "print('no such table'); raise SystemExit(3)"]
        )


def test_a_command_that_does_not_exist_fails_its_step(supervisor: Supervisor) -> None:
    with pytest.raises(Failed, match="cannot start /no/such/program"):
        supervisor.run("ghost", ["/no/such/program"])


def test_waiting_ends_when_the_service_is_ready(supervisor: Supervisor, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    touch = [sys.executable, "-c", f"open({str(flag)!r}, 'w'); import time; time.sleep(300)"]
    supervisor.start(Service("slow", touch, ready=flag.exists))
    supervisor.wait_until_ready("slow")
    assert flag.exists()


def test_waiting_fails_when_the_service_takes_too_long(supervisor: Supervisor) -> None:
    supervisor.start(Service("never", SLEEP, ready=lambda: False, patience=0.2))
    with pytest.raises(Failed, match="never was not ready after"):
        supervisor.wait_until_ready("never")


def test_waiting_fails_when_the_service_dies(supervisor: Supervisor) -> None:
    supervisor.start(Service("weak", [sys.executable, "-c", "1/0"], ready=lambda: False))
    with pytest.raises(Failed, match="ZeroDivisionError"):
        supervisor.wait_until_ready("weak")


def test_services_stop_in_reverse_order(supervisor: Supervisor, tmp_path: Path) -> None:
    log = tmp_path / "order"
    script = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        f"    open({str(log)!r}, 'a').write(sys.argv[1] + ' ')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "open(sys.argv[2], 'w')\n"
        "time.sleep(300)\n"
    )
    for name in ("valkey", "worker", "web"):
        up = tmp_path / f"{name}.up"
        supervisor.start(
            Service(name, [sys.executable, "-c", script, name, str(up)], ready=up.exists)
        )
        supervisor.wait_until_ready(name)
    supervisor.stop()
    assert log.read_text().split() == ["web", "worker", "valkey"]


def test_stopping_kills_what_ignores_sigterm_and_hides_in_another_session(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    supervisor.start(Service("stubborn", [sys.executable, "-c", STUBBORN, str(pids)]))
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    found = [int(pid) for pid in pids.read_text().split()]
    assert all(map(runs, found))
    supervisor.stop()
    assert not any(map(runs, found))


def test_a_service_that_dies_is_started_again(supervisor: Supervisor, said: list[str]) -> None:
    supervisor.start(Service("web", SLEEP))
    wait_until(lambda: bool(descendants(supervisor.pid("web"))))
    first = descendants(supervisor.pid("web"))[0]
    os.kill(first, signal.SIGKILL)

    def is_back() -> bool:
        supervisor.look()
        return "Starting web again" in said

    wait_until(is_back)
    wait_until(lambda: bool(descendants(supervisor.pid("web"))))
    assert descendants(supervisor.pid("web"))[0] != first
    assert any("web ended with code 137" in line for line in said)


def test_a_service_that_keeps_dying_stops_the_run(supervisor: Supervisor) -> None:
    supervisor.start(Service("weak", [sys.executable, "-c", "1/0"]))
    with pytest.raises(Failed, match="weak ended 3 times"):
        supervisor.watch()


def test_error_lines_of_a_log_are_repeated_once(supervisor: Supervisor, said: list[str]) -> None:
    lines = "print('fine'); print('ERROR in job 7', flush=True); import time; time.sleep(300)"
    supervisor.start(Service("worker", [sys.executable, "-c", lines]))

    def has_spoken() -> bool:
        supervisor.look()
        return bool(said)

    wait_until(has_spoken)
    supervisor.look()
    assert said == ["worker: ERROR in job 7"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_when_the_supervisor_ends(tmp_path: Path, number: signal.Signals) -> None:
    pids, script = tmp_path / "pids", tmp_path / "stubborn.py"
    script.write_text(STUBBORN)
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "log"), str(pids), str(script)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert program.stdout is not None
    with program, program.stdout:
        assert program.stdout.readline() == "up\n"
        # two wrappers, their two commands, one hidden grandchild; "plain" may still be starting
        wait_until(lambda: len(descendants(program.pid)) == 5)
        below = descendants(program.pid)
        program.send_signal(number)
        assert program.wait(30) == (-number if number == signal.SIGKILL else 0)
        wait_until(lambda: not any(map(runs, below)))


def test_a_killed_wrapper_takes_its_command_with_it(supervisor: Supervisor) -> None:
    supervisor.start(Service("web", SLEEP))
    wait_until(lambda: bool(descendants(supervisor.pid("web"))))
    command = descendants(supervisor.pid("web"))[0]
    os.kill(supervisor.pid("web"), signal.SIGKILL)
    wait_until(lambda: not runs(command))
