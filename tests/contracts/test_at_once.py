"""What is taken away is gone with the next request: with pages that were open, and on fragments."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from marketplace.accounts.models import Delegate, Membership, Person, SignIn, ViewAs
from marketplace.accounts.operations import start_sign_in
from marketplace.core import clock
from marketplace.core.db import open_session
from marketplace.tenants.models import Agency
from tests import factories
from tests.contracts import walk
from tests.contracts.callers import ADMIN, BY_KEY, Actor
from tests.contracts.conftest import Stage
from tests.contracts.routes import ROWS, Row
from tests.contracts.world import DEVICE

WHOLE: dict[str, str] = {}
PART = {"HX-Request": "true", "HX-Request-Type": "partial"}
on_both = pytest.mark.parametrize("part", [WHOLE, PART], ids=["page", "fragment"])


def row_of(endpoint: str, method: str = "GET") -> Row:
    return next(row for row in ROWS if (row.endpoint, row.method) == (endpoint, method))


def ask(stage: Stage, actor: Actor, endpoint: str, part: dict[str, str]) -> int:
    path = row_of(endpoint).path.format(**stage.world.alpha.names)
    return stage.call.send(actor, "GET", path, headers=part).status_code


def send(
    stage: Stage, actor: Actor, endpoint: str, data: dict[str, str], part: dict[str, str] = WHOLE
) -> int:
    path = row_of(endpoint, "POST").path.format(**stage.world.alpha.names)
    return stage.call.send(actor, "POST", path, data=data, headers=part).status_code


def opened(stage: Stage, actor: Actor, endpoint: str) -> dict[str, str]:
    """A form that somebody has open."""
    return walk.form_of(stage, row_of(endpoint, "POST"), stage.world.alpha, actor.key)


def membership_of(stage: Stage, role: str) -> str:
    person = stage.world.alpha.market.staff[role]
    with stage.app.app_context(), open_session(factories.a_system(), readonly=True) as session:
        mine = select(Membership.id).where(Membership.person_id == person)
        return str(session.scalars(mine).one())


OWNER, COORDINATOR = BY_KEY["owner-alpha"], BY_KEY["coordinator-alpha"]


@on_both
def test_a_removed_member(stage: Stage, part: dict[str, str]) -> None:
    form = opened(stage, COORDINATOR, "workspace.approve")
    path = f"/agency/{stage.world.alpha.names['slug']}/team/{membership_of(stage, 'coordinator')}"
    assert ask(stage, COORDINATOR, "workspace.show", part) == 200
    assert stage.call.send(OWNER, "POST", f"{path}/remove", data={}).status_code == 303
    assert ask(stage, COORDINATOR, "workspace.show", part) == 404
    assert ask(stage, COORDINATOR, "queue.bookings_csv", part) == 404
    assert send(stage, COORDINATOR, "workspace.approve", form, part) == 404


@on_both
def test_a_role_that_was_lowered(stage: Stage, part: dict[str, str]) -> None:
    form = opened(stage, COORDINATOR, "workspace.approve")
    path = f"/agency/{stage.world.alpha.names['slug']}/team/{membership_of(stage, 'coordinator')}"
    lower = {"role": "read-only"}
    assert stage.call.send(OWNER, "POST", f"{path}/role", data=lower).status_code == 303
    assert ask(stage, COORDINATOR, "workspace.show", part) == 200
    assert send(stage, COORDINATOR, "workspace.approve", form, part) == 403


@on_both
def test_a_suspended_agency(stage: Stage, part: dict[str, str]) -> None:
    """The whole table of routes is in `test_suspended`; here from the admin's button."""
    candidate = BY_KEY["candidate-beta"]
    house = stage.world.alpha
    hold = {"offering": house.names["spare_start"], "weeks": "2"}
    stop = {"change": "suspend", "why": "Three rotations did not exist."}
    change = row_of("admin_verification.change_standing", "POST")
    form = walk.form_of(stage, change, house, "admin") | stop
    assert ask(stage, candidate, "listings.show", part) == 200
    assert send(stage, ADMIN, "admin_verification.change_standing", form) == 303
    assert ask(stage, candidate, "listings.show", part) == 404
    assert send(stage, candidate, "requests.hold", hold, part) == 404
    assert ask(stage, OWNER, "workspace.show", part) == 200
    assert ask(stage, BY_KEY["candidate-alpha"], "bookings.show", part) == 200


@on_both
def test_evidence_that_ends(stage: Stage, part: dict[str, str]) -> None:
    """No job has come by: the request itself looks at the day."""
    house, candidate = stage.world.alpha, BY_KEY["candidate-beta"]
    with stage.app.app_context(), open_session(factories.a_system()) as session:
        agency = session.get_one(Agency, house.market.agency_id)
        agency.verified_until = clock.today("UTC")
    hold = {"offering": house.names["spare_start"], "weeks": "2"}
    wanted = row_of("requests.hold", "POST")
    form = walk.form_of(stage, wanted, house, candidate.key) | hold
    clock.advance(timedelta(days=1))
    try:
        assert send(stage, candidate, "requests.hold", form, part) == 409
        assert ask(stage, BY_KEY["candidate-alpha"], "bookings.show", part) == 200
        assert send(stage, OWNER, "listings_workspace.publish", {}, part) in (204, 303)
        with stage.app.app_context(), open_session(factories.a_system(), readonly=True) as session:
            assert not session.get_one(Agency, house.market.agency_id).takes_bookings
        assert not {table for table, _ in walk.changed(stage)} & {"booking", "rotation"}
    finally:
        clock.advance(timedelta(days=-1))


@on_both
def test_a_delegate_who_was_ended(stage: Stage, part: dict[str, str]) -> None:
    house = stage.world.alpha
    with stage.app.app_context(), open_session(factories.a_system()) as session:
        olive = factories.person(session, "Olive Office")
        session.get_one(Delegate, UUID(house.names["delegate"])).person_id = olive.id
        token = start_sign_in(session, olive.id, DEVICE)
    helper = Actor("olive", "attending", "alpha")
    stage.world.tokens["olive"] = token
    stage.call.forget("olive")
    form = opened(stage, BY_KEY["attending-alpha"], "attending.accept")
    assert ask(stage, helper, "attending.show", part) == 200
    assert send(stage, BY_KEY["attending-alpha"], "attending_own.end_delegate", {}) == 303
    assert ask(stage, helper, "attending.show", part) == 404
    assert send(stage, helper, "attending.accept", form, part) == 404


@on_both
def test_a_sign_in_that_was_ended(stage: Stage, part: dict[str, str]) -> None:
    """From another device: the open page of this one is out."""
    candidate = BY_KEY["candidate-alpha"]
    form = opened(stage, candidate, "bookings.withdraw")
    with stage.app.app_context(), open_session(factories.a_system()) as session:
        token = start_sign_in(session, stage.world.alpha.candidate.id, DEVICE)
    other = Actor("other-device", "candidate", "alpha")
    stage.world.tokens["other-device"] = token
    stage.call.forget("other-device")
    assert ask(stage, candidate, "bookings.show", part) == 200
    assert (
        stage.call.send(other, "POST", "/me/account/sign-ins/end-others", data={}).status_code
        == 303
    )
    answer = stage.call.send(candidate, "GET", "/me", headers=part)
    to = answer.headers.get("Location") or answer.headers["HX-Redirect"]
    assert answer.status_code in (204, 303) and to.startswith("/sign-in?next=")
    assert send(stage, candidate, "bookings.withdraw", form, part) in (204, 303)
    assert {table for table, _ in walk.changed(stage)} <= {"sign_in"}


@pytest.mark.parametrize("column", ["blocked_at", "closed_at"])
def test_links_of_a_stopped_attending(stage: Stage, column: str) -> None:
    """A link needs no sign-in: so it has to ask for the account itself."""
    nobody = BY_KEY["anonymous"]
    assert (
        ask(stage, nobody, "decide.show", WHOLE) == ask(stage, nobody, "signing.show", WHOLE) == 200
    )
    with stage.app.app_context(), open_session(factories.a_system()) as session:
        setattr(session.get_one(Person, stage.world.alpha.doctor), column, clock.now())
    for endpoint in ("decide.show", "decide.wrong", "decide.ics", "signing.show"):
        assert ask(stage, nobody, endpoint, WHOLE) == 404, endpoint
    for endpoint in ("decide.answer", "decide.undo", "signing.sign", "signing.send_back"):
        assert send(stage, nobody, endpoint, {"choice": "accept"}) == 404, endpoint


@on_both
@pytest.mark.parametrize("what", ["rights", "account"])
def test_an_admin_who_is_none_any_more(stage: Stage, part: dict[str, str], what: str) -> None:
    assert ask(stage, ADMIN, "admin_people.show", part) == 200
    with stage.app.app_context(), open_session(factories.a_system()) as session:
        row = session.get_one(Person, stage.world.admin)
        if what == "rights":
            row.is_admin = False
        else:
            row.closed_at = clock.now()
    found = ask(stage, ADMIN, "admin_people.show", part)
    assert found == 404 if what == "rights" else found in (204, 303)


def test_view_as_cannot_write_by_fragments_either(stage: Stage) -> None:
    """`test_view_as` walks the pages; here every form as htmx sends it, with all that it needs."""
    house = stage.world.alpha
    with stage.app.app_context(), open_session(factories.a_system()) as session:
        mine = select(SignIn.id).where(SignIn.person_id == stage.world.admin)
        session.add(
            ViewAs(
                admin_id=stage.world.admin,
                sign_in_id=session.scalars(mine).one(),
                person_id=house.market.staff["owner"],
                reason="Walk of every form",
                ends_at=clock.wall() + timedelta(minutes=30),
            )
        )
    stage.tables.moved()
    wrong = []
    for row in ROWS:
        if row.method != "POST" or row.endpoint in (
            "accounts.end_view_as",
            "payment_hooks.stripe_event",
        ):
            continue
        filled = {name: value.format(**house.names) for name, value in row.fields.items()}
        path = row.path.format(**house.names)
        answer = stage.call.send(ADMIN, "POST", path, data=filled, headers=PART)
        if answer.status_code != 403 or stage.tables.moved():
            wrong.append(f"{row.key}: {answer.status_code}")
    stage.put_back()
    assert wrong == []
