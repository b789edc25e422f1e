"""The inbox: own lines only, read when somebody says so."""

from collections.abc import Iterator

import pytest
from flask import Flask

from marketplace.core import clock, ids
from marketplace.core.db import open_session
from marketplace.notifications import operations, queries, views
from marketplace.notifications.models import Notification
from marketplace.notifications.queries import PER_PAGE, Inbox
from tests import factories
from tests.notifications import sent
from tests.support import rooms
from tests.support.rooms import Browser, words_of

MINE = "/me/notifications"


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site([views.mine, views.desk]) as site:
        yield site


@pytest.fixture
def market(app: Flask) -> factories.Market:
    return factories.market()


def desk(market: factories.Market) -> str:
    return f"/agency/{market.agency_slug}/notifications"


def test_an_empty_inbox_says_so(app: Flask) -> None:
    page = Browser(app, factories.candidate().id).get(MINE)
    assert page.status_code == 200
    assert "Nothing new" in words_of(page.text) and "All read" in words_of(page.text)


def test_the_inbox_is_for_who_is_signed_in(app: Flask, market: factories.Market) -> None:
    assert Browser(app).get(MINE).headers["Location"].startswith("/sign-in")
    outsider = Browser(app, factories.candidate().id)
    assert outsider.get(desk(market)).status_code == 404


def test_lines_are_read_one_by_one_and_all_at_once(app: Flask, market: factories.Market) -> None:
    made = sent.booked(market, "confirmed")
    sent.run()
    browser = Browser(app, made.candidate.id)
    lines = [line for line in sent.lines() if line.person_id == made.candidate.id]
    said = words_of(browser.get(MINE).text)
    assert f"{len(lines)} unread" in said
    assert all(line.title in said for line in lines)
    answer = browser.post(f"{MINE}/read", {"line": str(lines[0].id)}, page=MINE)
    assert (answer.status_code, answer.headers["Location"]) == (303, MINE)
    assert f"{len(lines) - 1} unread" in words_of(browser.get(MINE).text)
    browser.post(f"{MINE}/read", {"until": str(lines[-1].id)}, page=MINE)
    assert "All read" in words_of(browser.get(MINE).text)


def test_what_came_after_the_page_stays_unread(app: Flask, market: factories.Market) -> None:
    made = sent.booked(market, "requested")
    sent.run()
    first = next(line for line in sent.lines() if line.person_id == made.candidate.id)
    browser = Browser(app, made.candidate.id)
    token = {"csrf_token": rooms.token_of(browser.get(MINE).text)}
    with open_session(factories.a_system()) as session:
        session.add(
            Notification(
                person_id=made.candidate.id,
                slug="accepted",
                title="Later",
                url="/me",
                dedupe_key="later",
            )
        )
    browser.post(f"{MINE}/read", token | {"until": str(first.id)})
    said = words_of(browser.get(MINE).text)
    assert "1 unread" in said and "Later" in said


def test_opening_the_page_reads_nothing(app: Flask, market: factories.Market) -> None:
    made = sent.booked(market, "requested")
    sent.run()
    browser = Browser(app, made.candidate.id)
    for _ in range(2):
        assert "1 unread" in words_of(browser.get(MINE).text)


def test_nobody_reads_or_marks_somebody_elses_lines(app: Flask, market: factories.Market) -> None:
    made, other = sent.booked(market, "requested"), factories.candidate("Other Person")
    sent.run()
    (line,) = [line for line in sent.lines() if line.person_id == made.candidate.id]
    browser = Browser(app, other.id)
    page = browser.get(MINE)
    assert line.title not in page.text
    with open_session(factories.a_system()) as session:  # a page with a form, to have a token
        session.add(
            Notification(
                person_id=other.id, slug="accepted", title="Mine", url="/me", dedupe_key="mine"
            )
        )
    for sent_key in (str(line.id), "nonsense", ""):
        assert browser.post(f"{MINE}/read", {"line": sent_key}, page=MINE).status_code == 303
    assert browser.post(f"{MINE}/read", {"until": str(line.id)}, page=MINE).status_code == 303
    (still,) = [one for one in sent.lines() if one.id == line.id]
    assert still.read_at is None
    scope, inbox = other.scope, Inbox(person_id=made.candidate.id)
    with open_session(scope) as session:
        assert operations.mark_read(session, inbox, line=line.id) == 0, "the scope's own wall"


def test_a_role_reads_what_it_would_be_mailed(app: Flask, market: factories.Market) -> None:
    sent.share_paid(market)
    sent.run()
    said = {
        role: words_of(Browser(app, market.staff[role]).get(desk(market)).text)
        for role in market.staff
    }
    money, requests = "payout account", "New request: Amara Nwosu"
    assert {role for role, words in said.items() if money in words} == {
        "owner",
        "manager",
        "finance",
    }
    assert {role for role, words in said.items() if requests in words} == {
        "owner",
        "manager",
        "coordinator",
    }
    assert "Nothing new" in said["read-only"]


def test_a_team_shares_its_inbox_and_roles_mark_only_their_own(
    app: Flask, market: factories.Market
) -> None:
    sent.booked(market, "requested")
    sent.run()
    (line,) = sent.lines("agency-request")
    with open_session(factories.a_system(), readonly=True) as session:
        inbox = Inbox(agency_id=market.agency_id, role="owner")
        assert queries.unread(session, inbox) == 1
        finance = Inbox(agency_id=market.agency_id, role="finance")
        assert queries.unread(session, finance) == 0
    with open_session(factories.a_system()) as session:
        assert operations.mark_read(session, finance, line=line.id) == 0
    page = desk(market)
    Browser(app, market.staff["coordinator"]).post(
        f"{page}/read", {"line": str(line.id)}, page=page
    )
    assert "All read" in words_of(Browser(app, market.staff["owner"]).get(page).text)


def test_long_inboxes_have_pages(app: Flask) -> None:
    ana = factories.candidate()
    with open_session(factories.a_system()) as session:
        for number in range(PER_PAGE + 3):
            session.add(
                Notification(
                    id=ids.uuid7(),
                    person_id=ana.id,
                    slug="accepted",
                    title=f"Line {number:03d}",
                    url="/me",
                    dedupe_key=f"line-{number}",
                    at=clock.now(),
                )
            )
    browser = Browser(app, ana.id)
    first, second = browser.get(MINE), browser.get(f"{MINE}?page=2")
    assert "Older" in first.text and "Newer" in second.text
    for odd in ("0", "-1", "x", "99999", "1e9", "²"):
        assert browser.get(f"{MINE}?page={odd}").status_code == 200
    with open_session(ana.scope, readonly=True) as session:
        page = queries.page_of(session, Inbox(person_id=ana.id), 99)
    assert (page.page, page.pages, page.first, page.last) == (2, 2, PER_PAGE + 1, PER_PAGE + 3)
