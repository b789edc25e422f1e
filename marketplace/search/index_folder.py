"""The folder of the embedded index: one sub-folder per generation and the name of the current one.

    search/
      CURRENT           name of the generation that readers open
      writer.lock       held by the one process that writes
      gen-<hex>/        an index, with the settings it was made with

A rebuild fills a new generation and then renames CURRENT over: a reader sees the old index or the
new one, never an empty one. The generation before the current one is kept, so that a reader which
has just read CURRENT still finds it.
"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

_SETTINGS = "rounds.json"
_POLL_SECONDS = 0.02

Mark = tuple[str, int, int]
"""Changes whenever the current index changes: generation, and inode and time of its head file."""


class IndexFolder:
    """Names and locks; knows nothing of what is in an index."""

    def __init__(self, root: Path, head_file: str) -> None:
        self.root = root
        self._head = head_file
        self._current = str(root / "CURRENT")

    def mark(self) -> Mark | None:
        """What identifies the newest committed state; None when there is no index yet."""
        try:
            with open(self._current, encoding="ascii") as file:  # noqa: PTH123
                name = file.read().strip()
            # asked with each search: making a path costs more than asking for it
            head = os.stat(f"{self.root}/{name}/{self._head}")  # noqa: PTH116
        except FileNotFoundError:
            return None
        return name, head.st_ino, head.st_mtime_ns

    def settings(self, name: str) -> str:
        """The fingerprint of the settings a generation was made with."""
        try:
            stored = json.loads((self.root / name / _SETTINGS).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return ""
        return str(stored["fingerprint"])

    def begin(self, fingerprint: str) -> str:
        """Make the folder of a new generation; readers do not look at it yet."""
        name = f"gen-{uuid4().hex[:12]}"
        (self.root / name).mkdir(parents=True)
        (self.root / name / _SETTINGS).write_text(
            json.dumps({"fingerprint": fingerprint}), encoding="utf-8"
        )
        return name

    def swap(self, name: str) -> None:
        """Make a generation the current one, durably, and remove those nobody can need."""
        before = self.mark()
        fresh = self.root / "CURRENT.new"
        with fresh.open("w", encoding="ascii") as file:
            file.write(name)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.root / "CURRENT")
        self.remove_all_but({name, before[0] if before else name})

    def remove_all_but(self, kept: set[str]) -> None:
        """Remove generations that are neither current nor just replaced."""
        for folder in self.root.glob("gen-*"):
            if folder.name not in kept:
                shutil.rmtree(folder)

    @contextmanager
    def writing(self, wait_seconds: float) -> Iterator[None]:
        """Hold the writer's lock; raises `TimeoutError` when another process keeps it.

        The lock is the operating system's: it ends with the process that held it.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        until = time.monotonic() + wait_seconds
        with (self.root / "writer.lock").open("a") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > until:
                        raise TimeoutError("another process is writing the index") from None
                    time.sleep(_POLL_SECONDS)
            yield
