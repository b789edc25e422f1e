"""What changed between two versions of a listing, in words for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marketplace.core.money import dollars
from marketplace.listings import catalog, editor_forms, student_years, versions
from marketplace.listings.policies import preset, terms_from

Facts = Mapping[str, Any]
Names = Mapping[str, str]  # ids of sites and attendings to their names


@dataclass(frozen=True)
class Difference:
    """One line: what, before, after. Empty words mean that nothing was said."""

    what: str
    before: str
    after: str
    signed: bool = False  # a change asks for a new signature


def differences(before: Facts, after: Facts, names: Names) -> tuple[Difference, ...]:
    """The lines that differ, in the order of the editor. `names` are for site and attending."""
    old, new = _lines(before, names), _lines(after, names)
    labels = [*old, *(label for label in new if label not in old)]
    found = []
    for label in labels:
        a, signed = old.get(label, ("", False))
        b, signed_too = new.get(label, ("", False))
        if a != b:
            found.append(Difference(label, a, b, signed or signed_too))
    return tuple(found)


def _lines(facts: Facts, names: Names) -> dict[str, tuple[str, bool]]:
    """Label to words, and whether the attending signs it."""
    found: dict[str, tuple[str, bool]] = {}
    for name in versions.EDITABLE:
        if name in facts:
            signed = name in versions.SIGNED_FACTS
            value = _with_type(facts) if name == "eligibility" else facts[name]
            for label, words in _words(name, value, names):
                found[label] = (words, signed)
    for weeks, cents in (facts.get("prices") or {}).items():
        found[f"{weeks} weeks, price"] = (dollars(cents), False)
    return found


def _with_type(facts: Facts) -> dict[str, Any]:
    """The eligibility with the year that really holds: the type's rule may ask for a later one."""
    chosen, kind = facts["eligibility"].get("min_student_year", ""), str(facts.get("type") or "")
    year = student_years.least(kind, chosen)
    nothing = not chosen and year == next(iter(student_years.YEARS))
    return {**facts["eligibility"], "min_student_year": "" if nothing else year}


_LABELS = {
    "title": "Title",
    "summary": "What a day is like",
    "hours_per_week": "Hours a week",
    "trainees_per_attending": "Trainees per attending",
    "hospital_share": "Share in hospital, %",
    "deposit_percent": "Deposit, %",
    "max_installments": "Installments after the deposit",
    "notice_days": "Least days before a start",
}


def _words(name: str, value: Any, names: Names) -> list[tuple[str, str]]:
    if name in _LABELS:
        return [(_LABELS[name], "" if value is None else str(value))]
    if name in ("site_id", "attending_id"):
        label = "Site" if name == "site_id" else "Attending"
        return [(label, names.get(str(value), "another one"))]
    reader = _READERS.get(name)
    return reader(value) if reader else []


def _activities(value: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        (task.label, editor_forms.LEVELS[value.get(task.slug, "no")])
        for task in catalog.scope_activities()
    ]


def _eligibility(value: Mapping[str, Any]) -> list[tuple[str, str]]:
    years = value.get("max_years_since_graduation")
    return [
        (
            "Least year of students",
            student_years.YEARS.get(value.get("min_student_year", ""), ""),
        ),
        ("Years since graduation, at most", "" if years is None else str(years)),
        ("Basis for taking graduates", str(value.get("graduate_legal_basis") or "")),
        (
            "Entry statuses the site takes",
            ", ".join(
                catalog.ENTRY_STATUSES.get(one, one) for one in value.get("entry_statuses", ())
            ),
        ),
        ("Through VSLO only", "Yes" if value.get("vslo_only") else "No"),
    ]


def _letter(value: Mapping[str, Any]) -> list[tuple[str, str]]:
    days = value.get("within_days")
    return [
        ("Letter", editor_forms.LETTERS.get(value.get("policy", ""), ("", ""))[0]),
        ("Letterhead", editor_forms.LETTERHEADS.get(value.get("letterhead") or "", "")),
        ("Letter uploaded within", f"{days} days" if days else ""),
        ("Uploaded to ERAS by the author", "Yes" if value.get("eras") else "No"),
    ]


def _cancellation(value: Mapping[str, Any]) -> list[tuple[str, str]]:
    if not value:
        return []
    terms = preset(str(value["preset"])) if "preset" in value else terms_from(value)
    return [("Cancellation", f"{terms.label}. {terms.plain_text}")]


def _parts(value: list[Any]) -> list[tuple[str, str]]:
    return [
        (f"Share: {part['label']}", f"{part['percent']}%")
        for part in value
        if isinstance(part, dict)
    ]


def _week(value: list[Any]) -> list[tuple[str, str]]:
    return [
        (str(day["day"]), f"{day.get('morning', '')} / {day.get('afternoon', '')}")
        for day in value
        if isinstance(day, dict)
    ]


def _listed(label: str, known: Mapping[str, Any]) -> Any:
    def words(value: list[str]) -> list[tuple[str, str]]:
        return [(label, ", ".join(str(known.get(one, one)) for one in value))]

    return words


def _named(label: str, of: Any) -> Any:
    def words(value: str) -> list[tuple[str, str]]:
        return [(label, of(value).label if value else "")]

    return words


_READERS: dict[str, Any] = {
    "specialty": _named("Specialty", catalog.specialty),
    "type": _named("Type", catalog.rotation_type),
    "setting": lambda value: [("Setting", editor_forms.SETTINGS.get(value, value))],
    "activities": _activities,
    "inclusions": _listed("Included", editor_forms.INCLUSIONS),
    "accepts": _listed("Who may come", {"student": "Students", "graduate": "Graduates"}),
    "required_exams": _listed("Exams", editor_forms.EXAMS),
    "required_documents": _listed(
        "Documents", {kind.slug: kind.label for kind in catalog.document_kinds()}
    ),
    "eligibility": _eligibility,
    "week_plan": _week,
    "letter_policy": _letter,
    "cancellation": _cancellation,
    "price_parts": _parts,
    "preapproved": lambda value: [("Your approval", "Skipped" if value else "Asked first")],
}
