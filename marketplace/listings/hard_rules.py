"""The facts of a listing that decide whom it may take, as one text that a search index can hold.

Listings that the hard rules cannot tell apart have the same text, so there are few of them: a
search judges each once for its candidate, by `eligibility.fit` like every page, and asks the
engine for the texts that may fit. Which facts these are is read from the rules, not listed here.
"""

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from urllib.parse import parse_qsl, urlencode

from marketplace.listings import eligibility
from marketplace.listings.rules import Rule, Value, all_rules, kind_of, known_facts

_ROTATION = "rotation."
_PRESENCE = ("is_set", "is_empty")


@cache
def deciding_facts() -> Mapping[str, bool]:
    """The rotation.* facts that a blocking rule of a request looks at, in order of their names;
    True where the value counts, False where only its being there does."""
    found: dict[str, bool] = {}
    for rule in all_rules():
        if _is_hard(rule):
            for condition in (*rule.when, rule.check):
                value = condition.operator not in _PRESENCE
                found[condition.field] = found.get(condition.field, False) or value
                if condition.refers_to is not None:
                    found[condition.refers_to[0]] = True
    return {name: found[name] for name in sorted(found) if name.startswith(_ROTATION)}


def _is_hard(rule: Rule) -> bool:
    """Can this rule keep somebody out who only looks around?"""
    hard = rule.subject in eligibility.REQUEST_SUBJECTS and rule.severity == "block"
    assumed = rule.check.field in eligibility.BEFORE_CHECKOUT
    return hard and eligibility.due(rule) == "request" and not assumed


def profile_of(rotation_facts: Mapping[str, object]) -> str:
    """The text of a listing: name=value pairs, a fact that is not known left out."""
    names = deciding_facts()
    known = known_facts({name: rotation_facts.get(name) for name in names})
    pairs = ((name, _written(value, exactly=names[name])) for name, value in known.items())
    return urlencode(
        [(name.removeprefix(_ROTATION), text) for name, text in pairs if text is not None]
    )


def facts_of(profile: str) -> dict[str, object]:
    """The rotation.* facts of such a text. Raises `KeyError` for a name that is no fact."""
    pairs = parse_qsl(profile, keep_blank_values=True)
    return {_ROTATION + name: _read(_ROTATION + name, text) for name, text in pairs}


def fitting(candidate_facts: Mapping[str, object], profiles: Iterable[str]) -> tuple[str, ...]:
    """Those of the texts that no hard rule closes to this candidate."""
    asked = frozenset((name, told) for name, told in candidate_facts.items() if told is not None)
    return tuple(profile for profile in profiles if _may_fit(asked, profile))


@lru_cache(maxsize=20_000)
def _may_fit(candidate: frozenset[tuple[str, object]], profile: str) -> bool:
    return eligibility.fit(dict(candidate), facts_of(profile)).kind != "does_not_fit"


def _written(value: Value | None, *, exactly: bool) -> str | None:
    if value is None:
        return None
    if not exactly:
        return None if value in ("", frozenset()) else "yes"
    if isinstance(value, frozenset):
        return " ".join(sorted(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float | int) else str(value)


def _read(name: str, text: str) -> object:
    kind = kind_of(name)
    if kind == "set":
        return frozenset(text.split())
    return float(text) if kind == "number" else text
