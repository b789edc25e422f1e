"""Long lists of values, in parts that a statement can hold."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
SIZE = 400


def parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items in order, so many at a time."""
    return (items[at : at + SIZE] for at in range(0, len(items), SIZE))
