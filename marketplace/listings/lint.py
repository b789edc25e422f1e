"""Words that a listing's text may not or should not contain (`lint_phrases.csv`)."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from marketplace.core import reference

Action = Literal["block", "review", "derived", "style"]


@dataclass(frozen=True)
class Finding:
    """One phrase. `block` keeps the listing closed; `review` asks a person; the rest is advice.

    `field` is the listing's field, empty when a single text was checked. `matched` is the phrase
    as it reads after `plain`.
    """

    code: str
    action: Action
    matched: str
    why: str
    say_instead: str
    field: str = ""


def lint(text: str, field: str = "") -> tuple[Finding, ...]:
    """All findings of a text, in the order of `lint_phrases.csv`.

    One phrase may be found under several codes, each with its own advice.
    """
    shown = plain(text)
    return tuple(
        Finding(line["code"], action, match.group(), line["why"], line["say_instead"], field)
        for line, action, pattern in _phrases()
        for match in pattern.finditer(shown)
    )


def lint_fields(texts: Mapping[str, str]) -> tuple[Finding, ...]:
    """The findings of several fields of a listing, field by field."""
    return tuple(finding for field, text in texts.items() for finding in lint(text, field))


def is_clean(texts: Mapping[str, str]) -> bool:
    """No banned phrase: the fact `rotation.text_lint_clean`."""
    return all(finding.action != "block" for finding in lint_fields(texts))


def refusal(text: str, *, also: Collection[str] = ()) -> str:
    """Why a text cannot be kept, in words for its field; empty when it can.

    A `block` phrase refuses it, and a phrase of the codes in `also`, where nobody would look at a
    `review`.
    """
    for hit in lint(text):
        if hit.action == "block" or hit.code in also:
            return f"“{hit.matched}”: {hit.why} {hit.say_instead}".strip()
    return ""


def plain(text: str) -> str:
    """The text as a reader sees it: compatible letters, no invisible ones, single spaces.

    So that a full-width letter, a soft hyphen or a line break does not hide a phrase.
    """
    folded = unicodedata.normalize("NFKC", text)
    visible = "".join(c for c in folded if unicodedata.category(c) != "Cf")
    return " ".join(visible.split())


@cache
def _phrases() -> tuple[tuple[reference.Row, Action, re.Pattern[str]], ...]:
    return tuple(
        (line, _action(line["action"]), re.compile(line["pattern"], re.IGNORECASE))
        for line in reference.rows("lint_phrases")
    )


def _action(text: str) -> Action:
    for known in ("block", "review", "derived", "style"):
        if text == known:
            return known
    raise ValueError(f"lint_phrases has the unknown action {text!r}")
