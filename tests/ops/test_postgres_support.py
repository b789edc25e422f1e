"""The PostgreSQL that tests get has the two roles of production, and the app's owns nothing."""

import os
import subprocess
import sys
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from tests.support.postgres import APP, PASSWORD, Postgres, plain, postgres

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture
def name(server: Postgres) -> Iterator[str]:
    fresh = f"ops_{uuid4().hex[:12]}"
    yield fresh
    server.drop(fresh)


def test_the_app_role_may_use_rows_and_nothing_else(server: Postgres, name: str) -> None:
    _with_a_row(server, name)
    app_url = server.admin.set(database=name, username=APP, password=PASSWORD)
    with psycopg.connect(plain(app_url), autocommit=True) as app:
        app.execute("INSERT INTO seat VALUES (8)")
        assert app.execute("SELECT count(*) FROM seat").fetchone() == (2,)
        for forbidden in (
            "CREATE TABLE other (id int)",
            "DROP TABLE seat",
            "TRUNCATE seat",
            "ALTER TABLE seat DISABLE ROW LEVEL SECURITY",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(forbidden)


def test_neither_role_walks_through_row_level_security(server: Postgres) -> None:
    with psycopg.connect(plain(server.admin)) as admin:
        roles = admin.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'rounds_%' "
            "AND NOT rolsuper AND NOT rolbypassrls ORDER BY rolname"
        )
        assert [row[0] for row in roles] == ["rounds_app", "rounds_owner"]


def test_a_database_can_be_copied(server: Postgres, name: str) -> None:
    _with_a_row(server, name)
    copy_name = f"{name}_copy"
    copy = server.database(copy_name, template=name)
    try:
        with psycopg.connect(plain(copy.app)) as app:
            assert app.execute("SELECT id FROM seat").fetchone() == (7,)
    finally:
        server.drop(copy_name)


def _with_a_row(server: Postgres, name: str) -> None:
    with psycopg.connect(plain(server.database(name).owner), autocommit=True) as owner:
        owner.execute("CREATE TABLE seat (id int)")
        owner.execute("INSERT INTO seat VALUES (7)")


def test_without_postgres_one_line_says_what_to_install() -> None:
    program = (
        "import shutil, pathlib\n"
        "pathlib.Path.glob = lambda *a: iter(())\n"
        "shutil.which = lambda name: None\n"
        "from tests.support.postgres import NoPostgres, postgres\n"
        "try:\n"
        "    postgres().__enter__()\n"
        "except NoPostgres as missing:\n"
        "    print(missing)\n"
    )
    bare = {name: value for name, value in os.environ.items() if name != "TEST_POSTGRES_URL"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=bare
    )
    assert "sudo apt-get install postgresql" in done.stdout
    assert done.stdout.count("\n") == 1
