"""The engine stopped while readers loop: no error page, right results, back without a restart."""

import os
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import pytest

from tests.search import shop
from tests.search.conftest import ENGINES, own_index

ASKED = "state=IL&weeks=4&price_max=180000&sort=price"
TOTAL = 9
CALM = "Search runs in a simple mode"


class Gate(Protocol):
    """Takes the engine away and gives it back."""

    def close(self) -> None: ...
    def open(self) -> None: ...


class Folder:
    """The embedded engine's folder, moved away and back."""

    def __init__(self, var: Path) -> None:
        self.here, self.away = var / "search", var / "search.away"

    def close(self) -> None:
        self.here.rename(self.away)

    def open(self) -> None:
        self.away.rename(self.here)


class Wire:
    """A wire to the server of MEILI_URL that can be cut: nothing listens, open connections end."""

    def __init__(self, port: int = 0) -> None:
        target = urlsplit(os.environ["MEILI_URL"])
        self._target = target.hostname or "127.0.0.1", target.port or 7700
        self._open: list[socket.socket] = []
        self.port = port
        self.open()

    def open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port), reuse_port=True)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for end in (self._listener, *self._open):
            end.close()
        self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._target)
                self._open += [near, far]
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=ends, daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.close()


@pytest.fixture(params=ENGINES)
def gated(
    request: pytest.FixtureRequest, migrated: None, tmp_path: Path
) -> Iterator[tuple[shop.Get, Gate]]:
    """The small market, and the gate before its engine."""
    if request.param == "embedded":
        with shop.open_shop(VAR_DIR=str(tmp_path)) as app:
            yield shop.getter(app), Folder(tmp_path)
        return
    with own_index(request.param) as index:
        wire = Wire()
        told = {"MEILI_URL": f"http://127.0.0.1:{wire.port}", "MEILI_INDEX": index}
        key = os.environ.get("MEILI_KEY", "")
        with shop.open_shop(**told, MEILI_KEY=key) as app:
            yield shop.getter(app), wire
        wire.close()


def test_readers_notice_nothing_but_a_calm_line(gated: tuple[shop.Get, Gate]) -> None:
    get, gate = gated
    stop, wrong = threading.Event(), Counter[str]()
    told: Counter[bool] = Counter()

    def read() -> None:
        while not stop.is_set():
            page = get(f"/rotations?{ASKED}")
            answer = get(f"/api/v1/rotations?{ASKED}")
            found = re.findall(r'class="card__title"><a href="/rotations/([^"?]+)', page.text)
            right = page.status_code == answer.status_code == 200 and len(found) == TOTAL
            if not right or answer.get_json()["total"] != TOTAL:
                wrong[f"{page.status_code} {len(found)}"] += 1
            told[CALM in page.text] += 1

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(2):
            _until(lambda: told[False] >= 4)
            gate.close()
            _until(lambda: told[True] >= 4)
            gate.open()
            told.clear()
            _until(lambda: told[False] >= 2)
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert not wrong
    assert CALM not in get(f"/rotations?{ASKED}").text


def _until(reached: Callable[[], bool]) -> None:
    last = time.monotonic() + 90
    while not reached():
        assert time.monotonic() < last
        time.sleep(0.01)
