"""Hold one command on a leash, so that nothing it started outlives the supervisor.

Usage: child.py GRACE COMMAND [ARGUMENTS]

Standard input is the leash: a pipe whose other end only the supervisor holds. It closes when the
supervisor lets go or dies, however it dies. Then the command gets SIGTERM, GRACE seconds later
SIGKILL, and so does every process below it, in whatever session or group it hides. Run with the
standard library only (`python -I -S`), because one of these stands beside every service.
"""

import ctypes
import os
import select
import signal
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LEASH = 0


def _prctl(option: int, value: int) -> None:
    """Linux only: elsewhere the process group is all there is to hold on to."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def descendants(pid: int) -> list[int]:
    """Every process below `pid`, from /proc (empty where there is none)."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # "pid (name) state ppid ...": the name may hold spaces and brackets
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended between the listing and the reading
        children.setdefault(parent, []).append(int(stat.parent.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _spawn(command: list[str]) -> int:
    """Start the command without the leash; it dies with this process. Returns its pid."""
    pid = os.fork()
    if pid:
        return pid
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for caught in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(caught, signal.SIG_DFL)
    os.closerange(3, 1024)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        os.execvp(command[0], command)  # noqa: S606  (a shell would be one process more)
    except OSError as problem:
        print(f"cannot start {command[0]}: {problem.strerror}", file=sys.stderr, flush=True)
    os._exit(127)


def _reap() -> dict[int, int]:
    """Exit codes (negative: the signal) of everything that ended, orphans handed to us included."""
    ended: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = os.waitstatus_to_exitcode(status)


def _kill_the_rest() -> None:
    """SIGKILL whatever is left below this process, until nothing is."""
    if sys.platform != "linux":
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.killpg(0, signal.SIGKILL)
    while left := descendants(os.getpid()):
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it ended by itself
        _reap()
        time.sleep(0.01)


def main(grace: float, command: list[str]) -> int:
    """Run the command until it ends or the leash goes. Returns its exit code, shell style."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    asked_to_stop = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal asked_to_stop
        asked_to_stop = True

    awake, bell = os.pipe()
    os.set_blocking(awake, False)
    os.set_blocking(bell, False)
    signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    pid = _spawn(command)
    watched, deadline = [LEASH, awake], None
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        readable, _, _ = select.select(watched, [], [], left)
        if awake in readable:
            os.read(awake, 4096)
        if LEASH in readable and not os.read(LEASH, 4096):
            asked_to_stop = True
        ended = _reap()
        if pid in ended:
            _kill_the_rest()
            return ended[pid] if ended[pid] >= 0 else 128 - ended[pid]
        if asked_to_stop and deadline is None:
            watched, deadline = [awake], time.monotonic() + grace
            os.kill(pid, signal.SIGTERM)
        if deadline is not None and time.monotonic() >= deadline:
            _kill_the_rest()
            return 128 + signal.SIGKILL


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
