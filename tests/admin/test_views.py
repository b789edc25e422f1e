"""The platform's pages: real counts, stopped jobs, mail, the audit log."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.admin import operations, queries
from marketplace.bookings.states import LIVE, SEAT
from marketplace.core import audit, clock, context, mail, outbox
from marketplace.core.audit import AuditEntry
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.errors import Forbidden
from marketplace.core.outbox import OutboxMessage
from marketplace.payments import ledger
from marketplace.payments.ledger import Line
from tests.accounts.conftest import SYSTEM, Visitor, agency, member, person, site, visitor

__all__ = ["site", "visitor"]  # fixtures


@pytest.fixture
def admin(visitor: Visitor) -> Visitor:
    person("ines@rounds.example", name="Ines Carvalho", is_admin=True)
    visitor.sign_in("ines@rounds.example")
    return visitor


def job(**values: object) -> UUID:
    with open_session(SYSTEM) as session:
        key = outbox.enqueue(session, "core.mail.deliver", {"message_id": "x"})
        row = session.get_one(OutboxMessage, key)
        for name, value in values.items():
            setattr(row, name, value)
        return key


def stopped() -> UUID:
    return job(dead_at=clock.wall(), failures=8, last_error="OSError: no route <b>")


def row(key: UUID) -> OutboxMessage:
    with open_session(SYSTEM, readonly=True) as session:
        found = session.get_one(OutboxMessage, key)
        session.expunge(found)
        return found


PAGES = ["/admin", "/admin/jobs", "/admin/mail", "/admin/audit"]


@pytest.mark.parametrize("path", PAGES)
def test_only_admins(site: Flask, admin: Visitor, path: str) -> None:
    assert admin.get(path).status_code == 200
    stranger = Visitor(site)
    assert stranger.get(path).headers["Location"].startswith("/sign-in?next=/admin")
    member(agency(), person("own@people.example"), "owner")
    stranger.sign_in("own@people.example")
    missing = stranger.get("/no-such-page")
    assert stranger.get(path).status_code == missing.status_code == 404


def test_overview_counts_rows(admin: Visitor) -> None:
    lakeshore = agency()
    with open_session(SYSTEM) as session:
        ledger.post(
            session,
            agency_id=lakeshore,
            plan_id=None,
            kind="charge",
            source_key="charge:1",
            lines=[Line("stripe_clearing", 123_400), Line("guest_funds", -123_400)],
        )
    job()
    stopped()
    page = admin.get("/admin").get_data(as_text=True)
    assert page.count("$1,234") == 2
    with open_session(SYSTEM, readonly=True) as session:
        found = {entry.account: entry.cents for entry in queries.balances(session)}
        work = queries.work(session)
        states = dict(queries.bookings_by_state(session))
    assert found["guest_funds"] == found["stripe_clearing"] == 123_400
    assert set(found) == set(ledger.ACCOUNTS)
    assert (work.waiting, work.dead, work.trying_again) == (1, 1, 0)
    assert work.oldest_waiting is not None
    assert states.keys() >= LIVE | SEAT and sum(states.values()) == 0


def test_retry(admin: Visitor) -> None:
    key = stopped()
    page = admin.get("/admin/jobs").get_data(as_text=True)
    assert "core.mail.deliver" in page and "no route &lt;b&gt;" in page
    answer = admin.post(f"/admin/jobs/{key}/retry", admin.token("/admin/jobs"))
    assert answer.headers["Location"] == "/admin/jobs"
    assert row(key).dead_at is None and row(key).failures == 0
    assert _acts() == [("job.retried", f"outbox:{key}", "admin", "Ines Carvalho")]
    again = admin.post(f"/admin/jobs/{key}/retry", admin.token())
    assert again.status_code == 409


def test_discard(admin: Visitor) -> None:
    key = stopped()
    assert admin.post(f"/admin/jobs/{key}/discard", admin.token()).status_code == 303
    assert row(key).done_at and row(key).dead_at
    assert _acts() == [("job.discarded", f"outbox:{key}", "admin", "Ines Carvalho")]
    assert str(key) not in admin.get("/admin/jobs").get_data(as_text=True)


def _acts() -> list[tuple[str, str, str, str]]:
    with open_session(SYSTEM, readonly=True) as session:
        return [
            (e.action, e.subject, e.actor_kind, e.actor_name)
            for e in session.scalars(select(AuditEntry))
        ]


def test_a_job_that_runs_is_left_alone(admin: Visitor) -> None:
    key = job()
    for action in ("retry", "discard"):
        assert admin.post(f"/admin/jobs/{key}/{action}", admin.token()).status_code == 409
        assert admin.post(f"/admin/jobs/{uuid4()}/{action}", admin.token()).status_code == 404
        assert admin.post(f"/admin/jobs/{stopped()}/{action}").status_code == 400
    assert row(key).done_at is None and _acts() == []


def test_the_operations_know_who_may(site: Flask) -> None:
    key = stopped()
    for act in (operations.retry_job, operations.discard_job):
        with pytest.raises(Forbidden), open_session(SYSTEM) as session:
            act(session, Actor("agency", role="owner"), key)


def test_mail_without_its_text(admin: Visitor) -> None:
    with open_session(SYSTEM) as session:
        for number in range(2):
            mail.post(
                session,
                slug="sign-in-link",
                to=f"a{number}@people.example",
                name="A",
                subject="Your sign-in link",
                text="secret-token",
                html="secret-token",
                dedupe_key=f"k{number}",
            )
        first = session.scalars(select(mail.MailMessage)).first()
        assert first is not None
        first.state = "stored"
    page = admin.get("/admin/mail").get_data(as_text=True)
    assert "a0@people.example" in page and "a1@people.example" in page
    assert "secret-token" not in page
    page = admin.get("/admin/mail?state=queued").get_data(as_text=True)
    assert page.count("@people.example</td>") == 1
    assert admin.get("/admin/mail?state='--").status_code == 200


def test_audit_filters_and_pages(admin: Visitor) -> None:
    with open_session(SYSTEM) as session:
        for number in range(queries.PAGE + 5):
            actor = Actor("admin", name="Ines Carvalho" if number % 2 else "50%_off")
            audit.record(session, actor, "role.changed", f"membership:{number}", before="x")
        audit.record(session, context.SYSTEM, "password.reset", "person:1")
    first = admin.get("/admin/audit").get_data(as_text=True)
    assert first.count('role="rowheader"') == queries.PAGE
    older = first.split('href="/admin/audit?before=')[1].split('"')[0]
    second = admin.get(f"/admin/audit?before={older}").get_data(as_text=True)
    assert second.count('role="rowheader"') == 6

    def shown(query: str) -> int:
        return admin.get(f"/admin/audit?{query}").get_data(as_text=True).count('role="rowheader"')

    assert shown("action=password.reset") == 1
    assert shown("q=membership:7") == 1
    assert shown("q=50%25_off") == 28
    assert shown("q=%25") == 28  # a percent sign is a sign, not a wildcard
    assert shown(f"action=password.reset&day={clock.wall().date()}") == 1
    assert shown(f"day={clock.wall().date() - timedelta(days=1)}") == 0
    for nonsense in ("day=x", "before=x", "q=%00", "day=0001-01-01", "day=9999-12-31"):
        assert admin.get(f"/admin/audit?{nonsense}").status_code == 200
