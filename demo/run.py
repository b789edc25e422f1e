"""`bin/run`: the whole product on this machine, under one supervisor."""

import fcntl
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo import stack
from demo.bootstrap import ROOT
from demo.supervisor import Failed, Stopped, Supervisor

LET_THE_LAST_RUN_END = 20.0  # seconds; its processes stop by themselves when it was killed


def say(text: str) -> None:
    """Print one line for the person who started this."""
    print(text, flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    print(f"  {text:<46}", end="", flush=True)
    started = time.monotonic()
    try:
        yield
    except BaseException:
        print(flush=True)
        raise
    print(f"{time.monotonic() - started:5.1f} s", flush=True)


def data_folder() -> Path:
    """The folder that keeps everything: VAR_DIR, or var/ beside the code. Only its owner enters."""
    var = Path(os.environ.get("VAR_DIR") or ROOT / "var").absolute()
    var.mkdir(parents=True, exist_ok=True)
    var.chmod(0o700)
    return var


def alone_in(var: Path) -> int:
    """Lock the data folder for this run and all its processes. Exits when it is in use."""
    lock = os.open(var / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    patience = time.monotonic() + LET_THE_LAST_RUN_END
    told = False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            holder = os.pread(lock, 100, 0).decode()
            if _is_running(holder) or time.monotonic() > patience:
                sys.exit(f"Rounds is already running in {var} (process {holder or 'unknown'}).")
            if not told:
                say("Waiting for the last run to end")
                told = True
            time.sleep(0.2)
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def _is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def web_port() -> int:
    """PORT, or the first free one from 8000. Exits when PORT is taken or no port."""
    chosen = os.environ.get("PORT")
    if not chosen:
        return stack.first_free(8000)
    if not chosen.isdecimal() or not 0 < int(chosen) < 65_536:
        sys.exit(f"PORT must be a number from 1 to 65535, not {chosen!r}.")
    if not stack.is_free(int(chosen)):
        sys.exit(f"Port {chosen} is taken or not allowed. Choose another: PORT=8080 bin/run")
    return int(chosen)


def start_everything(supervisor: Supervisor, place: stack.Place, values: dict[str, str]) -> None:
    """From nothing to a product that answers, a line for each step."""
    if values["REDIS_URL"] == f"unix://{place.valkey_socket}":
        with step("Starting Valkey, the queue"):
            supervisor.start(stack.valkey(place))
            supervisor.wait_until_ready("valkey")
    supervisor.start(stack.double(place, values))
    database = Marks(place.var, values["DATABASE_URL"])
    migrations = digest(ROOT / "migrations")
    if not database.has("migrated", migrations):
        with step("Bringing the database up to date"):
            supervisor.run("migrate", stack.cli("migrate"))
        database.set("migrated", migrations)
    if not database.has("seeded"):
        with step("Seeding the fictional market (once)"):
            supervisor.run("seed", stack.demo_cli("seed", "--if-empty"))
        database.set("seeded")
    with step("Starting Stripe double, worker, clockwork, web"):
        supervisor.start(stack.worker())
        supervisor.start(stack.clockwork())
        supervisor.start(stack.web(place))
        supervisor.wait_until_ready("double", "web")


@dataclass(frozen=True)
class Marks:
    """What was done to the database of this folder, so that a later start need not ask again.

    A mark counts for one database only, and for none whose file is gone.
    """

    var: Path
    url: str

    def has(self, name: str, version: str = "") -> bool:
        """Whether this was done, in this version, to the database that is there now."""
        file = self.url.removeprefix("sqlite:///")
        if file != self.url and not Path(file).exists():
            return False
        mark = self.var / name
        return mark.exists() and mark.read_text() == self._text(version)

    def set(self, name: str, version: str = "") -> None:
        """Remember that this was done."""
        (self.var / name).write_text(self._text(version))

    def _text(self, version: str) -> str:
        return hashlib.sha256(f"{self.url} {version}".encode()).hexdigest()


def digest(folder: Path) -> str:
    """A fingerprint of the code in a folder."""
    files = sorted(folder.rglob("*.py"))
    return hashlib.sha256(b"".join(bytes(f) + f.read_bytes() for f in files)).hexdigest()


def show_the_way_in(place: stack.Place) -> None:
    """Print the address and the demo accounts."""
    say(f"\nRounds is ready: {place.base_url}  (search: {place.base_url}/rotations)\n")
    accounts = json.loads((place.var / "demo-accounts.json").read_text())
    rows = [("role", "e-mail", "password", "agency")]
    rows += [(a["role"], a["email"], a["password"], a.get("agency") or "") for a in accounts]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        say("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
    say(f"\nSign in at {place.base_url}/sign-in. Logs are in {place.var / 'log'}. Ctrl-C stops.")


def main() -> int:
    """Run until asked to stop. Returns the exit code."""
    if len(sys.argv) > 1:
        sys.exit("bin/run takes no arguments. PORT and VAR_DIR may be set in the environment.")
    var = data_folder()
    lock = alone_in(var)
    port = web_port()
    place = stack.Place(var, port, stack.first_free(port + 1), stack.socket_in(var))
    values = stack.settings(place, os.environ)
    stack.write_private(var / "settings.json", values)
    started = time.monotonic()
    say(f"Rounds, in {var}")
    with Supervisor(os.environ | values, var / "log", say=say, lock=lock) as supervisor:
        supervisor.stop_on_signals()
        try:
            start_everything(supervisor, place, values)
            show_the_way_in(place)
            say(f"Started in {time.monotonic() - started:.1f} s.")
            supervisor.watch()
        except Stopped:
            say("Stopping before everything was started")
        except Failed as failure:
            say(f"\n{failure}")
            return 1
        say("\nStopping")
    if place.valkey_socket.parent != var:
        shutil.rmtree(place.valkey_socket.parent)
    say("Stopped. The data is kept.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
