"""The settings of the embedded product: private, complete, and safe from the outside."""

import json
import socket
import stat
from pathlib import Path

import pytest

from demo import stack


def place(var: Path) -> stack.Place:
    return stack.Place(var, 8000, 8001, var / "valkey.sock")


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    first = stack.secrets_in(tmp_path)
    assert stack.secrets_in(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert len(first["SECRET_KEY"]) >= 32
    assert len(set(first.values())) == 3
    other = tmp_path / "other"
    other.mkdir()
    assert stack.secrets_in(other)["SECRET_KEY"] != first["SECRET_KEY"]


def test_a_demo_never_meets_a_real_stripe_account_or_mail_server(tmp_path: Path) -> None:
    values = stack.settings(
        place(tmp_path),
        {
            "STRIPE_SECRET_KEY": "sk_live_real",
            "STRIPE_API_BASE": "https://api.stripe.com",
            "MAIL_URL": "smtp://mail.example",
            "SECRET_KEY": "theirs",
            "DEBUG": "1",
        },
    )
    assert values["STRIPE_SECRET_KEY"].startswith("sk_test_")
    assert values["STRIPE_API_BASE"] == "http://127.0.0.1:8001"
    assert (values["MAIL_URL"], values["DEBUG"]) == ("", "")
    assert values["SECRET_KEY"] != "theirs"


def test_database_and_queue_may_be_given(tmp_path: Path) -> None:
    given = {
        "DATABASE_URL": "postgresql://app@host/rounds",
        "OWNER_DATABASE_URL": "postgresql://owner@host/rounds",
        "REDIS_URL": "redis://host",
    }
    values = stack.settings(place(tmp_path), given)
    assert {name: values[name] for name in given} == given


def test_migrations_and_product_use_the_same_database(tmp_path: Path) -> None:
    stray = {"OWNER_DATABASE_URL": "postgresql://owner@host/other"}
    values = stack.settings(place(tmp_path), stray)
    assert values["OWNER_DATABASE_URL"] == values["DATABASE_URL"]
    assert values["DATABASE_URL"] == f"sqlite:///{tmp_path}/rounds.db"


def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    stack.write_private(path, {"A": "1"})
    stack.write_private(path, {"A": "2"})
    assert json.loads(path.read_text()) == {"A": "2"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["settings.json"]


@pytest.mark.parametrize(("depth", "inside"), [(1, True), (12, False)])
def test_a_long_path_moves_the_socket(depth: int, inside: bool) -> None:
    var = Path("/srv").joinpath(*["a-long-name"] * depth)
    path = stack.socket_in(var)
    try:
        assert (path.parent == var) is inside
        assert len(bytes(path)) <= stack.LONGEST_SOCKET_PATH
    finally:
        if not inside:
            path.parent.rmdir()


def test_a_taken_port_is_passed_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        assert not stack.is_free(port)
        assert stack.first_free(port) > port
