"""What a kind of file is: its columns, and how its rows meet what the agency has already.

A kind knows no rule of its own: it turns cells into what the pages' own operations take, and
their refusals back into columns. `planning.py` is the same for every kind.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy.orm import Session

from marketplace.core.context import Actor

Cells = Mapping[str, str]
NONE = "none"  # what a person writes to empty a cell; a cell that is empty changes nothing


@dataclass(frozen=True)
class Column:
    """A column. `read` gives the one way to write a cell, or raises ValueError with the reason;
    `required` for a new row."""

    name: str
    meaning: str
    example: str
    read: Callable[[str], str]
    required: bool = False


@dataclass(frozen=True)
class Desk:
    """For whom a file is read, and in whose name. `demo`: made-up NPIs are taken."""

    agency_id: UUID
    actor: Actor
    demo: bool = False


@dataclass(frozen=True)
class Row:
    """A row as it was typed. `number` is the line of the file that it starts on."""

    number: int
    cells: Cells


@dataclass(frozen=True)
class Found:
    """What a row is about. `current` are its cells as they are now; None: it is new.

    `key` is the same for two rows about the same thing, `handle` is what `check` needs of it.
    """

    key: str
    current: Cells | None
    handle: Any = None


@dataclass(frozen=True)
class Change:
    """What a row would do. `load` is what `write` needs; `columns` differ from what there is."""

    number: int
    name: str
    new: bool
    columns: tuple[str, ...]
    load: Any


class Kind(ABC):
    """One kind of file."""

    slug: ClassVar[str]
    title: ClassVar[str]
    one: ClassVar[str]
    many: ClassVar[str]
    about: ClassVar[str]
    columns: ClassVar[tuple[Column, ...]]
    key: ClassVar[tuple[str, ...]]  # at least one of them is in every file
    fields: ClassVar[Mapping[str, str]] = {}  # a rule's field to our column, where they differ
    platform_wide = False  # it writes people, who belong to no agency: a system session

    @abstractmethod
    def load(self, session: Session, desk: Desk, rows: Sequence[Row], *, lock: bool) -> Any:
        """Read all that the rows name, in few queries; with `lock` it stays so until the end."""

    @abstractmethod
    def find(self, known: Any, row: Row) -> Found:
        """What the row is about. Invalid when that cannot be said."""

    @abstractmethod
    def check(
        self, desk: Desk, known: Any, found: Found, cells: Cells, columns: Sequence[str]
    ) -> Any:
        """What `write` needs, after every rule was asked; None when nothing is to be done.

        `cells` are all of the row as it would be, `columns` those that differ. Raises Invalid
        with the fields of the rule, or Conflict.
        """

    @abstractmethod
    def name(self, cells: Cells) -> str:
        """The row in a few words."""

    @abstractmethod
    def write(self, session: Session, desk: Desk, known: Any, change: Change) -> None:
        """Write one checked row into this transaction."""

    @abstractmethod
    def finish(self, session: Session, desk: Desk, known: Any) -> None:
        """After the last row: tell whom it concerns."""

    @abstractmethod
    def export(self, session: Session, agency_id: UUID) -> Iterator[Cells]:
        """Everything of this kind that the agency has, in the order of its pages."""
