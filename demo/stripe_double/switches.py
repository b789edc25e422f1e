"""How webhooks misbehave: set through the controls, kept with the rest of the state."""

import sqlite3
from dataclasses import dataclass, fields
from typing import Self

REORDER_WINDOW_SECONDS = 0.5


@dataclass(frozen=True)
class Switches:
    """`enabled` off loses events, `paused` keeps them waiting, `reorder` sends the newest first."""

    enabled: float = 1
    paused: float = 0
    duplicate: float = 0
    reorder: float = 0
    delay: float = 0

    @classmethod
    def load(cls, connection: sqlite3.Connection) -> Self:
        return cls(**dict(connection.execute("SELECT name, value FROM switch").fetchall()))

    @classmethod
    def names(cls) -> set[str]:
        return {field.name for field in fields(cls)}

    @property
    def copies(self) -> int:
        """How often each event is sent."""
        if not self.enabled:
            return 0
        return 2 if self.duplicate else 1

    @property
    def delay_seconds(self) -> float:
        """How long an event waits; reordering needs a moment in which events can collect."""
        return max(self.delay, REORDER_WINDOW_SECONDS if self.reorder else 0)
