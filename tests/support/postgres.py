"""A PostgreSQL for tests: a server of our own in a temporary folder, or TEST_POSTGRES_URL.

Two roles, as in production: `rounds_owner` owns everything and runs migrations, `rounds_app` owns
nothing and may only read and write rows. Neither is a superuser.
"""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL, make_url

from demo.supervisor import Child, last_lines, launch

OWNER, APP = "rounds_owner", "rounds_app"
PASSWORD = "only-for-tests"
# speed over safety: this server's data never outlives the tests
FLAGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "300",
    "shared_buffers": "128MB",
    "timezone": "UTC",
}
# what execs a program as another user: PostgreSQL refuses to run as root
AS_USER = (
    "import os, sys; uid, gid = map(int, sys.argv[1:3]); os.setgroups([]); os.setgid(gid); "
    "os.setuid(uid); os.execv(sys.argv[3], sys.argv[3:])"
)


class NoPostgres(Exception):
    """There is no PostgreSQL to test with. The message says in one line what to install."""


@dataclass(frozen=True)
class Postgres:
    """A server. `admin` may create databases and roles."""

    admin: URL

    def database(self, name: str, template: str = "template1") -> "Database":
        """Create an empty database owned by the owner role (or a copy of another one)."""
        with psycopg.connect(plain(self.admin), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(OWNER), sql.Identifier(template)
                )
            )
        database = Database(
            owner=self.admin.set(database=name, username=OWNER, password=PASSWORD),
            app=self.admin.set(database=name, username=APP, password=PASSWORD),
        )
        with psycopg.connect(plain(self.admin.set(database=name)), autocommit=True) as connection:
            for statement in GRANTS:
                connection.execute(
                    sql.SQL(statement).format(owner=sql.Identifier(OWNER), app=sql.Identifier(APP))
                )
        return database

    def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        with psycopg.connect(plain(self.admin), autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )


GRANTS = (
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    "GRANT ALL ON SCHEMA public TO {owner}",
    "GRANT USAGE ON SCHEMA public TO {app}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public "
    "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public "
    "GRANT USAGE, SELECT ON SEQUENCES TO {app}",
)


@dataclass(frozen=True)
class Database:
    """One database as its owner and as the application reach it."""

    owner: URL
    app: URL

    @property
    def owner_url(self) -> str:
        """For OWNER_DATABASE_URL."""
        return self.owner.render_as_string(hide_password=False)

    @property
    def app_url(self) -> str:
        """For DATABASE_URL."""
        return self.app.render_as_string(hide_password=False)


def plain(url: URL) -> str:
    """The address as libpq writes it, without the name of a Python driver."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A server with both roles. Raises NoPostgres when none is installed or named."""
    named = os.environ.get("TEST_POSTGRES_URL")
    if named:
        server = Postgres(make_url(named).set(drivername="postgresql+psycopg"))
        _make_roles(server)
        yield server
        return
    with _own_server() as server:
        _make_roles(server)
        yield server


def _make_roles(server: Postgres) -> None:
    with psycopg.connect(plain(server.admin), autocommit=True) as connection:
        for role in (OWNER, APP):
            exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
            verb = "ALTER" if exists.fetchone() else "CREATE"
            connection.execute(
                sql.SQL(verb + " ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD {}").format(
                    sql.Identifier(role), PASSWORD
                )
            )


def binaries() -> Path:
    """The folder of the newest installed server programs. Raises NoPostgres."""
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    numbered = sorted(installed, key=lambda path: float(path.parts[-3]), reverse=True)
    on_path = shutil.which("initdb")
    for initdb in [*numbered, *([Path(on_path)] if on_path else [])]:
        found = initdb.resolve().parent
        if (found / "postgres").exists():
            return found
    raise NoPostgres(
        "PostgreSQL is not installed. On Debian or Ubuntu: sudo apt-get install postgresql "
        "(or name a server: TEST_POSTGRES_URL=postgresql://superuser@host/postgres)"
    )


def _as_ordinary_user(folder: Path) -> list[str]:
    """The start of a command line that drops root's rights; gives `folder` to that user."""
    if os.geteuid() != 0:
        return []
    names = {user.pw_name: user for user in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    os.chown(folder, user.pw_uid, user.pw_gid)
    return [sys.executable, "-c", AS_USER, str(user.pw_uid), str(user.pw_gid)]


@contextmanager
def _own_server() -> Iterator[Postgres]:
    programs = binaries()
    # /tmp, because the path of a socket must be short
    folder = Path(tempfile.mkdtemp(prefix="rounds-pg-", dir="/tmp"))
    server: Child | None = None
    try:
        rights = _as_ordinary_user(folder)
        data = folder / "data"
        initdb = [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "--auth=trust"]
        initdb += ["--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        made = subprocess.run(
            [*rights, *initdb], cwd="/", capture_output=True, text=True, check=False
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed:\n{made.stdout}{made.stderr}")
        command = [*rights, str(programs / "postgres"), "-D", str(data), "-k", str(folder)]
        command += [part for name, value in FLAGS.items() for part in ("-c", f"{name}={value}")]
        log = folder / "log"
        server = launch("postgres", command, environment=os.environ, log=log, grace=3)
        admin = URL.create(
            "postgresql+psycopg",
            username="postgres",
            database="postgres",
            query={"host": str(folder), "port": "5432"},
        )
        _wait_for(server, admin)
        yield Postgres(admin)
    finally:
        if server is not None:
            server.finish(within=10)
        shutil.rmtree(folder)


def _wait_for(server: Child, admin: URL, patience: float = 30) -> None:
    end = time.monotonic() + patience
    while True:
        try:
            psycopg.connect(plain(admin)).close()
            return
        except psycopg.OperationalError:
            if server.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL did not start:\n{last_lines(server.log)}") from None
            time.sleep(0.05)
