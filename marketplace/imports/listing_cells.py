"""A listing as a row of a file, and a row as what the sections of the editor take."""

from collections.abc import Mapping
from typing import Any

from marketplace.imports import cells as reading
from marketplace.imports.kinds import Cells, Column
from marketplace.listings import catalog, editor_forms, notice, policies, student_years
from marketplace.listings.editor_forms import Sent
from marketplace.listings.models import Rotation


def _inclusions() -> tuple[str, ...]:
    return tuple(editor_forms.INCLUSIONS)


def _exams() -> tuple[str, ...]:
    return tuple(editor_forms.EXAMS)


def _people() -> tuple[str, ...]:
    return ("student", "graduate")


def _statuses() -> tuple[str, ...]:
    return tuple(catalog.ENTRY_STATUSES)


def _type(typed: str) -> str:
    kinds = catalog.rotation_types()
    return reading.one_of([kind.slug for kind in kinds], {kind.slug: kind.label for kind in kinds})(
        typed
    )


_SETTING = reading.one_of(editor_forms.SETTINGS, editor_forms.SETTINGS)
_NEEDED = True

COLUMNS = (
    Column("external_id", "Your own id, or the name in the listing's address", "cardio-01",
           reading.text(80), _NEEDED),
    Column("title", f"Up to {editor_forms.TITLE_LENGTH} characters", "Cardiology clinic externship",
           reading.text(editor_forms.TITLE_LENGTH), _NEEDED),
    Column("specialty", "Name or slug of the list", "cardiology", reading.specialty, _NEEDED),
    Column("type", ", ".join(kind.slug for kind in catalog.rotation_types()), "externship", _type,
           _NEEDED),
    Column("setting", "inpatient, outpatient, mixed, remote", "outpatient", _SETTING, _NEEDED),
    Column("site", "Name of one of your sites", "Lakeview Heart Clinic", reading.text(120),
           _NEEDED),
    Column("city", "City of the site", "chicago-il", reading.city, _NEEDED),
    Column("attending_npi", "One of your attendings", "1234567893", reading.npi, _NEEDED),
    Column("prices", "Weeks and all-in dollars; weeks are 1, 2, 4, 6, 8, 12", "2:1100|4:1650.50",
           reading.prices, _NEEDED),
    Column("accepts", "student, graduate, or both", "student|graduate", reading.several(_people)),
    Column("summary", f"What a day is like; up to {editor_forms.SUMMARY_LENGTH:,} characters",
           "Four days of clinic a week, one afternoon in the echo lab.",
           reading.text(editor_forms.SUMMARY_LENGTH, lines=True)),
    Column("activities", "Tasks, each yes or supervised; leave out what is not done",
           "take-history:supervised|physical-exam:supervised|present-case:yes",
           reading.activities),
    Column("interaction", "Follows from type and tasks; checked when you write it", "hands-on",
           reading.one_of(("hands-on", "mixed", "observe", "virtual", "research"))),
    Column("hours_per_week", "1 to 80", "40", reading.number),
    Column("trainees_per_attending", "1 to 12", "2", reading.number),
    Column("hospital_share", "Percent of the time in a hospital", "20", reading.number),
    Column("week", "Half days", "monday-morning:Clinic|tuesday-afternoon:Echo lab", reading.week),
    Column("inclusions", ", ".join(editor_forms.INCLUSIONS), "orientation-day|emr-access",
           reading.several(_inclusions)),
    Column("exams", ", ".join(editor_forms.EXAMS), "usmle_step_1", reading.several(_exams)),
    Column("documents", "Slugs of document kinds; empty for a new listing: those of its type",
           "cv|hipaa-training", reading.several(reading.document_slugs)),
    Column("min_student_year", ", ".join(student_years.YEARS), "clinical",
           reading.one_of(student_years.YEARS)),
    Column("max_years_since_graduation", "0 to 60", "5", reading.number),
    Column("legal_basis", "Why graduates may come, where the type does not take them by default",
           "", reading.text(editor_forms.BASIS_LENGTH, lines=True)),
    Column("entry_statuses", ", ".join(catalog.ENTRY_STATUSES), "b-1|visa-waiver",
           reading.several(_statuses)),
    Column("vslo_only", "yes or no", "no", reading.yes_no),
    Column("preapproved", "yes: your agency's approval is skipped", "no", reading.yes_no),
    Column("letter", ", ".join(editor_forms.LETTERS), "writes-when-earned",
           reading.one_of(editor_forms.LETTERS)),
    Column("letterhead", ", ".join(editor_forms.LETTERHEADS), "practice",
           reading.one_of(editor_forms.LETTERHEADS)),
    Column("letter_days", "Written within so many days, 1 to 180", "28", reading.number),
    Column("letter_eras", "yes: uploaded for residency applications", "yes", reading.yes_no),
    Column("cancellation", "A policy's name, or own steps as days and percent: 60:100|30:50",
           "moderate", reading.cancellation),
    Column("deposit_percent", "Percent of the price", "20", reading.number),
    Column("max_installments", "0 to 4", "4", reading.number),
    Column("price_shares", "Who is paid out of the price, in percent: "
           + ", ".join(editor_forms.PAYEES), "attending:55|site:15", reading.shares),
    Column("notice_days", "A start closes so many days before it, "
           f"{notice.LEAST_DAYS} to {notice.MOST_DAYS}. Holds at once, also live", "21",
           reading.number),
    Column("site_kind", "Only for a site that you do not have yet: its kind", "clinic",
           reading.text(60)),
    Column("starts", "Mondays to add. Changed and closed in the file of offerings",
           "2027-03-01|2027-04-05", reading.days),
    Column("capacity", "Seats of the starts that are added", "2", reading.number),
)  # fmt: skip

# Columns by the section of the editor that knows their rules, in the order of deciding: what
# trainees do follows from the type.
SECTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "basics": {
        "title": ("title",),
        "specialty": ("specialty",),
        "type": ("type", "setting", "interaction"),
        "setting": ("setting",),
        "site": ("site_id",),
        "city": ("site_id",),
        "attending_npi": ("attending_id",),
        "summary": ("summary",),
        "hours_per_week": ("hours_per_week",),
        "trainees_per_attending": ("trainees_per_attending",),
        "hospital_share": ("hospital_share",),
        "week": ("week_plan",),
        "inclusions": ("inclusions",),
    },
    "scope": {"activities": ("activities", "interaction")},
    "people": {
        "accepts": ("accepts",),
        "exams": ("required_exams",),
        "documents": ("required_documents",),
        "min_student_year": ("eligibility",),
        "max_years_since_graduation": ("eligibility",),
        "legal_basis": ("eligibility",),
        "entry_statuses": ("eligibility",),
        "vslo_only": ("eligibility",),
        "preapproved": ("preapproved",),
    },
    "letter": dict.fromkeys(
        ("letter", "letterhead", "letter_days", "letter_eras"), ("letter_policy",)
    ),
    "price": {
        "prices": (),
        "deposit_percent": ("deposit_percent",),
        "max_installments": ("max_installments",),
        "price_shares": ("price_parts",),
    },
    "cancellation": {"cancellation": ("cancellation",)},
}
# fields of the editor, and the columns they stand for
FIELDS = {
    "attending": "attending_npi",
    "name": "site",
    "kind": "site_kind",
    "hours": "hours_per_week",
    "ratio": "trainees_per_attending",
    "share": "price_shares",
    "max_years": "max_years_since_graduation",
    "graduate_legal_basis": "legal_basis",
    "entry_status": "entry_statuses",
    "exam": "exams",
    "document": "documents",
    "policy": "letter",
    "within_days": "letter_days",
    "eras": "letter_eras",
    "price": "prices",
    "deposit": "deposit_percent",
    "installments": "max_installments",
    "preset": "cancellation",
    "days": "cancellation",
    "back": "cancellation",
    "first": "starts",
    "until": "starts",
    "seats": "capacity",
    "notice": "notice_days",
}


class Typed(Sent):
    """The cells of a row as a form."""

    def __init__(self, fields: Mapping[str, str], lists: Mapping[str, list[str]]) -> None:
        self._fields, self._lists = fields, lists

    def get(self, key: str, default: str, /) -> str:
        """The text of a field."""
        return self._fields.get(key, default)

    def getlist(self, key: str, /) -> list[str]:
        """Every value of a field."""
        return self._lists.get(key, [])


def form_of(cells: Cells, rotation: Rotation) -> Typed:
    """All sections of the editor at once, as a browser would send them."""
    tick = {"yes": "1"}
    fields = {
        "type": cells["type"],
        "setting": cells["setting"],
        "specialty": cells["specialty"],
        "attending": str(rotation.attending_id),
        "site": str(rotation.site_id),
        "title": cells["title"],
        "summary": cells["summary"],
        "ratio": cells["trainees_per_attending"],
        "hours": cells["hours_per_week"],
        "share": cells["hospital_share"],
        "min_student_year": cells["min_student_year"],
        "max_years": cells["max_years_since_graduation"],
        "graduate_legal_basis": cells["legal_basis"],
        "vslo_only": tick.get(cells["vslo_only"], ""),
        "preapproved": tick.get(cells["preapproved"], ""),
        "policy": cells["letter"],
        "letterhead": cells["letterhead"],
        "within_days": cells["letter_days"],
        "eras": tick.get(cells["letter_eras"], ""),
        "deposit": cells["deposit_percent"],
        "installments": cells["max_installments"],
        **_pairs(cells["week"], ""),
        **_pairs(cells["activities"], "a-"),
        **_pairs(cells["prices"], "price-"),
        **_pairs(cells["price_shares"], "share-"),
        **_cancellation(cells["cancellation"]),
    }
    lists = {
        "inclusions": _offered(cells["inclusions"], _inclusions()),
        "accepts": _list(cells["accepts"]),
        "exam": _offered(cells["exams"], _exams()),
        "document": _offered(cells["documents"], reading.document_slugs()),
        "entry_status": _offered(cells["entry_statuses"], _statuses()),
    }
    return Typed(fields, lists)


def _offered(cell: str, known: tuple[str, ...]) -> list[str]:
    """What a page would show to tick; older values that it does not offer stay as they are."""
    return [value for value in _list(cell) if value in known]


def _list(cell: str) -> list[str]:
    return cell.split("|") if cell else []


def _pairs(cell: str, prefix: str) -> dict[str, str]:
    found = (item.partition(":") for item in _list(cell))
    return {f"{prefix}{name}": value for name, _, value in found}


def _cancellation(cell: str) -> dict[str, str]:
    if ":" not in cell:
        return {"preset": cell}
    fields = {"preset": "custom"}
    for number, step in enumerate(cell.split("|"), 1):
        fields[f"days-{number}"], _, fields[f"back-{number}"] = step.partition(":")
    return fields


def cells_of(rotation: Rotation) -> dict[str, str]:
    """A listing as a row, as it is written now (`drafts.working`)."""
    cells = dict.fromkeys((column.name for column in COLUMNS), "")
    eligibility, letter = rotation.eligibility, rotation.letter_policy
    cells |= {
        "external_id": (rotation.external_id or rotation.slug).strip(),
        "title": rotation.title.strip(),
        "specialty": rotation.specialty,
        "type": rotation.type,
        "setting": rotation.setting,
        "site": rotation.site.name.strip(),
        "city": rotation.site.city,
        "attending_npi": rotation.attending.npi,
        "prices": reading.prices_cell({b.weeks: b.price_cents for b in rotation.blocks}),
        "accepts": _joined(rotation.accepts),
        "summary": rotation.summary.strip(),
        "activities": reading.activities_cell(rotation.activities),
        "interaction": rotation.interaction,
        "hours_per_week": str(rotation.hours_per_week),
        "trainees_per_attending": str(rotation.trainees_per_attending),
        "hospital_share": _shown(rotation.hospital_share),
        "week": _joined(_half_days(rotation)),
        "inclusions": _joined(rotation.inclusions),
        "exams": _joined(rotation.required_exams),
        "documents": _joined(rotation.required_documents),
        "min_student_year": _shown(eligibility.get("min_student_year")),
        "max_years_since_graduation": _shown(eligibility.get("max_years_since_graduation")),
        "legal_basis": _shown(eligibility.get("graduate_legal_basis")).strip(),
        "entry_statuses": _joined(eligibility.get("entry_statuses") or []),
        "vslo_only": _yes(eligibility.get("vslo_only")),
        "preapproved": _yes(rotation.preapproved),
        "letter": _shown(letter.get("policy")),
        "letterhead": _shown(letter.get("letterhead")),
        "letter_days": _shown(letter.get("within_days")),
        "letter_eras": _yes(letter.get("eras")) if letter else "",
        "cancellation": _policy(rotation.cancellation),
        "deposit_percent": str(rotation.deposit_percent),
        "max_installments": str(rotation.max_installments),
        "price_shares": _shares(rotation),
        "notice_days": str(notice.days_of(rotation)),
        "site_kind": rotation.site.kind,
    }
    return cells


def _joined(items: list[Any]) -> str:
    return "|".join(str(item) for item in items)


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _yes(value: Any) -> str:
    return "yes" if value else "no"


def _half_days(rotation: Rotation) -> list[str]:
    return [
        f"{str(day['day']).lower()}-{half}:{day[half]}"
        for day in rotation.week_plan
        if isinstance(day, dict) and "day" in day
        for half in reading.HALVES
        if day.get(half)
    ]


def _policy(stored: Mapping[str, Any]) -> str:
    known = {terms.slug for terms in policies.presets()}
    slug = str(stored.get("slug") or stored.get("preset") or "")
    if slug in known or not stored.get("tiers"):
        return slug
    return "|".join(f"{days}:{percent}" for days, percent in stored["tiers"])


def _shares(rotation: Rotation) -> str:
    found = {
        str(part["payee"]): part["percent"]
        for part in rotation.price_parts
        if isinstance(part, dict) and part.get("percent")
    }
    return "|".join(f"{payee}:{found[payee]}" for payee in editor_forms.PAYEES if payee in found)
