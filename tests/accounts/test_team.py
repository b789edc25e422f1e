"""Who works for an agency: roles, refusals, the last owner."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts import invitations, permissions, team
from marketplace.accounts.models import Membership
from marketplace.core import context
from marketplace.core.audit import AuditEntry
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict, Forbidden
from tests.accounts.conftest import SYSTEM, Visitor, agency, member, person

BASE = "/agency/lakeshore/team"


class House:
    """An agency with an owner who is signed in, and a coordinator."""

    def __init__(self, app: Flask) -> None:
        self.agency = agency()
        self.owner_person = person("olga@people.example", name="Olga")
        self.owner = member(self.agency, self.owner_person, "owner", "Olga")
        self.clerk_person = person("carl@people.example", name="Carl")
        self.clerk = member(self.agency, self.clerk_person, "coordinator", "Carl")
        self.olga = Visitor(app, "10.0.0.1")
        self.olga.sign_in("olga@people.example")
        self.carl = Visitor(app, "10.0.0.2")
        self.carl.sign_in("carl@people.example")

    def role(self, key: UUID) -> str | None:
        with open_session(SYSTEM, readonly=True) as session:
            row = session.get_one(Membership, key)
            return None if row.ended_at else row.role


@pytest.fixture
def house(site: Flask) -> House:
    return House(site)


def test_everyone_sees_the_team_and_the_owner_its_buttons(house: House) -> None:
    mine = house.olga.get(BASE).get_data(as_text=True)
    his = house.carl.get(BASE).get_data(as_text=True)
    for page in (mine, his):
        assert "Olga" in page and "Carl" in page
    assert f"{BASE}/{house.clerk}/role" in mine
    assert f"{BASE}/{house.clerk}/role" not in his


def test_a_new_role_counts_with_the_next_request(house: House) -> None:
    answer = house.olga.post(f"{BASE}/{house.clerk}/role", house.olga.token(BASE), role="owner")
    assert answer.headers["Location"] == BASE
    assert f"{BASE}/{house.owner}/remove" in house.carl.get(BASE).get_data(as_text=True)
    with open_session(SYSTEM, readonly=True) as session:
        entry = session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.actor_name, entry.agency_id) == (
        "role.changed",
        "Olga",
        house.agency,
    )
    assert entry.detail == {"before": "coordinator", "after": "owner"}


def test_a_removed_member_is_out_with_the_next_request(house: House) -> None:
    assert house.carl.get(BASE).status_code == 200
    house.olga.post(f"{BASE}/{house.clerk}/remove", house.olga.token(BASE))
    gone = house.carl.get(BASE)
    assert gone.status_code == 404
    assert house.carl.is_in()  # still a person
    assert house.role(house.clerk) is None
    never = house.carl.get("/agency/lakeshorx/team")
    assert (never.status_code, len(never.data)) == (404, len(gone.data))


def test_the_last_owner_stays(house: House) -> None:
    token = house.olga.token(BASE)
    for path, fields in (
        (f"{BASE}/{house.owner}/role", {"role": "finance"}),
        (f"{BASE}/{house.owner}/remove", {}),
    ):
        answer = house.olga.post(path, token, **fields)
        assert answer.status_code == 409
        assert house.role(house.owner) == "owner"
    for path in (f"{BASE}/{house.owner}/role", f"{BASE}/leave"):
        answer = house.olga.post(path, token, role="finance")
        assert answer.status_code == 409 and f'id="role-{house.owner}-err"' in answer.text
    house.olga.post(f"{BASE}/{house.clerk}/role", token, role="owner")
    assert house.olga.post(f"{BASE}/{house.owner}/remove", token).status_code == 303


@pytest.mark.parametrize("role", ["manager", "coordinator", "finance", "read-only"])
def test_only_an_owner_manages(house: House, role: str) -> None:
    with open_session(SYSTEM) as session:
        session.get_one(Membership, house.clerk).role = role
    token = house.carl.token("/me/account")
    for path in (f"{BASE}/{house.clerk}/role", f"{BASE}/{house.owner}/remove"):
        assert house.carl.post(path, token, role="owner").status_code == 403
    assert (house.role(house.clerk), house.role(house.owner)) == (role, "owner")


def test_members_elsewhere_are_missing(house: House) -> None:
    other = agency("harborline")
    foreign = member(other, person("fred@people.example"), "coordinator")
    token = house.olga.token(BASE)
    for action in ("role", "remove"):
        answers = [
            house.olga.post(f"{BASE}/{key}/{action}", token, role="owner")
            for key in (foreign, uuid4())
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert len(answers[0].data) == len(answers[1].data)
    assert house.olga.get("/agency/harborline/team").status_code == 404
    assert house.olga.post(f"/agency/harborline/team/{foreign}/remove", token).status_code == 404
    assert house.role(foreign) == "coordinator"


def test_refused_input(house: House) -> None:
    token = house.olga.token(BASE)
    assert house.olga.post(f"{BASE}/{house.clerk}/role", token, role="king").status_code == 422
    assert house.olga.post(f"{BASE}/{house.clerk}/role", role="manager").status_code == 400
    assert house.olga.post(f"{BASE}/nonsense/role", token, role="manager").status_code == 404
    assert house.role(house.clerk) == "coordinator"


def test_strangers_and_candidates(house: House, site: Flask) -> None:
    stranger = Visitor(site)
    assert stranger.get(BASE).headers["Location"] == f"/sign-in?next={BASE}"
    person("cand@people.example")
    stranger.sign_in("cand@people.example")
    assert stranger.get(BASE).status_code == 404


def _two_owners(house: House) -> tuple[Actor, Actor]:
    with open_session(SYSTEM) as session:
        session.get_one(Membership, house.clerk).role = "owner"
    return (
        Actor("agency", house.owner_person, house.agency, "Olga", "owner"),
        Actor("agency", house.clerk_person, house.agency, "Carl", "owner"),
    )


def _at_the_same_time(site: Flask, house: House, *acts: Callable[[Session], None]) -> list[bool]:
    """Which of the acts went through."""

    def act(one: Callable[[Session], None]) -> bool:
        with site.app_context():
            try:
                with open_session(context.agency(house.agency)) as session:
                    one(session)
            except (Conflict, Forbidden):
                return False
            return True

    with ThreadPoolExecutor(len(acts)) as pool:
        return sorted(pool.map(act, acts))


@pytest.mark.parametrize(
    "way", ["remove each other", "leave", "demote each other", "leave, demote"]
)
def test_two_owners_cannot_both_go(house: House, site: Flask, way: str) -> None:
    olga, carl = _two_owners(house)
    acts: dict[str, tuple[Callable[[Session], None], Callable[[Session], None]]] = {
        "remove each other": (
            lambda session: team.remove_member(session, olga, house.clerk),
            lambda session: team.remove_member(session, carl, house.owner),
        ),
        "leave": (
            lambda session: team.leave(session, olga),
            lambda session: team.leave(session, carl),
        ),
        "demote each other": (
            lambda session: team.change_role(session, olga, house.clerk, "finance"),
            lambda session: team.change_role(session, carl, house.owner, "finance"),
        ),
        "leave, demote": (
            lambda session: team.leave(session, olga),
            lambda session: team.change_role(session, carl, house.clerk, "manager"),
        ),
    }
    assert _at_the_same_time(site, house, *acts[way]) == [False, True]
    assert sorted([house.role(house.owner) or "", house.role(house.clerk) or ""])[-1] == "owner"


def test_who_was_removed_meanwhile_does_not_manage(house: House, site: Flask) -> None:
    """The role of a request is read before the lock."""
    olga, carl = _two_owners(house)
    with open_session(context.agency(house.agency)) as session:
        team.remove_member(session, olga, house.clerk)
    third = member(house.agency, person("tess@people.example"), "owner", "Tess")
    for act in (
        lambda session: team.remove_member(session, carl, third),
        lambda session: team.change_role(session, carl, third, "finance"),
        lambda session: invitations.invite(session, carl, "new@people.example", "owner"),
    ):
        with (
            pytest.raises(Forbidden),
            open_session(context.agency(house.agency)) as session,
        ):
            act(session)


def test_leaving(house: House) -> None:
    answer = house.carl.post(f"{BASE}/leave", house.carl.token(BASE))
    assert answer.headers["Location"] == "/me/account"
    assert house.carl.get(BASE).status_code == 404
    assert house.role(house.clerk) is None
    assert house.olga.post(f"{BASE}/leave", house.olga.token(BASE)).status_code == 409
    assert house.role(house.owner) == "owner"


def test_the_page_shows_the_table_of_roles(house: House) -> None:
    page = house.carl.get(BASE).get_data(as_text=True)
    for _, rows in permissions.WORDS:
        for _, label in rows:
            assert label in unescape(page)
    assert page.count('aria-label="Yes"') == sum(map(len, permissions.ALLOWED.values()))
