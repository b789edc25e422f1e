"""The platform's pages: real counts, stopped jobs, mail, the audit log."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.admin import health, money_queries, operations, queries
from marketplace.bookings.states import LIVE, SEAT
from marketplace.core import audit, clock, context, mail, outbox
from marketplace.core.audit import AuditEntry
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.errors import Forbidden
from marketplace.core.outbox import OutboxMessage
from marketplace.payments import ledger
from marketplace.payments.ledger import Line
from tests.accounts.conftest import SYSTEM, Visitor, agency, mails, member, person, site, visitor

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


WHY = "Known fault, fixed by hand"
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
        found = {entry.account: entry.cents for entry in money_queries.balances(session)}
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
    answer = admin.post(f"/admin/jobs/{key}/retry", admin.token("/admin/jobs"), reason=WHY)
    assert answer.headers["Location"] == "/admin/jobs"
    assert row(key).dead_at is None and row(key).failures == 0
    assert _acts() == [("job.retried", f"outbox:{key}", "admin", "Ines Carvalho")]
    again = admin.post(f"/admin/jobs/{key}/retry", admin.token(), reason=WHY)
    assert again.status_code == 409


def test_discard(admin: Visitor) -> None:
    key = stopped()
    refused = admin.post(f"/admin/jobs/{key}/discard", admin.token(), reason="no")
    assert refused.status_code == 422 and f'id="d-{key}-reason-err"' in refused.text
    assert admin.post(f"/admin/jobs/{key}/discard", admin.token(), reason=WHY).status_code == 303
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
        for number, status in ((key, 409), (uuid4(), 404)):
            path = f"/admin/jobs/{number}/{action}"
            assert admin.post(path, admin.token(), reason=WHY).status_code == status
        assert admin.post(f"/admin/jobs/{stopped()}/{action}").status_code == 400
    assert row(key).done_at is None and _acts() == []


def test_the_operations_know_who_may(site: Flask) -> None:
    key = stopped()
    owner = Actor("agency", role="owner")
    with pytest.raises(Forbidden), open_session(SYSTEM) as session:
        operations.hurry_job(session, owner, key)
    for end in (
        operations.retry_job,
        operations.resend_mail,
        operations.discard_job,
        operations.discard_mail,
    ):
        with pytest.raises(Forbidden), open_session(SYSTEM) as session:
            end(session, owner, key, WHY)


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
    assert shown(f"action=password.reset&from={clock.wall().date()}&to={clock.wall().date()}") == 1
    assert shown(f"to={clock.wall().date() - timedelta(days=1)}") == 0
    for nonsense in ("from=x", "before=x", "q=%00", "to=0001-01-01", "to=9999-12-31", "actor=x"):
        assert admin.get(f"/admin/audit?{nonsense}").status_code == 200


def test_audit_by_person_and_agency_and_as_a_file(admin: Visitor) -> None:
    lakeshore, ana = agency(), person("ana@people.example")
    with open_session(SYSTEM) as session:
        actor = Actor("agency", ana, lakeshore, "=HYPERLINK(1)")
        audit.record(session, actor, "role.changed", "membership:1")
        audit.record(session, context.SYSTEM, "person.blocked", f"person:{ana}")
        audit.record(session, context.SYSTEM, "password.reset", "person:1")

    def shown(query: str) -> int:
        return admin.get(f"/admin/audit?{query}").text.count('role="rowheader"')

    assert shown("") == 3
    assert shown(f"actor={ana}") == 2
    assert shown("agency=lakeshore") == 1 and shown("agency=zz") == 0
    file = admin.get("/admin/audit.csv?agency=lakeshore")
    assert file.mimetype == "text/csv"
    lines = file.data.decode("utf-8-sig").splitlines()
    assert len(lines) == 2 and "'=HYPERLINK(1)" in lines[1]
    assert "/admin/audit.csv?agency=lakeshore" in admin.get("/admin/audit?agency=lakeshore").text


def test_the_chain_is_shown(admin: Visitor) -> None:
    with open_session(SYSTEM) as session:
        for number in range(8):
            audit.record(session, context.SYSTEM, "act", f"thing:{number}")
    assert "Nothing is sealed yet" in admin.get("/admin/audit").text
    with open_session(SYSTEM) as session:
        audit.seal(session)
    assert "The newest 8 rows hold" in admin.get("/admin/audit").text
    with open_session(SYSTEM) as session:
        assert audit.chain(session, newest=3).looked_at == 3
        assert audit.chain(session, newest=3).broken == ()
        entry = session.scalars(select(AuditEntry).where(AuditEntry.seq == 7)).one()
        entry.action = "another"
    assert "The chain does not hold" in admin.get("/admin/audit").text
    with open_session(SYSTEM) as session:
        session.delete(session.scalars(select(AuditEntry).where(AuditEntry.seq == 7)).one())
    with open_session(SYSTEM, readonly=True) as session:
        assert audit.chain(session, newest=3).broken and audit.chain(session).broken


def test_a_job_that_waits_too_long(admin: Visitor) -> None:
    key = job(created_at=clock.wall() - timedelta(hours=1), next_at=clock.wall() + timedelta(1))
    page = admin.get("/admin/jobs").text
    assert "Waits too long" in page and "1 for more than 10 minutes" in page
    assert "is behind" in page  # the worker, among the parts
    assert admin.post(f"/admin/jobs/{key}/hurry", admin.token()).status_code == 303
    assert row(key).next_at <= clock.wall()
    assert _acts() == [("job.hurried", f"outbox:{key}", "admin", "Ines Carvalho")]
    assert admin.post(f"/admin/jobs/{stopped()}/hurry", admin.token()).status_code == 409


def test_parts_that_do_not_answer_say_so(admin: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OSError("no route to the engine")

    monkeypatch.setattr(health.engines, "engine", away)
    page = admin.get("/admin/jobs")
    assert page.status_code == 200
    assert "Pages search the database meanwhile." in page.text
    assert "Nothing is lost: work waits in the database meanwhile." in page.text  # no Redis here


def _letter() -> UUID:
    with open_session(SYSTEM) as session:
        return mail.post(session, slug="reset", to="a@people.example", name="A", subject="Reset",
                         text="t", html="h", dedupe_key="k")  # fmt: skip


def test_mail_once_more_and_never(admin: Visitor) -> None:
    key = _letter()
    assert [sent.to for sent in mails()] == ["a@people.example"]
    path = f"/admin/mail/{key}"
    silent = admin.post(f"{path}/send-again", admin.token(), reason="x")
    assert silent.status_code == 422 and f'id="s-{key}-reason-err"' in silent.text
    assert admin.post(f"{path}/send-again", admin.token(), reason=WHY).status_code == 303
    refused = admin.post(f"{path}/discard", admin.token(), reason="x")
    assert refused.status_code == 422 and f'id="m-{key}-reason-err"' in refused.text
    assert admin.post(f"{path}/discard", admin.token(), reason=WHY).status_code == 303
    mails()  # the worker comes, and there is nothing to send
    assert "Discarded" in admin.get("/admin/mail?state=discarded&q=A@PEOPLE").text
    assert admin.post(f"{path}/discard", admin.token(), reason=WHY).status_code == 409
    with open_session(SYSTEM) as session:
        found = session.get_one(mail.MailMessage, key)
        assert found.state == "discarded"
        found.state, found.claimed_at = "sending", clock.wall()
    assert admin.post(f"{path}/send-again", admin.token(), reason=WHY).status_code == 409
    for act in ("send-again", "discard"):
        missing = f"/admin/mail/{uuid4()}/{act}"
        assert admin.post(missing, admin.token(), reason=WHY).status_code == 404
    assert [act for act, _, _, _ in _acts()] == ["mail.sent_again", "mail.discarded"]
