"""A real Valkey for a test."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo import stack


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Its address, on a socket of its own in `folder`."""
    socket = folder / "v.sock"
    process = subprocess.Popen(
        [
            stack.valkey_binary(),
            *("--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)),
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            if socket.exists():
                break
            time.sleep(0.05)
        yield f"unix://{socket}"
    finally:
        process.terminate()
        process.wait(10)
