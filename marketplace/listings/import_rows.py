"""One row of the import file, read and checked without the database (docs/import-listings.md)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from marketplace.core.spreadsheets import Line
from marketplace.listings import catalog
from marketplace.listings import import_cells as parse

REQUIRED = (
    "external_id",
    "title",
    "specialty",
    "type",
    "interaction",
    "setting",
    "site",
    "city",
    "attending_npi",
    "prices",
    "starts",
    "capacity",
    "accepts",
)
OPTIONAL = (
    "site_kind",
    "summary",
    "activities",
    "inclusions",
    "exams",
    "documents",
    "cancellation",
    "hours_per_week",
    "trainees_per_attending",
    "deposit_percent",
    "max_installments",
    "min_student_year",
    "max_years_since_graduation",
)
COLUMNS = REQUIRED + OPTIONAL


T = TypeVar("T")


@dataclass(frozen=True)
class Fault:
    """A cell that cannot be used. `line` counts from 1 at the top of the file."""

    line: int
    column: str
    found: str
    reason: str


@dataclass(frozen=True)
class WantedSite:
    """Where. `kind` is needed for a site that the agency does not have yet."""

    name: str
    city: str
    kind: str
    setting: str


@dataclass(frozen=True)
class WantedRotation:
    """A row that makes sense by itself. `values` are rotation columns; a column that the file
    does not have is not in it."""

    line: int
    external_id: str
    site: WantedSite
    npi: str
    prices: Mapping[int, int]  # weeks to cents
    starts: tuple[date, ...]
    capacity: int
    values: Mapping[str, object]
    eligibility: Mapping[str, object]


@dataclass
class _Cells:
    """The cells of one row, and what is wrong with them."""

    line: Line
    faults: list[Fault] = field(default_factory=list)

    def has(self, column: str) -> bool:
        return column in self.line.cells

    def take(self, column: str, read: Callable[[str], T], default: T) -> T:
        """The parsed cell; `default` when it is empty or faulty (the fault is kept)."""
        text = self.line.cells.get(column, "")
        if not text:
            if column in REQUIRED:
                self.fault(column, "This must not be empty.")
            return default
        try:
            return read(text)
        except ValueError as error:
            self.fault(column, str(error))
            return default

    def fault(self, column: str, reason: str) -> None:
        found = self.line.cells.get(column, "")
        self.faults.append(Fault(self.line.number, column, found[:200], reason))


def read_row(line: Line) -> tuple[WantedRotation, tuple[Fault, ...]]:
    """The row and what is wrong with it; use the row only when nothing is."""
    cells = _Cells(line)
    if line.too_many:
        cells.fault("", "This row has more cells than the header. Quote cells with commas.")
    setting = cells.take("setting", parse.one_of(parse.SETTINGS), "")
    row = WantedRotation(
        line=line.number,
        external_id=cells.take("external_id", parse.plain_text(80), ""),
        site=WantedSite(
            name=cells.take("site", parse.plain_text(160), ""),
            city=cells.take("city", parse.city, ""),
            kind=cells.take("site_kind", parse.one_of(parse.SITE_KINDS), ""),
            setting=setting,
        ),
        npi=cells.take("attending_npi", parse.npi, ""),
        prices=cells.take("prices", parse.prices, {}),
        starts=cells.take("starts", parse.starts, ()),
        capacity=cells.take("capacity", parse.number(1, 50), 1),
        values=_values(cells, setting),
        eligibility=_eligibility(cells),
    )
    return row, tuple(cells.faults)


def _values(cells: _Cells, setting: str) -> dict[str, object]:
    types = tuple(kind.slug for kind in catalog.rotation_types())
    nobody: list[str] = []
    found: dict[str, object] = {
        "title": cells.take("title", parse.plain_text(120), ""),
        "specialty": cells.take("specialty", parse.specialty, ""),
        "type": cells.take("type", parse.one_of(types), ""),
        "interaction": cells.take("interaction", parse.one_of(parse.INTERACTIONS), ""),
        "setting": setting,
        "accepts": cells.take("accepts", parse.several(("student", "graduate")), nobody),
    }
    optional: tuple[tuple[str, str, Callable[[str], object], object], ...] = (
        ("summary", "summary", parse.plain_text(4000, lines=True), ""),
        ("activities", "activities", parse.activities, {}),
        ("inclusions", "inclusions", parse.words, []),
        ("exams", "required_exams", parse.several(parse.EXAMS), []),
        ("documents", "required_documents", parse.several(parse.document_slugs()), []),
        ("hours_per_week", "hours_per_week", parse.number(1, 80), 40),
        ("trainees_per_attending", "trainees_per_attending", parse.number(1, 20), 1),
        ("max_installments", "max_installments", parse.number(0, 4), 4),
    )
    for column, attribute, read, default in optional:
        if cells.has(column):
            found[attribute] = cells.take(column, read, default)
    # what the agency has set as its own default is used for an empty cell
    if cells.line.cells.get("cancellation"):
        none: dict[str, object] = {}
        found["cancellation"] = cells.take("cancellation", parse.cancellation, none)
    if cells.line.cells.get("deposit_percent"):
        found["deposit_percent"] = cells.take("deposit_percent", parse.number(5, 100), 20)
    return found


def _eligibility(cells: _Cells) -> dict[str, object]:
    """Facts of profile_fields.csv; None takes a limit away."""
    found: dict[str, object] = {}
    if cells.has("min_student_year"):
        found["min_student_year"] = cells.take("min_student_year", parse.student_year, None)
    if cells.has("max_years_since_graduation"):
        found["max_years_since_graduation"] = cells.take(
            "max_years_since_graduation", parse.years, None
        )
    return found
