"""The real processes that journeys and crash tests run on can be killed and brought back."""

from pathlib import Path

import pytest
from redis import Redis

from demo.stack import answers, answers_ping, listens
from tests.ops.test_supervisor import runs, wait_until
from tests.support.processes import RunningStack

pytestmark = pytest.mark.browser


def is_up(running: RunningStack, name: str) -> bool:
    """Whether a service that can be asked answers."""
    if name == "valkey":
        return answers_ping(running.place.valkey_socket)
    if name == "double":
        return listens(running.place.double_port)
    return answers(f"{running.url}/healthz")


@pytest.mark.full
def test_each_process_can_be_killed_and_brought_back(tmp_path: Path) -> None:
    with RunningStack(tmp_path / "var", seed=()) as running:
        for name in ("valkey", "double", "web"):
            assert is_up(running, name)
            running.kill9(name)
            assert not is_up(running, name)
            running.restart(name)
            assert is_up(running, name)
        for name in ("worker", "clockwork"):
            before = running.processes(name)
            running.kill9(name)
            assert not any(map(runs, before))
            running.restart(name)
            wait_until(lambda name=name: bool(running.processes(name)))  # type: ignore[misc]
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
