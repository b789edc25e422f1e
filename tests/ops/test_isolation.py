"""Tests reach this machine only, and see nothing of a developer's settings."""

import os
import socket
import subprocess
import sys

import pytest
from pytest_socket import SocketConnectBlockedError

from demo.bootstrap import ROOT


def test_the_outside_cannot_be_reached() -> None:
    # 192.0.2.1 is reserved for documentation (RFC 5737): nobody answers there
    # (pytest-socket warns before it raises, and warnings are errors here)
    with pytest.raises((SocketConnectBlockedError, UserWarning), match=r"192\.0\.2\.1"):
        socket.create_connection(("192.0.2.1", 80), timeout=0.1)


def test_this_machine_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=1).close()


def test_a_developers_settings_do_not_reach_a_test() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import tests.conftest, os; print(os.environ.get('DATABASE_URL'))"],
        env=os.environ | {"DATABASE_URL": "postgresql://production/rounds"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "None\n"
