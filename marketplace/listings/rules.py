"""Eligibility rules as data: reading them, and deciding one rule over a set of facts.

A rule applies when every condition in `when` holds; it passes when its check holds. Facts are
the fields of `profile_fields.csv`. A fact that is not known makes a condition neither true nor
false; only `is_set` and `is_empty` take "not known" for "empty".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, cached_property
from typing import Literal, get_args

from marketplace.core import reference

Subject = Literal["candidate", "listing", "booking"]
Severity = Literal["block", "warn", "inform"]
Value = str | bool | float | date | frozenset[str]
Facts = Mapping[str, Value | None]

SUBJECTS: Mapping[str, Subject] = {s: s for s in get_args(Subject)}
SEVERITIES: Mapping[str, Severity] = {s: s for s in get_args(Severity)}
# A field, and perhaps a number of days from it: `@booking.end_date+180d`.
REFERENCE = re.compile(r"@([a-z0-9_.]+)(?:([+-]\d+)d)?")


@dataclass(frozen=True)
class Condition:
    """One `field operator value`."""

    field: str
    operator: str
    value: str

    @cached_property
    def refers_to(self) -> tuple[str, int] | None:
        """The field and the days of a value like `@field+180d`; None for a literal."""
        if not self.value.startswith("@"):
            return None
        match = REFERENCE.fullmatch(self.value)
        if match is None:
            raise ValueError(f"cannot read the reference {self.value!r}")
        return match[1], int(match[2] or 0)

    @cached_property
    def literal(self) -> Value:
        """The value as the field's type; a set where the operator takes a list."""
        if self.operator in ("in", "not_in", "excludes", "superset"):
            return frozenset(reference.split(self.value))
        kind = _field(self.field).kind
        if kind == "number":
            return float(self.value)
        if kind == "date":
            return date.fromisoformat(self.value)
        return self.value == "yes" if kind == "bool" else self.value


@dataclass(frozen=True)
class Rule:
    """One row of `eligibility_rules.csv`; `message` is shown when it fails.

    `because` says the same in a few words that end "fits if ..." or "does not fit because ...";
    empty where a rule only informs or is about listings.
    """

    code: str
    subject: Subject
    severity: Severity
    when: tuple[Condition, ...]
    check: Condition
    message: str
    because: str = ""


@dataclass(frozen=True)
class Outcome:
    """Whether a rule passes; None when facts are missing, which are then named."""

    passes: bool | None
    missing: frozenset[str] = frozenset()


PASSED = Outcome(True)
FAILED = Outcome(False)


@cache
def all_rules() -> tuple[Rule, ...]:
    """The rules in the order of the file."""
    return tuple(_rule(line) for line in reference.rows("eligibility_rules"))


def known_facts(facts: Mapping[str, object]) -> Facts:
    """The facts in the form that `decide` needs, checked against `profile_fields.csv`.

    Sets are any collection of text, flags are `bool` or yes/no, dates are `date`. None and the
    answer `unknown` mean not known. Raises `KeyError` for a field that does not exist and
    `ValueError` for a value of another type.
    """
    return {name: _value(name, given) for name, given in facts.items()}


def kind_of(name: str) -> str:
    """The type of a fact: bool, number, date, enum, slug, text or set. Raises `KeyError`."""
    return _field(name).kind


def decide(rule: Rule, facts: Facts) -> Outcome:
    """Decide one rule over facts from `known_facts`.

    A rule that may not apply, or whose check holds anyway, passes without asking for more.
    """
    unsure = []
    for condition in rule.when:
        applies = holds(condition, facts)
        if applies is False:
            return PASSED
        if applies is None:
            unsure.append(condition)
    passes = holds(rule.check, facts)
    if passes:
        return PASSED
    if passes is None:
        unsure.append(rule.check)
    if not unsure:
        return FAILED
    return Outcome(None, frozenset().union(*(_missing(condition, facts) for condition in unsure)))


def holds(condition: Condition, facts: Facts) -> bool | None:
    """Whether one condition holds; None when a fact it needs is not known."""
    left = facts.get(condition.field)
    if condition.operator in ("is_set", "is_empty"):
        empty = left is None or left in ("", frozenset())
        return empty == (condition.operator == "is_empty")
    right = _right(condition, facts)
    if left is None or right is None:
        return None
    return _OPERATORS[condition.operator](condition.field, left, right)


def _right(condition: Condition, facts: Facts) -> Value | None:
    if condition.refers_to is None:
        return condition.literal
    name, days = condition.refers_to
    value = facts.get(name)
    return value + timedelta(days=days) if days and isinstance(value, date) else value


def _missing(condition: Condition, facts: Facts) -> frozenset[str]:
    names = [condition.field]
    if condition.refers_to is not None:
        names.append(condition.refers_to[0])
    return frozenset(name for name in names if facts.get(name) is None)


def _order(field: str, value: Value) -> float | int:
    """A number that sorts as the field does: enumerations by their order in the file."""
    if isinstance(value, date):
        return value.toordinal()
    if isinstance(value, str):
        return _field(field).choices.index(value)
    if isinstance(value, frozenset):
        raise ValueError(f"{field} is a set and has no order")
    return value


def _members(value: Value) -> frozenset[str]:
    if not isinstance(value, frozenset):
        raise ValueError(f"{value!r} is not a set")
    return value


_OPERATORS: Mapping[str, Callable[[str, Value, Value], bool]] = {
    "eq": lambda _, left, right: left == right,
    "ne": lambda _, left, right: left != right,
    "in": lambda _, left, right: left in _members(right),
    "not_in": lambda _, left, right: left not in _members(right),
    "gt": lambda field, left, right: _order(field, left) > _order(field, right),
    "gte": lambda field, left, right: _order(field, left) >= _order(field, right),
    "lt": lambda field, left, right: _order(field, left) < _order(field, right),
    "lte": lambda field, left, right: _order(field, left) <= _order(field, right),
    "contains": lambda _, left, right: right in _members(left),
    "excludes": lambda _, left, right: _members(left).isdisjoint(_members(right)),
    "superset": lambda _, left, right: _members(left) >= _members(right),
}


def _value(name: str, given: object) -> Value | None:
    field = _field(name)
    if given is None or (given == "unknown" and field.kind == "enum"):
        return None
    read = _READERS[field.kind](given)
    if read is None or (field.choices and read not in field.choices):
        raise ValueError(f"{name} cannot be {given!r}")
    return read


@dataclass(frozen=True)
class _Field:
    kind: str
    # The values of an enumeration in their order; empty when the file only describes them.
    choices: tuple[str, ...]


@cache
def _field(name: str) -> _Field:
    line = reference.row("profile_fields", name, "field")
    listed = reference.split(line["values"]) if line["type"] == "enum" else ()
    return _Field(line["type"], listed if len(listed) > 1 else ())


def _as_bool(given: object) -> bool | None:
    if isinstance(given, bool):
        return given
    return {"yes": True, "no": False}.get(given) if isinstance(given, str) else None


def _as_number(given: object) -> float | None:
    return given if isinstance(given, int | float) and not isinstance(given, bool) else None


def _as_date(given: object) -> date | None:
    return given if isinstance(given, date) and not isinstance(given, datetime) else None


def _as_text(given: object) -> str | None:
    return given if isinstance(given, str) else None


def _as_set(given: object) -> frozenset[str] | None:
    if not isinstance(given, frozenset | set | tuple | list):
        return None
    return frozenset(given) if all(isinstance(item, str) for item in given) else None


_READERS: Mapping[str, Callable[[object], Value | None]] = {
    "bool": _as_bool,
    "number": _as_number,
    "date": _as_date,
    "enum": _as_text,
    "slug": _as_text,
    "text": _as_text,
    "set": _as_set,
}


def _rule(line: reference.Row) -> Rule:
    parts = line["when"].split(" & ") if line["when"] else []
    return Rule(
        code=line["code"],
        subject=SUBJECTS[line["subject"]],
        severity=SEVERITIES[line["severity"]],
        when=tuple(_condition(part) for part in parts),
        check=Condition(line["field"], line["operator"], line["value"]),
        message=line["message"],
        because=line["because"],
    )


def _condition(text: str) -> Condition:
    field, operator, *value = text.split(" ", 2)
    return Condition(field, operator, value[0] if value else "")
