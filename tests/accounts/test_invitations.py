"""Invitations to a team: sent, sent again, taken back, run out, accepted once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.accounts import invitations
from marketplace.accounts.models import ROLES, Invitation, Membership, Person
from marketplace.core import clock, context
from marketplace.core.audit import AuditEntry
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict, Gone
from tests.accounts.conftest import PASSWORD, SYSTEM, Visitor, agency, mails, member, person
from tests.accounts.test_team import House

BASE = "/agency/lakeshore/team"
NEW = "nia@people.example"


@pytest.fixture
def house(site: Flask) -> House:
    return House(site)


def invite(house: House, email: str = NEW, role: str = "manager") -> str:
    """Invite and return the path of the link in the message."""
    answer = house.olga.post(f"{BASE}/invitations", house.olga.token(BASE), email=email, role=role)
    assert answer.status_code == 303
    return last_link()


def last_link() -> str:
    message = [one for one in mails() if one.slug == "team-invite"][-1]
    return message.path


def the_row() -> Invitation:
    with open_session(SYSTEM, readonly=True) as session:
        row = session.scalars(select(Invitation)).one()
        session.expunge(row)
        return row


def age(**values: object) -> None:
    with open_session(SYSTEM) as session:
        for row in session.scalars(select(Invitation)):
            for name, value in values.items():
                setattr(row, name, value)


def role_of(email: str) -> str | None:
    with open_session(SYSTEM, readonly=True) as session:
        return session.scalar(
            select(Membership.role)
            .join(Person, Person.id == Membership.person_id)
            .where(Person.email == email, Membership.ended_at.is_(None))
        )


def test_a_new_person_joins_with_a_name_and_a_password(house: House, site: Flask) -> None:
    link = invite(house)
    message = mails()[-1]
    assert message.to == NEW and "Olga invites you to Lakeshore" in message.subject
    assert "as manager" in message.text
    nia = Visitor(site, "10.0.0.3")
    page = nia.get(link).get_data(as_text=True)
    assert NEW in page and "Lakeshore" in page
    assert role_of(NEW) is None  # opening decides nothing
    answer = nia.post(link, name="Nia New", password=PASSWORD)
    assert answer.headers["Location"] == "/agency/lakeshore"
    assert nia.get(BASE).status_code == 200
    assert role_of(NEW) == "manager"
    assert Visitor(site).get(link).status_code == 410
    with open_session(SYSTEM, readonly=True) as session:
        actions = [(row.action, row.actor_name) for row in session.scalars(select(AuditEntry))]
    assert ("member.invited", "Olga") in actions and ("member.joined", "Nia New") in actions


def test_what_is_typed_wrong_is_said_beside_it(house: House, site: Flask) -> None:
    link = invite(house)
    page = Visitor(site).post(link, name="Nia <b>", password="short")
    assert page.status_code == 422
    text = page.get_data(as_text=True)
    assert "Nia &lt;b&gt;" in text and 'id="password-err"' in text and "short" not in text
    assert role_of(NEW) is None


def test_an_existing_person_signs_in_and_joins(house: House, site: Flask) -> None:
    person(NEW)
    link = invite(house, role="read-only")
    guest = Visitor(site, "10.0.0.3")
    assert "Sign in to join" in guest.get(link).get_data(as_text=True)
    way = guest.post(link, name="Someone Else", password=PASSWORD)
    assert way.headers["Location"] == f"/sign-in?next={link}"
    assert guest.sign_in(NEW, next=link).headers["Location"] == link
    assert guest.post(link).headers["Location"] == "/agency/lakeshore"
    assert role_of(NEW) == "read-only"


def test_somebody_else_cannot_use_the_link(house: House, site: Flask) -> None:
    link = invite(house)
    person("other@people.example")
    other = Visitor(site, "10.0.0.3")
    other.sign_in("other@people.example")
    for answer in (other.get(link), other.post(link)):
        assert answer.status_code == 403
        assert "another e-mail address" in answer.get_data(as_text=True)
    assert role_of("other@people.example") is None
    assert role_of(NEW) is None


def test_a_link_runs_out_and_is_sent_again(house: House, site: Flask) -> None:
    first = invite(house)
    age(expires_at=clock.wall() - timedelta(seconds=1), sent_at=clock.wall() - timedelta(days=8))
    assert Visitor(site).get(first).status_code == 410
    assert "Link ended" in house.olga.get(BASE).get_data(as_text=True)
    again = f"{BASE}/invitations/{the_row().id}/again"
    assert house.olga.post(again, house.olga.token(BASE)).status_code == 303
    second = last_link()
    assert second != first
    assert Visitor(site).get(first).status_code == 410  # the older one is no way in
    assert Visitor(site).get(second).status_code == 200
    assert house.olga.post(again, house.olga.token(BASE)).status_code == 409  # a moment ago


def test_a_withdrawn_invitation_is_no_way_in(house: House, site: Flask) -> None:
    link = invite(house)
    path = f"{BASE}/invitations/{the_row().id}/withdraw"
    assert house.olga.post(path, house.olga.token(BASE)).status_code == 303
    assert Visitor(site).get(link).status_code == 410
    assert Visitor(site).post(link, name="Nia", password=PASSWORD).status_code == 410
    assert role_of(NEW) is None
    assert house.olga.post(path, house.olga.token(BASE)).status_code == 409
    invite(house)  # and may be invited anew


def test_withdrawn_before_the_message_left(house: House) -> None:
    house.olga.post(f"{BASE}/invitations", house.olga.token(BASE), email=NEW, role="finance")
    house.olga.post(f"{BASE}/invitations/{the_row().id}/withdraw", house.olga.token(BASE))
    assert [one for one in mails() if one.slug == "team-invite"] == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"email": "carl@people.example", "role": "finance"}, "on the team already"),
        ({"email": "no address", "role": "finance"}, "no address"),
        ({"email": NEW, "role": "king"}, "Choose a role"),
        ({"email": "", "role": "finance"}, 'id="invite-email-err"'),
    ],
)
def test_refused_invitations(house: House, fields: dict[str, str], said: str) -> None:
    with open_session(SYSTEM) as session:
        session.get_one(Membership, house.clerk).person_email = "carl@people.example"
    answer = house.olga.post(f"{BASE}/invitations", house.olga.token(BASE), **fields)
    assert answer.status_code == 422
    assert said in answer.get_data(as_text=True)


def test_one_open_invitation_for_an_address(house: House) -> None:
    invite(house)
    token = house.olga.token(BASE)
    twice = house.olga.post(f"{BASE}/invitations", token, email=NEW.upper(), role="finance")
    assert twice.status_code == 422 and "open invitation" in twice.get_data(as_text=True)


def test_not_more_than_so_many_a_day(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "MOST_A_DAY", 1)
    invite(house)
    token = house.olga.token(BASE)
    full = house.olga.post(f"{BASE}/invitations", token, email="b@people.example", role="finance")
    assert full.status_code == 429


@pytest.mark.parametrize("role", [role for role in ROLES if role != "owner"])
def test_only_an_owner_invites(house: House, role: str) -> None:
    invite(house)
    with open_session(SYSTEM) as session:
        session.get_one(Membership, house.clerk).role = role
    token = house.carl.token("/me/account")
    paths = ("", f"/{the_row().id}/again", f"/{the_row().id}/withdraw")
    for path in paths:
        sent = house.carl.post(
            f"{BASE}/invitations{path}", token, email="x@y.example", role="owner"
        )
        assert sent.status_code == 403
    assert the_row().withdrawn_at is None


def test_who_left_comes_back_in_the_new_role(house: House, site: Flask) -> None:
    house.olga.post(f"{BASE}/{house.clerk}/remove", house.olga.token(BASE))
    link = invite(house, "carl@people.example", "finance")
    assert house.carl.post(link).status_code == 303
    assert house.role(house.clerk) == "finance"


def test_a_member_who_was_invited_all_the_same_keeps_the_role(house: House) -> None:
    link = invite(house, "carl@people.example", "owner")  # known here by another address
    assert house.carl.post(link).status_code == 303
    assert house.role(house.clerk) == "coordinator"


def test_a_foreign_invitation_is_missing(house: House, site: Flask) -> None:
    invite(house)
    other = agency("harborline")
    boss = person("fred@people.example")
    member(other, boss, "owner")
    fred = Visitor(site, "10.0.0.4")
    fred.sign_in("fred@people.example")
    token = fred.token("/agency/harborline/team")
    for action in ("again", "withdraw"):
        path = f"/agency/harborline/team/invitations/{the_row().id}/{action}"
        assert fred.post(path, token).status_code == 404
    assert NEW not in fred.get("/agency/harborline/team").get_data(as_text=True)


def test_of_many_who_use_a_link_at_once_one_joins(house: House, site: Flask) -> None:
    token = invite(house).rpartition("/")[2]

    def join(number: int) -> bool:
        with site.app_context():
            try:
                with open_session(context.system("join")) as session:
                    invitations.join_as_new(session, token, f"Nia {number}", "hash")
            except (Conflict, Gone):
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(join, range(4))) == 1


def test_the_token_is_nowhere_but_in_the_message(house: House) -> None:
    from sqlalchemy import create_engine, text

    from tests.support import database

    token = invite(house).rpartition("/")[2]
    engine = create_engine(database.OWNER_URL)
    with engine.connect() as connection:
        if database.IS_POSTGRES:
            connection.execute(text("SELECT set_config('rounds.kind', 'system', true)"))
        rows = connection.execute(text("SELECT payload FROM outbox")).scalars().all()
    engine.dispose()
    assert token not in str(rows)
    assert token.encode() != the_row().token_hash
