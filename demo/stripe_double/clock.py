"""Two times: the demo's movable one for objects, the real one for events and signatures."""

import json
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Clock:
    """Reads how far the demo has moved ahead from its file, `{"offset_seconds": 86400}`."""

    offset_file: Path | None = None

    def now(self) -> int:
        """Unix seconds of the demo's time."""
        return int(time.time() + self._offset())

    def _offset(self) -> float:
        if self.offset_file is None or not self.offset_file.exists():
            return 0.0
        return float(json.loads(self.offset_file.read_text())["offset_seconds"])
