"""The fixed lists of the field: specialties, types, levels, tasks, documents, notices.

Typed views of the files in `marketplace/data`. Slugs are stable. Every lookup raises `KeyError`
for an unknown slug. Cities are in `cities.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from marketplace.core.formats import day
from marketplace.core.reference import Row, derived, offered, row, rows, split

ENTRY_STATUSES: Mapping[str, str] = MappingProxyType(
    {
        "b-1": "B-1 visitors",
        "b-2": "B-2 visitors",
        "visa-waiver": "Visa-waiver visitors",
        "f-1": "F-1 students",
        "j-1": "J-1 visitors",
    }
)
"""Entry statuses (profile_fields.csv) that a site may say it takes. Its word, no visa advice."""


@dataclass(frozen=True)
class Group:
    """A heading with an order: of specialties, or of tasks."""

    slug: str
    label: str
    sort: int


@dataclass(frozen=True)
class Specialty:
    """`related` maps a specialty done to how much of it counts toward this one, 0 to 1."""

    slug: str
    label: str
    group: str
    application_route: str
    application_route_note: str
    typical_settings: tuple[str, ...]
    aliases: tuple[str, ...]
    related: Mapping[str, float]


@dataclass(frozen=True)
class RotationType:
    """One of the seven types. `hands_on` is yes, no or depends; `graduates` may be exception."""

    slug: str
    label: str
    one_line: str
    hands_on: str
    students: bool
    graduates: str
    vslo: str
    weeks_min: int
    weeks_max: int
    counts_as_usce: str


@dataclass(frozen=True)
class HandsOnLevel:
    """One derived level; a higher `rank` is stronger and is never shown as a number."""

    slug: str
    label: str
    meaning: str
    rank: int
    needs_cosigned_scope: bool


@dataclass(frozen=True)
class ScopeActivity:
    """One task. `usual` maps each rotation type to yes, supervised or no."""

    slug: str
    label: str
    group: str
    explanation: str
    usual: Mapping[str, str]
    counts_as_hands_on: str
    claim_class: str


@dataclass(frozen=True)
class DocumentKind:
    """One kind of document in the wallet, with its validity rule. Days are calendar days."""

    slug: str
    label: str
    who: str
    condition: str
    validity_rule: str
    max_age_days: int | None
    measured_at: str
    advisory_days_after_end: int | None
    lead_time_days: int
    sensitive: bool
    retention_days: int
    retention_from: str
    provided_by: str
    help: str


@dataclass(frozen=True)
class Advisory:
    """A notice about a state, `*` for every state. Facts that were read, not legal advice."""

    state: str
    topic: str
    strength: str
    text: str
    source_date: str

    @property
    def shown_date(self) -> str:
        """Nov 2, 2024, or only the year where the source says no more."""
        full = len(self.source_date) == len("2024-11-02")
        return day(date.fromisoformat(self.source_date)) if full else self.source_date


@derived
def specialty_groups() -> tuple[Group, ...]:
    """The six groups of specialties in page order."""
    return _groups("specialty_groups")


@derived
def specialties() -> tuple[Specialty, ...]:
    """The specialties that may be chosen, in the order of the list; retired ones are left out."""
    return tuple(_specialty(line) for line in offered("specialties"))


@derived
def specialty(slug: str) -> Specialty:
    """One specialty."""
    return _specialty(row("specialties", slug))


@derived
def rotation_types() -> tuple[RotationType, ...]:
    """The seven types in page order."""
    lines = sorted(rows("rotation_types"), key=lambda line: int(line["sort"]))
    return tuple(_rotation_type(line) for line in lines)


@derived
def rotation_type(slug: str) -> RotationType:
    """One type."""
    return _rotation_type(row("rotation_types", slug))


@derived
def levels() -> tuple[HandsOnLevel, ...]:
    """The levels, strongest first."""
    found = (_level(line) for line in rows("hands_on_levels"))
    return tuple(sorted(found, key=lambda level: -level.rank))


@derived
def level(slug: str) -> HandsOnLevel:
    """One level."""
    return _level(row("hands_on_levels", slug))


@derived
def scope_groups() -> tuple[Group, ...]:
    """The headings of the task list in page order."""
    return _groups("scope_groups")


@derived
def scope_activities(group: str = "") -> tuple[ScopeActivity, ...]:
    """The tasks in the order of the file, all or of one group."""
    return tuple(
        _scope_activity(line) for line in rows("scope_activities") if group in ("", line["group"])
    )


@derived
def scope_activity(slug: str) -> ScopeActivity:
    """One task."""
    return _scope_activity(row("scope_activities", slug))


@derived
def document_kinds() -> tuple[DocumentKind, ...]:
    """The kinds that may be asked for, in the order of the list; retired ones are left out."""
    return tuple(_document_kind(line) for line in offered("document_kinds"))


@derived
def document_kind(slug: str) -> DocumentKind:
    """One kind of document."""
    return _document_kind(row("document_kinds", slug))


def advisories(state: str, rotation_type: str, status: str = "") -> tuple[Advisory, ...]:
    """The notices for a rotation of this type in this state, the state's own first, strong first.

    `status` is student or graduate; empty, when it is not known, gives the notices for both. A
    general notice (`*`) is left out where the state has one of the same topic.
    """
    fitting = [
        line
        for line in offered("state_advisories")
        if line["state"] in (state, "*")
        and (line["rotation_types"] == "all" or rotation_type in split(line["rotation_types"]))
        and (not status or line["status"] in ("all", status))
    ]
    own = {line["topic"] for line in fitting if line["state"] != "*"}
    shown = [line for line in fitting if line["state"] != "*" or line["topic"] not in own]
    strengths = ("strong", "notice", "general")
    shown.sort(key=lambda line: (line["state"] == "*", strengths.index(line["strength"])))
    return tuple(
        Advisory(
            state=line["state"],
            topic=line["topic"],
            strength=line["strength"],
            text=line["text"],
            source_date=line["source_date"],
        )
        for line in shown
    )


def visa_facts() -> tuple[Row, ...]:
    """What `visa_facts.csv` says, for students, graduates or all. Facts, not legal advice."""
    return rows("visa_facts")


def _groups(name: str) -> tuple[Group, ...]:
    found = (Group(line["slug"], line["label"], int(line["sort"])) for line in rows(name))
    return tuple(sorted(found, key=lambda group: group.sort))


def _specialty(line: Row) -> Specialty:
    weights = (item.split(":") for item in split(line["related"]))
    return Specialty(
        slug=line["slug"],
        label=line["label"],
        group=line["group"],
        application_route=line["application_route"],
        application_route_note=line["application_route_note"],
        typical_settings=split(line["typical_settings"]),
        aliases=split(line["aliases"]),
        related=MappingProxyType({slug: float(weight) for slug, weight in weights}),
    )


def _rotation_type(line: Row) -> RotationType:
    return RotationType(
        slug=line["slug"],
        label=line["label"],
        one_line=line["one_line"],
        hands_on=line["hands_on"],
        students=line["students_allowed"] == "yes",
        graduates=line["graduates_allowed"],
        vslo=line["vslo"],
        weeks_min=int(line["typical_weeks_min"]),
        weeks_max=int(line["typical_weeks_max"]),
        counts_as_usce=line["counts_as_usce"],
    )


def _level(line: Row) -> HandsOnLevel:
    return HandsOnLevel(
        slug=line["slug"],
        label=line["label"],
        meaning=line["meaning"],
        rank=int(line["rank"]),
        needs_cosigned_scope=line["needs_cosigned_scope"] == "yes",
    )


def _scope_activity(line: Row) -> ScopeActivity:
    return ScopeActivity(
        slug=line["slug"],
        label=line["label"],
        group=line["group"],
        explanation=line["explanation"],
        usual=MappingProxyType(
            {kind["slug"]: line[kind["slug"]] for kind in rows("rotation_types")}
        ),
        counts_as_hands_on=line["counts_as_hands_on"],
        claim_class=line["claim_class"],
    )


def _document_kind(line: Row) -> DocumentKind:
    advisory = line["advisory_days_after_end"]
    return DocumentKind(
        slug=line["slug"],
        label=line["label"],
        who=line["who"],
        condition=line["condition"],
        validity_rule=line["validity_rule"],
        max_age_days=int(line["max_age_days"]) if line["max_age_days"] else None,
        measured_at=line["measured_at"],
        advisory_days_after_end=int(advisory) if advisory else None,
        lead_time_days=int(line["lead_time_days"]),
        sensitive=line["sensitive"] == "yes",
        retention_days=int(line["retention_days"]),
        retention_from=line["retention_from"],
        provided_by=line["provided_by"],
        help=line["help"],
    )
