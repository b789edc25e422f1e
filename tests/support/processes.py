"""The real processes, on free ports and in a folder of their own, for journeys and crashes."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from redis import Redis

from demo import stack
from demo.child import descendants
from demo.supervisor import Service, Supervisor
from tests.support.postgres import Database

NAMES = ("valkey", "double", "worker", "clockwork", "web")


class RunningStack:
    """Valkey, Stripe double, worker, clockwork and web, as `bin/run` starts them.

    Nothing is started again by itself: a killed process stays dead until `restart`.
    """

    def __init__(
        self,
        var: Path,
        *,
        database: Database | None = None,
        prepared: Path | None = None,
        seed: Sequence[str] = ("seed",),
        settings: Mapping[str, str] | None = None,
        names: Sequence[str] = NAMES,
    ) -> None:
        """Prepare a stack in `var`; `start` or a `with` block starts it.

        `database` is a PostgreSQL one (default: SQLite in `var`). `prepared` is the folder of a
        stopped stack to copy, so that migrating and seeding are paid for once (with `database`,
        give a copied database too). `seed` is the command that fills an unprepared one, `()` for
        none. `settings` are added to the environment. `names` are the services to start.
        """
        self.var = var
        if prepared is not None:
            leave = shutil.ignore_patterns("log", "valkey.sock", "valkey")
            shutil.copytree(prepared, var, dirs_exist_ok=True, ignore=leave)
        var.mkdir(parents=True, exist_ok=True)
        self._is_prepared = prepared is not None
        self._seed = seed
        self._names = names
        web, double = stack.any_free(), stack.any_free()
        self.place = stack.Place(var, web, double, stack.socket_in(var))
        given = (
            {"DATABASE_URL": database.app_url, "OWNER_DATABASE_URL": database.owner_url}
            if database
            else {}
        )
        self.settings = stack.settings(self.place, given) | dict(settings or {})
        self._said: list[str] = []
        self._supervisor = Supervisor(
            os.environ | self.settings, var / "log", say=self._said.append, grace=5
        )
        self._services: dict[str, Service] = {
            service.name: service
            for service in (
                stack.valkey(self.place),
                stack.double(self.place, self.settings),
                stack.worker(),
                stack.clockwork(),
                stack.web(self.place),
            )
        }

    def __enter__(self) -> Self:
        """Start everything."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_reason: object) -> None:
        """Stop everything."""
        self.stop()

    @property
    def url(self) -> str:
        """The address of the product."""
        return self.place.base_url

    @property
    def double_url(self) -> str:
        """The address of the Stripe double."""
        return self.place.double_url

    def start(self) -> None:
        """Start everything and wait until the web answers."""
        if "valkey" in self._names:
            self.restart("valkey")
        if not self._is_prepared:
            self._supervisor.run("migrate", stack.cli("migrate"))
            if self._seed:
                self._supervisor.run("seed", stack.demo_cli(*self._seed))
        rest = [name for name in self._names if name != "valkey"]
        for name in rest:
            self._supervisor.start(self._services[name])
        self._supervisor.wait_until_ready(*rest)

    def processes(self, name: str) -> list[int]:
        """The process ids of a service: its own and those that it started."""
        return descendants(self._supervisor.pid(name))

    def kill9(self, name: str) -> None:
        """SIGKILL every process of a service at once, as a crash of the machine would."""
        for pid in self.processes(name):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # its parent's death ended it first
        self._supervisor.stop_one(name)

    def end(self, name: str) -> None:
        """Stop one service in order, with SIGTERM."""
        self._supervisor.stop_one(name)

    def restart(self, name: str) -> None:
        """Start a stopped or killed service again and wait until it is ready."""
        self._supervisor.start(self._services[name])
        self._supervisor.wait_until_ready(name)

    def flush_valkey(self) -> None:
        """Lose everything that the queue holds."""
        with Redis.from_url(self.settings["REDIS_URL"]) as client:
            client.flushall()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `bin/marketplace` on this stack, for example `check`."""
        return subprocess.run(
            stack.demo_cli(*arguments),
            env=os.environ | self.settings | {"PROCESS_ROLE": "cli"},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def log(self, name: str) -> str:
        """Everything that a service has written so far."""
        return (self.var / "log" / f"{name}.log").read_text(errors="replace")

    def stop(self) -> None:
        """Stop everything, last started first."""
        self._supervisor.stop()
        if self.place.valkey_socket.parent != self.var:
            shutil.rmtree(self.place.valkey_socket.parent, ignore_errors=True)
