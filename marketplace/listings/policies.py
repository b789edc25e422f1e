"""Cancellation terms: the three presets, an agency's own tiers, and the platform's floor.

Terms are frozen into a booking with `as_json` and read back with `terms_from`; what they mean in
money is in `refunds.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from marketplace.core import reference
from marketplace.core.errors import Invalid

# Floor rule `cooling-off`, whose sentence names the 14 days; its value column holds the hours.
COOLING_OFF_MAX_MIN_DAYS = 14


@dataclass(frozen=True)
class Tier:
    """Cancelling `days` or more before the start gives `percent` of what was paid."""

    days: int
    percent: int


@dataclass(frozen=True)
class Terms:
    """One cancellation policy, tiers from the farthest day to the nearest."""

    slug: str
    label: str
    tiers: tuple[Tier, ...]
    cooling_off_hours: int
    cooling_off_min_days_to_start: int
    plain_text: str

    def percent_at(self, days_to_start: int) -> int:
        """The tier's percent so many whole days before the start; negative days are after it."""
        return next((t.percent for t in self.tiers if days_to_start >= t.days), 0)

    def as_json(self) -> dict[str, object]:
        """Plain data to freeze into a booking."""
        return {
            "slug": self.slug,
            "label": self.label,
            "tiers": [[t.days, t.percent] for t in self.tiers],
            "cooling_off_hours": self.cooling_off_hours,
            "cooling_off_min_days_to_start": self.cooling_off_min_days_to_start,
            "plain_text": self.plain_text,
        }


@cache
def presets() -> tuple[Terms, ...]:
    """Flexible, moderate and firm, from `cancellation_presets.csv`."""
    return tuple(_preset(line) for line in reference.rows("cancellation_presets"))


def preset(slug: str) -> Terms:
    """The preset of that slug. Raises `KeyError`."""
    return _preset(reference.row("cancellation_presets", slug))


def terms_from(frozen: Mapping[str, object]) -> Terms:
    """The terms that `as_json` wrote. Raises `ValueError` when the data is not such terms."""
    try:
        return Terms(
            slug=str(frozen["slug"]),
            label=str(frozen["label"]),
            tiers=tuple(Tier(days, percent) for days, percent in _pairs(frozen["tiers"])),
            cooling_off_hours=int(str(frozen["cooling_off_hours"])),
            cooling_off_min_days_to_start=int(str(frozen["cooling_off_min_days_to_start"])),
            plain_text=str(frozen["plain_text"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not frozen cancellation terms: {error}") from error


def custom_terms(
    tiers: str, cooling_off_hours: int = 48, cooling_off_min_days_to_start: int = 14
) -> Terms:
    """An agency's own tiers, written like `30:100|14:50`, if they keep the platform floor.

    Raises `Invalid` with a message for the field `tiers` or `cooling_off_hours`.
    """
    try:
        parsed = _tiers(tiers)
    except ValueError:
        message = "Write days and percent like 30:100|14:50."
        raise Invalid({"tiers": message}) from None
    terms = Terms(
        slug="custom",
        label="Custom",
        tiers=parsed,
        cooling_off_hours=cooling_off_hours,
        cooling_off_min_days_to_start=cooling_off_min_days_to_start,
        plain_text=_plain_text(parsed),
    )
    broken = floor_problems(terms)
    if broken:
        raise Invalid(broken)
    return terms


def floor_problems(terms: Terms) -> dict[str, str]:
    """Field to message for each platform floor that the terms break; empty when they are fine."""
    problems: dict[str, str] = {}
    tiers = terms.tiers
    falling = all(a.days > b.days and a.percent >= b.percent for a, b in pairwise(tiers))
    in_range = all(0 <= t.percent <= 100 and t.days >= 0 for t in tiers)
    full_days = [t.days for t in tiers if t.percent == 100]
    if terms.cooling_off_hours < floor_limit("cooling-off") or (
        terms.cooling_off_min_days_to_start > COOLING_OFF_MAX_MIN_DAYS
    ):
        problems["cooling_off_hours"] = floor_rule("cooling-off")["rule"]
    if not in_range:
        problems["tiers"] = "Percent is from 0 to 100, and days are not negative."
    elif not falling:
        problems["tiers"] = floor_rule("tiers-monotone")["rule"]
    elif max((t.percent for t in tiers), default=0) < floor_limit("no-empty-policy"):
        problems["tiers"] = floor_rule("no-empty-policy")["rule"]
    elif not full_days or min(full_days) > floor_limit("full-tier-reachable"):
        problems["tiers"] = floor_rule("full-tier-reachable")["rule"]
    return problems


def floor_limit(code: str) -> int:
    """The number in a row of `platform_floor_rules.csv`. Raises `KeyError`, `ValueError`."""
    return int(floor_rule(code)["value"])


def _preset(line: reference.Row) -> Terms:
    return Terms(
        slug=line["slug"],
        label=line["label"],
        tiers=_tiers(line["tiers"]),
        cooling_off_hours=int(line["cooling_off_hours"]),
        cooling_off_min_days_to_start=int(line["cooling_off_min_days_to_start"]),
        plain_text=line["plain_text"],
    )


def _tiers(text: str) -> tuple[Tier, ...]:
    pairs = (item.split(":") for item in text.replace(" ", "").split("|"))
    return tuple(Tier(int(days), int(percent)) for days, percent in pairs)


def _pairs(value: object) -> list[tuple[int, int]]:
    if not isinstance(value, Sequence):
        raise TypeError("tiers is not a list")
    return [(int(days), int(percent)) for days, percent in value]


def _plain_text(tiers: Sequence[Tier]) -> str:
    parts = [f"Cancel {t.days} days or more before the start: {t.percent}% back." for t in tiers]
    return " ".join([*parts, "Later: nothing for a change of mind."])


def floor_rule(code: str) -> reference.Row:
    """A row of `platform_floor_rules.csv`. Raises `KeyError`."""
    return reference.row("platform_floor_rules", code, "code")
