"""Reads a sentence such as "hands-on cardiology near Chicago in March under 2500" into filters.

The rules are `marketplace/data/query_words.csv` and the names of specialties, cities and states.
Pure. What is not understood for certain stays in the text, so that nothing is silently wrong:
rules that ask, suggest or explain, and facets that the page does not have, leave their words
where they are. Each thing understood becomes a chip that can be taken away.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from marketplace.core import reference
from marketplace.core.reference import derived
from marketplace.listings import cities
from marketplace.search.documents import LENGTHS
from marketplace.search.port import Sort
from marketplace.search.state import FACET_PARAMS, MAX_CENTS, SearchState

_TOKEN = re.compile(r"\$?\d[\d,]*(?:\.\d+)?[kK]?(?![^\W_])|[^\W_]+(?:['’][^\W_]+)*", re.UNICODE)
_AMOUNT = re.compile(r"\$?(\d[\d,]*(?:\.\d+)?)([kK]?)", re.ASCII)
_SLOT = re.compile(r"\{(\w+)\}")
_FACETS = {"level": "hands_on", "type": "type", "setting": "setting", "accepts": "accepts",
           "included": "included", "specialty": "specialty"}  # fmt: skip
_SORTS = {"price": Sort.PRICE, "value": Sort.VALUE, "rating": Sort.RATING,
          "strength": Sort.HANDS_ON}  # fmt: skip
_ALSO_WORDS = frozenset({"IN", "OR", "ME", "HI", "OK", "LA"})
"""Codes of states that are words, or mean something else too: only after "in"."""
_MONTHS_THAT_ARE_WORDS = frozenset({"may", "march"})
_BEFORE_A_MONTH = frozenset({"in", "from", "starting", "start", "starts", "begin"})
_LONGEST_NAME = 5
"""Words of the longest name of a city or state that is tried."""


@dataclass
class _Reading:
    """What has been understood so far."""

    facets: dict[str, set[str]] = field(default_factory=dict)
    single: dict[str, object] = field(default_factory=dict)
    starts: list[tuple[date, date]] = field(default_factory=list)


_Apply = Callable[[_Reading], None]


@dataclass(frozen=True)
class _Words:
    """The words of a sentence as written."""

    written: tuple[str, ...]

    def plain(self, at: int) -> str:
        """A word in lower case, "" outside the sentence."""
        return self.written[at].casefold() if 0 <= at < len(self.written) else ""


@dataclass(frozen=True)
class _Match:
    """Words `at` to `at + length` mean something; `apply` is None when they must stay."""

    length: int
    apply: _Apply | None
    dropped: bool = False
    """The words say nothing."""


def read(state: SearchState, today: date) -> SearchState:
    """The state with what its text says turned into filters, and the rest as text; on page 1.

    `today` decides which March is meant.
    """
    words = _Words(tuple(_TOKEN.findall(state.q)))
    reading, left = _Reading(), list[str]()
    at = 0
    understood = False
    while at < len(words.written):
        match = _best(words, at, today)
        if match.apply is not None:
            match.apply(reading)
            understood = True
        elif not match.dropped:
            left += words.written[at : at + match.length]
        at += match.length
    if not understood and left:
        return state
    return _changed(state, reading, " ".join(left))


def _changed(state: SearchState, reading: _Reading, left: str) -> SearchState:
    chosen = {key: set(values) for key, values in state.facets}
    for key, values in reading.facets.items():
        chosen.setdefault(key, set()).update(values)
    single = dict(reading.single)
    if reading.starts:
        single["start_from"] = min(first for first, _ in reading.starts)
        single["start_to"] = max(last for _, last in reading.starts)
    facets = tuple((key, tuple(sorted(chosen[key]))) for key in FACET_PARAMS if chosen.get(key))
    changes: dict[str, object] = {"q": left, "facets": facets, "page": 1} | single
    made = replace(state, **changes)  # type: ignore[arg-type]  # each the field's own type
    low, high = made.price_min, made.price_max
    return replace(made, price_min=high, price_max=low) if low and high and high < low else made


def _best(words: _Words, at: int, today: date) -> _Match:
    """The longest thing that starts here; among equals the first rule of the file."""
    rules = (*_rules().get(words.plain(at), ()), *_rules().get("", ()))
    found = [match for rule in rules for match in rule.matches(words, at, today)]
    found += _state_alone(words, at)
    return max(found, key=lambda match: match.length, default=_Match(1, None))


# --- the rules ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Rule:
    """One spelling of one line: `parts` are words, or slots in braces."""

    parts: tuple[str, ...]
    row: Mapping[str, str]
    upper: bool = False
    """Only when written in capitals."""

    def matches(self, words: _Words, at: int, today: date) -> list[_Match]:
        """The reading of the words from `at` on, if this rule applies to them."""
        slots: list[str] = []
        here = at
        for part in self.parts:
            slot = _SLOT.fullmatch(part)
            if slot is None:
                word = words.written[here] if here < len(words.written) else ""
                if (word if self.upper else word.casefold()) != part:
                    return []
                here += 1
                continue
            length, value = _FILLERS[slot[1]](words, here)
            if not length:
                return []
            slots.append(value)
            here += length
        return self._read(words, at, here - at, slots, today)

    def _read(
        self, words: _Words, at: int, length: int, slots: Sequence[str], today: date
    ) -> list[_Match]:
        row = self.row
        if row["action"] == "ignore":
            return [_Match(length, None, dropped=True)]
        if row["action"] not in ("filter", "sort"):
            return [_Match(length, None)]
        if row["facet"] == "start" and row["operator"] in ("month", "months"):
            return _month(row, words, at, length, today)
        return [_Match(length, _meaning(row, slots, today))]


def _meaning(row: Mapping[str, str], slots: Sequence[str], today: date) -> _Apply | None:
    """What a line of the file does, None when the page has no such filter."""
    if row["operator"] == "sort":
        sort = _SORTS.get(row["facet"])
        return None if sort is None else lambda reading: reading.single.update(sort=sort)
    if row["facet"] in _FACETS and row["operator"] in ("eq", "in", "contains", "ne"):
        return _choose(_FACETS[row["facet"]], _values(row["operator"], row["value"]))
    meant = _MEANINGS.get(row["facet"])
    return meant(row, slots, today) if meant else None


def _place(row: Mapping[str, str], slots: Sequence[str], today: date) -> _Apply | None:
    return _choose(row["facet"], slots[0].split("|")) if slots else None


def _around(row: Mapping[str, str], slots: Sequence[str], today: date) -> _Apply | None:
    if not slots:
        return None
    km = round(int(slots[0]) * 1.609344) if len(slots) > 1 else None
    return _near(slots[-1].split("|")[0], km)


def _priced(row: Mapping[str, str], slots: Sequence[str], today: date) -> _Apply | None:
    return _price(row["operator"], [int(slot) for slot in slots] or [int(row["value"])])


def _long(row: Mapping[str, str], slots: Sequence[str], today: date) -> _Apply | None:
    weeks = int(slots[0] if slots else row["value"])
    if row["operator"] != "eq" or weeks not in LENGTHS:
        return None
    return lambda reading: reading.single.update(weeks=weeks)


def _soon(row: Mapping[str, str], slots: Sequence[str], today: date) -> _Apply | None:
    if row["operator"] != "within_days":
        return None
    return _starting(today, today + timedelta(days=int(row["value"])))


_MEANINGS: Mapping[str, Callable[[Mapping[str, str], Sequence[str], date], _Apply | None]] = {
    "price_cents": _priced,
    "weeks": _long,
    "city": _place,
    "state": _place,
    "geo": _around,
    "start": _soon,
}


def _values(operator: str, value: str) -> Sequence[str]:
    values = value.split("|")
    if operator != "ne":
        return values
    return [row["slug"] for row in reference.rows("rotation_types") if row["slug"] not in values]


def _choose(facet: str, values: Sequence[str]) -> _Apply:
    return lambda reading: reading.facets.setdefault(facet, set()).update(values)


def _price(operator: str, cents: list[int]) -> _Apply | None:
    if max(cents) > MAX_CENTS:
        return None
    if operator == "between":
        low, high = min(cents), max(cents)
        return lambda reading: reading.single.update(price_min=low, price_max=high)
    name = "price_max" if operator == "lte" else "price_min"
    return lambda reading: reading.single.update({name: cents[0]})


def _near(slug: str, km: int | None) -> _Apply | None:
    if km is not None and not 1 <= km <= 5_000:
        return None
    change: dict[str, object] = {"near": slug} | ({} if km is None else {"within_km": km})
    return lambda reading: reading.single.update(change)


def _starting(first: date, last: date) -> _Apply:
    return lambda reading: reading.starts.append((first, last))


# --- months -------------------------------------------------------------------------------------


def _month(
    row: Mapping[str, str], words: _Words, at: int, length: int, today: date
) -> list[_Match]:
    """A month or a season, with the word before it and the year behind it."""
    before = words.plain(at) in _BEFORE_A_MONTH
    year = words.written[at + length] if at + length < len(words.written) else ""
    dated = bool(re.fullmatch(r"20[2-9]\d", year, re.ASCII))
    named = words.plain(at + length - 1)
    alone = len(words.written) == length
    if named in _MONTHS_THAT_ARE_WORDS and not (before or dated or alone):
        return [_Match(length, None)]
    value = row["value"]
    if value == "0" or value.startswith("+"):
        first = _month_after(today, int(value))
        return [_Match(length, _starting(first, _end(first)))]
    first, last = _span([int(month) for month in value.split("|")], today)
    if dated:
        ahead = int(year) - first.year
        first, last = _moved(first, ahead), _moved(last, ahead)
    return [_Match(length + dated, _starting(first, _end(last)))]


def _span(months: list[int], today: date) -> tuple[date, date]:
    """The first days of the first and last month, the next ones that are not past."""
    first = date(today.year, months[0], 1)
    last = _month_after(first, len(months) - 1)
    if _end(last) < today:
        return _moved(first, 1), _moved(last, 1)
    return first, last


def _moved(first: date, years: int) -> date:
    return first.replace(year=first.year + years)


def _month_after(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def _end(first: date) -> date:
    return first.replace(day=monthrange(first.year, first.month)[1])


# --- slots --------------------------------------------------------------------------------------


def _amount(words: _Words, at: int) -> tuple[int, str]:
    """Dollars as cents: 1500, $1,500, 1.5k, 1500 usd."""
    found = _AMOUNT.fullmatch(words.written[at]) if at < len(words.written) else None
    if found is None or len(found[1]) > 12:
        return 0, ""
    dollars = float(found[1].replace(",", "")) * (1000 if found[2] else 1)
    unit = words.plain(at + 1) in ("usd", "dollar", "dollars")
    return 1 + unit, str(round(dollars * 100))


def _number(words: _Words, at: int) -> tuple[int, str]:
    word = words.plain(at)
    return (1, word) if re.fullmatch(r"\d{1,4}", word, re.ASCII) else (0, "")


def _city(words: _Words, at: int) -> tuple[int, str]:
    """The longest name of a city here; several of one name are joined by |."""
    for length in range(_LONGEST_NAME, 0, -1):
        name = " ".join(words.written[at : at + length])
        if at + length > len(words.written) or name.casefold() in _unclear():
            continue
        found = cities.find_cities(name)
        if found:
            return length, "|".join(city.slug for city in found)
    return 0, ""


def _state(words: _Words, at: int) -> tuple[int, str]:
    """A state by name, or by its code in capitals."""
    for length in range(_LONGEST_NAME, 0, -1):
        name = " ".join(words.written[at : at + length])
        if at + length <= len(words.written) and name.casefold() not in _unclear():
            code = _state_names().get(name.casefold())
            if code:
                return length, code
    word = words.written[at] if at < len(words.written) else ""
    shouting = len(words.written) > 2 and all(w.upper() == w for w in words.written)
    return (1, word) if word in cities.states() and not shouting else (0, "")


def _state_alone(words: _Words, at: int) -> list[_Match]:
    """A state without "in": by name, or by a code that is no word."""
    length, code = _state(words, at)
    if not length or words.written[at] in _ALSO_WORDS:
        return []
    return [_Match(length, _choose("state", (code,)))]


_FILLERS: Mapping[str, Callable[[_Words, int], tuple[int, str]]] = {
    "amount": _amount,
    "number": _number,
    "city": _city,
    "state": _state,
}


@derived
def _state_names() -> Mapping[str, str]:
    return {name.casefold(): code for code, name in cities.states().items()}


@derived
def _unclear() -> frozenset[str]:
    """Names that mean a city and a state: the sentence keeps them as words."""
    rows = (row for row in reference.rows("query_words") if row["facet"] == "city_or_state")
    return frozenset(word for row in rows for word in row["words"].split("|"))


# --- the file -----------------------------------------------------------------------------------


@derived
def _rules() -> Mapping[str, Sequence[_Rule]]:
    """Every spelling of every line, then the names of the specialties, by their first word; ""
    holds those that begin with a slot."""
    found: dict[str, list[_Rule]] = {}
    for rule in (*_from_file(), *_specialties()):
        first = rule.parts[0]
        found.setdefault("" if _SLOT.fullmatch(first) else first.casefold(), []).append(rule)
    return found


def _from_file() -> list[_Rule]:
    made = []
    for row in reference.rows("query_words"):
        for spelling in row["words"].split("|"):
            if spelling == "{state}":
                continue  # see _state_alone: a code alone may be a word
            parts = _parts(spelling)
            upper = spelling.isupper() and spelling.isalpha()
            made.append(_Rule(parts if upper else tuple(p.casefold() for p in parts), row, upper))
            if row["facet"] == "start" and row["operator"] in ("month", "months"):
                made += [_Rule((word, *parts), row) for word in sorted(_BEFORE_A_MONTH)]
    return made


def _specialties() -> list[_Rule]:
    """Labels and aliases that name one specialty only; short ones must be in capitals."""
    owners: dict[str, set[str]] = {}
    for row in reference.rows("specialties"):
        for name in (row["label"], *reference.split(row["aliases"])):
            owners.setdefault(name if _is_code(name) else name.casefold(), set()).add(row["slug"])
    made = []
    for name, slugs in owners.items():
        if len(slugs) == 1 and name not in _unclear():
            row = {"facet": "specialty", "operator": "eq", "value": next(iter(slugs)),
                   "action": "filter"}  # fmt: skip
            made.append(_Rule(_parts(name), row, _is_code(name)))
    return made


def _is_code(name: str) -> bool:
    return name.isupper() and len(name) <= 4


def _parts(spelling: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\{\w+\}|[^\W_]+(?:['’][^\W_]+)*", spelling))
