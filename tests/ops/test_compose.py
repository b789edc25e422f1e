"""The production set names settings that exist and makes the two roles as the tests do."""

import os
import re
import subprocess
from dataclasses import fields
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import yaml  # type: ignore[import-untyped]

from demo.bootstrap import ROOT
from marketplace.cli import cli
from marketplace.core.config import Config
from tests.support.postgres import binaries, plain, postgres

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = ("migrate", "web", "worker", "clockwork")


@pytest.mark.parametrize("name", OURS)
def test_every_setting_is_one_that_the_product_reads(name: str) -> None:
    known = {field.name.upper() for field in fields(Config)} | {"PROCESS_ROLE"}
    assert set(COMPOSE["services"][name]["environment"]) <= known


def test_only_the_migration_knows_the_owner() -> None:
    knowing = [name for name in OURS if "OWNER" in str(COMPOSE["services"][name]["environment"])]
    assert knowing == ["migrate"]


def test_only_the_maker_of_keys_knows_the_master_key_and_each_process_has_its_own() -> None:
    services = COMPOSE["services"]
    knowing = {name for name, one in services.items() if "MASTER" in str(one.get("environment"))}
    assert knowing == {"meilisearch", "search-keys"}
    keys = {
        name: services[name]["environment"].get("MEILI_KEY")
        for name in OURS
        if "MEILI_KEY" in services[name]["environment"]
    }
    assert keys == {"web": "${MEILI_WEB_KEY:-}", "worker": "${MEILI_WORKER_KEY:-}"}
    command = services["search-keys"]["command"]
    assert command[3] in cli.commands and services["meilisearch"]["profiles"] == ["meilisearch"]


def test_the_product_accepts_the_settings() -> None:
    environment = COMPOSE["services"]["web"]["environment"]
    usual = {name: re.sub(r"\$\{\w+:-(\w*)\}", r"\1", text) for name, text in environment.items()}
    filled = {name: re.sub(r"\$\{\w+:\?\}", "x" * 40, text) for name, text in usual.items()}
    config = Config.from_env(filled)
    assert not config.demo
    assert config.database_url.startswith("postgresql+psycopg://rounds_app:")


@pytest.mark.postgres
def test_the_roles_script_makes_an_owner_and_an_application_that_owns_nothing() -> None:
    mark = uuid4().hex[:8]
    owner, app, database = f"owner_{mark}", f"app_{mark}", f"compose_{mark}"
    script: str = COMPOSE["configs"]["roles"]["content"]
    statements = script.partition("<<'SQL'\n")[2].partition("SQL\n")[0]
    statements = statements.replace("rounds_owner", owner).replace("rounds_app", app)
    statements = statements.replace("DATABASE rounds", f"DATABASE {database}")
    with postgres() as server:
        server.database(database)
        target = server.admin.set(database=database)
        try:
            command = [
                str(binaries() / "psql"),
                "--set=ON_ERROR_STOP=1",
                f"--dbname={plain(target)}",
            ]
            subprocess.run(
                [*command, "--set=owner_password=a", "--set=app_password=b"],
                input=statements,
                text=True,
                check=True,
                capture_output=True,
                env=os.environ,
            )
            with psycopg.connect(plain(target.set(username=owner, password="a"))) as connection:
                connection.execute("CREATE TABLE seat (id int)")
            with psycopg.connect(plain(target.set(username=app, password="b"))) as connection:
                connection.execute("INSERT INTO seat VALUES (1)")
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute("DROP TABLE seat")
        finally:
            server.drop(database)
            with psycopg.connect(plain(server.admin), autocommit=True) as connection:
                connection.execute(f"DROP ROLE IF EXISTS {owner}".encode())
                connection.execute(f"DROP ROLE IF EXISTS {app}".encode())
