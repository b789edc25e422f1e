"""Curated reference data: the CSV files in `marketplace/data`, and what the platform changed.

The files are the defaults of specialties, policies, rules and interface text. Every cell is text,
exactly as written; the module that knows a column's meaning parses it. Rows of the lists in `KEYS`
may be changed, added or retired by the platform (`core/lists.py` keeps those rows and hands them
to `use`); a retired row still reads as before, it is only not offered any more.

A function that derives something from here is `@derived`: cached until the lists change.
"""

import csv
from collections.abc import Callable, Mapping
from functools import cache, wraps
from pathlib import Path
from types import MappingProxyType
from typing import ParamSpec, Protocol, TypeVar, cast

DATA = Path(__file__).resolve().parent.parent / "data"

Row = Mapping[str, str]
"""One line of a file: column name to text."""

KEYS: Mapping[str, tuple[str, ...]] = {
    "specialties": ("slug",),
    "us_cities": ("geonameid",),
    "document_kinds": ("slug",),
    "evidence_kinds": ("slug",),
    "seasons": ("season", "milestone"),
    "state_advisories": ("state", "topic"),
    "platform_fees": ("code",),
    "installment_rules": ("code",),
}
"""The lists that the platform may change, with the columns that name a row."""

P = ParamSpec("P")
T = TypeVar("T")


class _Clearable(Protocol):
    def cache_clear(self) -> None: ...


class _Lists:
    """What the platform changed: by list and key, the row; and the keys that are retired."""

    number = 0
    changed: Mapping[str, Mapping[str, Row]] = MappingProxyType({})
    retired: Mapping[str, frozenset[str]] = MappingProxyType({})


_clears: list[Callable[[], None]] = []


def derived(function: Callable[P, T]) -> Callable[P, T]:
    """Cache a function of hashable arguments until the lists change.

    The number of the lists is part of the key, so what another thread worked out from the lists
    before a change is never found after it.
    """

    @cache
    def kept(number: int, *args: object, **kwargs: object) -> T:
        return cast(Callable[..., T], function)(*args, **kwargs)

    @wraps(function)
    def found(*args: P.args, **kwargs: P.kwargs) -> T:
        return cast("Callable[..., T]", kept)(_Lists.number, *args, **kwargs)

    _clears.append(kept.cache_clear)
    return found


C = TypeVar("C", bound=_Clearable)


def cleared(function: C) -> C:
    """Mark a function with a cache of its own that is emptied when the lists change."""
    _clears.append(function.cache_clear)
    return function


def use(
    number: int,
    changed: Mapping[str, Mapping[str, Row]],
    retired: Mapping[str, frozenset[str]],
) -> None:
    """Let these rows stand over the files from now on. `number` grows with each change."""
    _Lists.changed, _Lists.retired = changed, retired
    _Lists.number = number
    for clear in _clears:
        clear()


def number() -> int:
    """Grows with each change of the lists: part of what identifies a page."""
    return _Lists.number


def key_of(name: str, line: Row) -> str:
    """What names a row of an editable list: `internal-medicine`, `2027/eras-opens`."""
    return "/".join(line[column] for column in KEYS[name])


def retired(name: str) -> frozenset[str]:
    """The keys of the rows that are not offered any more."""
    return _Lists.retired.get(name, frozenset())


def offered(name: str) -> tuple[Row, ...]:
    """The rows that may be chosen anew: all but the retired ones."""
    gone = retired(name)
    return tuple(line for line in rows(name) if key_of(name, line) not in gone)


@cache
def default_rows(name: str) -> tuple[Row, ...]:
    """The rows of `marketplace/data/<name>.csv` in file order, read-only.

    Raises `KeyError` when there is no such file.
    """
    path = DATA / f"{name}.csv"
    if not path.is_file():
        raise KeyError(f"no reference data named {name!r}")
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(MappingProxyType(line) for line in csv.DictReader(file, strict=True))


@derived
def rows(name: str) -> tuple[Row, ...]:
    """All rows of a list, those of the platform over those of the file, new ones at the end.

    Raises `KeyError` when there is no such list.
    """
    changed = dict(_Lists.changed.get(name, {}))
    if not changed:
        return default_rows(name)
    kept = tuple(changed.pop(key_of(name, line), line) for line in default_rows(name))
    return (*kept, *changed.values())


@derived
def _index(name: str, column: str) -> Mapping[str, Row]:
    found: dict[str, Row] = {}
    for line in rows(name):
        if column not in line:
            raise KeyError(f"{name} has no column {column!r}")
        if line[column] in found:
            raise KeyError(f"{name}.{column} is not a key: {line[column]!r} is there twice")
        found[line[column]] = line
    return MappingProxyType(found)


def row(name: str, key: str, column: str = "slug") -> Row:
    """The one row of `name` whose `column` equals `key`.

    Raises `KeyError` when there is no such file, column or row, or the column is not unique.
    """
    found = _index(name, column).get(key)
    if found is None:
        raise KeyError(f"{name} has no row with {column} {key!r}")
    return found


def split(cell: str) -> tuple[str, ...]:
    """The items of a `a|b|c` cell; an empty cell has none."""
    return tuple(cell.split("|")) if cell else ()
