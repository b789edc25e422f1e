"""People on the platform's pages: search, sign out, block; and view-as with all its guards."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select, update

from marketplace.accounts import people, view_as
from marketplace.accounts.models import Person, SignIn, ViewAs
from marketplace.core import clock, context, jobs
from marketplace.core.audit import AuditEntry
from marketplace.core.context import Actor
from marketplace.core.db import ScopeError, open_session
from marketplace.core.errors import Conflict, Forbidden, NotFound
from tests.accounts.conftest import (
    SYSTEM,
    Visitor,
    agency,
    mails,
    member,
    person,
    site,
    visitor,
)

__all__ = ["site", "visitor"]  # fixtures
WHY = "Support ticket 3318"


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    yield
    clock.reset()


@pytest.fixture
def admin(visitor: Visitor) -> Visitor:
    person("ines@rounds.example", name="Ines Carvalho", is_admin=True)
    visitor.sign_in("ines@rounds.example")
    return visitor


def acts() -> list[tuple[str, str, str]]:
    with open_session(SYSTEM, readonly=True) as session:
        rows = session.scalars(select(AuditEntry).order_by(AuditEntry.id))
        return [(e.action, e.subject, str(e.detail.get("reason", ""))) for e in rows]


def do(admin: Visitor, who: UUID, act: str, reason: str = WHY) -> int:
    token = admin.token(f"/admin/people/{who}")
    return admin.post(f"/admin/people/{who}/{act}", token, reason=reason).status_code


# --- the list and one person ----------------------------------------------------------------------


def test_people_are_found(admin: Visitor) -> None:
    person("ana@people.example", name="Ana 50%_off")
    owner = person("own@people.example", name="Otto Owner")
    member(agency(), owner, "owner")
    person("gone@people.example", name="Bo", blocked_at=clock.now())

    def shown(query: str) -> set[str]:
        page = admin.get(f"/admin/people?{query}").text
        return {name for name in ("ana@", "own@", "gone@", "ines@") if f"{name}" in page}

    assert shown("") == {"ana@", "own@", "gone@", "ines@"}
    assert shown("q=ANA@PEOPLE") == {"ana@"}
    assert shown("q=%25_") == {"ana@"}
    assert shown("kind=agency") == {"own@"}
    assert shown("kind=admin") == {"ines@"}
    assert shown("kind=blocked") == {"gone@"}
    assert shown("kind=candidate") == {"ana@", "gone@"}
    assert shown("kind=attending") == set()
    page = admin.get(f"/admin/people/{owner}").text
    assert "Lakeshore" in page and "Owner since" in page
    assert admin.get(f"/admin/people/{uuid4()}").status_code == 404
    for nonsense in ("before=x", "kind=zz", "q=%00%0a"):
        assert admin.get(f"/admin/people?{nonsense}").status_code == 200


def test_signing_somebody_out(site: Flask, admin: Visitor) -> None:
    ana = person()
    hers = Visitor(site)
    hers.sign_in("ana@people.example")
    assert "Firefox on Linux" in admin.get(f"/admin/people/{ana}").text
    assert do(admin, ana, "sign-out", "no") == 422  # a reason says something
    assert hers.is_in()
    assert do(admin, ana, "sign-out") == 303
    assert not hers.is_in()
    assert acts()[-1] == ("sign_in.revoked", f"person:{ana}", WHY)


def test_a_blocked_person_is_out_at_once_and_stays_out(site: Flask, admin: Visitor) -> None:
    ana = person()
    hers, away = Visitor(site), Visitor(site)
    hers.sign_in("ana@people.example")
    away.sign_in("ana@people.example")
    assert do(admin, ana, "block", "<b>") == 422
    assert do(admin, ana, "block") == 303
    assert not hers.is_in()
    answer = hers.sign_in("ana@people.example")
    assert answer.status_code == 403 and "has stopped this account" in answer.text
    assert hers.sign_in("ana@people.example", "wrong password").status_code == 422
    hers.post("/sign-in/link", email="ana@people.example")
    assert mails() == []
    assert do(admin, ana, "block") == 409
    assert do(admin, ana, "unblock") == 303
    assert not away.is_in()  # what was open before the block stays ended
    assert do(admin, ana, "unblock") == 409
    assert hers.sign_in("ana@people.example").status_code == 303
    assert [act for act, _, _ in acts()] == ["person.blocked", "person.unblocked"]


def test_a_link_of_a_blocked_person_opens_nothing(site: Flask, admin: Visitor) -> None:
    ana = person()
    hers = Visitor(site)
    hers.post("/sign-in/link", email="ana@people.example")
    path = mails()[0].path
    assert do(admin, ana, "block") == 303
    assert hers.get(path).status_code == 410
    assert hers.post(path).status_code == 410


def test_admins_are_left_alone(admin: Visitor) -> None:
    other = person("priit@rounds.example", name="Priit", is_admin=True)
    for act in ("block", "unblock", "sign-out", "view-as"):
        path = f"/admin/people/{other}/{act}"
        assert admin.post(path, admin.token(), reason=WHY).status_code == 403
    assert acts() == []


@pytest.mark.parametrize("kind", ["agency", "candidate", "system"])
def test_only_an_admin_acts_on_accounts(site: Flask, kind: str) -> None:
    ana = person()
    actor = Actor(kind, ana, role="owner")  # type: ignore[arg-type]
    for act in (people.block, people.unblock, people.end_sign_ins):
        with pytest.raises(Forbidden), open_session(SYSTEM) as session:
            act(session, actor, ana, WHY)
    with pytest.raises(Forbidden), open_session(SYSTEM) as session:
        view_as.start(session, actor, sign_in_id=uuid4(), person_id=ana, reason=WHY)


# --- view-as ------------------------------------------------------------------------------------


@pytest.fixture
def looking(admin: Visitor) -> Visitor:
    """The admin, looking as Ana, who owns an agency."""
    ana = person("ana@people.example", name="Ana Pop")
    member(agency(), ana, "owner")
    assert do(admin, ana, "view-as") == 303
    return admin


def test_the_banner_is_on_every_page_and_the_button_ends_it(looking: Visitor) -> None:
    for path in ("/me/account", "/me/profile", "/agency/lakeshore/team", "/no-such-page", "/admin"):
        assert "You look as Ana Pop." in looking.get(path).text, path
    assert looking.get("/admin").status_code == 404  # her rights, not the admin's
    ended = looking.post("/view-as/end")
    assert looking.get("/agency/lakeshore/team").status_code == 404
    assert ended.headers["Location"].startswith("/admin/people/")
    assert "You look as" not in looking.get("/admin").text
    assert looking.post("/view-as/end").headers["Location"] == "/admin"
    assert [act for act, _, _ in acts()] == ["view_as.started", "view_as.ended"]
    assert acts()[0][2] == WHY


def test_nothing_can_be_sent(looking: Visitor) -> None:
    """Any form, any side; also what needs no token, and addresses that do not exist."""
    token = looking.token("/me/account")
    for path in (
        "/me/profile",
        "/me/account/password",
        "/me/account/sign-ins/end-others",
        "/agency/lakeshore/team/01890000-0000-7000-8000-000000000000/remove",
        "/theme",
        "/sign-out",
        "/sign-in",
    ):
        answer = looking.post(path, token, name="Changed", theme="dark")
        assert answer.status_code == 403 and "Nothing can be sent" in answer.text, path
    with open_session(SYSTEM, readonly=True) as session:
        assert session.scalars(select(Person.name).where(Person.is_admin.is_(False))).all() == [
            "Ana Pop"
        ]
    assert looking.get("/me/account").status_code == 200  # still looking


def test_the_sessions_only_read(site: Flask) -> None:
    """Were the guard of the methods ever passed, the sessions would not write either, whatever
    their scope is and however they are opened."""
    ana = person()
    token = context.watching.set(True)
    try:
        with pytest.raises(ScopeError), open_session(SYSTEM) as session:
            session.get_one(Person, ana).name = "Changed"
        with pytest.raises(ScopeError), open_session(SYSTEM) as session:
            session.execute(update(Person).values(name="Changed"))
        reading = context.reading.set(False)  # as the card pages do
        with pytest.raises(ScopeError), open_session(context.person(ana)) as session:
            session.get_one(Person, ana).name = "Changed"
        context.reading.reset(reading)
    finally:
        context.watching.reset(token)


def test_it_ends_after_half_an_hour(looking: Visitor) -> None:
    with open_session(SYSTEM) as session:
        row = session.scalars(select(ViewAs)).one()
        assert row.ends_at - row.started_at <= timedelta(minutes=30, seconds=1)
        row.ends_at = clock.wall() - timedelta(seconds=1)
    assert "You look as" not in looking.get("/admin").text
    over = looking.get("/agency/lakeshore/team")
    assert over.status_code == 410 and "View-as has ended" in over.text
    assert "Ana Pop" in over.text and "/admin/people/" in over.text
    jobs.run_tick("accounts.end_view_as")
    jobs.run_tick("accounts.end_view_as")
    assert looking.get("/agency/lakeshore/team").status_code == 410
    with open_session(SYSTEM) as session:
        row = session.scalars(select(ViewAs)).one()
        row.started_at, row.ends_at = (
            at - timedelta(hours=2) for at in (row.started_at, row.ends_at)
        )
    assert looking.get("/agency/lakeshore/team").status_code == 404  # nobody's business any more
    assert [act for act, _, _ in acts()] == ["view_as.started", "view_as.ended"]


def test_it_ends_with_the_sign_in_and_is_bound_to_it(site: Flask, looking: Visitor) -> None:
    second = Visitor(site)
    second.sign_in("ines@rounds.example")
    assert "You look as" not in second.get("/admin").text
    with open_session(SYSTEM) as session:
        session.execute(update(SignIn).values(revoked_at=clock.wall()))
    assert not looking.is_in()


def test_never_as_an_admin(looking: Visitor) -> None:
    """Who becomes an admin meanwhile is looked at no more."""
    with open_session(SYSTEM) as session:
        session.execute(
            update(Person).where(Person.email == "ana@people.example").values(is_admin=True)
        )
    assert "You look as" not in looking.get("/admin").text
    assert looking.get("/admin").status_code == 200


def test_never_as_somebody_who_has_left(looking: Visitor) -> None:
    with open_session(SYSTEM) as session:
        session.execute(
            update(Person).where(Person.email == "ana@people.example").values(closed_at=clock.now())
        )
    assert "You look as" not in looking.get("/admin").text


def test_a_role_that_is_lost_is_lost_in_view_as_too(looking: Visitor) -> None:
    with open_session(SYSTEM) as session:
        session.execute(
            update(Person).where(Person.email == "ines@rounds.example").values(is_admin=False)
        )
    assert "You look as" not in looking.get("/me/account").text


def test_who_is_not_there_or_closed(admin: Visitor) -> None:
    closed = person("old@people.example", closed_at=clock.now())
    assert (
        admin.post(f"/admin/people/{closed}/view-as", admin.token(), reason=WHY).status_code == 409
    )
    actor = Actor("admin", closed)
    with pytest.raises(NotFound), open_session(SYSTEM) as session:
        view_as.start(session, actor, sign_in_id=uuid4(), person_id=uuid4(), reason=WHY)
    with pytest.raises(Conflict), open_session(SYSTEM) as session:
        view_as.start(session, actor, sign_in_id=uuid4(), person_id=closed, reason=WHY)
