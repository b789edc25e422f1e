"""The same table of routes while an agency is stopped: what closes, and whom it still serves."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.search.jobs import rebuild
from marketplace.verification import standing
from tests import factories
from tests.contracts import walk
from tests.contracts.callers import ANONYMOUS, BY_KEY
from tests.contracts.canaries import Canaries
from tests.contracts.conftest import Stage
from tests.contracts.routes import ROWS, Row
from tests.contracts.tables import Tables
from tests.support.counts import on_one_database

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


@dataclass(frozen=True)
class Stopped:
    """The world with its first agency suspended, and forms that were open before."""

    stage: Stage
    forms: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def stopped(entered: Stage) -> Iterator[Stopped]:
    """Suspended after every form that it closes was opened."""
    entered.put_back()
    house = entered.world.alpha
    forms = {
        row.key: walk.form_of(entered, row, house, walk.owner_of(row, "alpha"))
        for row in ROWS
        if row.method == "POST" and (row.method, row.endpoint) in CLOSED
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


def kind(row: Row) -> tuple[str, str]:
    return row.method, row.endpoint


@pytest.mark.parametrize(
    "row", [row for row in ROWS if kind(row) not in CLOSED], ids=lambda row: row.key
)
def test_what_goes_on(stopped: Stopped, row: Row) -> None:
    """The agency sees and runs what it has, its candidates are served, foreign stays foreign."""
    stopped.stage.reset()
    assert walk.check_row(stopped.stage, row, walk.two_cells(row)) == []


@pytest.mark.parametrize(
    "row", [row for row in ROWS if kind(row) in CLOSED], ids=lambda row: row.key
)
def test_what_closes(stopped: Stopped, row: Row) -> None:
    """With the next request: also for a form that was open before."""
    stage = stopped.stage
    stage.reset()
    actor = BY_KEY.get(walk.owner_of(row, "alpha"), ANONYMOUS)
    path = row.path.format(**stage.world.alpha.names)
    answer = stage.call.send(actor, row.method, path, data=stopped.forms.get(row.key))
    assert answer.status_code == CLOSED[kind(row)]
    if row.endpoint not in HARMLESS:
        assert walk.changed(stage) == set()
