"""What an agency types into the editor, section by section: each returns columns, or raises
Invalid with a message beside each field. Only the fields named here are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol
from uuid import UUID

from marketplace.core import reference
from marketplace.core.errors import Invalid
from marketplace.core.typed import long_text
from marketplace.listings import (
    catalog,
    longer,
    money_split,
    policies,
    student_years,
    versions,
    wider,
)
from marketplace.listings.models import BLOCK_WEEKS, Rotation
from marketplace.listings.money_split import DeclaredShare, Payee

MAX_PRICE_CENTS = 10_000_000
NO_PRICE = "Write dollars like 1650 or 1650.50."
MAX_TIERS = 4
TITLE_LENGTH = 120
SUMMARY_LENGTH = 2000
HALF_DAY_LENGTH = 60
BASIS_LENGTH = 1000
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
SETTINGS = {
    "outpatient": "Outpatient (clinic)",
    "inpatient": "Inpatient (hospital)",
    "mixed": "Both",
    "remote": "By video",
}
INCLUSIONS = {
    "liability-insurance": "Liability insurance",
    "background-check": "Background check",
    "confirmation-letter": "Confirmation letter",
    "emr-access": "EMR access",
    "housing-help": "Help with housing",
    "research-add-on": "Research add-on",
    "orientation-day": "Orientation day",
    "library-access": "Library access",
    "interview-practice": "Interview practice",
    "transit-pass": "Transit pass",
}
EXAMS = {
    "usmle_step_1": "USMLE Step 1, passed",
    "usmle_step_2_ck": "USMLE Step 2 CK, passed",
    "usmle_step_3": "USMLE Step 3, passed",
}
LEVELS = {"no": "No", "supervised": "Supervised", "yes": "On their own"}
LETTERS = {
    "writes-when-earned": ("When the work earns it", "Decided from your work, never promised"),
    "discuss": ("To be discussed", "You ask the attending during the rotation"),
    "not-usual": ("Not usual", "Candidates should not expect a letter"),
}
LETTERHEADS = {
    "hospital": "Hospital",
    "practice": "Practice",
    "author": "The author decides",
}
PAYEES: dict[str, tuple[Payee, str]] = {
    "attending": ("attending", "Attending, teaching"),
    "site": ("site", "Site and badge"),
    "insurance": ("insurance", "Liability insurance, at cost"),
    "card": ("card", "Card processing, at cost"),
}


class Sent(Protocol):
    """What was typed: a browser's form, or the cells of a row of a file."""

    def get(self, key: str, default: str, /) -> str:
        """The text of a field."""

    def getlist(self, key: str, /) -> list[str]:
        """Every value of a field."""


@dataclass(frozen=True)
class Written:
    """Columns that the section sets, and prices (weeks to cents) where it sets them."""

    values: Mapping[str, Any]
    prices: Mapping[int, int] | None = None


@dataclass
class _Reader:
    """Reads one form and collects what is wrong with it."""

    sent: Sent
    errors: dict[str, str] = field(default_factory=dict)

    def text(self, name: str, limit: int) -> str:
        return " ".join(long_text({name: self.sent.get(name, "")}, name, limit).split())

    def lines(self, name: str, limit: int) -> str:
        return long_text({name: self.sent.get(name, "")}, name, limit)

    def one_of(self, name: str, known: Any, message: str) -> str:
        value = self.sent.get(name, "")
        if value in known:
            return value
        self.errors[name] = message
        return ""

    def one_of_or(self, name: str, known: Any, empty: str) -> str:
        """A choice that may be left out."""
        value = self.sent.get(name, empty)
        if value not in known:
            self.errors[name] = "Choose from the list."
        return value

    def some_of(self, name: str, known: Any) -> list[str]:
        found = set(self.sent.getlist(name))
        if found - set(known):
            self.errors[name] = "Choose from the list."
        return [value for value in known if value in found]

    def number(self, name: str, least: int, most: int, empty: int | None = None) -> int | None:
        text = self.sent.get(name, "").strip()
        if not text and empty is not None:
            return empty if empty >= 0 else None
        value = int(text) if text.isascii() and text.isdecimal() and len(text) < 8 else -1
        if not least <= value <= most:
            self.errors[name] = f"Write a whole number from {least} to {most}."
            return None
        return value

    def done(self, values: Mapping[str, Any], prices: Mapping[int, int] | None = None) -> Written:
        if self.errors:
            raise Invalid(self.errors)
        return Written(values, prices)


NO_VALUE = -1  # an empty number field means "not said"


def basics(sent: Sent, rotation: Rotation) -> Written:
    """What, who, where, and the text."""
    form = _Reader(sent)
    kinds = [kind.slug for kind in catalog.rotation_types()]
    kind = form.one_of("type", kinds, "Choose a type.")
    setting = form.one_of("setting", SETTINGS, "Choose where it takes place.")
    specialties = [one.slug for one in catalog.specialties()]
    values: dict[str, Any] = {
        "specialty": form.one_of("specialty", specialties, "Choose a specialty."),
        "type": kind,
        "setting": "remote" if kind == "virtual" else setting,
        "interaction": versions.interaction_of(kind, rotation.activities, rotation.interaction),
        "attending_id": _key(form, "attending", "Choose an attending."),
        "site_id": _key(form, "site", "Choose a site."),
        "title": form.text("title", TITLE_LENGTH),
        "summary": form.lines("summary", SUMMARY_LENGTH),
        "week_plan": _week(form),
        "inclusions": [
            *form.some_of("inclusions", INCLUSIONS),
            *(one for one in rotation.inclusions if one not in INCLUSIONS),
        ],
        "trainees_per_attending": form.number("ratio", 1, 12),
        "hours_per_week": form.number("hours", 1, 80),
        "hospital_share": form.number("share", 0, 100, NO_VALUE),
    }
    if setting == "remote" and kind not in ("virtual", "research", ""):
        form.errors["setting"] = "Only virtual and research rotations are by video."
    if (
        kind
        and kind != rotation.type
        and set(rotation.accepts) <= set(wider.default_accepts(rotation.type))
    ):
        values["accepts"] = wider.default_accepts(kind)  # nobody chose: the default of the type
    return form.done(values)


def _key(form: _Reader, name: str, message: str) -> UUID | None:
    try:
        return UUID(form.sent.get(name, ""))
    except ValueError:
        form.errors[name] = message
        return None


def _week(form: _Reader) -> list[dict[str, str]]:
    """Monday to Friday; days on which nothing is said are left out."""
    found = []
    for day in DAYS:
        parts = {
            half: form.text(f"{day.lower()}-{half}", HALF_DAY_LENGTH)
            for half in ("morning", "afternoon")
        }
        if any(parts.values()):
            found.append({"day": day, **parts})
    return found


def people(sent: Sent, rotation: Rotation) -> Written:
    """Who may come, and what they need."""
    form = _Reader(sent)
    kind = catalog.rotation_type(rotation.type)
    accepts = form.some_of("accepts", ("student", "graduate"))
    if "graduate" in accepts and kind.graduates == "no":
        form.errors["accepts"] = (
            f"{kind.label}: only students can join. The rules refuse graduates."
        )
    year = form.one_of("min_student_year", ("", *student_years.YEARS), "Choose from the list.")
    eligibility = dict(rotation.eligibility)
    eligibility["min_student_year"] = year or None
    eligibility["max_years_since_graduation"] = form.number("max_years", 0, 60, NO_VALUE)
    eligibility["graduate_legal_basis"] = form.lines("graduate_legal_basis", BASIS_LENGTH) or None
    eligibility["entry_statuses"] = form.some_of("entry_status", catalog.ENTRY_STATUSES) or None
    eligibility["vslo_only"] = True if sent.get("vslo_only", "") == "1" else None
    return form.done(
        {
            "accepts": accepts,
            "eligibility": {key: v for key, v in eligibility.items() if v is not None},
            "required_exams": form.some_of("exam", EXAMS),
            "required_documents": form.some_of("document", _documents()),
            "preapproved": sent.get("preapproved", "") == "1",
        }
    )


def _documents() -> list[str]:
    return [kind.slug for kind in catalog.document_kinds()]


def scope(sent: Sent, rotation: Rotation) -> Written:
    """The tasks; the badge follows from them. A button may set several lines at once:
    `use=usual` takes the usual list of the type, `use=usual-<group>` and `use=none-<group>`
    set one group and keep what was chosen in the others."""
    form = _Reader(sent)
    use = sent.get("use", "")
    if use == "usual":
        activities = usual_scope(rotation.type)
    else:
        activities = _typed_scope(form) | _whole_group(form, rotation.type, use)
        activities = {task: level for task, level in activities.items() if level != "no"}
    values = {
        "activities": activities,
        "interaction": versions.interaction_of(rotation.type, activities, rotation.interaction),
    }
    return form.done(values)


def _typed_scope(form: _Reader) -> dict[str, str]:
    return {
        task.slug: form.one_of_or(f"a-{task.slug}", LEVELS, "no")
        for task in catalog.scope_activities()
    }


def _whole_group(form: _Reader, kind: str, use: str) -> dict[str, str]:
    """The lines of the group whose button was pressed; none for another button."""
    what, _, group = use.partition("-")
    if what not in ("usual", "none") or group not in {one.slug for one in catalog.scope_groups()}:
        return {}
    usual = usual_scope(kind) if what == "usual" else {}
    for task in catalog.scope_activities(group):
        form.errors.pop(f"a-{task.slug}", None)
    return {task.slug: usual.get(task.slug, "no") for task in catalog.scope_activities(group)}


def usual_scope(kind: str) -> dict[str, str]:
    """The usual tasks of a type (`scope_activities.csv`), without those that nobody may offer."""
    return {
        task.slug: task.usual[kind]
        for task in catalog.scope_activities()
        if task.usual[kind] != "no" and task.claim_class != "forbidden"
    }


def letter(sent: Sent, rotation: Rotation) -> Written:
    """What is said about letters: a policy, never a promise."""
    form = _Reader(sent)
    policy = form.one_of("policy", LETTERS, "Say whether the attending writes letters.")
    letterhead = None
    if policy != "not-usual":
        letterhead = form.one_of(
            "letterhead", LETTERHEADS, "Say on whose letterhead the letter is written."
        )
    return form.done(
        {
            "letter_policy": {
                "policy": policy,
                "letterhead": letterhead,
                "within_days": form.number("within_days", 1, 180, 28),
                "eras": sent.get("eras", "") == "1",
            }
        }
    )


def price(sent: Sent, rotation: Rotation) -> Written:
    """Lengths with all-in prices, who is paid out of them, and the payment plan."""
    form = _Reader(sent)
    prices: dict[int, int] = {}
    for weeks in BLOCK_WEEKS:
        text = sent.get(f"price-{weeks}", "").strip()
        amount = price_of(text)
        if amount is not None:
            prices[weeks] = amount
        elif text:
            form.errors[f"price-{weeks}"] = NO_PRICE
    if sent.get("use", "") == "longer" and sent.get("off", "").strip():
        prices = _with_discount(form, prices)
    parts = []
    for name, (payee, label) in PAYEES.items():
        percent = form.number(f"share-{name}", 0, 100, 0)
        if percent:
            parts.append({"payee": payee, "label": label, "percent": percent})
    limits = plan_limits()
    values = {
        "price_parts": parts,
        "deposit_percent": form.number("deposit", limits["least"], limits["most"]),
        "max_installments": form.number("installments", 0, limits["installments"]),
    }
    written = form.done(values, prices)
    _check_shares(rotation, parts, prices)
    return written


def _with_discount(form: _Reader, prices: dict[int, int]) -> dict[int, int]:
    """The button that fills in the longer lengths; without a percentage it saves what is there,
    as the key Enter in another field does."""
    percent = form.number("off", 1, longer.MAX_PERCENT)
    since = form.one_of("since", [str(weeks) for weeks in BLOCK_WEEKS], "Choose a length.")
    if form.errors or percent is None:
        return prices
    try:
        found = longer.filled(prices, int(since), percent)
    except Invalid as error:
        form.errors |= error.errors
        return prices
    for weeks, amount in found.items():
        if amount > MAX_PRICE_CENTS:
            form.errors[f"price-{weeks}"] = "This would be more than $100,000."
    return found


def _check_shares(
    rotation: Rotation, parts: list[dict[str, Any]], prices: Mapping[int, int]
) -> None:
    fee = rotation.agency.platform_fee_percent
    declared = [DeclaredShare(part["payee"], percent=part["percent"]) for part in parts]
    try:
        money_split.where_money_goes(min(prices.values(), default=100_000), declared, fee)
    except Invalid as error:
        raise Invalid({"share-attending": error.errors["money_split"]}) from None


def price_of(text: str) -> int | None:
    """A price in cents; None when nothing, or nothing that is a price, was typed."""
    try:
        return cents(text)
    except ValueError:
        return None


def cents(text: str) -> int:
    """Dollars as people type them, in cents. ValueError for anything else."""
    plain = text.replace("$", "").replace(",", "").strip()
    if not plain.isascii() or len(plain) > 12:
        raise ValueError(text)
    try:
        amount = Decimal(plain) * 100
    except InvalidOperation:
        raise ValueError(text) from None
    if not amount.is_finite() or amount != amount.to_integral_value():
        raise ValueError(text)
    if not 0 < amount <= MAX_PRICE_CENTS:
        raise ValueError(text)
    return int(amount)


def plan_limits() -> dict[str, int]:
    """The limits of a payment plan, from `installment_rules.csv`."""
    codes = {
        "least": "deposit-min-percent",
        "most": "deposit-max-percent",
        "installments": "max-installments",
    }
    return {
        name: int(reference.row("installment_rules", code, "code")["value"])
        for name, code in codes.items()
    }


def cancellation(sent: Sent, rotation: Rotation) -> Written:
    """A preset, or own tiers that keep the platform's floor."""
    form = _Reader(sent)
    known = [one.slug for one in policies.presets()]
    chosen = form.one_of("preset", (*known, "custom"), "Choose a policy.")
    if form.errors:
        return form.done({})
    if chosen != "custom":
        return Written({"cancellation": policies.preset(chosen).as_json()})
    pairs = []
    for number in range(1, MAX_TIERS + 1):
        days, percent = (
            sent.get(f"days-{number}", "").strip(),
            sent.get(f"back-{number}", "").strip(),
        )
        if days or percent:
            until = form.number(f"days-{number}", 0, 365)
            back = form.number(f"back-{number}", 0, 100)
            pairs.append(f"{until}:{back}")
    if not pairs:
        form.errors["days-1"] = "Write at least one step: days before the start, and percent back."
    form.done({})
    try:
        return Written({"cancellation": policies.custom_terms("|".join(pairs)).as_json()})
    except Invalid as error:
        raise Invalid({"days-1": next(iter(error.errors.values()))}) from None


SECTIONS: dict[str, Callable[[Sent, Rotation], Written]] = {
    "basics": basics,
    "people": people,
    "scope": scope,
    "letter": letter,
    "price": price,
    "cancellation": cancellation,
}
