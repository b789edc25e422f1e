"""The hands-on level of a rotation: always derived, never typed in (DESIGN 4).

Strongest first: hands-on inpatient, hands-on outpatient, observership inpatient, observership
outpatient, virtual; research is not clinical experience.
"""

from collections.abc import Collection
from typing import Literal

from marketplace.core import reference

Interaction = Literal["hands-on", "mixed", "observe", "virtual", "research"]
Setting = Literal["inpatient", "mixed", "outpatient", "remote"]
Level = Literal[
    "hands-on-inpatient",
    "hands-on-outpatient",
    "observership-inpatient",
    "observership-outpatient",
    "virtual",
    "not-usce",
]

# Rule `hands-on-needs-core-scope` of eligibility_rules.csv counts these two classes, and its
# sentence wants one task of these two groups among them.
CORE_CLASSES = frozenset({"core", "high-risk-claim"})
CONTACT_ACTIVITIES = frozenset({"take-history", "focused-history-with-attending", "physical-exam"})
CORE_ITEMS_NEEDED = 3


def derive_level(
    rotation_type: str, interaction: Interaction, setting: Setting, *, scope_cosigned: bool
) -> Level:
    """The level of a rotation, a slug of `hands_on_levels.csv`.

    A mixed setting counts as outpatient and a mixed interaction as observing, the weaker one.
    Hands-on needs a type that allows it and a task list that the attending signed; without
    either it counts as observing. Raises `KeyError` for an unknown type.
    """
    kind = reference.row("rotation_types", rotation_type)
    if kind["counts_as_usce"] == "no" or interaction == "research":
        return "not-usce"
    if rotation_type == "virtual" or interaction == "virtual" or setting == "remote":
        return "virtual"
    inpatient = setting == "inpatient"
    if interaction == "hands-on" and kind["hands_on"] != "no" and scope_cosigned:
        return "hands-on-inpatient" if inpatient else "hands-on-outpatient"
    return "observership-inpatient" if inpatient else "observership-outpatient"


def rank(level: str) -> int:
    """The strength of a level for sorting, 5 to 0; never shown to people. Raises `KeyError`."""
    return int(reference.row("hands_on_levels", level)["rank"])


def core_items(activities: Collection[str]) -> int:
    """How many of the declared tasks are core (fact `rotation.scope_core_items`).

    `activities` are the slugs declared as yes or supervised. Raises `KeyError` for an unknown
    one.
    """
    lines = [reference.row("scope_activities", slug) for slug in set(activities)]
    return sum(line["claim_class"] in CORE_CLASSES for line in lines)


def scope_supports_hands_on(activities: Collection[str]) -> bool:
    """At least three core tasks, one of them taking a history or a physical examination."""
    touches = not CONTACT_ACTIVITIES.isdisjoint(activities)
    return touches and core_items(activities) >= CORE_ITEMS_NEEDED
