"""Everything that waits for an agency, by the role of whoever looks: overdue first, then by time.

Each package tells its own (`todos.py`); here they become one list.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from marketplace.accounts.permissions import may
from marketplace.bookings import workspace_queries, workspace_rows
from marketplace.core import clock
from marketplace.core.deadlines import Due, Todo, due
from marketplace.listings import place_names
from marketplace.listings import todos as listings
from marketplace.payments import todos as payments
from marketplace.placements import todos as placements
from marketplace.reviews import todos as reviews
from marketplace.verification import todos as verification

SHOWN = 30
Source = Callable[[Session, UUID], list[Todo]]
# what a role must be allowed to do, so that a thing to do is shown to it
SOURCES: tuple[tuple[str, Source], ...] = (
    ("placements.run", lambda session, _: placements.contested(session)),
    ("money.payouts", lambda session, _: payments.payouts(session)),
    (
        "settings.edit",
        lambda session, agency_id: verification.papers(
            session, agency_id, place_names.names_of(session, agency_id)
        ),
    ),
    ("listings.edit", lambda session, _: listings.taken_down(session)),
    ("listings.edit", lambda session, _: listings.left(session)),
    ("listings.edit", lambda session, _: listings.signatures(session)),
    ("placements.run", lambda session, _: placements.letters(session)),
    ("messages.write", lambda session, _: reviews.unanswered(session)),
)


@dataclass(frozen=True)
class Need:
    """One thing that waits for the agency, with its next step."""

    due: Due
    title: str
    line: str
    action: str
    url: str


@dataclass(frozen=True)
class Group:
    """Things to do under one heading."""

    title: str
    items: tuple[Need, ...]


@dataclass(frozen=True)
class Needs:
    """What home shows; `total` counts what is left out, too."""

    groups: tuple[Group, ...]
    total: int
    overdue: int
    shown: int


def waiting(session: Session, agency_id: UUID, role: str) -> int:
    """How many things wait (agency session): the number at Home in the menu."""
    bookings = workspace_queries.waiting(session)["home"]
    return bookings + len(_todos(session, agency_id, role, reasons=False))


def needs(session: Session, agency_id: UUID, role: str, slug: str) -> Needs:
    """The list of home (agency session)."""
    others = _todos(session, agency_id, role, reasons=True)
    total = workspace_queries.waiting(session)["home"] + len(others)
    own = [workspace_rows.todo_of(row) for row in workspace_queries.needs(session, SHOWN)]
    todos, moment = sorted([*own, *others], key=_rank), clock.now()
    overdue = sum(one.at is not None and one.at < moment for one in todos)
    shown = todos[:SHOWN]
    return Needs(_grouped(shown, slug, moment), total, overdue, len(shown))


def _todos(session: Session, agency_id: UUID, role: str, *, reasons: bool) -> list[Todo]:
    found = [
        one for action, read in SOURCES if may(role, action) for one in read(session, agency_id)
    ]
    if may(role, "listings.edit"):
        found += listings.unfinished(session, reasons=reasons)
    return found


def _rank(one: Todo) -> tuple[bool, datetime]:
    return one.at is None, one.at or clock.now()


def _grouped(todos: Sequence[Todo], slug: str, moment: datetime) -> tuple[Group, ...]:
    groups: dict[str, list[Need]] = {
        "Overdue": [],
        "Within a day": [],
        "Later": [],
        "When you can": [],
    }
    for one in todos:
        groups[_heading(one.at, moment)].append(
            Need(
                due(one.at, moment, one.zone),
                one.title,
                one.line,
                one.action,
                f"/agency/{slug}{one.path}",
            )
        )
    return tuple(Group(title, tuple(items)) for title, items in groups.items() if items)


def _heading(at: datetime | None, moment: datetime) -> str:
    if at is None:
        return "When you can"
    if at < moment:
        return "Overdue"
    return "Later" if at > moment + timedelta(days=1) else "Within a day"
