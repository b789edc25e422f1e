"""Brute force: what every engine must answer, worked out listing by listing.

Shares the public document and the data files with the engines, no code that decides a match.
"""

import csv
import math
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from marketplace.search.port import Query, Sort

DATA = Path(__file__).parents[2] / "marketplace" / "data"
LENGTHS = (1, 2, 4, 6, 8, 12)
MULTI = {"included", "accepts", "exams"}
TEXT = [
    "title",
    "specialty_label",
    "attending",
    "site",
    "agency_name",
    "city_name",
    "state_name",
    "type_label",
    "hands_on_label",
    "text",
]
Document = dict


@dataclass
class Expected:
    ids: list[str]
    facets: dict[str, dict[str, int]]
    price: tuple[int, int, dict[int, int]] | None
    price_range: tuple[int, int] | None

    @property
    def total(self) -> int:
        return len(self.ids)


def expect(documents: list[Document], query: Query) -> Expected:
    """Everything exact: ids in the asked order, counts, prices. Text relevance is not ordered."""
    kept = [d for d in documents if always(d, query) and text_matches(d, query.text)]
    failed = [(d, failures(d, query, query.weeks)) for d in kept]

    def passing(drop: str = "") -> list[Document]:
        return [d for d, missed in failed if missed <= {drop}]

    found = passing()
    figures = prices([d.get(price_field(query)) for d in found])
    return Expected(
        ids=[d["id"] for d in sorted(found, key=lambda d: order_key(d, query))],
        facets={facet: count(facet, query, passing, kept) for facet in query.facets},
        price=prices([d.get(price_field(query)) for d in passing("price")]),
        price_range=figures[:2] if figures else None,
    )


def price_field(query: Query) -> str:
    return f"price_{query.weeks or 'any'}"


def prices(values):
    values = [v for v in values if v is not None]
    if not values:
        return None
    bins = Counter(v // 10_000 * 10_000 for v in values)
    return min(values), max(values), dict(bins)


def always(d: Document, query: Query) -> bool:
    """What no count may drop."""
    return query.scope.agency in (None, d["agency"]) and in_place(d, query)


def failures(d: Document, query: Query, weeks: int | None) -> set[str]:
    """The groups of conditions that a listing fails, with `weeks` as the chosen length."""
    failed = set()
    for facet, values in query.filters.items():
        held = {v.casefold() for v in (d[facet] if facet in MULTI else [d[facet] or ""])}
        wanted = {v.casefold() for v in values}
        fits = wanted <= held if facet == "included" else wanted & held
        if wanted and not fits:
            failed.add(facet)
    suffix = weeks or "any"
    price = d.get(f"price_{suffix}")
    if weeks and price is None:
        failed.add("weeks")
    low, high = query.price_min, query.price_max
    if low is not None and (price is None or price < low):
        failed.add("price")
    if high is not None and (price is None or price > high):
        failed.add("price")
    if query.starts is not None and not set(query.starts) & set(d.get(f"starts_{suffix}", ())):
        failed.add("start")
    if query.rating_min is not None and (d["rating"] or 0) < query.rating_min:
        failed.add("rating")
    return failed


def in_place(d: Document, query: Query) -> bool:
    near, box = query.near, query.box
    if d["lat"] is None:
        return near is None and box is None
    if near is not None and metres(d, query) > near.radius_m:
        return False
    return box is None or (box.south <= d["lat"] <= box.north and box.west <= d["lng"] <= box.east)


def metres(d: Document, query: Query) -> float:
    a, b = math.radians(query.near.lat), math.radians(d["lat"])
    half = (b - a) / 2, math.radians(d["lng"] - query.near.lng) / 2
    h = math.sin(half[0]) ** 2 + math.cos(a) * math.cos(b) * math.sin(half[1]) ** 2
    return 2 * 6_371_008.8 * math.asin(math.sqrt(h))


def order_key(d: Document, query: Query):
    suffix = query.weeks or "any"
    value = {
        Sort.BEST: None if query.text else d["quality"],
        Sort.PRICE: d.get(f"price_{suffix}"),
        Sort.PRICE_DESC: d.get(f"price_{suffix}"),
        Sort.START: d.get(f"soonest_{suffix}"),
        Sort.HANDS_ON: d["hands_on_rank"],
        Sort.RATING: d["rating"],
        Sort.DISTANCE: round(metres(d, query), 2) if query.near and d["lat"] is not None else None,
        Sort.VALUE: d["value"],
    }[query.sort]
    falling = query.sort in {Sort.BEST, Sort.PRICE_DESC, Sort.HANDS_ON, Sort.RATING, Sort.VALUE}
    return (value is None, -value if falling and value is not None else value or 0, d["id"])


def count(facet: str, query: Query, passing, kept: list[Document]) -> dict[str, int]:
    if facet == "weeks":
        counts = {str(w): sum(not failures(d, query, w) for d in kept) for w in LENGTHS}
    else:
        drop = {"specialty_group": "specialty", "included": ""}.get(facet, facet)
        counts = Counter(v for d in passing(drop) for v in values_of(d, facet, query))
    found = {v: n for v, n in counts.items() if n}
    selected = [str(query.weeks)] if facet == "weeks" and query.weeks else []
    for value in selected or query.filters.get(facet, ()):
        if value.casefold() not in {v.casefold() for v in found}:
            found[value] = 0
    return found


def values_of(d: Document, facet: str, query: Query) -> list[str]:
    if facet == "rating":
        return d["rating_bands"]
    if facet == "start":
        return d.get(f"months_{query.weeks or 'any'}", [])
    value = d[facet]
    if facet in MULTI:
        return value
    return [value] if value else []


# Text


def fold(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in plain if c.isalnum() and not unicodedata.combining(c))[:40]


@lru_cache(maxsize=100_000)
def tokens(text: str) -> tuple[str, ...]:
    return tuple(w for w in (fold(w) for w in re.findall(r"[^\W_]+", text)) if w)


@cache
def stop_words() -> set[str]:
    with (DATA / "stop_words.csv").open() as file:
        return {tokens(row["word"])[0] for row in csv.DictReader(file)}


def plain(phrase) -> tuple[str, ...]:
    return tuple(w for w in phrase if w not in stop_words())


@cache
def synonyms() -> dict[tuple[str, ...], set[tuple[str, ...]]]:
    with (DATA / "specialties.csv").open() as file:
        labels = [tokens(row["label"]) for row in csv.DictReader(file)]
    found: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    with (DATA / "search_synonyms.csv").open() as file:
        for row in csv.DictReader(file):
            term, equals = tokens(row["term"]), tokens(row["equals"])
            same = [x for x in labels if plain(x) == equals]
            for phrase in {equals, *same[-1:]}:
                if phrase != term:
                    found.setdefault(plain(term), set()).add(phrase)
                    if row["direction"] == "two-way":
                        found.setdefault(plain(phrase), set()).add(term)
    return found


_READ: dict[str, tuple[tuple[str, ...], set[str], list[tuple[str, ...]]]] = {}


def read(d: Document) -> tuple[set[str], list[tuple[str, ...]]]:
    """All words of a listing, compounds as one word too, and the words of each field."""
    fields = tuple(str(d[name]) for name in TEXT)
    held = _READ.get(d["id"])
    if held is None or held[0] != fields:
        lists = [tokens(field) for field in fields]
        bag = {w for words in lists for w in words}
        for field in fields:
            joined = re.findall(r"(?=(?:(?<=[\W_])|^)([^\W_]+)[-/'’&]([^\W_]+))", field)
            bag |= {(fold(a) + fold(b))[:40] for a, b in joined}
        held = _READ[d["id"]] = fields, bag, lists
        if not bag <= WORDS:
            WORDS.update(bag)
            answering.cache_clear()
    return held[1], held[2]


WORDS: set[str] = set()


@lru_cache(maxsize=2_000)
def answering(asked: str, prefix: bool, fewer: int = 0) -> set[str]:
    """All words read so far that answer a word of a question, with `fewer` typos than usual."""
    return {word for word in WORDS if answers(asked, word, prefix, fewer)}


def text_matches(d: Document, text: str) -> bool:
    """Every word but stop words must be answered; the last one is a beginning unless a space
    follows it, even if it is a stop word. Only ten words count."""
    asked = tokens(text)
    typing = bool(asked) and not text[-1].isspace()
    kept = [w for w in (asked[:-1] if typing else asked) if w not in stop_words()]
    if len(kept) >= 10:
        kept, typing = kept[:10], False
    elif typing:
        kept.append(asked[-1])
    return _reads(tuple(kept), typing, *read(d))


def _reads(asked, prefix, bag, lists) -> bool:
    """Whether some way to read the words from here on is answered by the listing."""
    if not asked:
        return True
    steps = set()
    for size in range(1, len(asked) + 1):
        also = synonyms().get(asked[:size], set())
        if size <= 3:  # written as one word: each joint costs a typo
            joined = "".join(asked[:size])
            typing = prefix and size == len(asked)
            if size == 1 or len(joined) <= 40:
                if not bag.isdisjoint(answering(joined, typing, size - 1)):
                    steps.add(size)
                also = also | synonyms().get((joined,), set())
        for phrase in also:
            if phrase[0] in bag if len(phrase) == 1 else has_phrase(lists, phrase):
                steps.add(size)
    return any(_reads(asked[step:], prefix, bag, lists) for step in steps)


def has_phrase(lists, phrase) -> bool:
    size = len(phrase)
    return any(
        words[i : i + size] == phrase for words in lists for i in range(len(words) - size + 1)
    )


def answers(asked: str, word: str, prefix: bool, fewer: int = 0) -> bool:
    if word == asked or (prefix and word.startswith(asked)):
        return True
    if asked.isdigit() or len(asked) < 5:
        return False
    allowed = (1 if len(asked) < 9 else 2) - fewer
    if asked[0] != word[0]:
        allowed -= 1
    if allowed <= 0:
        return False
    if (Counter(asked) - Counter(word)).total() > allowed:
        return False  # each edit can make up for one missing letter only
    ends = range(len(word) + 1) if prefix else [len(word)]
    return any(edits(asked, word[:end]) <= allowed for end in ends if abs(end - len(asked)) <= 2)


@lru_cache(maxsize=200_000)
def edits(a: str, b: str) -> int:
    table = {(i, 0): i for i in range(len(a) + 1)} | {(0, j): j for j in range(len(b) + 1)}
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            table[i, j] = min(
                table[i - 1, j] + 1,
                table[i, j - 1] + 1,
                table[i - 1, j - 1] + (a[i - 1] != b[j - 1]),
            )
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    return table[len(a), len(b)]
