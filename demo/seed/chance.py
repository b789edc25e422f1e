"""Chance that repeats: the same anchor gives the same market, byte for byte."""

from datetime import UTC, date, datetime, time, timedelta
from random import Random
from uuid import UUID

_REFERENCE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


def monday_of(day: date) -> date:
    """The Monday of this day's week."""
    return day - timedelta(days=day.weekday())


def instant(day: date, hour: int = 12, minute: int = 0) -> datetime:
    """An aware UTC instant on a day."""
    return datetime.combine(day, time(hour, minute), UTC)


def fork(*words: object) -> Random:
    """A generator of its own for one thing, so that adding another thing changes nothing here."""
    return Random("rounds:" + ":".join(str(word) for word in words))


class Ids:
    """Keys in time order, as the product makes them, but repeatable."""

    def __init__(self, anchor: date) -> None:
        self._millis = int(instant(anchor, 0).timestamp() * 1000)
        self._random = fork("ids", anchor)
        self._count = 0

    def uuid(self) -> UUID:
        """The next UUID version 7; a millisecond later than the one before."""
        self._count += 1
        value = (self._millis + self._count) << 80 | self._random.getrandbits(80)
        value = value & ~(0xF << 76) | 0x7 << 76
        value = value & ~(0x3 << 62) | 0x2 << 62
        return UUID(int=value)

    def reference(self) -> str:
        """A booking's reference."""
        return "RND-" + "".join(self._random.choice(_REFERENCE_LETTERS) for _ in range(6))

    def provider(self, prefix: str) -> str:
        """An id as the payment provider shapes them, `ch_...`."""
        return f"{prefix}_{self._random.getrandbits(120):024x}"[: len(prefix) + 25]
