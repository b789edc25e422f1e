"""The lists that the platform may change: their columns, what a cell may hold, who uses a row.

Data, read by the editor's form, its checks and its preview. Columns that only say where a fact
comes from are kept as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "slug", "line", "text", "int", "number", "date", "choice", "some", "slugs", "weights", "zone"
]


@dataclass(frozen=True)
class Column:
    """One cell of a row. `least`, `most`: of a number, or of letters. `choices` of a choice,
    or of `some`, of which any number is ticked (`a|b` in the row)."""

    name: str
    label: str
    kind: Kind = "line"
    needed: bool = True
    most: int = 120
    least: int = 0
    choices: tuple[str, ...] = ()
    hint: str = ""


@dataclass(frozen=True)
class Sheet:
    """One list. `fixed`: its rows may be changed, but none added and none retired."""

    name: str
    title: str
    one: str
    about: str
    shown: tuple[str, ...]
    columns: tuple[Column, ...]
    fixed: bool = False


_PERCENT = "A whole number of percent."
_CENTS = "Cents: 20000 is $200."

SHEETS: Mapping[str, Sheet] = {
    sheet.name: sheet
    for sheet in (
        Sheet(
            "specialties",
            "Specialties",
            "specialty",
            "What a listing teaches. Search, filters and labels follow a change.",
            ("label", "group"),
            (
                Column("slug", "Short name", "slug", hint="In addresses; it never changes."),
                Column("label", "Name"),
                Column(
                    "group",
                    "Group",
                    "choice",
                    choices=(
                        "primary-care",
                        "im-subspecialties",
                        "neuro-psych",
                        "surgical",
                        "women-children",
                        "hospital-based",
                    ),
                ),
                Column("application_route_note", "How one applies", "text", False, 300),
                Column("aliases", "Other names", "slugs", False, 400, hint="Split by |"),
                Column(
                    "related",
                    "Counts toward",
                    "weights",
                    False,
                    1200,
                    hint="Like cardiology:0.7, split by |",
                ),
            ),
        ),
        Sheet(
            "us_cities",
            "Cities",
            "city",
            "Where a site can be. The time zone decides what a day before the start is.",
            ("name", "state", "timezone"),
            (
                Column("geonameid", "GeoNames number", "int", most=99_999_999, least=1),
                Column("name", "City"),
                Column("state", "State, two letters", most=2, least=2),
                Column("state_name", "State"),
                Column("lat", "Latitude", "number", most=72, least=17),
                Column("lng", "Longitude", "number", most=-60, least=-180),
                Column("population", "People who live there", "int", most=40_000_000),
                Column("timezone", "Time zone", "zone", hint="For example America/Chicago"),
            ),
        ),
        Sheet(
            "document_kinds",
            "Document kinds",
            "document kind",
            "What a listing may ask a candidate for, and how long we keep it.",
            ("label", "validity_rule", "retention_days"),
            (
                Column("slug", "Short name", "slug", hint="It never changes."),
                Column("label", "Name"),
                Column("help", "Help for the candidate", "text", most=600),
                Column("max_age_days", "Not older than, days", "int", False, 3650),
                Column("lead_time_days", "Days it takes to get it", "int", most=365),
                Column("sensitive", "Sensitive", "choice", choices=("yes", "no")),
                Column("retention_days", "Kept for, days", "int", most=3650, least=1),
            ),
        ),
        Sheet(
            "evidence_kinds",
            "Kinds of evidence",
            "kind of evidence",
            "What agencies show us about themselves, their sites and their attendings.",
            ("label", "subject", "required", "expiry"),
            (
                Column("slug", "Short name", "slug", hint="It never changes."),
                Column("label", "Name", most=60, least=3),
                Column("help", "What must be on it", "text", most=400, least=10),
                Column("subject", "About", "choice", choices=("agency", "site", "attending")),
                Column(
                    "required",
                    "Needed before the approval",
                    "choice",
                    choices=("yes", "no"),
                    hint="Of an agency, or before the listings of a site open.",
                ),
                Column(
                    "agency_kinds",
                    "Needed of which kind of agency",
                    "some",
                    False,
                    choices=("agency", "practice", "hospital", "school"),
                    hint="None ticked: of every kind.",
                ),
                Column(
                    "settings",
                    "Needed for listings in which setting",
                    "some",
                    False,
                    choices=("inpatient", "mixed", "outpatient", "remote"),
                    hint="Of papers about a site.",
                ),
                Column(
                    "since",
                    "Asked of agencies that joined since",
                    "date",
                    False,
                    hint="Empty: of every agency. Nobody who was approved is closed by a new kind.",
                ),
                Column(
                    "expiry",
                    "Last valid day",
                    "choice",
                    choices=("required", "optional", "none"),
                    hint="Must be given, can be given, or does not exist.",
                ),
                Column("max_days", "Valid for at most, days", "int", False, 3650, 1),
                Column("number_label", "Name of its number", "line", False, 40, hint="If any"),
            ),
        ),
        Sheet(
            "seasons",
            "Seasons",
            "date of a season",
            "The dates of the application year. A date that is not published is marked so.",
            ("label", "date", "kind"),
            (
                Column("season", "Season", "int", most=2100, least=2020),
                Column("milestone", "Short name", "slug"),
                Column("label", "Name"),
                Column("date", "Date", "date"),
                Column("precision", "Exact to the", "choice", choices=("day", "week", "month")),
                Column(
                    "kind",
                    "How sure",
                    "choice",
                    choices=("official", "reported", "typical", "estimated", "derived", "advice"),
                ),
                Column("audience", "For", "choice", choices=("all", "img", "student")),
                Column("note", "Note", "text", False, 300),
            ),
        ),
        Sheet(
            "state_advisories",
            "State advisories",
            "advisory",
            "Facts about a state that we have read. Never legal advice.",
            ("text", "strength"),
            (
                Column("state", "State, or * for all", most=2, least=1),
                Column("topic", "Short name", "slug"),
                Column("strength", "Strength", "choice", choices=("strong", "notice", "general")),
                Column("rotation_types", "Rotation types", "slugs", most=200, hint="all, or a|b"),
                Column("status", "For", "choice", choices=("all", "student", "graduate")),
                Column("text", "Text", "text", most=900, least=20),
                Column("source_date", "Date of the source", "line", False, 10),
            ),
        ),
        Sheet(
            "platform_fees",
            "Fees",
            "fee",
            "The platform's part. Agreed bookings keep the fee they were made with.",
            ("label", "value", "unit"),
            (
                Column("code", "Short name", "slug"),
                Column("label", "Name"),
                Column("value", "Value", "int", most=30, hint=_PERCENT),
                Column("note", "Note", "text", False, 300),
            ),
            fixed=True,
        ),
        Sheet(
            "installment_rules",
            "Deposits and installments",
            "rule",
            "Limits of a payment plan. Agreed plans stay as they are; interest and late fees do"
            " not exist here.",
            ("label", "value", "unit"),
            (
                Column("code", "Short name", "slug"),
                Column("label", "Name"),
                Column("value", "Value", "int", most=200_000, hint=_CENTS),
            ),
            fixed=True,
        ),
    )
}

OPEN_RULES: Mapping[str, tuple[int, int]] = {
    "deposit-min-percent": (5, 40),
    "deposit-max-percent": (10, 60),
    "deposit-default-percent": (5, 60),
    "deposit-min-cents": (0, 100_000),
    "min-installment-cents": (1_000, 100_000),
    "small-price-single": (0, 200_000),
    "single-charge-near-start": (28, 120),
    "first-gap-days": (7, 60),
    "min-gap-days": (7, 60),
}
"""The payment rules that may be changed, with the least and the most that is sound."""
