"""The real processes that journeys and crash tests run on can be killed and brought back."""

from pathlib import Path

import pytest
from redis import Redis

from demo.stack import answers, answers_ping, listens
from tests.support.processes import NAMES, RunningStack

pytestmark = pytest.mark.browser


def is_up(running: RunningStack, name: str) -> bool:
    return {
        "valkey": lambda: answers_ping(running.place.valkey_socket),
        "double": lambda: listens(running.place.double_port),
        "web": lambda: answers(f"{running.url}/healthz"),
        "worker": lambda: True,
        "clockwork": lambda: True,
    }[name]()


def test_each_process_can_be_killed_and_brought_back(tmp_path: Path) -> None:
    with RunningStack(tmp_path / "var", seed=()) as running:
        for name in NAMES:
            assert is_up(running, name)
            running.kill9(name)
            if name not in {"worker", "clockwork"}:
                assert not is_up(running, name)
            running.restart(name)
            assert is_up(running, name)
        # what Valkey acknowledged survives its crash, a flush does not
        with Redis.from_url(running.settings["REDIS_URL"]) as client:
            client.set("kept", "1")
            running.flush_valkey()
            assert client.get("kept") is None
        running.end("web")
    for name in ("valkey", "double", "web"):
        assert not is_up(running, name)


def test_a_prepared_folder_is_copied_instead_of_migrated(tmp_path: Path) -> None:
    with RunningStack(tmp_path / "first", seed=(), names=("valkey", "web")) as first:
        assert first.command("--help").returncode == 0
        secret = first.settings["SECRET_KEY"]
    with RunningStack(
        tmp_path / "second", prepared=tmp_path / "first", names=("valkey", "web")
    ) as second:
        assert not (tmp_path / "second" / "log" / "migrate.log").exists()
        assert second.settings["SECRET_KEY"] == secret
        assert answers(f"{second.url}/readyz")
