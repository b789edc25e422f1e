"""Words of text and of questions: the rules that both engines and the highlights share.

Source of the rules: Meilisearch's documented behaviour (folding, typos at 5 and 9 letters, the
first letter counts double, prefix on the last word), so that both engines find the same listings.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from marketplace.core import reference
from marketplace.core.reference import cleared, derived

MAX_WORDS = 10
"""Words of a question that are looked at; the rest is ignored."""
MAX_WORD = 40
"""Letters of a word that are looked at."""
JOINED = 3
"""Neighbouring words that also match written as one; each costs a typo that one word may have."""
ONE_TYPO, TWO_TYPOS = 5, 9

_WORD = re.compile(r"[^\W_]+")
_SOFT = frozenset("-/'’&")
"""Between two words without a space they make a compound, found written as one too."""


@lru_cache(maxsize=65536)
def fold(word: str) -> str:
    """Lower case, without accents: "José" and "jose" are one word."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    kept = "".join(char for char in plain if char.isalnum() and not unicodedata.combining(char))
    return kept[:MAX_WORD]


class Span(NamedTuple):
    """A folded word and where it stands in the text."""

    word: str
    start: int
    end: int


def spans(text: str) -> list[Span]:
    """The words of a text in order, with their places."""
    found = ((fold(match[0]), match.start(), match.end()) for match in _WORD.finditer(text))
    return [Span(word, start, end) for word, start, end in found if word]


def words(text: str) -> list[str]:
    """The folded words of a text in order."""
    return [word for word in map(fold, _WORD.findall(text)) if word]


def compounds(text: str) -> list[str]:
    """Two words joined by a hyphen, slash, apostrophe or ampersand, written as one."""
    found = spans(text)
    return [
        (left.word + right.word)[:MAX_WORD]
        for left, right in pairwise(found)
        if right.start - left.end == 1 and text[left.end] in _SOFT
    ]


def typos_allowed(word: str) -> int:
    """How many typos a word of a question may have: by its length, none in a number."""
    if word.isdigit() or len(word) < ONE_TYPO:
        return 0
    return 1 if len(word) < TWO_TYPOS else 2


def distance(left: str, right: str, *, prefix: bool) -> int:
    """Edits (insert, delete, replace, swap neighbours) from `left` to `right`, or with `prefix`
    to the nearest beginning of `right`."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        before, last, row = row, before, [i]
        for j, b in enumerate(right, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                best = min(best, last[j - 2] + 1)
            row.append(best)
    return min(row) if prefix else row[-1]


EXACT, PREFIX, TYPO, NOTHING = 3, 2, 1, 0


@lru_cache(maxsize=65536)
def match(asked: str, word: str, *, prefix: bool) -> int:
    """How a word of a text answers a word of a question: EXACT, PREFIX, TYPO or NOTHING."""
    if asked == word:
        return EXACT
    if prefix and word.startswith(asked):
        return PREFIX
    allowed = typos_allowed(asked)
    if word[:1] != asked[:1]:
        allowed -= 1
    if allowed <= 0 or len(word) < len(asked) - allowed:
        return NOTHING
    if not prefix and len(word) > len(asked) + allowed:
        return NOTHING
    if len(set(asked).difference(word)) > allowed:
        return NOTHING  # each edit makes up for one missing letter at most
    near = word[: len(asked) + allowed]
    return TYPO if distance(asked, near, prefix=prefix) <= allowed else NOTHING


@cache
def stop_words() -> frozenset[str]:
    """Words that a question need not match."""
    return frozenset(word for row in reference.rows("stop_words") for word in words(row["word"]))


def _plain(phrase: Iterable[str]) -> tuple[str, ...]:
    """The words of a phrase that are not stop words."""
    return tuple(word for word in phrase if word not in stop_words())


@derived
def synonyms() -> Mapping[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """What a phrase also means, as folded words; two-way rows stand in both directions.

    Stop words do not count in the phrase that is asked, but do in the one that is looked up. A
    phrase equal to a specialty's label but for its stop words also stands for that label.
    """
    labels = [words(row["label"]) for row in reference.rows("specialties")]
    full = {_plain(label): tuple(label) for label in labels}
    found: dict[tuple[str, ...], dict[tuple[str, ...], None]] = {}
    for row in reference.rows("search_synonyms"):
        term, equals = tuple(words(row["term"])), tuple(words(row["equals"]))
        for phrase in {equals, full.get(equals, equals)}:
            if term != phrase:
                found.setdefault(_plain(term), {})[phrase] = None
                if row["direction"] == "two-way":
                    found.setdefault(_plain(phrase), {})[term] = None
    return {term: tuple(sorted(phrases)) for term, phrases in found.items()}


@dataclass(frozen=True, slots=True)
class Edge:
    """One reading of the words `first` up to, not including, `after` of a question.

    One word is looked up with typos and prefix as told, several are a phrase.
    """

    first: int
    after: int
    words: tuple[str, ...]
    prefix: bool = False
    typos: int = 0
    synonym: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A free text, understood: the words that must be answered and every reading of each part
    of them. `prefix`: the last word is still being typed."""

    words: tuple[str, ...]
    prefix: bool
    edges: tuple[Edge, ...]


@cleared
@lru_cache(maxsize=256)
def question(text: str) -> Question:
    """Read a free text. Quotes, minus signs and other marks have no meaning."""
    asked, prefix = _asked(text)
    count = len(asked)
    edges: list[Edge] = []
    for i in range(count):
        for j in range(i + 1, min(i + JOINED, count) + 1):
            joined, last = "".join(asked[i:j]), prefix and j == count
            if j == i + 1 or len(joined) <= MAX_WORD:
                typos = max(0, typos_allowed(joined) - (j - i - 1))
                edges.append(Edge(i, j, (joined,), last, typos))
                if j > i + 1:
                    also = synonyms().get((joined,), ())
                    edges += [Edge(i, j, phrase, synonym=True) for phrase in also]
        edges += [
            Edge(i, j, phrase, synonym=True)
            for j in range(i + 1, count + 1)
            for phrase in synonyms().get(asked[i:j], ())
        ]
    return Question(asked, prefix, tuple(edges))


def _asked(text: str) -> tuple[tuple[str, ...], bool]:
    """Up to MAX_WORDS words that are not stop words, and whether the last of them is a beginning:
    then it is asked even if it is a stop word."""
    found = words(text)
    typing = bool(found) and not text[-1:].isspace()
    kept = _plain(found[:-1] if typing else found)
    if len(kept) >= MAX_WORDS:
        return kept[:MAX_WORDS], False
    return (*kept, found[-1]) if typing else kept, typing


def answers(asked: Question, found: Iterable[str]) -> int:
    """How well a short label (its words) answers a question, plain words only: the weakest
    word's EXACT, PREFIX or TYPO, or NOTHING when a word has no answer."""
    label = tuple(found)
    last = len(asked.words) - 1
    best = EXACT
    for i, word in enumerate(asked.words):
        prefix = asked.prefix and i == last
        best = min(
            best, max((match(word, other, prefix=prefix) for other in label), default=NOTHING)
        )
    return best
