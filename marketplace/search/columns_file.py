"""Columns kept beside the index, so that a new reader need not read every listing again.

A copy, never the truth: it holds what the index held up to its last stamp, later changes are read
from the index.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from marketplace.search.columns import Columns, Vocabulary, empty

_NAME = "columns-{:012d}.npz"


def save(columns: Columns, folder: Path) -> None:
    """Write the columns of one generation; older copies are removed."""
    arrays: dict[str, np.ndarray] = {}
    for item in fields(Columns):
        value = getattr(columns, item.name)
        if item.name == "vocabularies":
            words = {name: known.values for name, known in value.items()}
            arrays[item.name] = np.frombuffer(json.dumps(words).encode(), np.uint8)
        elif item.name == "ids":
            arrays[item.name] = value.astype(np.str_)
        elif isinstance(value, Mapping):
            arrays |= {f"{item.name} {key}": column for key, column in value.items()}
        else:
            arrays[item.name] = value
    target = folder / _NAME.format(columns.last_stamp + 1)
    fresh = target.with_suffix(".new")
    with fresh.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    fresh.replace(target)
    for old in folder.glob("columns-*.npz"):
        if old.name < target.name:
            old.unlink()


def saved_stamp(folder: Path) -> int:
    """The last stamp of the newest copy, -1 when there is none."""
    newest = _newest(folder)
    return int(newest.stem.removeprefix("columns-")) - 1 if newest else -1


def load(folder: Path) -> Columns:
    """The newest copy, no listings when there is none; raises `ValueError` when it is damaged."""
    newest = _newest(folder)
    if newest is None:
        return empty()
    try:
        with np.load(newest, allow_pickle=False) as arrays:
            return _columns({name: arrays[name] for name in arrays.files})
    except (BadZipFile, KeyError, EOFError) as error:
        raise ValueError(f"{newest.name} is damaged") from error


def _newest(folder: Path) -> Path | None:
    return max(folder.glob("columns-*.npz"), default=None)


def _columns(arrays: Mapping[str, np.ndarray]) -> Columns:
    made: dict[str, object] = {}
    for item in fields(Columns):
        value = getattr(empty(), item.name)
        if item.name == "vocabularies":
            words = json.loads(arrays[item.name].tobytes())
            made[item.name] = {name: Vocabulary(values) for name, values in words.items()}
        elif item.name == "ids":
            made[item.name] = arrays[item.name].astype(np.object_)
        elif isinstance(value, Mapping):
            made[item.name] = {key: arrays[f"{item.name} {key}"] for key in value}
        else:
            made[item.name] = arrays[item.name]
    return Columns(**made)  # type: ignore[arg-type]  # each field as `save` wrote it
