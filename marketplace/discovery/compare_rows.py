"""The rows of a comparison, each made from what the listings themselves declare."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from marketplace.bookings.order import Order
from marketplace.core.formats import day
from marketplace.core.money import dollars
from marketplace.listings import catalog, cities, letter_words
from marketplace.listings.eligibility import fit
from marketplace.listings.fit_words import worded
from marketplace.listings.models import Block, Rotation
from marketplace.listings.queries import booking_facts, rotation_facts
from marketplace.search.answers import Facts
from marketplace.search.catalog import ACCEPTS, INCLUDED, SETTINGS
from marketplace.search.rows import Listing


@dataclass(frozen=True)
class Cell:
    """What a row says of one listing. kind: good, warn, bad, info, mute or '' for plain words."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Column:
    """One listing: its next start of the compared length and what that costs, where there is
    one. `facts` is what is known of the candidate."""

    rotation: Rotation
    row: Listing | None
    block: Block | None
    start: date | None
    order: Order | None
    facts: Facts | None


Told = Callable[[Column], Cell]
Group = tuple[str, list[tuple[str, tuple[Cell, ...]]]]
_FIT = {"yes": "good", "if": "warn", "no": "bad", "ask": "mute"}
NOT_SO_LONG = Cell("Not for this length", "mute")
NO_START = Cell("No open start", "mute")


def groups(columns: Sequence[Column], weeks: int | None) -> list[Group]:
    """All rows under their headings, in the order in which a choice is made."""
    length = "1 week" if weeks == 1 else f"{weeks} weeks"
    mine: list[tuple[str, Told]] = [
        ("Next start", _start),
        ("Letter in time for the season", _letter),
    ]
    if any(column.facts for column in columns):
        mine.insert(0, ("Does it fit you?", _fits))
    return [
        ("For you", _lines(columns, mine)),
        ("What you do", _lines(columns, [*_WORK, *_tasks(columns, core=True), *_WEEK])),
        (f"What it costs, {length}", _lines(columns, _COSTS)),
        ("What is included", _lines(columns, _included())),
        ("What you get back", _lines(columns, _BACK)),
        ("Who and where", _lines(columns, _WHO)),
        ("What others found", _lines(columns, _OTHERS)),
        ("Further tasks", _lines(columns, _tasks(columns, core=False))),
    ]


def specialty(rotation: Rotation) -> str:
    """The specialty for people."""
    return catalog.specialty(rotation.specialty).label


def place(rotation: Rotation) -> str:
    """The city for people."""
    return cities.city(rotation.site.city).label


def _lines(
    columns: Sequence[Column], told: Iterable[tuple[str, Told]]
) -> list[tuple[str, tuple[Cell, ...]]]:
    return [(label, tuple(tell(column) for column in columns)) for label, tell in told]


# --- for you ------------------------------------------------------------------------------------


def _start(column: Column) -> Cell:
    if column.start is None:
        return NOT_SO_LONG if column.block is None else NO_START
    return Cell(day(column.start))


def _letter(column: Column) -> Cell:
    if column.start is None or column.block is None:
        return Cell("Not known", "mute")
    if column.rotation.type == "research":
        return Cell("No clinical letter", "mute")
    doctor, site = column.rotation.attending, column.rotation.site
    said = letter_words.letter(
        column.start, column.block.weeks, doctor.median_letter_days, site.time_zone
    )
    return Cell(said.label, said.tone) if said else Cell("Not known", "mute")


def _fits(column: Column) -> Cell:
    about = {}
    if column.start and column.block:
        about = booking_facts(column.rotation, column.start, column.block.weeks)
    said = worded(fit(column.facts or {}, rotation_facts(column.rotation), about))
    return Cell(said.title, _FIT.get(said.kind, ""))


# --- what you do --------------------------------------------------------------------------------

_TASK = {"yes": Cell("Yes", "good"), "supervised": Cell("Supervised", "info")}


def _tasks(columns: Sequence[Column], *, core: bool) -> list[tuple[str, Told]]:
    """The tasks that at least one of them declares, in the order of the list: those that make an
    experience hands-on (`core`), or the others."""
    declared = {slug for column in columns for slug in column.rotation.activities}
    return [
        (activity.label, _task(activity.slug))
        for activity in catalog.scope_activities()
        if activity.slug in declared and (activity.claim_class == "core") == core
    ]


def _task(slug: str) -> Told:
    def tell(column: Column) -> Cell:
        return _TASK.get(column.rotation.activities.get(slug, ""), Cell("No", "mute"))

    return tell


def _trainees(column: Column) -> Cell:
    most = column.rotation.trainees_per_attending
    return Cell("1" if most == 1 else f"{most} at most")


_WORK: list[tuple[str, Told]] = [
    ("Level", lambda c: Cell(catalog.level(c.rotation.level).label)),
    ("Type", lambda c: Cell(catalog.rotation_type(c.rotation.type).label)),
    ("Setting", lambda c: Cell(SETTINGS.get(c.rotation.setting, c.rotation.setting))),
]
_WEEK: list[tuple[str, Told]] = [
    ("Trainees for each attending", _trainees),
    ("Hours a week", lambda c: Cell(str(c.rotation.hours_per_week))),
]


# --- money --------------------------------------------------------------------------------------


def _price(column: Column) -> Cell:
    return Cell(dollars(column.block.price_cents)) if column.block else NOT_SO_LONG


def _first_payment(column: Column) -> Cell:
    if column.order is None:
        return NOT_SO_LONG if column.block is None else NO_START
    first = column.order.rows[0]
    return Cell(dollars(first.cents) if first.kind == "deposit" else f"All: {dollars(first.cents)}")


def _then(column: Column) -> Cell:
    if column.order is None:
        return NOT_SO_LONG if column.block is None else NO_START
    parts = [row.cents for row in column.order.rows if row.kind == "part"]
    if not parts:
        return Cell("Nothing more")
    about = "" if len(set(parts)) == 1 else "about "
    return Cell(f"{len(parts)} × {about}{dollars(parts[0])}")


_COSTS: list[tuple[str, Told]] = [
    ("Total, all fees", _price),
    ("When the attending accepts", _first_payment),
    ("Then, without interest", _then),
]


def _included() -> list[tuple[str, Told]]:
    return [(label, _has(slug)) for slug, label in INCLUDED.items()]


def _has(slug: str) -> Told:
    def tell(column: Column) -> Cell:
        held = column.row.included if column.row else column.rotation.inclusions
        return Cell("Included", "good") if slug in held else Cell("No", "mute")

    return tell


# --- what comes back ----------------------------------------------------------------------------


def _back(full: bool) -> Told:
    def tell(column: Column) -> Cell:
        if column.order is None:
            return NOT_SO_LONG if column.block is None else NO_START
        for step in column.order.refund:
            if step.until and (step.percent == 100) == full and step.percent:
                said = day(step.until) if full else f"{step.percent}% until {day(step.until)}"
                return Cell(said)
        return Cell("Not any more" if full else "Nothing", "mute")

    return tell


_BACK: list[tuple[str, Told]] = [
    ("Full refund until", _back(full=True)),
    ("After that", _back(full=False)),
    ("If the agency cancels", lambda c: Cell("100%, our fee too", "good")),
]


# --- who and what others found ------------------------------------------------------------------


def _checked(column: Column) -> Cell:
    at = column.rotation.attending.license_checked_at
    return Cell(day(at.date()), "good") if at else Cell("Not yet", "mute")


def _accepts(column: Column) -> Cell:
    return Cell(" and ".join(ACCEPTS[one] for one in ACCEPTS if one in column.rotation.accepts))


def _truth(column: Column) -> Cell:
    listed = column.rotation
    if not listed.truth_answers:
        return Cell("Not known yet", "mute")
    return Cell(f"{listed.truth_matching * 100 // listed.truth_answers}%")


def _reviews(column: Column) -> Cell:
    listed = column.rotation
    if not listed.rating_count:
        return Cell("None yet", "mute")
    return Cell(f"{listed.rating_sum / listed.rating_count:.1f} of 5 ({listed.rating_count})")


def _letter_days(column: Column) -> Cell:
    days = column.rotation.attending.median_letter_days
    return Cell(f"{days} days, median") if days else Cell("Not known yet", "mute")


_WHO: list[tuple[str, Told]] = [
    ("Hospital or clinic", lambda c: Cell(c.rotation.site.name)),
    ("Arranged by", lambda c: Cell(c.rotation.agency.name)),
    ("License last checked", _checked),
    ("Accepts", _accepts),
]
_OTHERS: list[tuple[str, Told]] = [
    ("Truth in listing", _truth),
    ("Reviews", _reviews),
    ("Letters sent in", _letter_days),
]
