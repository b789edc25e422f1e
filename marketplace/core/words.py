"""Interface text, from `marketplace/data/microcopy.csv`: one place for the product's words."""

from functools import cache

from marketplace.core import reference


@cache
def slots(key: str) -> frozenset[str]:
    """The names of the slots that the text of `key` needs. Raises `KeyError`."""
    return frozenset(reference.split(_line(key)["variables"]))


def words(key: str, **values: object) -> str:
    """The text of `key` with its `{slots}` filled by `values`, which are shown as `str`.

    A value that the text does not use is ignored, so that all texts of one screen can be given
    the same values. Raises `KeyError` when the key is unknown or a slot has no value. The text
    is plain: a template still escapes it.
    """
    line = _line(key)
    missing = slots(key) - values.keys()
    if missing:
        raise KeyError(f"microcopy {key!r} needs {', '.join(sorted(missing))}")
    text = line["text"]
    return text.format_map(values) if slots(key) else text


def _line(key: str) -> reference.Row:
    try:
        return reference.row("microcopy", key, "key")
    except KeyError:
        raise KeyError(f"no microcopy named {key!r}") from None
