"""The same table of routes while an agency is stopped: what closes, and whom it still serves.

A quick run asks as whoever may use a route, for their own thing and for the other house's. With
--full everybody asks for everything; and on PostgreSQL, behind each wall alone, again everybody for
what is closed, and for all else whoever may.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.search.jobs import rebuild
from marketplace.verification import standing
from tests import factories
from tests.contracts import walk
from tests.contracts.canaries import Canaries
from tests.contracts.conftest import Stage
from tests.contracts.routes import ROWS, Row
from tests.contracts.tables import Tables
from tests.contracts.test_walls import ALONE, only
from tests.support.counts import full, on_one_database

pytestmark = on_one_database

CLOSED = {
    ("GET", "listings.show"): 404,
    ("GET", "discovery.attending"): 404,
    ("GET", "storefront.show"): 404,
    ("GET", "storefront.theme"): 404,
    ("GET", "storefront.widget"): 404,
    ("GET", "storefront.page"): 404,
    ("GET", "storefront.logo"): 404,
    ("GET", "search.api_one"): 404,
    ("POST", "saving.save"): 404,
    ("POST", "saving.unsave"): 404,
    ("GET", "requests.dates"): 404,
    ("POST", "requests.hold"): 404,
    ("GET", "requests.eligibility"): 409,
    ("POST", "requests.tell"): 409,
    ("POST", "requests.extend"): 303,
    ("POST", "requests.accept"): 409,
    ("GET", "reports.form"): 404,
    ("POST", "reports.send"): 404,
    ("POST", "listings_workspace.publish"): 303,
    ("POST", "listings_workspace.pause"): 303,
    ("POST", "admin_verification.change_standing"): 409,
}
"""What a stopped agency and its people get instead; every other row answers as before."""
HARMLESS = frozenset({"requests.extend", "listings_workspace.pause"})
"""Not offered any more, but taken: a hold that leads nowhere; what is closed stays closed."""


BOTH = "both walls"


@dataclass(frozen=True)
class Stopped:
    """The world with its first agency suspended, and forms of either house (by row and house)
    that were open before."""

    stage: Stage
    forms: dict[tuple[str, str], dict[str, Any]]
    walls: str = BOTH


@pytest.fixture(scope="module")
def stopped(entered: Stage) -> Iterator[Stopped]:
    """Suspended after every form that it closes was opened."""
    entered.put_back()
    house = entered.world.alpha
    forms = {
        (row.key, at.key): walk.form_of(entered, row, at, walk.owner_of(row, at.key))
        for row in ROWS
        if row.method == "POST" and kind(row) in CLOSED
        for at in (house, entered.world.beta)
    }
    entered.put_back()
    admin = Actor("admin", entered.world.admin, name="Pat Admin")
    with entered.app.app_context(), open_session(factories.a_system()) as session:
        agency = house.market.agency_id
        standing.change(session, admin, agency, "suspend", "Three rotations did not exist.")
    with entered.app.app_context():
        rebuild(factories.a_system())  # as the worker does within two seconds
    tables = Tables()
    now = replace(entered, tables=tables, rows=tables.keep(), base=tables.state(), dirty=False)
    now.canaries = Canaries(now.world.owners, now.base, closed=frozenset({"alpha"}))
    yield Stopped(now, forms)
    tables.close()
    entered.put_back()
    with entered.app.app_context():
        rebuild(factories.a_system())


@pytest.fixture(scope="module", params=[BOTH, *(ALONE if full() else [])])
def case(stopped: Stopped, request: pytest.FixtureRequest) -> Iterator[Stopped]:
    """The stopped agency; with --full on PostgreSQL also behind each wall alone."""
    if request.param == BOTH:
        yield stopped
        return
    with only(stopped.stage, request.param):
        yield replace(stopped, walls=request.param)


def kind(row: Row) -> tuple[str, str]:
    return row.method, row.endpoint


@pytest.mark.parametrize(
    "row", [row for row in ROWS if kind(row) not in CLOSED], ids=lambda row: row.key
)
def test_what_goes_on(case: Stopped, row: Row) -> None:
    """The agency sees and runs what it has, its candidates are served, foreign stays foreign."""
    case.stage.reset()
    cells = walk.two_cells(row) if case.walls != BOTH else cells_of(row)
    assert walk.check_row(case.stage, row, cells) == []


@pytest.mark.parametrize(
    "row", [row for row in ROWS if kind(row) in CLOSED], ids=lambda row: row.key
)
def test_what_closes(case: Stopped, row: Row) -> None:
    """With the next request, for everybody who could: also for a form that was open before."""
    wrong = []
    for cell in cells_of(row):
        case.stage.reset()
        wrong += check_closed(case, cell)
    assert wrong == []


def cells_of(row: Row) -> Iterable[walk.Cell]:
    return walk.cells(row) if full() else walk.two_cells(row)


def check_closed(case: Stopped, cell: walk.Cell) -> list[str]:
    """What is of the stopped agency is closed to those whom the table lets in; to all others, and
    for the other agency's, the answer is the one it always was."""
    row, stage = cell.row, case.stage
    own = cell.actor.house or "alpha"
    asked = walk.OTHER[own] if cell.whose in ("foreign", "foreign-house") else own
    data = case.forms.get((row.key, own))
    answer = stage.call.send(
        cell.actor, row.method, row.path.format(**walk.names(stage, cell)), data=data
    )
    if asked != "alpha" or not walk.is_allowed(cell):
        return walk.check_status(cell, answer) + walk.check_writes(stage, cell)
    right = CLOSED[kind(row)]
    wrong = []
    if answer.status_code != right:
        wrong.append(f"{cell}: {answer.status_code} instead of {right}")
    if row.endpoint not in HARMLESS and (found := walk.changed(stage)):
        wrong.append(f"{cell}: changed {found}")
    return wrong
