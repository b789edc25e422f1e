"""Two times: the demo's movable one for objects, the real one for events and signatures."""

import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Clock:
    """Reads how far the demo has moved ahead from a file, if there is one."""

    offset_file: Path | None = None

    def now(self) -> int:
        """Unix seconds, moved by the number of seconds written in the clock file."""
        return int(time.time() + self._offset())

    def _offset(self) -> float:
        if self.offset_file is None or not self.offset_file.exists():
            return 0.0
        return float(self.offset_file.read_text().strip() or 0)
